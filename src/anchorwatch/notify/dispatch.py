"""Sends what was promised: decides, claims, hands over, and writes down what came of it; at least once, in this order.

    dispatcher = Dispatcher(store, telling, render, send, done=wake)
    again = dispatcher.turn(now)      # whenever something may be due: at `again`, and when `done` was called

- A claim is committed before anything is handed over. Who dies in between leaves it claimed, and after `deliveries.take_back` it
  goes out again as the message it was, under its ID.
- One message at a time goes to a destination, each in a thread of its own: a slow one delays nobody else. What a destination
  could not take blocks what comes after it there, but for a message that it refuses for what it is.
- A turn costs a question where nothing is due.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from anchorwatch import clock as real_clock
from anchorwatch.errors import StoreError
from anchorwatch.model.drifts import Delivery, DeliveryState
from anchorwatch.model.health import Pulse
from anchorwatch.model.messages import Arrival, Bundle, Message, Outcome
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.values import Secret
from anchorwatch.notify import again, crash, outbox
from anchorwatch.notify.brief import brief
from anchorwatch.notify.calm import Parcel, Plan, plan
from anchorwatch.notify.fates import SAID, Fate
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.notify.view import bundle_of, view_of
from anchorwatch.store import Reading, Store, Writing, deliveries

log = logging.getLogger(__name__)

UNWELL_AFTER = 3
"""So many attempts in a row have to fail before the service says that somebody cannot be told."""
_JOIN_WITHIN = 3.0
_KILLED_WITHIN = 0.5
"""Seconds that a send needs to end once its process was killed."""
_MENDED_AFTER = timedelta(minutes=1)

K = TypeVar("K")
Render = Callable[[Bundle], Message]
Send = Callable[[Secret, Message, str], Outcome]
Start = Callable[[str, Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class _Work:
    """What a turn does for one recipient."""

    lane: Lane
    plan: Plan
    again: str | None = None
    """A message that is sent again."""

    @property
    def sends(self) -> bool:
        """Whether there is a message to send."""
        return self.again is not None or self.plan.parcel is not None


class Dispatcher:
    """See the module. `turn` is for one thread; everything else may be called from any."""

    def __init__(
        self,
        store: Store,
        telling: Telling,
        render: Render,
        send: Send,
        *,
        clock: Callable[[], datetime] = real_clock.now,
        dice: Callable[[], float] = random.random,
        done: Callable[[], None] = lambda: None,
        stop_sending: Callable[[], None] = lambda: None,
        start: Start | None = None,
    ) -> None:
        """`done` is called when a send has ended: there may be more to do. `stop_sending` ends those under way. `start` begins a
        send, by default in a thread of its own."""
        self._store, self._telling = store, telling
        self._render, self._send = render, send
        self._clock, self._dice = clock, dice
        self._done, self._stop_sending = done, stop_sending
        self._start = start or self._in_thread
        self._lock = threading.Lock()
        self._flying: set[str] = set()
        """The destinations that something is being sent to."""
        self._unsettled: list[Callable[[], None]] = []
        """What could not be written down, because the database could not be written."""
        self._failures: Counter[str] = Counter()
        self._failed: dict[str, tuple[datetime, str]] = {}
        names = {lane.destination.name for lane in telling.lanes}
        self._finished = Counter(dict.fromkeys(((name, state) for name in names for state in deliveries.FINISHED), 0))
        self._laid_together: dict[tuple[str, str], int | None] = {}
        """How far this was done for recipients that nothing can be sent to."""
        self._begun = False
        self._remind_at: datetime | None = None
        self._reminded_at: datetime | None = None
        self._closed = False
        self._threads: list[threading.Thread] = []

    def turn(self, now: datetime) -> datetime | None:
        """Does what is due, and returns when there will be more; None: when `done` is called, or something new is promised.

        Raises `StoreError`; what was handed over before is written down by a later turn.
        """
        if self._closed:
            return None
        self._settle_the_rest()
        if not self._begun:
            with self._store.write() as write:
                deliveries.take_back(write, now)  # what an earlier one left under way
                outbox.stands(write, self._telling, now)
                outbox.reconsider(write, self._telling, now)
            self._begun, self._remind_at, self._reminded_at = True, now, now
        self._remind(now)
        with self._lock:
            busy = set(self._flying)
        with self._store.read() as read:
            works, gone = self._works(read, now, busy)
            later = deliveries.next_at(read, now)
        if works or gone:
            self._carry_out(works, gone, now)
        with self._lock:
            ended = any(one.sends for one in works) and not self._flying
        if ended or not all(one.sends for one in works):  # what was held has another time now; who shares a destination had none
            return now
        more = [one for one in (later, self._remind_at) if one is not None]
        return min(more, default=None)

    def close(self, within: float = _JOIN_WITHIN) -> None:
        """Nothing more is begun. What is under way may come to its end; what has not after `within` seconds is ended, and counts
        as not delivered: after a new start it is sent again.
        """
        until = time.monotonic() + within
        self._closed = True
        for thread in list(self._threads):
            thread.join(max(0.0, until - _KILLED_WITHIN - time.monotonic()))
        self._stop_sending()
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))
        with suppress(StoreError):
            self._settle_the_rest()

    @property
    def busy(self) -> bool:
        """Whether something is being sent."""
        with self._lock:
            return bool(self._flying)

    @property
    def pulse(self) -> Pulse:
        """Whether everybody can be told."""
        with self._lock:
            failing = {name: self._failed[name] for name, times in self._failures.items() if times >= UNWELL_AFTER}
        if not failing:
            return Pulse("messages", ok=True)
        since, said = min(failing.values())
        names = ", ".join(sorted(failing))
        error = ErrorInfo("undelivered", f"messages do not arrive at {names}: {said}", "anchorwatch notify test tries them")
        return Pulse("messages", ok=False, since_at=since, error=error, details={"failing": len(failing)})

    @property
    def finished(self) -> Mapping[tuple[str, DeliveryState], int]:
        """How many deliveries have come to what since it was made, by destination; 0 before the first. What a destination does
        not ask for was never to be told there, and is not among them."""
        with self._lock:
            return dict(self._finished)

    # -- deciding --------------------------------------------------------------------------------------------------------

    def _works(self, read: Reading, now: datetime, busy: set[str]) -> tuple[list[_Work], list[Delivery]]:
        """What there is to do for each recipient whose destination is free, one for each; and what is promised to nobody."""
        lanes = {lane.key: lane for lane in self._telling.lanes}
        destinations = {lane.destination.name: lane.destination for lane in self._telling.lanes}
        works: dict[str, _Work] = {}
        gone: list[Delivery] = []
        for name, recipient in sorted(deliveries.lanes_due(read, now)):
            if name in busy or name in works:
                continue
            waiting = deliveries.unfinished(read, name, recipient)
            if name not in destinations:
                gone += waiting
                continue
            lane = lanes.get((name, recipient)) or Lane(destinations[name], recipient)
            work = self._work(read, lane, waiting, now)
            if work is not None:
                works[name] = work
        return list(works.values()), gone

    def _work(self, read: Reading, lane: Lane, waiting: Sequence[Delivery], now: datetime) -> _Work | None:
        under_way = [one for one in waiting if one.message is not None]
        due = [one for one in under_way if one.state is DeliveryState.RETRY and one.next_at is not None and one.next_at <= now]
        if due:
            return _Work(lane, Plan(), due[0].message)
        blocked = any(not again.refusals(one.reason) for one in under_way)
        if blocked and self._laid_together.get(lane.key) == waiting[-1].id:
            return None
        view = view_of(read, lane, [one for one in waiting if one.message is None], now)
        found = plan(view, now)
        if blocked:  # nothing can go out: what waits is laid together, and no more
            self._laid_together[lane.key] = waiting[-1].id
            found = replace(found, parcel=None)
        return _Work(lane, found) if found != Plan() else None

    def _remind(self, now: datetime) -> None:
        """Where it is time for that, or earlier than it was: the clock was set back."""
        if self._remind_at is None or self._reminded_at is None or self._reminded_at <= now < self._remind_at:
            return
        with self._store.write() as write:
            self._remind_at, self._reminded_at = outbox.remind(write, self._telling, now), now

    # -- claiming --------------------------------------------------------------------------------------------------------

    def _carry_out(self, works: Sequence[_Work], gone: Sequence[Delivery], now: datetime) -> None:
        crash.point("before_claim")
        sends: list[tuple[Lane, str]] = []
        skipped = Counter(one.destination for one in gone)
        with self._store.write() as write:
            deliveries.settle(write, [one.id or 0 for one in gone], DeliveryState.SKIPPED, now, reason=Fate.NO_DESTINATION)
            for work in works:
                _put_down(write, work.plan, now)
                message = work.again or self._claim(write, work.plan.parcel, now)
                if work.again is not None:
                    ids = [one.id or 0 for one in deliveries.of_message(write, work.again) if one.state is DeliveryState.RETRY]
                    deliveries.claim(write, ids, work.again, now)
                if message is not None:
                    sends.append((work.lane, message))
                left_out = () if work.plan.parcel is None else work.plan.parcel.left_out
                never = [fate for _, fate in work.plan.skipped if fate is not Fate.NOT_ASKED_FOR]
                skipped[work.lane.destination.name] += len(never) + len(left_out)
        for name, number in skipped.items():
            self._count(name, DeliveryState.SKIPPED, number)
        crash.point("after_claim")
        for lane, message in sends:
            with self._lock:
                self._flying.add(lane.destination.name)
            self._start(lane.destination.name, partial(self._deliver, lane, message))

    def _claim(self, write: Writing, parcel: Parcel | None, now: datetime) -> str | None:
        if parcel is None:
            return None
        what = again.CALMED if parcel.calmed else parcel.occasion.value
        message = again.message_id(what, now, self._dice)
        deliveries.claim(write, [*(one.id for one in parcel.items), *parcel.along], message, now)
        deliveries.settle(write, parcel.left_out, DeliveryState.SKIPPED, now, reason=Fate.TOO_MANY, message=message)
        return message

    # -- sending (threads of their own) ----------------------------------------------------------------------------------

    def _in_thread(self, name: str, job: Callable[[], None]) -> None:
        thread = threading.Thread(target=job, name=f"message:{name}", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _deliver(self, lane: Lane, message: str) -> None:
        rows: Sequence[Delivery] = ()
        try:
            with self._store.read() as read:
                rows = [one for one in deliveries.of_message(read, message) if one.state is DeliveryState.SENDING]
                lost = deliveries.unsaid(read, *lane.key, SAID)
            outcome = self._handed_over(lane, message, rows, len(lost))
            crash.point("after_send")
            self._note(lane.destination.name, outcome)
            self._write_down(partial(self._settle, lane, message, rows, outcome, lost))
            crash.point("after_settle")
        except StoreError as error:
            log.error("a message to %s waits: %s", lane.destination.name, error.message)
            self._write_down(partial(self._put_back, lane, message))
        except Exception as error:  # its text may hold anything
            log.error("a message to %s waits: this is a bug in anchorwatch: %s", lane.destination.name, type(error).__name__)
            self._make_do(lane, message, rows, type(error).__name__)
        finally:
            self._done()

    def _make_do(self, lane: Lane, message: str, rows: Sequence[Delivery], said: str) -> None:
        """Something unheard-of came in between: the message is tried again, and its destination is free, whatever happens."""
        try:
            if rows:
                self._write_down(partial(self._settle, lane, message, rows, Outcome(Arrival.FAILED, said), ()))
            else:
                self._write_down(partial(self._put_back, lane, message, _MENDED_AFTER))
        except Exception as error:  # it stays claimed, and goes out after the next start
            log.critical("what became of a message to %s cannot be written: %s", lane.destination.name, type(error).__name__)
            self._landed(lane)

    def _handed_over(self, lane: Lane, message: str, rows: Sequence[Delivery], lost: int) -> Outcome:
        """What came of it. Raises `StoreError`. A machine that has run out of something fails for now; whatever else is raised
        counts as a refusal: it would be again."""
        if not rows:
            return Outcome(Arrival.ARRIVED)
        try:
            with self._store.read() as read:
                bundle = bundle_of(read, lane, message, rows, self._clock(), lost=lost)
            short = max(again.refusals(one.reason) for one in rows) >= again.MOST_REFUSALS
            written = brief(bundle) if short else self._render(bundle)
            return self._send(lane.destination.url, written, lane.recipient)
        except StoreError:
            raise
        except OSError as error:  # no memory, no process, no descriptor
            said = f"nothing can be sent from this machine just now: {error.strerror or type(error).__name__}"
            return Outcome(Arrival.FAILED, said)
        except Exception as error:  # its text may hold anything: only what sort it is goes to the log
            said = f"{type(error).__name__} while it was written"
            log.error("a message to %s could not be made: this is a bug in anchorwatch: %s", lane.destination.name, said)
            return Outcome(Arrival.REFUSED, said)

    # -- writing down ----------------------------------------------------------------------------------------------------

    def _write_down(self, what: Callable[[], None]) -> None:
        """Writes it, or has a later turn do so; the destination is busy until then."""
        try:
            what()
        except StoreError as error:
            log.error("what became of a message could not be written: %s", error.message)
            with self._lock:
                self._unsettled.append(what)

    def _settle_the_rest(self) -> None:
        while self._unsettled:
            self._unsettled[0]()
            with self._lock:
                self._unsettled.pop(0)

    def _settle(self, lane: Lane, message: str, rows: Sequence[Delivery], outcome: Outcome, lost: Collection[str]) -> None:
        now = self._clock()
        fate = _verdict(rows, message, outcome, now)
        waits = again.pause(max((one.attempt for one in rows), default=1), self._dice, outcome.retry_after)
        with self._store.write() as write:
            deliveries.settle(
                write,
                [one.id or 0 for one in rows],
                fate.state,
                now,
                next_at=now + waits if fate.state is DeliveryState.RETRY else None,
                reason=fate.reason,
                error=None if fate.state is DeliveryState.SENT else outcome.said,
            )
            if fate.state is DeliveryState.SENT and lost:
                deliveries.say(write, lost, SAID)
        self._count(lane.destination.name, fate.state, len(rows))
        self._landed(lane)

    def _put_back(self, lane: Lane, message: str, pause: timedelta = timedelta()) -> None:
        """It was claimed, and never handed over. It is tried again after `pause`."""
        now = self._clock()
        with self._store.write() as write:
            ids = [one.id or 0 for one in deliveries.of_message(write, message) if one.state is DeliveryState.SENDING]
            deliveries.settle(write, ids, DeliveryState.RETRY, now, next_at=now + pause, reason=Fate.FAILED)
        self._landed(lane)

    def _count(self, name: str, state: DeliveryState, number: int) -> None:
        if state in deliveries.FINISHED:
            with self._lock:
                self._finished[name, state] += number

    def _landed(self, lane: Lane) -> None:
        with self._lock:
            self._flying.discard(lane.destination.name)

    def _note(self, name: str, outcome: Outcome) -> None:
        with self._lock:
            if outcome.arrival is Arrival.ARRIVED:
                self._failures.pop(name, None)
                self._failed.pop(name, None)
                return
            self._failures[name] += 1
            since = self._failed.get(name, (self._clock(), ""))[0]
            self._failed[name] = since, outcome.said or outcome.arrival.value
        log.warning("a message did not arrive at %s (%s): %s", name, outcome.arrival.value, outcome.said)


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: DeliveryState
    reason: str | None = None


def _verdict(rows: Sequence[Delivery], message: str, outcome: Outcome, now: datetime) -> _Verdict:
    """What an attempt makes of the deliveries that it was for."""
    if outcome.arrival is Arrival.ARRIVED:
        return _Verdict(DeliveryState.SENT)
    refusals = max((again.refusals(one.reason) for one in rows), default=0) + (outcome.arrival is Arrival.REFUSED)
    if refusals > again.MOST_REFUSALS:
        return _Verdict(DeliveryState.DEAD, Fate.REFUSED_FOR_GOOD)
    attempts = max((one.attempt for one in rows), default=0)
    if now - again.made_at(message) >= again.GIVE_UP_AFTER and attempts >= again.FEWEST_ATTEMPTS:
        return _Verdict(DeliveryState.DEAD, Fate.GIVEN_UP)
    if outcome.arrival is Arrival.REFUSED:
        return _Verdict(DeliveryState.RETRY, again.refused(refusals))
    doubtful = outcome.arrival is Arrival.DOUBTFUL or any(one.reason == Fate.DOUBTFUL for one in rows)
    return _Verdict(DeliveryState.RETRY, Fate.DOUBTFUL if doubtful else Fate.FAILED)


def _grouped(pairs: Iterable[tuple[K, int]]) -> Mapping[K, Sequence[int]]:
    found: dict[K, list[int]] = {}
    for key, number in pairs:
        found.setdefault(key, []).append(number)
    return found


def _put_down(write: Writing, found: Plan, now: datetime) -> None:
    """Writes what waits and what is never told, with the reasons."""
    for fate, ids in _grouped((fate, number) for number, fate in found.skipped).items():
        deliveries.settle(write, ids, DeliveryState.SKIPPED, now, reason=fate)
    for (reason, until), ids in _grouped(((fate, until), number) for number, fate, until in found.held).items():
        deliveries.settle(write, ids, DeliveryState.HELD, now, reason=reason, next_at=until)
