"""The outbox: deliveries are promised with their transition, claimed before they are handed over, and settled after.

A claim is committed before anything is sent. Who dies between the two leaves `sending`: nobody knows whether it arrived, so it is
sent again, with the message's ID as it was (at least once, never silently lost).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, or_, select, update

from anchorwatch.model.drifts import Delivery, DeliveryState
from anchorwatch.store.tables import DeliveryRow
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading, Writing

WAITING = (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.RETRY)
FINISHED = (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.SKIPPED)


def promise(write: Writing, deliveries: Iterable[Delivery]) -> Sequence[Delivery]:
    """Writes them, in the transaction of their transitions. One that was promised before (transition, destination, recipient,
    occasion) is left as it is, and not returned."""
    session = write.session
    written = []
    for delivery in deliveries:
        same = select(DeliveryRow.id).where(
            DeliveryRow.transition_id == delivery.transition,
            DeliveryRow.destination == label(delivery.destination),
            DeliveryRow.recipient == label(delivery.recipient),
            DeliveryRow.occasion == label(delivery.occasion),
        )
        if session.scalar(same) is not None:
            continue
        row = DeliveryRow(
            transition_id=delivery.transition,
            destination=delivery.destination,
            recipient=delivery.recipient,
            occasion=delivery.occasion,
            state=delivery.state,
            reason=delivery.reason,
            attempt=delivery.attempt,
            created_at=delivery.created_at,
            next_at=delivery.next_at or delivery.created_at,
            claimed_at=delivery.claimed_at,
            done_at=delivery.done_at,
            message=delivery.message,
            error=delivery.error,
        )
        session.add(row)
        session.flush()
        written.append(replace(delivery, id=row.id, next_at=row.next_at))
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
) -> None:
    """Says what became of them. `next_at` is for those that are to be tried (again) later."""
    write.session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(ids), DeliveryRow.state.not_in(FINISHED))
        .values(state=state, next_at=next_at, reason=reason, error=error, done_at=moment if state in FINISHED else None)
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
