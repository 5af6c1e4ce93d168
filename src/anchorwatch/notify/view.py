"""What the outbox says of one recipient, gathered: for the plan (`calm.View`), and for the message (`Bundle`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.model.drifts import Delivery, DeliveryState, Drift, DriftState, Subject, Transition
from anchorwatch.model.messages import Bundle, Item, Occasion
from anchorwatch.notify import again, outbox
from anchorwatch.notify.calm import View
from anchorwatch.notify.fates import Fate
from anchorwatch.notify.fold import FLAPPING_WITHIN, Key, Turns, Waiting, about
from anchorwatch.notify.telling import Lane
from anchorwatch.store import Reading, deliveries, drifts, silences, transitions


def view_of(read: Reading, lane: Lane, waiting: Sequence[Delivery], now: datetime) -> View:
    """Everything that the plan of a recipient rests on. `waiting` is what no message carries yet."""
    of = transitions.numbered(read, {one.transition for one in waiting})
    now_drifts = drifts.called(read, {one.drift for one in of.values() if one.drift is not None})
    limit = lane.destination.rate_limit
    per = timedelta(seconds=limit.per)
    sent = deliveries.sent_between(read, *lane.key, now - per, now)
    return View(
        lane=lane,
        waiting=tuple(_waiting(one, of[one.transition], now_drifts) for one in waiting),
        told=outbox.told(read, lane, of.keys()),
        turns=_turns(read, of.values(), now_drifts, now),
        away=outbox.out_of_reach(read),
        silences=silences.in_force(read, now),
        free_at=sent[-limit.messages] + per if len(sent) >= limit.messages else None,
    )


def bundle_of(read: Reading, lane: Lane, message: str, rows: Sequence[Delivery], now: datetime, *, lost: int) -> Bundle:
    """The message as it stands now; made anew for each attempt, under the same ID."""
    occasion, calmed = again.made_for(message)
    of = transitions.numbered(read, {one.transition for one in rows})
    now_drifts = drifts.called(read, {one.drift for one in of.values() if one.drift is not None})
    turns = _turns(read, of.values(), now_drifts, now) if occasion is Occasion.FLAPPING else {}
    often = transitions.opened_before(read, now_drifts.values())
    items = []
    things: dict[Key, list[Delivery]] = {}
    for one in rows:
        things.setdefault(about(of[one.transition]), []).append(one)
    for *before, row in things.values():  # before the last of it may be the end of an acceptance
        transition = of[row.transition]
        drift = now_drifts.get(transition.drift or "")
        behind = _behind(transition, drift)
        over = of[before[-1].transition] if before else None
        ids = tuple(one.id or 0 for one in (*before, row))
        before_it = often.get(transition.drift or "", 0)
        item = Item(transition, drift, ids, frozen=_frozen(read, transition), commits_behind=behind, before=before_it, over=over)
        if occasion is Occasion.FLAPPING and not calmed:
            item = replace(item, times=max(1, turns[about(transition)].lately(now)))
        items.append(item)
    left_out = sum(one.state is DeliveryState.SKIPPED for one in deliveries.of_message(read, message))
    return Bundle(
        id=message,
        destination=lane.destination.name,
        recipient=lane.recipient,
        occasion=occasion,
        at=now,
        items=tuple(items),
        left_out=left_out,
        lost=lost,
        repeat=any(one.reason == Fate.DOUBTFUL for one in rows),
    )


def _waiting(delivery: Delivery, transition: Transition, now_drifts: Mapping[str, Drift]) -> Waiting:
    return Waiting(delivery, transition, now_drifts.get(transition.drift or ""))


def _turns(read: Reading, of: Collection[Transition], now_drifts: Mapping[str, Drift], now: datetime) -> Mapping[Key, Turns]:
    lately = transitions.about_the_same(read, {one.id or 0 for one in of}, since=now - FLAPPING_WITHIN)
    found: dict[Key, list[Transition]] = {}
    for one in lately:
        found.setdefault(about(one), []).append(one)
    return {key: Turns.of(some, now_drifts.get(some[0].drift or "")) for key, some in found.items()}


def _behind(transition: Transition, drift: Drift | None) -> int | None:
    """How many commits had not been rolled out when it was found, as far as the cause says so."""
    cause = (drift.cause if drift is not None else None) or transition.cause or {}
    behind = cause.get("behind")
    return behind if isinstance(behind, int) else None


def _frozen(read: Reading, transition: Transition) -> int:
    """How many drifts of a host cannot be judged while it is out of reach."""
    if transition.subject is not Subject.HOST or transition.to_state != "unreachable":
        return 0
    return sum(one.state is DriftState.OPEN for one in drifts.unresolved(read, transition.host))
