"""Whose turn it is to be checked: keys are coalesced, settled, one in flight a key, with backoff on failure. Pure, no threads.

The shape is client-go's `util/workqueue`: what is waiting and what is in flight are two sets, and a key that comes again while it
is in flight waits until it is back. `watch.queue` lets threads share it.

What happens on a host comes in bursts. The first event of one is looked at at once, and the whole of it once more when it is
quiet for `settle`, for right after an event an engine may still tell what was so before; one that does not end is looked at every
`at_most`, too. A commit or a resync is no burst: nothing is stale then, and one look is enough.

Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Trigger
from anchorwatch.watch.backoff import wait


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a key is to be checked: to show, never to branch on."""

    trigger: Trigger
    reason: str


GRACE_OVER = Cause(Trigger.RESYNC, "a grace is over")
"""The cause of a look that only a clock has asked for."""


@dataclass(frozen=True, slots=True)
class Work:
    """A key to be checked now."""

    key: ProjectKey
    cause: Cause
    settled: bool
    """Whether this look may open and resolve drifts."""
    more: int = 0
    """How many further events it stands for."""
    late: float = 0.0
    """Seconds that it had to wait beyond its time, because every worker was busy."""
    attempt: int = 0
    """How often it has failed before."""

    @property
    def reason(self) -> str:
        """As a check shows it: `die mealie and 8 more`."""
        return f"{self.cause.reason} and {self.more} more" if self.more else self.cause.reason


@dataclass(slots=True)
class _Waiting:
    cause: Cause
    began_at: float
    last_at: float
    burst: bool
    """False: one settled look, as soon as can be."""
    look_at: float | None
    """When an unsettled look is wanted."""
    count: int = 1


@dataclass(slots=True)
class Turns:
    """Which key is to be checked next, and when. Not for several threads: see `watch.queue`."""

    settle: float = 0.5
    """Seconds of quiet that end a burst."""
    at_most: float = 3.0
    """Seconds after which a burst is looked at for good although it goes on."""
    _waiting: dict[ProjectKey, _Waiting] = field(default_factory=dict)
    _wakes: dict[ProjectKey, float] = field(default_factory=dict)
    _flying: dict[ProjectKey, tuple[Work, float]] = field(default_factory=dict)
    _failures: dict[ProjectKey, int] = field(default_factory=dict)
    _held: dict[ProjectKey, float] = field(default_factory=dict)

    def event(self, key: ProjectKey, cause: Cause, now: float) -> None:
        """Something happened there, and may go on happening."""
        found = self._waiting.get(key)
        if found is None:
            self._waiting[key] = _Waiting(cause, now, now, burst=True, look_at=now)
            return
        if not found.burst:  # asked for, and not begun: the burst begins here, and the first look serves both
            found.burst, found.began_at, found.look_at = True, now, now
        found.last_at = now
        found.count += 1

    def ask(self, key: ProjectKey, cause: Cause, now: float) -> None:
        """Somebody wants to know, and nothing has happened on the host: one settled look, or the burst's where there is one."""
        found = self._waiting.get(key)
        if found is None:
            self._waiting[key] = _Waiting(cause, now, now, burst=False, look_at=None)
        elif found.burst:
            found.look_at = now if found.look_at is None else found.look_at

    def wake(self, key: ProjectKey, at: float | None) -> None:
        """A settled look at `at`, though nothing happens; None takes it back. The latest word on a key counts."""
        if at is None:
            self._wakes.pop(key, None)
        else:
            self._wakes[key] = at

    def take(self, now: float) -> Work | None:
        """The key whose turn it is; it is in flight from then on. None while there is nothing to do."""
        times = ((key, self._turn(key)) for key in self._keys())
        due = [(at, key) for key, at in times if at is not None and at <= now]
        if not due:
            return None
        at, key = min(due)
        work = replace(self._work(key, now), late=now - at, attempt=self._failures.get(key, 0))
        self._flying[key] = (work, now)
        return work

    def done(self, key: ProjectKey, wake_at: float | None) -> None:
        """The check of a key has come to something, be it "unknown", and says when it is to be woken (see `wake`)."""
        del self._flying[key]
        self.wake(key, wake_at)
        self._failures.pop(key, None)
        self._held.pop(key, None)

    def failed(self, key: ProjectKey, now: float, dice: float) -> float:
        """The check of a key came to nothing: it is tried again, and until then the key is left alone. Returns when."""
        work, _ = self._flying.pop(key)
        self._failures[key] = self._failures.get(key, 0) + 1
        self._held[key] = now + wait(self._failures[key], dice)
        found = self._waiting.get(key)
        if found is None:
            self._waiting[key] = _Waiting(work.cause, now, now, burst=False, look_at=None, count=work.more + 1)
        else:
            found.count += work.more + 1
        return self._held[key]

    def forget(self, keys: Iterable[ProjectKey]) -> None:
        """These keys are nobody's concern any more. What is in flight ends as it will."""
        for key in keys:
            for known in (self._waiting, self._wakes, self._failures, self._held):
                known.pop(key, None)

    def retry(self, keys: Iterable[ProjectKey]) -> None:
        """What these keys have failed at may have been mended: they are not left alone any longer."""
        for key in keys:
            self._failures.pop(key, None)
            self._held.pop(key, None)

    def next_at(self) -> float | None:
        """When `take` has something to give; it may be over. None: not before something comes."""
        return min((at for at in map(self._turn, self._keys()) if at is not None), default=None)

    @property
    def flying(self) -> dict[ProjectKey, float]:
        """Which keys are in flight, and since when."""
        return {key: since for key, (_, since) in self._flying.items()}

    @property
    def waiting(self) -> frozenset[ProjectKey]:
        """Which keys have something to be looked at, now or in a moment. Those that only a clock will wake are not among them."""
        return frozenset(self._waiting)

    def _keys(self) -> set[ProjectKey]:
        return self._waiting.keys() | self._wakes.keys()

    def _turn(self, key: ProjectKey) -> float | None:
        """When it is the key's turn; None while it is in flight."""
        if key in self._flying:
            return None
        found = self._waiting.get(key)
        if found is None:
            at = self._wakes[key]
        elif not found.burst:
            at = found.began_at
        else:
            at = self._settled_at(found) if found.look_at is None else min(found.look_at, self._settled_at(found))
        return max(at, self._held.get(key, at))

    def _settled_at(self, found: _Waiting) -> float:
        return min(found.last_at + self.settle, found.began_at + self.at_most)

    def _work(self, key: ProjectKey, now: float) -> Work:
        found = self._waiting.get(key)
        if found is None:
            del self._wakes[key]
            return Work(key, GRACE_OVER, settled=True)
        if found.burst and now < self._settled_at(found):
            found.look_at = None
            return Work(key, found.cause, settled=False, more=found.count - 1)
        work = Work(key, found.cause, settled=True, more=found.count - 1)
        if found.burst and now < found.last_at + self.settle:  # it goes on: this look is for good, and not the last one
            found.began_at, found.look_at, found.count = now, None, 1
        else:
            del self._waiting[key]
        return work
