"""Transitions: written once, never changed, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from anchorwatch.model.drifts import Transition
from anchorwatch.model.findings import Severity
from anchorwatch.store import rows
from anchorwatch.store.tables import DriftRow, HostRow, StackRow, TransitionRow
from anchorwatch.store.transactions import Reading, Writing


def add(write: Writing, transitions: Iterable[Transition]) -> Sequence[Transition]:
    """Writes them, and returns them with the IDs that they were given. A drift that one is about must have been saved before."""
    session = write.session
    written = []
    for transition in transitions:
        row = _row(session, transition)
        session.add(row)
        session.flush()
        written.append(replace(transition, id=row.id))
    return tuple(written)


def of_drift(read: Reading, drift: str) -> Sequence[Transition]:
    """The life of a drift, from its beginning (or from as far back as is remembered)."""
    return _transitions(read, _query().where(DriftRow.name == drift).order_by(TransitionRow.id))


def newest(
    read: Reading,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    host: str | None = None,
    stack: tuple[str, str] | None = None,
    before: Transition | None = None,
    limit: int = 100,
) -> Sequence[Transition]:
    """The newest first, from `since` on and before `until`, of a host or of a stack (its host and name).

    To go on, hand over the last one as `before`.
    """
    query = _query().order_by(TransitionRow.at.desc(), TransitionRow.id.desc()).limit(limit)
    if since is not None:
        query = query.where(TransitionRow.at >= since)
    if until is not None:
        query = query.where(TransitionRow.at < until)
    if host is not None:
        of_host = rows.host(read.session, host)
        query = query.where(false() if of_host is None else TransitionRow.host_id == of_host.id)
    if stack is not None:
        of_stack = rows.stack(read.session, *stack)
        query = query.where(false() if of_stack is None else TransitionRow.stack_id == of_stack.id)
    if before is not None:
        earlier = (TransitionRow.at < before.at) | ((TransitionRow.at == before.at) & (TransitionRow.id < before.id))
        query = query.where(TransitionRow.at <= before.at, earlier)
    return _transitions(read, query)


def _row(session: Session, transition: Transition) -> TransitionRow:
    drift = None if transition.drift is None else session.scalars(select(DriftRow).where(DriftRow.name == transition.drift)).one()
    host = None if transition.host is None else rows.make_host(session, transition.host, transition.at)
    stack = None
    if transition.host is not None and transition.stack is not None:
        stack = rows.make_stack(session, transition.host, transition.stack, transition.at)
    return TransitionRow(
        subject=transition.subject,
        host_id=host.id if host else None,
        stack_id=stack.id if stack else None,
        drift_id=drift.id if drift else None,
        check_id=transition.check,
        at=transition.at,
        since_at=transition.since_at,
        from_state=transition.from_state,
        to_state=transition.to_state,
        reason=transition.reason,
        episode=transition.episode,
        severity=None if transition.severity is None else int(transition.severity),
        desired=transition.desired,
        observed=transition.observed,
        side=transition.side,
        trigger=transition.trigger,
        cause=transition.cause,
    )


def _query() -> Select[str, str, str, TransitionRow]:
    return (
        select(HostRow.name, StackRow.name, DriftRow.name, TransitionRow)
        .select_from(TransitionRow)
        .outerjoin(HostRow, HostRow.id == TransitionRow.host_id)
        .outerjoin(StackRow, StackRow.id == TransitionRow.stack_id)
        .outerjoin(DriftRow, DriftRow.id == TransitionRow.drift_id)
    )


def _transitions(read: Reading, query: Select[str, str, str, TransitionRow]) -> Sequence[Transition]:
    return tuple(_transition(*found) for found in read.session.execute(query))


def _transition(host: str | None, stack: str | None, drift: str | None, row: TransitionRow) -> Transition:
    return Transition(
        subject=row.subject,
        at=row.at,
        from_state=row.from_state,
        to_state=row.to_state,
        reason=row.reason,
        host=host,
        stack=stack,
        drift=drift,
        since_at=row.since_at,
        episode=row.episode,
        severity=None if row.severity is None else Severity(row.severity),
        desired=row.desired,
        observed=row.observed,
        side=row.side,
        trigger=row.trigger,
        check=row.check_id,
        cause=row.cause,
        id=row.id,
    )
