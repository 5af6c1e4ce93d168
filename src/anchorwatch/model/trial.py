"""What `anchorwatch doctor` tries, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from anchorwatch.errors import AnchorwatchError


class Outcome(StrEnum):
    """How a trial went."""

    GOOD = "good"
    LESS = "less"
    """It works, and not all of it, or not as well as it could."""
    BAD = "bad"
    """It has to be mended."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried. Its texts are ready to be shown as far as secrets go."""

    part: str
    """What it is about: `config`, `repo`, `compose`, `host`, `database`, `service`, `destination`."""
    name: str | None
    """Which one, where there are several: the host's, the destination's."""
    outcome: Outcome
    message: str
    hint: str | None = None
    """What to do next."""

    @classmethod
    def failed(cls, part: str, error: AnchorwatchError, name: str | None = None) -> Self:
        """It ended with `error`."""
        return cls(part, name, Outcome.BAD, error.message, error.hint)


def bad(trials: Iterable[Trial]) -> int:
    """How many have to be mended."""
    return sum(trial.outcome is Outcome.BAD for trial in trials)
