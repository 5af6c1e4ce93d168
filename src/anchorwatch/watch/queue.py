"""The queue that listeners put keys in, and workers take them out of: `watch.turns`, shared by threads.

Putting in never waits for a check or for the database, so a listener is never kept from reading (an engine slows down for those
who do not read). Nothing here starts a thread.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable

from anchorwatch.model.desired import ProjectKey
from anchorwatch.watch.turns import Cause, Turns, Work


class Queue:
    """Any thread may call anything. `clock` only goes forward; `dice` is from 0 up to 1."""

    def __init__(
        self, turns: Turns, clock: Callable[[], float] = time.monotonic, dice: Callable[[], float] = random.random
    ) -> None:
        self._turns = turns
        self._clock = clock
        self._dice = dice
        self._changed = threading.Condition()
        self._closed = False

    def event(self, keys: Iterable[ProjectKey], cause: Cause) -> None:
        """Something happened there: looked at at once, and once more when it is quiet."""
        with self._changed:
            now = self._clock()
            for key in keys:
                self._turns.event(key, cause, now)
            self._changed.notify_all()

    def ask(self, keys: Iterable[ProjectKey], cause: Cause) -> None:
        """Somebody wants to know, though nothing has happened on the host: looked at once."""
        with self._changed:
            now = self._clock()
            for key in keys:
                self._turns.ask(key, cause, now)
            self._changed.notify_all()

    def retry(self, keys: Iterable[ProjectKey]) -> None:
        """What these keys have failed at may have been mended: they are not left alone any longer."""
        with self._changed:
            self._turns.retry(keys)
            self._changed.notify_all()

    def forget(self, keys: Iterable[ProjectKey]) -> None:
        """These keys are nobody's concern any more."""
        with self._changed:
            self._turns.forget(keys)
            self._changed.notify_all()

    def take(self, timeout: float) -> Work | None:
        """The next key, as soon as there is one; None after `timeout` seconds, and at once when the queue is closed.

        Whoever takes one says `done` or `failed`, whatever happens.
        """
        with self._changed:
            until = self._clock() + timeout
            while not self._closed:
                now = self._clock()
                work = self._turns.take(now)
                if work is not None:
                    return work
                if now >= until:
                    return None
                turn = self._turns.next_at()
                self._changed.wait((until if turn is None else min(until, turn)) - now)
            return None

    def done(self, work: Work, wake_after: float | None) -> None:
        """The check has come to something. The key is to be looked at in `wake_after` seconds, though nothing happens."""
        with self._changed:
            self._turns.done(work.key, None if wake_after is None else self._clock() + max(0.0, wake_after))
            self._changed.notify_all()

    def failed(self, work: Work) -> float:
        """The check came to nothing, and will be tried again. Returns in how many seconds."""
        with self._changed:
            now = self._clock()
            again = self._turns.failed(work.key, now, self._dice()) - now
            self._changed.notify_all()
            return again

    def close(self) -> None:
        """Nothing is given out any more. What waits is found by the first look of the next run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Waits until nothing is in flight; False if something still is after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._turns.flying, timeout)

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        with self._changed:
            return self._closed

    def flying(self) -> dict[ProjectKey, float]:
        """Which keys are in flight, and for how many seconds: one that is for long is stuck."""
        with self._changed:
            now = self._clock()
            return {key: now - since for key, since in self._turns.flying.items()}

    def overdue(self) -> float:
        """For how many seconds the next key has been waiting for a worker; 0 while none waits."""
        with self._changed:
            at = self._turns.next_at()
            return 0.0 if at is None else max(0.0, self._clock() - at)

    def waiting(self) -> int:
        """How many keys have something to be looked at."""
        with self._changed:
            return len(self._turns.waiting)
