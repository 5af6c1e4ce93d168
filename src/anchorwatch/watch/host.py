"""The watch over one host: what is heard of it, its queue, and the worker that looks and remembers.

Each host has a queue and a worker of its own, so that one that is frozen costs no other its turn. Listeners put in and return at
once; everything that waits for an engine or for the database is done in `turn`, by one thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from anchorwatch import __version__, clock
from anchorwatch.check.memory import Ground, Occasion, Scene, remember
from anchorwatch.check.project import Verdict, blind, keys_of, verdict
from anchorwatch.errors import AnchorwatchError, HostError, HostSwapped, StoreError
from anchorwatch.ledger.fleet import record_host
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredProject, DesiredState, ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, Trigger
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import EventSeen, HostSeen
from anchorwatch.model.values import JsonObject
from anchorwatch.store import cursors, drifts, hosts
from anchorwatch.watch import triggers
from anchorwatch.watch.belongings import Belongings, belongings
from anchorwatch.watch.eyes import Eyes, Sight, Wanted
from anchorwatch.watch.heard import Heard
from anchorwatch.watch.queue import Queue
from anchorwatch.watch.turns import Cause, Turns, Work

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds for which looks may fail before the host counts as out of reach, though its events still come."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the watch over every host shares."""

    ground: Ground
    settle: float
    """Seconds of quiet that end a burst of events."""
    desired: Callable[[], DesiredState | None]
    """What the repo says; None until it has been read."""
    tell: Callable[[], None]
    """There may be messages to send."""


@dataclass(slots=True)
class Counted:
    """What a worker has done since it began."""

    checks: dict[Trigger, int] = field(default_factory=dict)
    failed: int = 0
    seconds: float = 0.0
    missed: int = 0
    """What a resync found that no event had told of."""


class HostWatch:
    """One host. `heard`, `listening` and the like are what its listener calls (`docker_events.Ears`)."""

    def __init__(
        self, address: HostAddress, policy: Policy, around: Surroundings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = address.name
        self.queue = Queue(Turns(settle=around.settle, at_most=max(3.0, around.settle)), monotonic)
        self.counted = Counted()
        self.trouble: ErrorInfo | None = None
        """What the last look came to nothing for, where it did."""
        self.turned_at = monotonic()
        """When the worker last showed that it lives."""
        self.looked_at: float | None = None
        """When the host was last seen."""
        self.deaf_for: HostError | None = None
        """Why its events cannot be heard; then it is looked at more often."""
        self._address = address
        self._around = around
        self._clock = monotonic
        self._heard = Heard()
        self._eyes = Eyes(address, policy, self._heard, monotonic)
        self._belongings = Belongings(address.name)
        self._news: SimpleQueue[HostError] = SimpleQueue()
        self._all: Cause | None = None
        self._lost: HostError | None = None
        self._failing_since: float | None = None
        self._told: HostSeen | None = None
        self.running = 0
        """How many containers ran there when it was last seen."""
        self._wanted: tuple[DesiredState, Wanted] | None = None
        self._baseline: set[ProjectKey] | None = None

    # -- what listeners say: any thread, never waiting -------------------------------------------------------------------

    def listening(self, host: str, gap: bool) -> None:
        """Events come from now on; what was before them has to be looked at."""
        self.deaf_for = None
        self.look_at_all(Cause(Trigger.RESYNC, "events were lost" if gap else "connected"), whole=True)

    def heard(self, host: str, event: JsonObject) -> None:
        """An event."""
        hint = triggers.of_event(event, self._belongings)
        if hint is not None:
            self._heard.note(host, event, self._clock())
            self.queue.event(hint.keys, Cause(Trigger.DOCKER_EVENT, hint.reason))

    def lost(self, host: str, error: HostError) -> None:
        """It is out of reach."""
        self._news.put(error)
        self._eyes.interrupt()
        self.look_at_all(Cause(Trigger.RESYNC, "out of reach"))

    def deaf(self, host: str, error: HostError) -> None:
        """It does not let us hear its events."""
        self.deaf_for = error
        self.look_at_all(Cause(Trigger.RESYNC, "connected"), whole=True)

    def found(self, host: str) -> None:
        """It can be reached again."""
        self.look_at_all(Cause(Trigger.RESYNC, "in reach again"), whole=True)

    def look_at_all(self, cause: Cause, *, whole: bool = False) -> None:
        """Everything on the host is to be looked at; `whole`: and nothing taken from earlier looks."""
        if whole:
            self._eyes.look_whole(self._clock())
        self._all = cause
        first = [ProjectKey(self.name, NO_PROJECT)]
        if whole:
            self.queue.forget(first)  # it may have failed, and be left alone for a while: now there is reason to try again
        self.queue.ask(first, cause)

    @property
    def status(self) -> HostStatus | None:
        """How it could be reached last; None before it was tried."""
        return None if self._told is None else self._told.status

    # -- the worker ------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """The thread of the worker: until the queue is closed."""
        while not self.queue.closed:
            self.turn(1.0)
        self._eyes.close()

    def stop(self) -> None:
        """Nothing more is begun, and a look that waits for the host is given up."""
        self.queue.close()
        self._eyes.interrupt()

    def turn(self, timeout: float) -> bool:
        """Checks one key, if there is one within `timeout` seconds. What goes wrong costs that check, which is tried again."""
        work = self.queue.take(timeout)
        self.turned_at = self._clock()
        if work is None:
            return False
        try:
            self._hear_news()
            wake_at = self._check(work)
        except HostError as error:
            self.queue.failed(work)
            self._out_of_sight(error)
        except AnchorwatchError as error:
            self._tried_in_vain(work, ErrorInfo.of(error))
        except Exception as error:
            log.exception("%s/%s", self.name, work.key.project)
            problem = f"{type(error).__name__} while {self.name}/{work.key.project} was checked: a mistake in anchorwatch"
            self._tried_in_vain(work, ErrorInfo("internal", problem, "the log has the details; please report it"))
        else:
            self.trouble = None
            self.queue.done(work, None if wake_at is None else (wake_at - clock.now()).total_seconds())
        return True

    def _tried_in_vain(self, work: Work, trouble: ErrorInfo) -> None:
        again = self.queue.failed(work)
        self.counted.failed += 1
        self.trouble = trouble
        log.error("%s/%s could not be checked (again in %.0f s): %s", self.name, work.key.project, again, trouble.message)

    def _check(self, work: Work) -> datetime | None:
        desired = self._around.desired()
        if desired is None or (self._lost is not None and work.key.project != NO_PROJECT):
            return None  # asked again when the repo is read, or the host is back
        began = self._clock()
        wanted = self._wanted_now(desired)
        self._ask_others(work, desired)
        sight = self._eyes.look(work.key, wanted, began - work.late)
        self._in_sight(sight, wanted, desired)
        project = wanted.project(work.key)
        found = verdict(work.key, project, wanted.unreadable(work.key), sight.snapshot, sight.compared)
        events = self._heard.take_events()
        try:
            wake_at = self._remember(found, work, sight, project, began, events)
        except StoreError:
            self._heard.put_back(events)
            raise
        self._count(work, began)
        return wake_at

    def _remember(
        self, found: Verdict, work: Work, sight: Sight, project: DesiredProject | None, began: float, events: Sequence[EventSeen]
    ) -> datetime | None:
        baseline = self._baseline is not None and work.key in self._baseline
        occasion = Occasion(
            trigger=work.cause.trigger,
            reason=work.reason,
            at=sight.snapshot.taken_at,
            took=self._clock() - began,
            settled=work.settled,
            baseline=baseline,
        )
        scene = Scene(sight.snapshot, project, self._eyes.differs)
        recorded = remember(found, occasion, self._around.ground, scene, events)
        if baseline and work.settled and self._baseline is not None:
            self._baseline.discard(work.key)
            if not self._baseline:
                self._end_of_baseline()
        if recorded.transitions:
            self._around.tell()
        if recorded.transitions and work.cause.trigger is Trigger.RESYNC and work.reason == "resync":
            self.counted.missed += 1
        return recorded.wake_at

    def _wanted_now(self, desired: DesiredState) -> Wanted:
        if self._wanted is None or self._wanted[0] is not desired:
            self._wanted = desired, Wanted.of(desired, self.name)
        return self._wanted[1]

    def _ask_others(self, work: Work, desired: DesiredState) -> None:
        """The other keys of the host, if all of them are to be looked at: what is seen of one now serves them all."""
        cause, self._all = self._all, None
        if cause is not None:
            self.queue.ask(self._known_keys(desired) - {work.key}, cause)

    def _known_keys(self, desired: DesiredState | None) -> frozenset[ProjectKey]:
        with self._around.ground.store.read() as read:
            remembered = {drift.key for drift in drifts.unresolved(read, self.name)}
        named = frozenset() if desired is None else keys_of(desired, self.name)
        return named | self._belongings.keys | remembered | {ProjectKey(self.name, NO_PROJECT)}

    def _count(self, work: Work, began: float) -> None:
        trigger = work.cause.trigger
        self.counted.checks[trigger] = self.counted.checks.get(trigger, 0) + 1
        self.counted.seconds += self._clock() - began

    # -- in sight, out of sight ------------------------------------------------------------------------------------------

    def _in_sight(self, sight: Sight, wanted: Wanted, desired: DesiredState) -> None:
        snapshot = sight.snapshot
        self._same_engine(snapshot)
        if self._baseline is None:
            self._begin_baseline(desired, snapshot)
        self._failing_since, self.looked_at = None, self._clock()
        before = self._belongings.keys
        self._belongings = belongings(self.name, wanted.projects, snapshot)
        if self._lost is not None:
            self._lost = None
            self._all = Cause(Trigger.RESYNC, "in reach again")
        self.running = sum(container.running for container in snapshot.containers)
        new = self._belongings.keys - before
        if new:
            self.queue.ask(new, Cause(Trigger.RESYNC, "seen for the first time"))
        limited = snapshot.not_permitted or self.deaf_for is not None
        error = ErrorInfo.of(self.deaf_for) if self.deaf_for is not None else None
        seen = HostSeen(
            host=self.name,
            address=self._address.docker,
            at=snapshot.taken_at,
            status=HostStatus.LIMITED if limited else HostStatus.OK,
            error=error,
            engine_id=snapshot.engine.id or None,
            engine_version=snapshot.engine.version,
        )
        self._tell(seen)

    def _same_engine(self, snapshot: Snapshot) -> None:
        """Raises `HostSwapped` where another engine answers than the one that the host's history belongs to."""
        if self._told is not None and self._told.engine_id == (snapshot.engine.id or None):
            return
        with self._around.ground.store.read() as read:
            known = hosts.engine_of(read, self.name)
            before = hosts.current(read).get(self.name)
        if known is None or not snapshot.engine.id or known == snapshot.engine.id:
            return
        if before is not None and before.seen.address != self._address.docker:
            with self._around.ground.store.write() as write:
                hosts.take_engine(write, self.name, snapshot.engine.id, snapshot.taken_at)
            return
        self._eyes.look_whole(self._clock())
        raise HostSwapped(
            f"another Docker Engine answers at {self._address.docker} than before",
            snapshot.engine.id,
            hint=f"if that is meant (a reinstalled Docker, another machine): `anchorwatch accept --engine {self.name}`",
        )

    def _out_of_sight(self, error: HostError) -> None:
        if self.queue.closed:
            return
        now = self._clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self.trouble = ErrorInfo.of(error)
        if self._lost is None and (isinstance(error, HostSwapped) or now - self._failing_since > PATIENCE):
            self._lose(error)

    def _hear_news(self) -> None:
        try:
            while True:
                self._lost = self._news.get_nowait()
        except Empty:
            pass
        if self._lost is not None and self.status is not HostStatus.UNREACHABLE:
            self._lose(self._lost)

    def _lose(self, error: HostError) -> None:
        """Nobody can see the host: its drifts are frozen, and every key of it is unknown."""
        self._lost = error
        at, told = clock.now(), ErrorInfo.of(error)
        engine = error.engine_id if isinstance(error, HostSwapped) else None
        self._tell(HostSeen(self.name, self._address.docker, at, HostStatus.UNREACHABLE, told, engine))
        for key in sorted(self._known_keys(self._around.desired())):
            remember(blind(key, told), Occasion(Trigger.RESYNC, "out of reach", at, 0.0, settled=True), self._around.ground)

    def _tell(self, seen: HostSeen) -> None:
        """Writes how the host can be reached, where that has changed."""
        before = self._told
        if before is not None and _way(before) == _way(seen):
            return
        with self._around.ground.store.write() as write:
            transition = record_host(write, seen, Trigger.RESYNC)
            if transition is not None:
                self._around.ground.promise(write, [transition], seen.at)
        if transition is not None:
            self._around.tell()
        self._told = seen
        log.info("%s: %s%s", self.name, seen.status, f" ({seen.error.message})" if seen.error else "")

    # -- the first look of all -------------------------------------------------------------------------------------------

    def _begin_baseline(self, desired: DesiredState, snapshot: Snapshot) -> None:
        """Whatever is found by the first look of all, or by the first one of another version (which may have other rules), has
        been so before, as far as anybody can tell."""
        with self._around.ground.store.read() as read:
            done = cursors.setting(read, f"baseline:{self.name}")
        keys = keys_of(desired, self.name) | {ProjectKey(self.name, one.project or NO_PROJECT) for one in snapshot.containers}
        self._baseline = set() if done is not None and done.get("version") == __version__ else set(keys)

    def _end_of_baseline(self) -> None:
        at = clock.now()
        with self._around.ground.store.write() as write:
            cursors.remember(write, f"baseline:{self.name}", {"version": __version__}, at)


def _way(seen: HostSeen) -> tuple[object, ...]:
    error = seen.error.kind if seen.error is not None else None
    return seen.status, error, seen.engine_id, seen.engine_version, seen.address
