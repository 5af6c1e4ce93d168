"""The watch over one host: what is heard of it, its queue, and the worker that looks and remembers.

Each host has a queue and a worker of its own, so that one that is frozen costs no other its turn. Listeners put in and return at
once; everything that waits for an engine or for the database is done in `turn`, by one thread.

While a host is lost only the key of what belongs to no project is looked at, again and again: it tells when the host is back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from anchorwatch import clock
from anchorwatch.check.memory import Ground, Occasion, Scene, remember
from anchorwatch.check.project import Verdict, blind, keys_of, verdict
from anchorwatch.errors import AnchorwatchError, HostError, HostSwapped, StoreError
from anchorwatch.ledger.record import freeze
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredState, ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, DriftState, Reason, Side, Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import JsonObject
from anchorwatch.store import containers, drifts
from anchorwatch.watch import triggers
from anchorwatch.watch.baseline import Baseline
from anchorwatch.watch.belongings import Belongings, belongings
from anchorwatch.watch.eyes import NOTHING, Eyes, Sight, Wanted
from anchorwatch.watch.first_look import FirstLook
from anchorwatch.watch.heard import Heard
from anchorwatch.watch.queue import Queue
from anchorwatch.watch.standing import PATIENCE, Standing
from anchorwatch.watch.turns import Cause, Turns, Work

log = logging.getLogger(__name__)

JUMP = timedelta(seconds=5)
"""By how much the time of day may differ from the time that has passed before the clock counts as set."""
IDLE = 20.0
"""Seconds after which a worker that has nothing to do shows that it lives."""
TURN_WITHIN = 90.0
"""Seconds within which a worker shows that: it may wait for the database for a minute. A look at its host may take `deadline`."""
RESYNC = Cause(Trigger.RESYNC, "resync")
"""The cause of looks that only a timer has asked for: what they find, no event has told of."""


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
    doubt: Callable[[], None] = lambda: None
    """A host shows what Git does not say: as far as Git is known here."""


@dataclass(slots=True)
class Counted:
    """What a worker has done since it began."""

    checks: dict[Trigger, int] = field(default_factory=lambda: dict.fromkeys(Trigger, 0))
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
        self.turned_at = monotonic()
        """When the worker last showed that it lives."""
        self.turn_within = max(TURN_WITHIN, address.deadline + 30.0)
        """Seconds after which it should have shown that again."""
        self.looked_at: float | None = None
        """When the host was last seen."""
        self.running = 0
        """How many containers ran there when it was last seen."""
        self.deaf_for: HostError | None = None
        """Why its events cannot be heard; then it is looked at more often."""
        self.first_look = FirstLook()
        """Whether it is known of every key how it stands."""
        self._spoken = False
        """Whether the listener has said anything yet: what is seen before may be out of date without an event."""
        self._around = around
        self._clock = monotonic
        self._heard = Heard()
        self._eyes = Eyes(address, policy, self._heard, around.ground.past, monotonic)
        self._belongings = Belongings(address.name)
        self._all: SimpleQueue[Cause] = SimpleQueue()
        self._suspect: HostError | None = None
        """What the listener could not reach the host for; the next look tells whether that is so."""
        self._mute_since = 0.0
        """When the listener lost it; when a look found it again after that."""
        self._troubles: dict[ProjectKey, ErrorInfo] = {}
        self._standing = Standing(address, around.ground, around.tell)
        self._baseline = Baseline(address.name, around.ground.store)
        self._wanted: tuple[DesiredState, Wanted] | None = None
        self._first = ProjectKey(self.name, NO_PROJECT)
        self._began_at: datetime | None = None
        """When the worker's own clock stood at nought, by the time of day."""

    @property
    def status(self) -> HostStatus | None:
        """How it could be reached last; None before it was tried."""
        return self._standing.status

    @property
    def is_deaf(self) -> bool:
        """Whether it answers, and its events do not come."""
        return self.deaf_for is not None or (self._suspect is not None and self._standing.lost is None)

    @property
    def noted(self) -> int:
        """How many events were heard so far."""
        return self._heard.noted

    @property
    def written_to(self) -> int:
        """Of these, counted from the first one on, how many stand in the database."""
        return self._heard.written_to

    @property
    def trouble(self) -> ErrorInfo | None:
        """What the last look at one of its keys came to nothing for; None where all is well."""
        return next(iter(self._troubles.copy().values()), None)

    # -- what listeners say: any thread, never waiting -------------------------------------------------------------------

    def listening(self, host: str, gap: bool) -> None:
        """Events come from now on; what was before them has to be looked at."""
        self.deaf_for = self._suspect = None
        self._spoken = True
        self.look_at_all(Cause(Trigger.RESYNC, "events were lost" if gap else "connected"), whole=True)

    def heard(self, host: str, event: JsonObject) -> None:
        """An event. One that nobody can make sense of is an occasion to look at everything."""
        try:
            hint = triggers.of_event(event, self._belongings)
            if hint is not None:
                self._heard.note(host, event, self._clock())
                self.queue.event(hint.keys, Cause(Trigger.DOCKER_EVENT, hint.reason))
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            self.look_at_all(Cause(Trigger.DOCKER_EVENT, "an odd event"), whole=True)

    def lost(self, host: str, error: HostError) -> None:
        """The listener cannot reach it."""
        self._suspect, self._mute_since = error, self._clock()
        self._spoken = True
        self._eyes.interrupt()
        self.look_at_all(Cause(Trigger.RESYNC, "out of reach"), whole=True)

    def deaf(self, host: str, error: HostError) -> None:
        """It does not let us hear its events."""
        self.deaf_for, self._suspect = error, None
        self._spoken = True
        self.look_at_all(Cause(Trigger.RESYNC, "connected"), whole=True)

    def found(self, host: str) -> None:
        """The listener can reach it again."""
        self._suspect = None
        self.look_at_all(Cause(Trigger.RESYNC, "in reach again"), whole=True)

    def look_at_all(self, cause: Cause, *, whole: bool = False) -> None:
        """Everything on the host is to be looked at; `whole`: and nothing taken from earlier looks."""
        if whole:
            self._eyes.look_whole(self._clock())
            self.queue.retry([self._first])
        self._all.put(cause)
        self.queue.ask([self._first], cause)

    # -- the worker ------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """The thread of the worker: until the queue is closed."""
        while not self.queue.closed:
            self.turn(IDLE)
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
            self._mind_the_clock()
            wake_at = self._check(work)
        except HostError as error:
            self._out_of_sight(work, error)
        except AnchorwatchError as error:
            self._tried_in_vain(work, ErrorInfo.of(error))
        except Exception as error:
            log.exception("%s/%s", self.name, work.key.project)
            problem = f"{type(error).__name__} while {self.name}/{work.key.project} was checked: a mistake in anchorwatch"
            self._tried_in_vain(work, ErrorInfo("internal", problem, "the log has the details; please report it"))
        else:
            self._troubles.pop(work.key, None)
            self.queue.done(work, None if wake_at is None else (wake_at - clock.now()).total_seconds())
        return True

    def _tried_in_vain(self, work: Work, trouble: ErrorInfo) -> None:
        again = self.queue.failed(work)
        self.counted.failed += 1
        self._troubles[work.key] = trouble
        log.error("%s/%s could not be checked (again in %.0f s): %s", self.name, work.key.project, again, trouble.message)

    def _mind_the_clock(self) -> None:
        """Where the time of day was set, what has been pending on the host until now begins anew."""
        began_at = clock.now() - timedelta(seconds=self._clock())
        if self._began_at is not None and abs(began_at - self._began_at) > JUMP:
            with self._around.ground.store.write() as write:
                freeze(write, self.name)
        self._began_at = began_at

    def _check(self, work: Work) -> datetime | None:
        desired = self._around.desired()
        lost = self._standing.lost
        if lost is not None and work.key != self._first:  # that one tells when the host is back
            self.queue.ask([self._first], work.cause)
            self._remember_blind(work.key, lost)
            return None
        began = self._clock()
        wanted = self._wanted_now(desired)
        self._ask_others(work)
        sight = self._eyes.look(work.key, wanted, began - work.late, alone=not work.settled)
        self.turned_at = self._clock()
        self._in_sight(sight, wanted)
        if desired is None:
            return None  # asked again when the repo is read
        project = wanted.project(work.key)
        found = verdict(work.key, project, wanted.unreadable(work.key), sight.snapshot, sight.compared)
        self._baseline.begin(keys_of(desired, self.name) | self._belongings.keys)
        occasion = Occasion(
            trigger=work.cause.trigger,
            reason=work.reason,
            at=sight.snapshot.taken_at,
            took=self._clock() - began,
            settled=work.settled,
            baseline=self._baseline.holds(work.key),
        )
        wake_at = self._remember(found, occasion, Scene(sight.snapshot, project, self._eyes.differs, desired.revision))
        if work.settled and found.findings is not None:
            self._baseline.over_for(work.key)
        if work.settled:
            self.first_look.done(work.key, clock.now())
        self._count(work, began)
        return wake_at

    def _remember(self, found: Verdict, occasion: Occasion, scene: Scene) -> datetime | None:
        if self.queue.closed:
            return None  # another watch over this host may have begun
        events = self._heard.take_events()
        try:
            recorded = remember(found, occasion, self._around.ground, scene, events)
        except BaseException:
            self._heard.put_back(events)
            raise
        self._heard.written(events)
        if recorded.transitions:
            self._around.tell()
            for one in recorded.transitions:
                if one.reason == Reason.APPEARED and one.side is not Side.GIT:  # it may be a commit that was deployed at once
                    self._around.doubt()
                if DriftState.OPEN.value in {one.from_state, one.to_state}:
                    where = f"{self.name}/{one.stack}" if one.stack else self.name
                    log.info("%s: drift %s is %s (%s)", where, one.drift, one.to_state, one.reason)
            self.counted.missed += occasion.reason == RESYNC.reason
        return recorded.wake_at

    def _remember_blind(self, key: ProjectKey, error: HostError) -> None:
        occasion = Occasion(Trigger.RESYNC, "out of reach", clock.now(), 0.0, settled=True)
        remember(blind(key, ErrorInfo.of(error)), occasion, self._around.ground)

    def _wanted_now(self, desired: DesiredState | None) -> Wanted:
        if desired is None:
            return NOTHING
        if self._wanted is None or self._wanted[0] is not desired:
            if self._wanted is not None:  # what another stack claims, or gives up, was or will be nobody's
                self.queue.ask([self._first], Cause(Trigger.COMMIT, "the repo says something else"))
            self._wanted = desired, Wanted.of(desired, self.name)
        return self._wanted[1]

    def _ask_others(self, work: Work) -> None:
        """The other keys of the host, if all of them are to be looked at: what is seen of one now serves them all."""
        causes = []
        with suppress(Empty):
            while True:
                causes.append(self._all.get_nowait())
        if not causes:
            return
        desired = self._around.desired()  # now: it may be what one of the causes is about
        try:
            keys = self._known_keys(desired)
        except StoreError:
            self._all.put(causes[-1])
            raise
        self._baseline.only(keys)
        if desired is not None and self._spoken:
            self.first_look.covers(keys)
        self.queue.ask(keys - {work.key}, causes[-1])

    def _known_keys(self, desired: DesiredState | None) -> frozenset[ProjectKey]:
        with self._around.ground.store.read() as read:
            remembered = {drift.key for drift in drifts.unresolved(read, self.name)}
            remembered |= {ProjectKey(self.name, project) for project in containers.projects(read, self.name)}
        named = frozenset() if desired is None else keys_of(desired, self.name)
        return named | self._belongings.keys | remembered | {self._first}

    def _count(self, work: Work, began: float) -> None:
        self.counted.checks[work.cause.trigger] += 1
        self.counted.seconds += self._clock() - began

    # -- in sight, out of sight ------------------------------------------------------------------------------------------

    def _in_sight(self, sight: Sight, wanted: Wanted) -> None:
        snapshot, now = sight.snapshot, self._clock()
        was_lost = self._standing.lost is not None
        if was_lost:
            self._mute_since = now
        if self._suspect is not None and now - self._mute_since > PATIENCE:  # it can be asked, but not be listened to
            self.deaf_for, self._suspect = self._suspect, None
        try:
            self._standing.seen(snapshot, self.deaf_for, now)
        except HostSwapped:
            self._eyes.look_whole(self._clock())
            self._eyes.close()  # the address may lead to the right one again while this one still answers
            raise
        self.looked_at = now
        before = self._belongings.keys
        self._belongings = belongings(self.name, wanted.projects, snapshot)
        self.running = sum(container.running for container in snapshot.containers)
        new = self._belongings.keys - before
        self.first_look.also(new)
        if was_lost:
            self.look_at_all(Cause(Trigger.RESYNC, "in reach again"))
        elif new:
            self.queue.ask(new, Cause(Trigger.RESYNC, "seen for the first time"))

    def _out_of_sight(self, work: Work, error: HostError) -> None:
        """A look came to nothing. That the host is lost is said once for all its keys, each of which is unknown then."""
        self.queue.failed(work)
        if self.queue.closed:
            return
        self._troubles[work.key] = ErrorInfo.of(error)
        try:
            before = self._standing.status
            lost = self._standing.unseen(error, self._suspect, self._clock())
            if lost is None:
                return
            self.first_look = FirstLook()
            if before is not HostStatus.UNREACHABLE:
                self.look_at_all(Cause(Trigger.RESYNC, "out of reach"))
            self._remember_blind(work.key, lost)
        except StoreError as problem:  # it is said by the next look, which comes to nothing, too
            log.error("%s is out of reach, and that could not be written: %s", self.name, problem.message)
