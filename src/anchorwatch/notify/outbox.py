"""Promises: what is to be told is written in the transaction of the transitions that it is about, so neither is ever lost alone.

Cheap where there is nothing to tell: a drift that begins is no news yet, and costs no statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from anchorwatch.model.drifts import Delivery, Drift, DriftState, Reason, Transition
from anchorwatch.model.findings import Finding
from anchorwatch.notify import crash, route
from anchorwatch.notify.fates import Fate
from anchorwatch.notify.fold import Key, Told, about
from anchorwatch.notify.hours import next_digest
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Reading, Writing, cursors, deliveries, drifts, hosts, transitions

_REMEMBERED = "notify"
"""The setting that says what each recipient asked for when it was last told where things stand."""


def promise(write: Writing, written: Sequence[Transition], telling: Telling, at: datetime) -> None:
    """Promises what is news of `written` to everybody whom it concerns. They must have been written in this transaction."""
    crash.point("after_transition")
    news = [one for one in written if route.no_news(one) is None]
    if not news:
        return
    if telling.lanes:
        found = _findings(write, news) if telling.looks_inside else {}
        deliveries.promise(write, tuple(_promised(news, found, telling, at)))
    for one in news:
        if one.reason == Reason.HOST_BACK:  # in one message with the word that it is back
            deliveries.wake(write, Fate.HOST_AWAY, at + telling.calm(one.host, None), host=one.host)


def stands(write: Writing, telling: Telling, at: datetime) -> None:
    """Call it at each start: where the config asks for something else than it did, what stands and was never told to somebody who
    is now to be told is promised to him, as one summary. With the same config it does nothing."""
    before = cursors.setting(write, _REMEMBERED) or {}
    now = {"/".join(lane.key): _asked(lane) for lane in telling.lanes}
    if now == before:
        return
    cursors.remember(write, _REMEMBERED, now, at)
    changed = [lane for lane in telling.lanes if before.get("/".join(lane.key)) != _asked(lane)]
    standing = {one.id: one for one in drifts.unresolved(write) if one.state is DriftState.OPEN} if changed else {}
    last = transitions.openings(write, standing)
    promises = []
    for lane in changed:
        known = _known(write, lane, last.values())
        for name, opening in last.items():
            if name not in known and route.unwanted(opening, standing[name].finding, lane) is None:
                promises.append(_summary(opening, lane, at))
    deliveries.promise(write, promises)


def reconsider(write: Writing, telling: Telling, at: datetime) -> None:
    """Call it at each start: what quiet hours, a digest or a rate limit of an earlier config holds back is judged by this one."""
    for destination in {lane.destination.name: lane.destination for lane in telling.lanes}.values():
        digest = at if destination.digest is None else next_digest(destination.digest, at)
        for reason, moment in ((Fate.QUIET, at), (Fate.RATE, at), (Fate.DIGEST, digest)):
            deliveries.hasten(write, reason, moment, destination=destination.name)


def remind(write: Writing, telling: Telling, at: datetime) -> datetime | None:
    """Promises a reminder of everything that still stands to those that ask for it and were told long enough ago. What was told
    later, but half that time ago at least, is reminded of along with it, so that one reminder stays one.

    Returns when to ask again at the latest; None: nobody asks for reminders.
    """
    lanes = [lane for lane in telling.lanes if lane.destination.remind_every is not None]
    if not lanes:
        return None
    away = out_of_reach(write)
    standing = [one for one in drifts.unresolved(write) if _stands(one, away, at)]
    last = transitions.openings(write, [one.id for one in standing])
    promises, again = [], []
    for lane in lanes:
        every = timedelta(seconds=lane.destination.remind_every or 0)
        known = told(write, lane, [one.id or 0 for one in last.values()])
        # what a clock that stood ahead has put far into the future was told long enough ago
        ages = {key: abs(at - one.at) for key, one in known.items() if one.bad and one.at is not None}
        if any(age >= every for age in ages.values()):
            aged = [known[key] for key, age in ages.items() if age >= every / 2]
            promises += [_reminder(one, lane, at) for one in aged]
        again += [at + every, *(at + every - age for age in ages.values() if age < every)]
    deliveries.promise(write, promises)
    return max(min(again), at + timedelta(minutes=1))


def told(read: Reading, lane: Lane, like: Collection[int]) -> dict[Key, Told]:
    """What a recipient believes of what the transitions `like` are about."""
    found = deliveries.last_told(read, *lane.key, like)
    of = transitions.numbered(read, [one.transition for one in found])
    return {about(of[one.transition]): _told(one, of[one.transition]) for one in found}


def out_of_reach(read: Reading) -> frozenset[str]:
    """The hosts that cannot be asked now."""
    return frozenset(name for name, span in hosts.current(read).items() if span.seen.status == "unreachable")


def _promised(news: Sequence[Transition], found: Mapping[str, Finding], telling: Telling, at: datetime) -> Iterator[Delivery]:
    for one in news:
        calm = telling.calm(one.host, one.stack)
        for lane in telling.lanes:
            yield route.promised(one, found.get(one.drift or ""), lane, calm, at)


def _findings(read: Reading, news: Sequence[Transition]) -> dict[str, Finding]:
    of = drifts.called(read, {one.drift for one in news if one.drift is not None})
    return {name: drift.finding for name, drift in of.items()}


def _told(delivery: Delivery, transition: Transition) -> Told:
    return Told(
        transition=transition,
        at=delivery.done_at,
        again_at=delivery.next_at,
        occasion=delivery.occasion,
    )


def _known(read: Reading, lane: Lane, last: Collection[Transition]) -> Collection[str | None]:
    """The drifts, of which these are the last transitions, that a recipient was told of, or is about to be."""
    believed = {one.transition.drift for one in told(read, lane, [one.id or 0 for one in last]).values() if one.bad}
    waiting = {one.transition for one in deliveries.unfinished(read, *lane.key)}
    return believed | {one.drift for one in last if one.id in waiting}


def _summary(opening: Transition, lane: Lane, at: datetime) -> Delivery:
    return Delivery(
        transition=opening.id or 0,
        destination=lane.destination.name,
        created_at=at,
        recipient=lane.recipient,
        occasion=route.SUMMARY,
        next_at=at + route.WINDOW,
    )


def _stands(drift: Drift, away: Collection[str], at: datetime) -> bool:
    accepted = drift.acceptance
    mute = accepted is not None and (accepted.until is None or at < accepted.until)
    return drift.state is DriftState.OPEN and not mute and drift.finding.host not in away


def _reminder(known: Told, lane: Lane, at: datetime) -> Delivery:
    number = int(known.occasion.removeprefix(route.REMINDER) or 0) if known.occasion.startswith(route.REMINDER) else 0
    return Delivery(
        transition=known.transition.id or 0,
        destination=lane.destination.name,
        created_at=at,
        recipient=lane.recipient,
        occasion=f"{route.REMINDER} {number + 1}",
    )


def _asked(lane: Lane) -> str:
    """What a recipient asks for, as a word that changes with it."""
    one = lane.destination
    said = repr((sorted(one.on), int(one.min_severity), [sorted(matcher.document.items()) for matcher in one.only]))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
