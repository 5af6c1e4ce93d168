"""The outbox: deliveries are promised with their transition, claimed before they are handed over, and settled after.

A claim is committed before anything is sent. Who dies between the two leaves `sending`: nobody knows whether it arrived, so it is
sent again, with the message's ID as it was (at least once, never silently lost).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Select, and_, func, or_, select, type_coerce, update
from sqlalchemy.orm import aliased

from anchorwatch.model.drifts import Delivery, DeliveryState
from anchorwatch.store import rows, transitions
from anchorwatch.store.tables import DeliveryRow, HostRow, TransitionRow
from anchorwatch.store.tables.columns import MICROSECOND, Instant, label
from anchorwatch.store.tables.drifts import UNFINISHED
from anchorwatch.store.transactions import Reading, Writing, batched

WAITING = (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.RETRY)
FINISHED = (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.SKIPPED)


def promise(write: Writing, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Writes them, in the transaction of their transitions, with one statement. One that was promised before (transition,
    destination, recipient, occasion) is left as it is, and not returned."""
    written: list[Delivery] = []
    for some in batched(deliveries):
        by_place = {_place(one): one for one in some}
        found = write.session.execute(_insert(write), [_values(one) for one in some])
        new = {tuple(place): number for number, *place in found}
        written += [
            replace(one, id=new[place], next_at=one.next_at or one.created_at) for place, one in by_place.items() if place in new
        ]
    return tuple(written)


def waiting(read: Reading, moment: datetime, *, limit: int = 1000) -> Sequence[Delivery]:
    """Those whose time has come, the oldest transition first."""
    query = select(DeliveryRow).where(DeliveryRow.state.in_(WAITING), DeliveryRow.next_at <= moment)
    return _deliveries(read, query.order_by(DeliveryRow.transition_id, DeliveryRow.id).limit(limit))


def claim(write: Writing, ids: Collection[int], message: str, moment: datetime) -> Collection[int]:
    """Takes them for one message, and returns the IDs of those that were still to be had. Commit before anything is sent."""
    return frozenset(
        write.session.scalars(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(ids), DeliveryRow.state.in_(WAITING))
            .where(or_(DeliveryRow.message.is_(None), DeliveryRow.message == message))
            .values(state=DeliveryState.SENDING, claimed_at=moment, attempt=DeliveryRow.attempt + 1, message=message)
            .returning(DeliveryRow.id)
            .execution_options(synchronize_session=False)
        )
    )


def settle(
    write: Writing,
    ids: Collection[int],
    state: DeliveryState,
    moment: datetime,
    *,
    next_at: datetime | None = None,
    reason: str | None = None,
    error: str | None = None,
    message: str | None = None,
) -> None:
    """Says what became of them. `next_at` is for those that are to be tried (again) later; `message` is for those that a message
    leaves out."""
    values = {"state": state, "next_at": next_at, "reason": reason, "error": error}
    values |= {} if message is None else {"message": message}
    for some in batched(sorted(ids)):
        write.session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(some), DeliveryRow.state.not_in(FINISHED))
            .values(**values, done_at=moment if state in FINISHED else None)
            .execution_options(synchronize_session=False)
        )


def take_back(write: Writing, moment: datetime) -> int:
    """After a crash: what was handed over and not settled is to be sent again, as the message it was. Returns how many."""
    found = write.session.scalars(
        update(DeliveryRow)
        .where(DeliveryRow.state == DeliveryState.SENDING)
        .values(state=DeliveryState.RETRY, next_at=moment, reason="handed over, and not known to have arrived")
        .returning(DeliveryRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(found.all())


def of_transition(read: Reading, transition: int) -> Sequence[Delivery]:
    """Everything that was promised for a transition."""
    return _deliveries(read, select(DeliveryRow).where(DeliveryRow.transition_id == transition).order_by(DeliveryRow.id))


def of_transitions(read: Reading, transitions: Sequence[int]) -> Sequence[Delivery]:
    """Everything that was promised for some transitions, in the order in which it was."""
    query = select(DeliveryRow).where(DeliveryRow.transition_id.in_(transitions))
    return _deliveries(read, query.order_by(DeliveryRow.transition_id, DeliveryRow.id))


def lanes_due(read: Reading, moment: datetime) -> Collection[tuple[str, str]]:
    """The recipients, each with its destination, for whom the time of something has come."""
    query = select(DeliveryRow.destination, DeliveryRow.recipient).where(_WAITS, DeliveryRow.next_at <= moment).distinct()
    return {(destination, recipient) for destination, recipient in read.session.execute(query)}


def next_at(read: Reading, after: datetime) -> datetime | None:
    """When the time of something comes, after that moment; None: nothing waits."""
    return read.session.scalar(select(func.min(DeliveryRow.next_at)).where(_WAITS, DeliveryRow.next_at > after))


def unfinished(read: Reading, destination: str, recipient: str, *, limit: int = 5000) -> Sequence[Delivery]:
    """What is still to be told to a recipient, in the order in which it was promised."""
    query = select(DeliveryRow).where(UNFINISHED)
    query = query.where(DeliveryRow.destination == label(destination), DeliveryRow.recipient == label(recipient))
    return _deliveries(read, query.order_by(DeliveryRow.id).limit(limit))


def of_message(read: Reading, message: str) -> Sequence[Delivery]:
    """What goes, or went, out together."""
    return _deliveries(read, select(DeliveryRow).where(DeliveryRow.message == label(message)).order_by(DeliveryRow.id))


def last_told(read: Reading, destination: str, recipient: str, like: Collection[int]) -> Sequence[Delivery]:
    """For each thing that one of the transitions `like` is about, the last delivery that decides what the recipient believes of
    it: one that has arrived, or is under way."""
    told = or_(
        DeliveryRow.state.in_((DeliveryState.SENT, DeliveryState.SENDING)),
        and_(DeliveryRow.state == DeliveryState.RETRY, DeliveryRow.message.is_not(None)),
    )
    other = aliased(TransitionRow)
    found: dict[int, Delivery] = {}
    for some in batched(sorted(like)):
        for same in transitions.same_thing(TransitionRow, other):
            newest = (
                select(func.max(DeliveryRow.id))
                .select_from(other)
                .join(TransitionRow, same)
                .join(DeliveryRow, DeliveryRow.transition_id == TransitionRow.id)
                .where(other.id.in_(some), told)
                .where(DeliveryRow.destination == label(destination), DeliveryRow.recipient == label(recipient))
                .group_by(other.id)
            )
            for one in _deliveries(read, select(DeliveryRow).where(DeliveryRow.id.in_(newest))):
                found[one.id or 0] = one
    return tuple(found.values())


def sent_between(read: Reading, destination: str, recipient: str, since: datetime, until: datetime) -> Sequence[datetime]:
    """When messages to a recipient went out after `since`, until then, the oldest first."""
    at = func.max(DeliveryRow.done_at)
    query = select(at).where(DeliveryRow.destination == label(destination), DeliveryRow.state == DeliveryState.SENT)
    query = query.where(DeliveryRow.done_at > since, DeliveryRow.done_at <= until, DeliveryRow.recipient == label(recipient))
    return tuple(read.session.scalars(query.group_by(DeliveryRow.message).order_by(at)))


def move(write: Writing, by: timedelta) -> None:
    """The time of day was set by so much: what waits, waits for as long as it was to."""
    moved = {
        column.key: type_coerce(type_coerce(column, BigInteger) + by // MICROSECOND, Instant)
        for column in (DeliveryRow.created_at, DeliveryRow.next_at)
    }
    write.session.execute(update(DeliveryRow).where(UNFINISHED).values(moved).execution_options(synchronize_session=False))


def wake(write: Writing, reason: str, moment: datetime, *, host: str | None = None) -> None:
    """What is held for that reason, of one host or of all, is looked at again at that moment."""
    held = update(DeliveryRow).where(DeliveryRow.state == DeliveryState.HELD, DeliveryRow.reason == reason)
    if host is not None:
        of_host = select(TransitionRow.id).join(HostRow, HostRow.id == TransitionRow.host_id).where(HostRow.name == label(host))
        held = held.where(DeliveryRow.transition_id.in_(of_host))
    write.session.execute(held.values(next_at=moment).execution_options(synchronize_session=False))


def hasten(write: Writing, reason: str, moment: datetime, *, destination: str) -> None:
    """What a destination is not told yet for that reason is looked at again at that moment, if that is earlier."""
    held = update(DeliveryRow).where(DeliveryRow.state == DeliveryState.HELD, DeliveryRow.reason == reason)
    held = held.where(DeliveryRow.destination == label(destination), DeliveryRow.next_at > moment)
    write.session.execute(held.values(next_at=moment).execution_options(synchronize_session=False))


def unsaid(read: Reading, destination: str, recipient: str, said: str) -> Collection[str]:
    """The messages to a recipient that were given up, and of which no later one has told: their reason does not end on `said`."""
    query = select(DeliveryRow.message).where(DeliveryRow.state == DeliveryState.DEAD, DeliveryRow.message.is_not(None))
    query = query.where(DeliveryRow.destination == label(destination), DeliveryRow.recipient == label(recipient))
    return frozenset(one for one in read.session.scalars(query.where(DeliveryRow.reason.not_like(f"%{said}")).distinct()) if one)


def given_up(read: Reading, said: str) -> Mapping[str, int]:
    """How many messages were given up, and no later one has told of them (see `unsaid`), by destination."""
    query = select(DeliveryRow.destination, func.count(DeliveryRow.message.distinct())).group_by(DeliveryRow.destination)
    query = query.where(DeliveryRow.state == DeliveryState.DEAD, DeliveryRow.reason.not_like(f"%{said}"))
    return dict(read.session.execute(query.order_by(DeliveryRow.destination)).all())


def say(write: Writing, messages: Collection[str], said: str) -> None:
    """A later message has told that these were given up."""
    write.session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.message.in_(messages), DeliveryRow.state == DeliveryState.DEAD)
        .values(reason=DeliveryRow.reason + said)
        .execution_options(synchronize_session=False)
    )


def counts(read: Reading, states: Collection[DeliveryState] = tuple(DeliveryState)) -> Mapping[tuple[str, DeliveryState], int]:
    """How many deliveries there are, by destination and what they have come to."""
    query = select(DeliveryRow.destination, DeliveryRow.state, func.count()).group_by(DeliveryRow.destination, DeliveryRow.state)
    found = read.session.execute(query.where(DeliveryRow.state.in_(states)))
    return {(destination, state): number for destination, state, number in found}


def reasons(read: Reading) -> Mapping[str, int]:
    """How many deliveries were not made, or not yet, by the reason."""
    query = select(DeliveryRow.reason, func.count())
    query = query.where(DeliveryRow.state != DeliveryState.SENT, DeliveryRow.reason.is_not(None))
    return {reason: number for reason, number in read.session.execute(query.group_by(DeliveryRow.reason)) if reason is not None}


_WAITS = and_(UNFINISHED, DeliveryRow.state.in_(WAITING))
"""With the words of the index, so that a database sees that it covers them."""


def _insert(write: Writing) -> Any:
    columns = rows.table(DeliveryRow).c
    place = columns.transition_id, columns.destination, columns.recipient, columns.occasion
    return rows.insert_new(DeliveryRow, write.session.get_bind().dialect.name).returning(columns.id, *place)


def _place(delivery: Delivery) -> tuple[Any, ...]:
    return delivery.transition, label(delivery.destination), label(delivery.recipient), label(delivery.occasion)


def _values(delivery: Delivery) -> dict[str, Any]:
    return {
        "transition_id": delivery.transition,
        "destination": delivery.destination,
        "recipient": delivery.recipient,
        "occasion": delivery.occasion,
        "state": delivery.state,
        "reason": delivery.reason,
        "attempt": delivery.attempt,
        "created_at": delivery.created_at,
        "next_at": delivery.next_at or delivery.created_at,
        "claimed_at": delivery.claimed_at,
        "done_at": delivery.done_at,
        "message": delivery.message,
        "error": delivery.error,
    }


def _deliveries(read: Reading, query: Select[DeliveryRow]) -> Sequence[Delivery]:
    return tuple(
        Delivery(
            transition=row.transition_id,
            destination=row.destination,
            created_at=row.created_at,
            recipient=row.recipient,
            occasion=row.occasion,
            state=row.state,
            reason=row.reason,
            attempt=row.attempt,
            next_at=row.next_at,
            claimed_at=row.claimed_at,
            done_at=row.done_at,
            message=row.message,
            error=row.error,
            id=row.id,
        )
        for row in read.session.scalars(query)
    )
