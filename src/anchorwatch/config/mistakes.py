"""What pydantic found wrong, in our own words and at the place where it was written.

Nothing that was written is repeated, but keys, and values of which the function that refused them says that they may be
shown; a value that was read from a file through `_file` never is.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from anchorwatch.config.document import Place, Tree, Where, spell
from anchorwatch.config.draft import Draft
from anchorwatch.config.environment import ENVIRONMENT
from anchorwatch.config.sections.keys import belongs_to, example, keys_at
from anchorwatch.config.texts import noun
from anchorwatch.config.wrong import WrongValue
from anchorwatch.errors import Mistake

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LONGEST_SHOWN = 60


def explain(error: ValidationError, draft: Draft) -> Iterator[Mistake]:
    """A mistake for each thing that pydantic found."""
    for found in error.errors(include_url=False):
        place = tuple(step for step in found["loc"] if step != "[key]")
        if place not in draft.failed:
            yield point_at(draft, place, *_words(found, place, draft))


def point_at(draft: Draft, place: Place, problem: str, instead: str | None) -> Mistake:
    """The mistake at the line, or the variable, that `place` was written in; what is missing is missing where it would go."""
    where = draft.document.where
    known = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in where), None)
    written = where[known] if known is not None else Where(draft.document.name or ENVIRONMENT, None, "")
    rest = place[len(known or ()) :]
    if written.file == ENVIRONMENT:
        key = "__".join([written.key or "ANCHORWATCH", *(str(step).upper() for step in rest)]) if rest else written.key
        key = key.replace("ANCHORWATCH__", "ANCHORWATCH_", 1)
    else:
        key = (
            written.key + spell(rest) if rest and isinstance(rest[0], int) else ".".join(filter(None, (written.key, spell(rest))))
        )
    return Mistake(written.file, written.line, key, problem, instead)


def _words(found: ErrorDetails, place: Place, draft: Draft) -> tuple[str, str | None]:
    """Problem, and what to write instead."""
    value: Tree = found["input"]
    cause: Any = found.get("ctx", {}).get("error")
    if isinstance(cause, WrongValue):
        shown = cause.value if place not in draft.from_files else None
        return (f"{_short(shown)} {cause.problem}" if shown is not None else cause.problem), cause.instead
    match found["type"]:
        case "missing":
            return "is missing", _write(place)
        case "extra_forbidden":
            return "is no key here", _meant(place)
        case "list_type":
            return f"wants a list, and there is {noun(value)}", _write(place) or "write [a, b], or lines that begin with -"
        case "dict_type" | "model_type" | "model_attributes_type":
            keys = ", ".join(f"{key}:" for key in keys_at(place))
            return f"wants a mapping, and there is {noun(value)}", _write(place) or f"write {keys or 'names, each with a colon'}"
        case other:
            return f"is not understood ({other})", _write(place)


def _write(place: Place) -> str | None:
    """An example of what can stand at `place`."""
    shown = example(place)
    return None if shown is None else f"write {place[-1]}{shown}"


def _meant(place: Place) -> str:
    """The key that somebody meant who wrote the unknown one at `place`."""
    key, here = str(place[-1]), keys_at(place[:-1])
    plain = key.lower().replace("-", "_")
    if plain.removesuffix("_file") in here and plain.endswith("_file"):
        return "write the path of a file"
    close = get_close_matches(plain, here, 1, 0.7)
    if close:
        return f"did you mean {close[0]}?"
    elsewhere = belongs_to(plain)
    return f"it belongs below {elsewhere}" if elsewhere else f"known here: {', '.join(here)}"


def _short(value: str) -> str:
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
