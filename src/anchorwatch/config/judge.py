"""A draft becomes the config, or the list of everything that is wrong with it.

The only module besides `sections` that loads pydantic; `Draft.config` loads it when there is something to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from anchorwatch.config.checks import checks
from anchorwatch.config.config import Config
from anchorwatch.config.draft import Draft
from anchorwatch.config.environment import ENVIRONMENT
from anchorwatch.config.sections.file import FileSection
from anchorwatch.errors import ConfigError, Mistake


def judge(draft: Draft) -> Config:
    """The config that `draft` says. Raises `ConfigError` with every mistake, those of reading too, in the order of the file."""
    tree = draft.document.tree
    between = list(checks(tree, draft.failed))
    error = None
    try:
        file = FileSection.model_validate(tree, context=draft.places)
    except ValidationError as found:
        error = found
    if error is None and not between and not draft.document.mistakes:
        return file.config(Config.default(draft.environ, file=draft.file))

    from anchorwatch.config.mistakes import explain, point_at

    mistakes = [*draft.document.mistakes, *(point_at(draft, wrong.place, wrong.problem, wrong.instead) for wrong in between)]
    if error is not None:
        mistakes += explain(error, draft)
    raise ConfigError(in_order(mistakes))


def in_order(mistakes: Iterable[Mistake]) -> Sequence[Mistake]:
    """Each of them once, as they stand in the file; those of the environment last."""
    return sorted(dict.fromkeys(mistakes), key=_position)


def _position(mistake: Mistake) -> tuple[bool, int, str]:
    return mistake.file == ENVIRONMENT, mistake.line or 0, mistake.key
