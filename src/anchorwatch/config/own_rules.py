"""`.anchorwatch.yml`, the file in which a repo brings standing rules of its own: `ignore:`, written as in the config.

Whoever may write to the repo may write it, so nothing else is taken from there. A rule that is wrong is named with its line, and
costs itself alone; a file that is no YAML costs itself. Neither touches the config.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from anchorwatch.config.checks import checks
from anchorwatch.config.document import Tree
from anchorwatch.config.draft import Draft
from anchorwatch.config.mistakes import explain, point_at
from anchorwatch.config.places import Places
from anchorwatch.config.sections.file import FileSection
from anchorwatch.config.yaml_file import parse_document
from anchorwatch.errors import Mistake
from anchorwatch.model.settings import IgnoreRule


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What a repo wants ignored, and what is wrong with how it says so."""

    rules: tuple[IgnoreRule, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


def parse_rules(name: str, content: bytes) -> OwnRules:
    """The rules in `content`, which is called `name` in messages. Never raises for what is in it."""
    document = parse_document(name, content)
    if not document.whole:
        return OwnRules(mistakes=tuple(document.mistakes))
    given = document.tree.get("ignore")
    draft = Draft(document, Places.of(Path(name), {}), {}, name)
    strange = [key for key in document.tree if key != "ignore" and not key.startswith("x-")]
    mistakes = [*document.mistakes, *(point_at(draft, (key,), "is no key here", "write ignore: only") for key in strange)]
    bad: set[str | int] = set()
    for found in checks({"ignore": given}):
        mistakes.append(point_at(draft, found.place, found.problem, found.instead))
        bad.add(found.place[1])
    try:
        FileSection.model_validate({"ignore": given}, context=draft.places)
    except ValidationError as error:
        mistakes += explain(error, draft)
        bad |= {found["loc"][1] for found in error.errors() if len(found["loc"]) > 1}
    sound: list[Tree] = [one for place, one in enumerate(given) if place not in bad] if isinstance(given, list) else []
    rules = FileSection.model_validate({"ignore": sound}, context=draft.places).ignore
    in_order = sorted(dict.fromkeys(mistakes), key=lambda one: (one.line or 0, one.key))
    return OwnRules(tuple(rule.rule() for rule in rules), tuple(in_order))
