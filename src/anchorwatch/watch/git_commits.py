"""Follows the repo, from one desired state to the next. A thread runs `run`; whoever is told (`GitEars`) is told from there.

What is true is asked for; what happens in files only says when. A clone on this machine is looked at every few seconds: at the
files that tell of its branch, and git is asked when one of them was touched, and now and then in any case. A remote repository
is fetched at each poll, sooner after a nudge. Files outside Git are read at each poll, sooner when something happens to them.

While the repo cannot be read, the state that was read last stays in force, and the pulse says since when nothing is known.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from anchorwatch import clock as wall
from anchorwatch.desired.reader import DesiredReader, Signs
from anchorwatch.errors import AnchorwatchError, GitAuthError, GitFailed
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.health import Pulse
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.timeline import Push
from anchorwatch.watch.backoff import wait
from anchorwatch.watch.file_events import FileEvents

LOOK_EVERY = 5.0
"""Seconds between two looks at the files that tell of a branch."""
ASK_EVERY = 30.0
"""Seconds after which git is asked though none of them was touched."""
FETCH_AT_MOST_EVERY = 5.0
"""Seconds between two fetches, however often somebody asks for one."""
FOLDER_AT_MOST_EVERY = 2.0
"""Seconds between two reads of a folder outside Git, in which something may be written all the time."""
READ_AGAIN_EVERY = 300.0
"""Seconds after which a state is read again though nothing tells of a change: one that hangs on env files on the hosts, or in
which something was damaged, or took too long."""
_PASSING = frozenset({"resolver", "too_large"})
"""Classes of a stack's errors that may pass by themselves."""
_HOPEFUL = 6
"""So many failures in a row are tried again soon; after that a remote repository is fetched at each poll again."""
_SLICE = 0.5
_TURN_WITHIN = 300.0


class GitEars(Protocol):
    """Who is told. Called from the listener's thread, one call after the other; what raises here ends the listener."""

    def committed(self, before: DesiredState | None, after: DesiredState, push: Push) -> None:
        """The desired state is another one: by a commit, by values from outside Git, by files outside Git, by another Compose.

        `before` is None at the first state. `triggers.of_commit(before, after)` says which keys that touches.
        """

    def blind(self, error: AnchorwatchError) -> None:
        """The repo cannot be read: said once, and again when the error is another one. The old state stays in force."""

    def sees(self) -> None:
        """It can be read again. Said after `blind` only, and before the `committed` of what came meanwhile."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How things stand. Replaced as a whole, so that any thread may look."""

    state: DesiredState | None = None
    error: AnchorwatchError | None = None
    since_at: datetime | None = None
    heard_at: datetime | None = None
    way: str = ""
    reads: int = 0
    """How many states were read."""
    failures: int = 0
    """How often it could not be read, since the last time that it could."""


class GitListener:
    """Follows one repo. `since` is the revision that an earlier process acted upon last (`Push.before` of the first state)."""

    def __init__(
        self,
        reader: DesiredReader,
        ears: GitEars,
        *,
        poll: float = 60.0,
        since: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = wall.now,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._reader = reader
        self._ears = ears
        self._poll = poll
        self._since = since
        self._clock = clock
        self._now = now
        self._dice = dice
        self.turned_at = clock()
        """When the listener last showed that it lives."""
        self.turn_within = max(3 * poll, _TURN_WITHIN)
        """Seconds after which it should have shown that again; a fetch or a read of the whole repo may take minutes."""
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._stop: threading.Event = self._closed
        self._events = FileEvents(lambda: self._wake.is_set() or self._is_over())
        self._seen = _Seen()
        self._signs: Signs | None = None
        """As they were when git was asked last."""
        self._outside: Hashable = None
        """What the state in force rests on, besides the repo."""
        self._folders: tuple[Path, ...] = ()
        self._next_at = float("-inf")
        self._not_before = float("-inf")
        self._read_again_at = float("inf")

    # -- any thread ------------------------------------------------------------------------------------------------------

    def nudge(self) -> None:
        """There may be something new: look soon (a remote repository: at most one fetch every 5 s). Returns at once."""
        self._wake.set()

    def doubt(self) -> None:
        """Somebody may know more than is known here: a remote repository is fetched soon, for nothing here tells of its news.
        One that cannot be read is tried again at its own time: a wrong password must not be tried whenever a host drifts.
        Returns at once."""
        if self._seen.way == "fetch" and self._seen.error is None:
            self._wake.set()

    def close(self) -> None:
        """Ends `run`, and a fetch that it waits for."""
        self._closed.set()
        self._wake.set()
        self._reader.close()

    @property
    def state(self) -> DesiredState | None:
        """The desired state in force; None before the first."""
        return self._seen.state

    @property
    def pulse(self) -> Pulse:
        """`repo`: well while it can be read. `heard_at` is when it was last known to be as it is."""
        seen, deaf = self._seen, self._events.problem
        error = None if seen.error is None else ErrorInfo.of(seen.error)
        if error is None and deaf is not None:
            error = ErrorInfo("file_events", f"file events cannot be had: {deaf}", "news is found a few seconds later")
        return Pulse(
            name="repo",
            ok=seen.error is None and seen.state is not None,
            since_at=seen.since_at,
            heard_at=seen.heard_at,
            error=error,
            details={
                "way": seen.way,
                "revision": "" if seen.state is None else seen.state.revision or "",
                "reads": seen.reads,
                "failures": seen.failures,
                "file_events": "no" if deaf is not None else "yes",
            },
        )

    # -- the listener's thread -------------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Listens until `stop` is set or `close` is called, and returns soon after."""
        self._stop = stop
        try:
            while not self._is_over():
                self._rest(self.turn())
        finally:
            self._events.close()

    def turn(self) -> float:
        """One look, if one is due. Returns the seconds until the next one is."""
        self.turned_at = self._clock()
        signs = self._take_signs()
        if self._is_due(self._clock(), signs):
            self._wake.clear()
            self._look(signs)
        elif signs.way == "commit" and self._seen.error is None:
            self._seen = replace(self._seen, heard_at=self._now())
        due_at = self._not_before if self._wake.is_set() else max(self._next_at, self._not_before)
        return max(0.0, min(LOOK_EVERY, due_at - self._clock()))

    def _take_signs(self) -> Signs:
        signs = self._reader.signs()
        self._folders = signs.folders
        return signs

    def _is_due(self, now: float, signs: Signs) -> bool:
        if now < self._not_before:
            return False
        last = self._signs
        touched = last is None or (signs.reference, signs.outside) != (last.reference, last.outside)
        return touched or self._wake.is_set() or now >= min(self._next_at, self._read_again_at)

    def _look(self, signs: Signs) -> None:
        before, self._signs = self._seen.state, signs
        try:
            revision = self._reader.revision()
            if before is not None and revision is not None and revision == before.revision and self._rests_on(signs):
                self._is_well(before)
                return
            after = self._reader.read(revision)
            push = self._reader.push(self._since if before is None else before.revision, after, before)
        except AnchorwatchError as error:
            self._is_unwell(error)
        except OSError as error:  # no room, no file descriptors: as much a reason as what git says
            self._is_unwell(GitFailed(f"the repo cannot be read: {error}", hint="has this machine run out of something?"))
        else:
            self._outside = signs.outside
            again = self._reader.hidden or any(broken.error.kind in _PASSING for broken in after.broken)
            self._read_again_at = self._clock() + READ_AGAIN_EVERY if again else float("inf")
            self._seen = replace(self._seen, reads=self._seen.reads + 1)
            self._is_well(after)
            if before is None or after != before:
                self._ears.committed(before, after, push)

    def _rests_on(self, signs: Signs) -> bool:
        """Whether the state in force was read with what is known from outside Git now."""
        return signs.outside == self._outside and self._clock() < self._read_again_at

    def _is_well(self, state: DesiredState) -> None:
        """It can be read; `state` is in force."""
        seen, at, way = self._seen, self._now(), self._take_signs().way
        begins = seen.error is not None or seen.state is None
        since_at = at if begins else seen.since_at
        self._seen = replace(seen, state=state, error=None, since_at=since_at, heard_at=at, way=way, failures=0)
        every = min(self._poll, ASK_EVERY) if way == "commit" else self._poll
        self._plan(way, every * (0.9 + 0.2 * self._dice()))
        if seen.error is not None:
            self._ears.sees()

    def _is_unwell(self, error: AnchorwatchError) -> None:
        """It could not be read."""
        if self._is_over():
            return
        seen, way = self._seen, self._take_signs().way
        failures = seen.failures + 1
        since_at = self._now() if seen.error is None else seen.since_at
        self._seen = replace(seen, error=error, since_at=since_at, way=way, failures=failures)
        again = wait(failures, self._dice())
        if way == "fetch" and (failures > _HOPEFUL or isinstance(error, GitAuthError)):
            again = self._poll
        self._plan(way, again)
        if seen.error is None or (type(seen.error), seen.error.message) != (type(error), error.message):
            self._ears.blind(error)

    def _plan(self, way: str, seconds: float) -> None:
        now = self._clock()
        self._next_at = now + seconds
        match way:
            case "fetch":
                self._not_before = now + FETCH_AT_MOST_EVERY
            case "folder":
                self._not_before = now + min(FOLDER_AT_MOST_EVERY, seconds)
            case _:
                self._not_before = now

    def _rest(self, seconds: float) -> None:
        """Waits that long, or until something happens."""
        until = self._clock() + seconds
        while not self._is_over() and (left := until - self._clock()) > 0:
            if self._wake.is_set():  # what happened has to wait its turn
                self._closed.wait(min(_SLICE, left))
                continue
            happened = self._events.wait(self._folders, LOOK_EVERY) if self._folders else None
            if happened and self._seen.way == "folder":
                self._wake.set()
            if happened is not None or self._wake.wait(min(_SLICE, left)):
                return

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._closed.is_set()
