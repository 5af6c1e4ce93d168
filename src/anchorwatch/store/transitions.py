"""Transitions: written once, never changed, in the order in which they happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, select
from sqlalchemy.orm import Session, aliased

from anchorwatch.model.drifts import Drift, DriftState, Transition
from anchorwatch.model.findings import Severity
from anchorwatch.store import rows
from anchorwatch.store.drifts import numbers
from anchorwatch.store.tables import DriftRow, HostRow, StackRow, TransitionRow
from anchorwatch.store.transactions import Reading, Writing, batched


def add(write: Writing, transitions: Iterable[Transition]) -> Sequence[Transition]:
    """Writes them, and returns them with the IDs that they were given. A drift that one is about must have been saved before."""
    session, given = write.session, tuple(transitions)
    drifts = numbers(session, [one.drift for one in given if one.drift is not None])
    within = rows.connection(session)
    written = []
    for one in given:
        drift = None if one.drift is None else drifts[one.drift]
        if one.drift is not None and drift is None:
            raise ValueError(f"{one.drift} was not saved")
        written.append(replace(one, id=rows.add(within, TransitionRow, **_values(session, one, drift))))
    return tuple(written)


def of_drift(read: Reading, drift: str) -> Sequence[Transition]:
    """The life of a drift, from its beginning (or from as far back as is remembered)."""
    return _transitions(read, _query().where(DriftRow.name == drift).order_by(TransitionRow.id))


def numbered(read: Reading, ids: Collection[int]) -> Mapping[int, Transition]:
    """Those with these IDs, as far as they are remembered, by ID."""
    found: dict[int, Transition] = {}
    for some in batched(sorted(ids)):
        found |= {one.id: one for one in _transitions(read, _query().where(TransitionRow.id.in_(some))) if one.id is not None}
    return found


def openings(read: Reading, ids: Collection[str]) -> Mapping[str, Transition]:
    """For each of these drifts the last transition after which it was open, by the drift's ID."""
    found: dict[str, Transition] = {}
    for some in batched(sorted(ids)):
        newest = select(func.max(TransitionRow.id)).join(DriftRow, DriftRow.id == TransitionRow.drift_id)
        newest = newest.where(DriftRow.name.in_(some), TransitionRow.to_state == DriftState.OPEN.value)
        query = _query().where(TransitionRow.id.in_(newest.group_by(TransitionRow.drift_id)))
        found |= {one.drift: one for one in _transitions(read, query) if one.drift is not None}
    return found


def opened_before(read: Reading, known: Iterable[Drift]) -> Mapping[str, int]:
    """How often each of these drifts had been open before its episode, as far back as the log goes, by its ID; one that never had
    is missing. What was gone within its grace was no drift."""
    episodes = {one.id: one.episode for one in known if one.episode > 1}
    found: Counter[str] = Counter()
    for some in batched(sorted(episodes)):
        query = select(DriftRow.name, TransitionRow.episode).join(DriftRow, DriftRow.id == TransitionRow.drift_id).distinct()
        query = query.where(DriftRow.name.in_(some), TransitionRow.to_state == DriftState.OPEN.value)
        found.update(name for name, episode in read.session.execute(query) if episode < episodes[name])
    return found


def about_the_same(read: Reading, ids: Collection[int], *, since: datetime) -> Sequence[Transition]:
    """All since then that are about what one of these is about, in order."""
    other = aliased(TransitionRow)
    found: dict[int, Transition] = {}
    for some in batched(sorted(ids)):
        for same in same_thing(TransitionRow, other):
            like = select(TransitionRow.id).select_from(other).join(TransitionRow, same).where(other.id.in_(some))
            query = _query().where(TransitionRow.id.in_(like.where(TransitionRow.at >= since)))
            found |= {one.id: one for one in _transitions(read, query) if one.id is not None}
    return tuple(found[number] for number in sorted(found))


def same_thing(one: type[TransitionRow], other: type[TransitionRow]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The conditions, of which one has to hold, for two transitions to be about the same: the same drift; or no drift, and the
    same host, stack, or the repo. Two, so that each goes down an index."""
    return (
        and_(other.drift_id.is_not(None), one.drift_id == other.drift_id),
        and_(
            other.drift_id.is_(None),
            one.drift_id.is_(None),
            one.subject == other.subject,
            one.host_id.is_not_distinct_from(other.host_id),
            one.stack_id.is_not_distinct_from(other.stack_id),
        ),
    )


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


def _values(session: Session, transition: Transition, drift: int | None) -> dict[str, Any]:
    host = None if transition.host is None else rows.host_id(session, transition.host, transition.at)
    stack = None
    if transition.host is not None and transition.stack is not None:
        stack = rows.stack_id(session, transition.host, transition.stack, transition.at)
    return {
        "subject": transition.subject,
        "host_id": host,
        "stack_id": stack,
        "drift_id": drift,
        "check_id": transition.check,
        "at": transition.at,
        "since_at": transition.since_at,
        "from_state": transition.from_state,
        "to_state": transition.to_state,
        "reason": transition.reason,
        "episode": transition.episode,
        "severity": None if transition.severity is None else int(transition.severity),
        "desired": transition.desired,
        "observed": transition.observed,
        "side": transition.side,
        "trigger": transition.trigger,
        "cause": transition.cause,
    }


def _query() -> Select[str, str, str, TransitionRow]:
    return (
        select(HostRow.name, StackRow.name, DriftRow.name, TransitionRow)
        .select_from(TransitionRow)
        .outerjoin(HostRow, HostRow.id == TransitionRow.host_id)
        .outerjoin(StackRow, StackRow.id == TransitionRow.stack_id)
        .outerjoin(DriftRow, DriftRow.id == TransitionRow.drift_id)
    )


def _transitions(read: Reading, query: Select[str, str, str, TransitionRow]) -> Sequence[Transition]:
    return tuple(from_row(*found) for found in read.session.execute(query))


def from_row(host: str | None, stack: str | None, drift: str | None, row: TransitionRow) -> Transition:
    """For this room: a row, and the names of what it points to."""
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
