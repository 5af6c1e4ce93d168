"""The upkeep of the database: what is older than it is to be kept is deleted, and the rest is copied.

Once a day, however often the service is started.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from anchorwatch.model.service import HistorySettings
from anchorwatch.store import Store, cursors, retention

log = logging.getLogger(__name__)

_EVERY = timedelta(days=1)


class Upkeep:
    """One a service. `at_least` is what time it was, at least, when this was made, whatever the clock was set to; `over` says
    whether the service is to end."""

    def __init__(self, store: Store, at_least: datetime, now: Callable[[], datetime], over: Callable[[], bool]) -> None:
        self._store = store
        self._now = now
        self._over = over
        self._least = at_least - timedelta(seconds=time.monotonic())
        """With the seconds that have passed since."""
        self._busy = threading.Lock()

    def turn(self, history: HistorySettings) -> None:
        """Does it if it is due. One at a time, though the config is read again meanwhile. Raises `StoreError`."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            self._turn(history)
        finally:
            self._busy.release()

    def _turn(self, history: HistorySettings) -> None:
        at = self._now()
        with self._store.read() as read:
            last = cursors.get(read, "upkeep")
        if last is not None and abs(at - last.at) < _EVERY:
            return
        self._prune(history)
        if self._over():
            return
        self._back_up()
        with self._store.write() as write:
            cursors.put(write, "upkeep", "done", at)

    def _prune(self, history: HistorySettings) -> None:
        """By the earlier one of two times, the time of day and what it is at least: a clock that was set far ahead deletes
        nothing. After a long pause of the service some of it goes after its next start only."""
        at_least = self._least + timedelta(seconds=time.monotonic())
        done = retention.prune(self._store, history, min(self._now(), at_least), self._over)
        if done.rows:
            log.info("pruned: %s", ", ".join(f"{count} of {table}" for table, count in done.rows.items()))

    def _back_up(self) -> None:
        copy = self._store.back_up(self._now())
        if copy is not None:
            log.info("copied the database to %s", copy)
