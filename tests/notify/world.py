"""A world in virtual time: a real database, the real ledger, the real outbox and its dispatcher. Only the clock, and what lies
behind the sending, are the test's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from anchorwatch.ledger.fleet import record_host
from anchorwatch.ledger.look import Look
from anchorwatch.ledger.record import record
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, Check, Delivery, DeliveryState, Transition, Trigger
from anchorwatch.model.findings import Finding
from anchorwatch.model.messages import Arrival, Bundle, Message, Outcome
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.service import Destination
from anchorwatch.model.timeline import HostSeen
from anchorwatch.model.values import Secret
from anchorwatch.notify import outbox
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.render import render
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Store, deliveries, drifts, transitions
from tests.ledger.looks import PATIENCES
from tests.store.make import BEGIN, finding

ARRIVED = Outcome(Arrival.ARRIVED)


@dataclass(frozen=True)
class Sent:
    """A message that was handed over, and when, in seconds after the beginning."""

    at: float
    destination: str
    bundle: Bundle
    message: Message

    @property
    def what(self) -> str:
        """The occasion, and what it says happened: `news: open pi5/mealie, resolved pi5/db`."""
        told = ", ".join(f"{one.transition.to_state} {place(one.transition)}" for one in self.bundle.items)
        return f"{self.bundle.occasion.value}: {told}"


def place(transition: Transition) -> str:
    """`pi5/mealie`, or the host alone."""
    return "/".join(part for part in (transition.host, transition.stack) if part)


def destination(name: str = "chat", **more: Any) -> Destination:
    return Destination(name, Secret(f"json://127.0.0.1/{name}"), **more)


def lanes(*destinations: Destination) -> Telling:
    return Telling(tuple(Lane(one) for one in destinations or (destination(),)), PATIENCES.grace)


@dataclass
class World:
    """`now` is in seconds after the beginning."""

    store: Store
    telling: Telling = field(default_factory=lanes)
    now: float = 0.0
    answer: Callable[[Secret, Message], Outcome] = lambda url, message: ARRIVED
    sent: list[Sent] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(2026))
    bundles: dict[str, Bundle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The service starts (again)."""
        with self.store.write() as write:
            deliveries.take_back(write, self.clock())
        self.dispatcher = Dispatcher(
            self.store,
            self.telling,
            self._render,
            self._send,
            clock=self.clock,
            dice=self.dice.random,
            start=lambda name, job: job(),
        )

    def clock(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now)

    def until(self, seconds: float) -> list[str]:
        """Lets time pass; what was handed over meanwhile."""
        before = len(self.sent)
        for _ in range(10_000):
            again = self.dispatcher.turn(self.clock())
            if again is None or again > BEGIN + timedelta(seconds=seconds):
                break
            self.now = max(self.now, (again - BEGIN).total_seconds())
        else:
            raise AssertionError("the dispatcher never rests")
        self.now = max(self.now, seconds)
        return [one.what for one in self.sent[before:]]

    def look(self, seconds: float, *found: Finding, key: ProjectKey | None = None, **more: Any) -> list[str]:
        """A settled look at a project, so many seconds after the beginning; what was handed over until then."""
        said = self.until(seconds)
        key = key or (ProjectKey(found[0].host, found[0].project or NO_PROJECT) if found else ProjectKey("pi5", "mealie"))
        given: dict[str, Any] = {"findings": found, "trigger": Trigger.DOCKER_EVENT, "revision": "a" * 40}
        look = Look(key=key, at=self.clock(), **(given | more))
        status = StackStatus.UNKNOWN if look.findings is None else StackStatus.DRIFTED if found else StackStatus.IN_SYNC
        check = Check(key, look.trigger, look.at, 0.02, status, revision=look.revision, findings=len(found))
        with self.store.write() as write:
            recorded = record(write, check, look, PATIENCES, () if look.findings is not None else None)
            outbox.promise(write, recorded.transitions, self.telling, self.clock())
        return said

    def drift(self, seconds: float, *found: Finding, **more: Any) -> None:
        """Drift, in any number of projects, that opens at that moment; it appeared as long before as it has to."""
        by_key: dict[ProjectKey, list[Finding]] = {}
        for one in found:
            by_key.setdefault(ProjectKey(one.host, one.project or NO_PROJECT), []).append(one)
        assert self.now <= seconds - 30, "time does not go back"
        for at in (seconds - 30, seconds):
            for some in by_key.values():
                self.look(at, *some, **more)

    def host(self, seconds: float, status: HostStatus, name: str = "pi5") -> list[str]:
        """How a host can be reached, so many seconds after the beginning."""
        said = self.until(seconds)
        error = ErrorInfo("timeout", "no answer within 20 s") if status is HostStatus.UNREACHABLE else None
        seen = HostSeen(name, f"ssh://{name}", self.clock(), status, error, "ENGINE", "28.5.2")
        with self.store.write() as write:
            transition = record_host(write, seen, Trigger.RESYNC)
            outbox.promise(write, [transition] if transition else [], self.telling, self.clock())
        return said

    def fates(self, name: str = "chat") -> list[tuple[str, str, str | None]]:
        """What has become of every delivery to a destination: the transition's reason, the state, and why."""
        with self.store.read() as read:
            life = sorted(transitions.newest(read, limit=10_000), key=lambda one: one.id or 0)
            rows: list[tuple[Transition, Delivery]] = [
                (one, row) for one in life for row in deliveries.of_transition(read, one.id or 0)
            ]
        return [(one.reason, row.state.value, row.reason) for one, row in rows if row.destination == name]

    def change_drift(self, found: Finding, **more: Any) -> None:
        """Somebody accepts it, or the like."""
        with self.store.write() as write:
            known = drifts.get(write, found.id)
            assert known is not None
            drifts.save(write, [replace(known, **more)])

    def states(self) -> set[DeliveryState]:
        with self.store.read() as read:
            return {state for _, state in deliveries.counts(read)}

    def _render(self, bundle: Bundle) -> Message:
        self.bundles[bundle.id] = bundle
        return render(bundle)

    def _send(self, url: Secret, message: Message, recipient: str) -> Outcome:
        outcome = self.answer(url, message)
        if outcome.arrival is Arrival.ARRIVED:
            name = url.reveal().rpartition("/")[2]
            self.sent.append(Sent(self.now, name, self.bundles[message.id], message))
        return outcome


def findings(number: int, **more: Any) -> Sequence[Finding]:
    """So many drifts of one project."""
    return [finding(f"labels.{n}", **more) for n in range(number)]
