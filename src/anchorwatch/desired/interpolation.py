"""Compose's `${…}` in a text: taken apart, and worked out where every value is known.

Written after compose-go's `template/template.go`: `$$` is a dollar; `$NAME` and `${NAME}` a value; `:-` `-` a default, `:?` `?`
a demand, `:+` `+` a replacement, of which the ones with a colon also take blank for unset; arguments may nest. Texts that
Compose would refuse (`${`, `$-`) are kept as they are, so that Compose can say what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")

Lookup: TypeAlias = Callable[[str], str | None]
"""Gives a variable's value; None where it is set nowhere."""


@dataclass(frozen=True, slots=True)
class Use:
    """One `${…}`: `operator` is "" or one of Compose's six, `argument` the raw text behind it, `raw` the whole."""

    name: str
    operator: str
    argument: str
    raw: str

    @property
    def demands(self) -> bool:
        """Whether a value is expected from somewhere: neither a default nor a replacement stands in the file."""
        return self.operator in ("", ":?", "?")


def split(text: str) -> list[str | Use]:
    """The text as raw literal pieces (`$$` still doubled) and uses, in order; joined raw they give the text again."""
    if "$" not in text:
        return [text] if text else []
    pieces: list[str | Use] = []
    start = at = 0
    while (at := text.find("$", at)) >= 0:
        found = _use_at(text, at)
        if found is None:
            at += 2 if text.startswith("$$", at) else 1
            continue
        if at > start:
            pieces.append(text[start:at])
        pieces.append(found)
        at += len(found.raw)
        start = at
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def _use_at(text: str, at: int) -> Use | None:
    if name := _NAME.match(text, at + 1):
        return Use(name[0], "", "", text[at : name.end()])
    if not text.startswith("${", at):
        return None
    end = _closing_brace(text, at)
    name = _NAME.match(text, at + 2)
    if end is None or name is None:
        return None
    rest = text[name.end() : end]
    operator = next((operator for operator in _OPERATORS if rest.startswith(operator)), "")
    if rest and not operator:
        return None
    return Use(name[0], operator, rest[len(operator) :], text[at : end + 1])


def _closing_brace(text: str, at: int) -> int | None:
    depth = 0
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None


def variables(text: str) -> Iterator[Use]:
    """Every use in the text, those inside arguments included."""
    for piece in split(text):
        if isinstance(piece, Use):
            yield piece
            yield from variables(piece.argument)


def interpolate(text: str, lookup: Lookup) -> str:
    """What Compose makes of the text. A demand that is not met gives a blank, as a plain use of an unset variable does."""
    return "".join(piece.replace("$$", "$") if isinstance(piece, str) else value_of(piece, lookup) for piece in split(text))


def value_of(use: Use, lookup: Lookup) -> str:
    """What Compose puts in the place of one use."""
    value = lookup(use.name)
    present = bool(value) if use.operator.startswith(":") else value is not None
    if use.operator in (":-", "-"):
        return value or "" if present else interpolate(use.argument, lookup)
    if use.operator in (":+", "+"):
        return interpolate(use.argument, lookup) if present else ""
    return value or ""
