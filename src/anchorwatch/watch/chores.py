"""What has to be done again and again, whatever happens: resyncs, signs of life, upkeep of the database. One `turn` at a time.

A chore that fails costs nothing but itself: it is said, and done again at its next time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anchorwatch.errors import ServiceFailed, StoreError, StoreLost
from anchorwatch.model.report import ErrorInfo

log = logging.getLogger(__name__)

JITTER = 0.1
"""By which part of its time a chore is done earlier, so that a fleet of watchers does not come all at once. What is due together
stays together, for each wake costs."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that is done every so many seconds, at most `JITTER` of that earlier."""

    name: str
    every: float
    do: Callable[[], None]
    first: float | None = None
    """Seconds until it is done the first time; None: as many as `every`."""
    apart: bool = False
    """Whether it may take long: it is done in a thread of its own, one at a time, that nobody waits for."""


class Chores:
    """The chores of a service. For one thread; `dice` is from 0 up to 1."""

    def __init__(self, chores: Sequence[Chore], now: float, dice: Callable[[], float]) -> None:
        self.trouble: dict[str, ErrorInfo] = {}
        """What the last attempt at a chore came to nothing for, by the chore's name."""
        self._chores = {chore.name: chore for chore in chores}
        self.turned_at = now
        """When the last turn began."""
        self._dice = dice
        early = 1 - JITTER * dice()
        self._due = {chore.name: now + early * (chore.every if chore.first is None else chore.first) for chore in chores}
        self._apart: dict[str, threading.Thread] = {}

    def turn(self, now: float) -> float:
        """Does what is due, and returns in how many seconds the next one is.

        What goes wrong is said in `trouble`, and tried again next time. Raises `StoreLost`, because whatever would be written
        from then on is lost, too, and `ServiceFailed`.
        """
        self.turned_at, early = now, 1 - JITTER * self._dice()
        for name, at in self._due.items():
            if at > now:
                continue
            chore = self._chores[name]
            self._due[name] = now + early * chore.every
            if not chore.apart:
                self._do(chore)
            elif name not in self._apart or not self._apart[name].is_alive():
                self._apart[name] = threading.Thread(target=self._do_apart, args=(chore,), name=name, daemon=True)
                self._apart[name].start()
        return max(0.0, min(self._due.values()) - now)

    def _do(self, chore: Chore) -> None:
        try:
            chore.do()
        except (StoreLost, ServiceFailed):
            raise
        except StoreError as error:
            self.trouble[chore.name] = ErrorInfo.of(error)
            log.error("%s: %s (%s)", chore.name, error.message, error.hint)
        except Exception as error:
            problem = f"{type(error).__name__} in a chore ({chore.name}): a mistake in anchorwatch"
            self.trouble[chore.name] = ErrorInfo("internal", problem, "the log has the details; please report it")
            log.exception("%s", chore.name)
        else:
            self.trouble.pop(chore.name, None)

    def _do_apart(self, chore: Chore) -> None:
        try:
            self._do(chore)
        except (StoreLost, ServiceFailed) as error:  # who looks whether the database is still there ends the service
            self.trouble[chore.name] = ErrorInfo.of(error)
            log.error("%s: %s", chore.name, error.message)
