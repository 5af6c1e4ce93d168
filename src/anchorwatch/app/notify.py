"""Messages, for the command line: one test message to each destination, and what today's config would have sent."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.errors import UsageError
from anchorwatch.model.drifts import Drift, DriftState, Subject, Transition
from anchorwatch.model.messages import Arrival, Bundle, Message, Outcome
from anchorwatch.model.report import HostStatus
from anchorwatch.model.service import ServiceSettings
from anchorwatch.model.values import Secret

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.notify.telling import Telling
    from anchorwatch.store import Store, Writing

MOST_TRANSITIONS = 20_000
"""So much of the past is played again at most: the newest."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test message."""

    destination: str
    recipient: str
    arrived: bool
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that would have been sent."""

    at: datetime
    destination: str
    occasion: str
    title: str
    text: str


@dataclass(slots=True)
class Foretold:
    """What would have been sent, in order, and why the rest would not have been."""

    transitions: int = 0
    messages: list[Letter] = field(default_factory=list)
    fates: Mapping[str, int] = field(default_factory=dict)
    """How many deliveries, by the reason for which they were not made."""


def try_destinations(settings: ServiceSettings, names: Sequence[str], now: datetime) -> Sequence[Tried]:
    """Sends a test message to each destination, or to those named. Raises `UsageError` for a name that is none."""
    from anchorwatch.model.times import local_zone
    from anchorwatch.notify import samples
    from anchorwatch.notify.again import message_id
    from anchorwatch.notify.render import render
    from anchorwatch.notify.send import Sender
    from anchorwatch.notify.words import Tongue

    known = {one.name: one for one in settings.destinations}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no destination {name!r}", hint=f"the config has: {', '.join(known) or 'none'}")
    wanted = [one for one in settings.destinations if not names or one.name in names]
    if not wanted:
        raise UsageError("the config has no destinations", hint="docs/notifications.md shows how to write one")
    sender = Sender()
    tongue = Tongue(link=settings.base_url, zone=local_zone(os.environ))
    sample = samples.bundles()["a test"]
    tried = []
    for destination, examined in zip(wanted, sender.examine([one.url for one in wanted]), strict=True):
        for recipient in examined.recipients or ("",):
            if examined.problem is not None:
                tried.append(Tried(destination.name, recipient, False, examined.problem))
                continue
            bundle = replace(
                sample, id=message_id("test", now, random.random), destination=destination.name, recipient=recipient, at=now
            )
            outcome = sender.send(destination.url, render(bundle, tongue), recipient)
            tried.append(Tried(destination.name, recipient, outcome.arrival is Arrival.ARRIVED, outcome.said))
    return tried


def foretell(config: Config, since: datetime, now: datetime) -> Foretold:
    """What today's config would have sent of what has happened since then: played again by the same code, in virtual time."""
    from anchorwatch.notify.telling import Telling
    from anchorwatch.store import Store, drifts, transitions

    settings = config.service()
    if not settings.destinations:
        raise UsageError("the config has no destinations", hint="docs/notifications.md shows how to write one")
    with Store.open_to_read(config.database.reveal()) as store, store.read() as read:
        life = sorted(transitions.newest(read, since=since, limit=MOST_TRANSITIONS), key=lambda one: one.id or 0)
        known = drifts.called(read, {one.drift for one in life if one.drift is not None})
    with tempfile.TemporaryDirectory(prefix="anchorwatch-preview-") as folder:
        url = f"sqlite:///{folder}/preview.db"
        with Store.open(url, at=since, who="anchorwatch notify preview", state_folder=Path(folder)) as apart:
            return _Stage(apart, Telling.of(settings), since).play(life, known, now)


class _Stage:
    """A database of its own, and a clock that goes where it is told."""

    def __init__(self, store: Store, telling: Telling, begin: datetime) -> None:
        from anchorwatch.notify.dispatch import Dispatcher

        self._store, self._telling, self._now = store, telling, begin
        self._bundles: dict[str, Bundle] = {}
        self._found = Foretold()
        self._dispatcher = Dispatcher(
            store, telling, self._render, self._send, clock=lambda: self._now, start=lambda name, job: job()
        )

    def play(self, life: Sequence[Transition], known: Mapping[str, Drift], now: datetime) -> Foretold:
        from anchorwatch.notify import outbox
        from anchorwatch.store import transitions

        for one in life:
            self._until(one.at)
            with self._store.write() as write:
                _set(write, one, known)
                written = transitions.add(write, [replace(one, check=None, id=None)])
                outbox.promise(write, written, self._telling, self._now)
        self._until(max(now, self._now))
        self._found.transitions = len(life)
        self._found.fates = self._not_sent()
        return self._found

    def _until(self, at: datetime) -> None:
        while True:
            again = self._dispatcher.turn(self._now)
            if again is None or again > at:
                break
            self._now = max(again, self._now)
        self._now = max(at, self._now)

    def _render(self, bundle: Bundle) -> Message:
        from anchorwatch.notify.render import render

        self._bundles[bundle.id] = bundle
        return render(bundle)

    def _send(self, url: Secret, message: Message, recipient: str) -> Outcome:
        bundle = self._bundles.pop(message.id)
        self._found.messages.append(Letter(self._now, bundle.destination, bundle.occasion.value, message.title, message.text))
        return Outcome(Arrival.ARRIVED)

    def _not_sent(self) -> Mapping[str, int]:
        from anchorwatch.store import deliveries

        with self._store.read() as read:
            return Counter(deliveries.reasons(read))


def _set(write: Writing, one: Transition, known: Mapping[str, Drift]) -> None:
    """The world as a transition leaves it."""
    from anchorwatch.model.timeline import HostSeen
    from anchorwatch.store import drifts, hosts

    if one.subject is Subject.HOST and one.host is not None:
        hosts.record(write, HostSeen(one.host, "", one.at, HostStatus(one.to_state)))
    drift = known.get(one.drift or "")
    if drift is None:
        return
    state = DriftState(one.to_state)
    finding = replace(drift.finding, desired=one.desired, observed=one.observed, severity=one.severity or drift.finding.severity)
    began = one.since_at or one.at
    drifts.save(
        write,
        [
            replace(
                drift,
                finding=finding,
                state=state,
                appeared_at=began,
                changed_at=max(one.at, began),
                opens_at=one.at + timedelta(days=1) if state is DriftState.PENDING else None,
                opened_at=one.at if state is DriftState.OPEN else None,
                resolved_at=one.at if state is DriftState.RESOLVED else None,
                episode=one.episode,
                side=one.side or drift.side,
                cause=one.cause,
                acceptance=None,
            )
        ],
    )
