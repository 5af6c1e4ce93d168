"""What has to be done again and again, whatever happens: resyncs, signs of life, upkeep of the database. One `turn` at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anchorwatch.errors import StoreError, StoreLost
from anchorwatch.model.report import ErrorInfo

log = logging.getLogger(__name__)

JITTER = 0.1
"""By which part of its time a chore is done earlier, so that a fleet of watchers does not come all at once."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done every so many seconds, at most `JITTER` of that earlier."""

    name: str
    every: float
    do: Callable[[], None]


class Chores:
    """The chores of a service. For one thread; `dice` is from 0 up to 1."""

    def __init__(self, chores: Sequence[Chore], now: float, dice: Callable[[], float]) -> None:
        self.trouble: dict[str, ErrorInfo] = {}
        """What the last attempt at a chore came to nothing for, by the chore's name."""
        self._chores = {chore.name: chore for chore in chores}
        self._dice = dice
        self._due = {chore.name: now + self._wait(chore) for chore in chores}

    def turn(self, now: float) -> float:
        """Does what is due, and returns in how many seconds the next one is.

        A database that cannot be written to just now is said in `trouble`, and tried again next time. Raises `StoreLost`:
        whatever would be written from then on is lost, too.
        """
        for name, at in self._due.items():
            if at > now:
                continue
            chore = self._chores[name]
            self._due[name] = now + self._wait(chore)
            try:
                chore.do()
            except StoreLost:
                raise
            except StoreError as error:
                self.trouble[name] = ErrorInfo.of(error)
                log.error("%s: %s (%s)", name, error.message, error.hint)
            else:
                self.trouble.pop(name, None)
        return max(0.0, min(self._due.values()) - now)

    def _wait(self, chore: Chore) -> float:
        return chore.every * (1 - JITTER * self._dice())
