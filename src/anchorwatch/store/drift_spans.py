"""How each drift was from when to when, while it was not resolved: what was known of it at any moment.

What held at a moment is found by `rank`. A span of rank r lasts less than 4^r microseconds, so of each rank only those can hold
at a moment that began less than 4^r microseconds before it: a short piece of the index (rank, valid_from). Rank 0 is for spans
that have not ended. What is read in vain is at most what one or two moments nearby would find, whether the history has a
thousand spans or ten million (docs/decisions/0010-what-held-at-a-moment.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, or_, select, type_coerce, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from anchorwatch.model.drifts import NO_PROJECT, Acceptance, Drift, DriftState
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.model.values import JsonObject
from anchorwatch.store import rows
from anchorwatch.store.drifts import as_stored, numbers
from anchorwatch.store.tables import DriftRow, DriftSpanRow, HostRow, ProjectRow, StackRow
from anchorwatch.store.tables.columns import MICROSECOND, Instant, label
from anchorwatch.store.transactions import Reading, Writing

SHORTEST = 10
"""The rank of whatever lasts no longer than a second."""

LONGEST = 26
"""The rank of a century."""


def rank_of(lasted: timedelta) -> int:
    """The rank of a span that has ended: the smallest power of four that is more microseconds than it lasted."""
    bits = (lasted // MICROSECOND).bit_length()
    return min(max(SHORTEST, (bits + 1) // 2), LONGEST)


def record(write: Writing, drifts: Iterable[Drift], at: datetime) -> None:
    """Remembers how drifts are from `at` on. They must have been saved; those that are as they were cost a look.

    A drift that is changed twice at one moment is remembered as it was last.
    """
    session = write.session
    stored = (replace(drift, finding=as_stored(drift.finding)) for drift in drifts)
    found = {drift.id: drift for drift in stored}
    if not found:
        return
    ids = {name: number for name, number in numbers(session, found).items() if number is not None}
    known = _still(session, [number for number in ids.values() if number not in rows.known(session).spanless])
    for name, drift in found.items():
        row, moment = known.get(ids[name]), drift.resolved_at or at
        if row is None:
            if drift.state is not DriftState.RESOLVED:
                _begin(session, _row(ids[name], drift, moment))
        elif drift.state is DriftState.RESOLVED:
            _end(session, row, moment)
        elif _is_opened(row, drift):
            row.open_from = max(at, row.valid_from)
            _change(session, row)
        elif not _is_same(row, drift):
            if row.valid_from >= at:
                _fill(row, drift)
                row.open_from = row.valid_from if drift.state is DriftState.OPEN else None
                _change(session, row)
            else:
                _end(session, row, at)
                _begin(session, _row(ids[name], drift, at))


_SPANS = rows.table(DriftSpanRow)
_STILL = select(_SPANS).where(_SPANS.c.drift_id.in_(bindparam("numbers", expanding=True)), _SPANS.c.valid_to.is_(None))
_CHANGE = update(_SPANS).where(_SPANS.c.id == bindparam("row"))


def _still(session: Session, numbers: Collection[int]) -> dict[int, DriftSpanRow]:
    """The spans of these drifts that have not ended, by the drifts' numbers. The session knows nothing of these rows."""
    if not numbers:
        return {}
    found = rows.connection(session).execute(_STILL, {"numbers": numbers}).mappings()
    return {one["drift_id"]: DriftSpanRow(**one) for one in found}


def _begin(session: Session, row: DriftSpanRow) -> None:
    rows.known(session).spanless.discard(row.drift_id)
    rows.add(rows.connection(session), DriftSpanRow, **_values(row))


def _change(session: Session, row: DriftSpanRow) -> None:
    rows.connection(session).execute(_CHANGE, _values(row) | {"row": row.id})


def _values(row: DriftSpanRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _SPANS.c if column.name != "id"}


def at(read: Reading, moment: datetime, host: str | None = None) -> Sequence[Drift]:
    """What was pending or open at that moment, on one host or on all, as it was then; the oldest first.

    What no report shows is not kept: when it was to open, and the revision it was seen at.
    """
    query = _query().where(HOLDS).order_by(DriftSpanRow.appeared_at, DriftRow.id)
    if host is not None:
        query = query.where(HostRow.name == label(host))
    return tuple(_drift(moment, *found) for found in read.session.execute(query, holding(moment)))


def of_drift(read: Reading, drift: str, *, limit: int = 1000) -> Sequence[tuple[datetime, datetime | None, Drift]]:
    """How a drift was from when to when, the newest first; each as it was when it was over (or is now)."""
    query = _query().where(DriftRow.name == drift).order_by(DriftSpanRow.valid_from.desc()).limit(limit)
    found = read.session.execute(query)
    return tuple((row[3].valid_from, row[3].valid_to, _drift(row[3].valid_to, *row)) for row in found)


def _holds() -> ColumnElement[bool]:
    def of_rank(rank: int) -> ColumnElement[bool]:
        began = and_(DriftSpanRow.rank == rank, DriftSpanRow.valid_from <= _MOMENT)
        return began if rank == 0 else and_(began, DriftSpanRow.valid_from > bindparam(f"before_{rank}", type_=Instant))

    ranks: Iterator[ColumnElement[bool]] = (of_rank(rank) for rank in (0, *range(SHORTEST, LONGEST + 1)))
    return and_(or_(*ranks), or_(DriftSpanRow.valid_to.is_(None), DriftSpanRow.valid_to > _MOMENT))


_MOMENT = bindparam("moment", type_=Instant)
HOLDS = _holds()
"""For this room: what a span that held at a moment fulfils, in words that the index answers; with `holding`."""


def holding(moment: datetime) -> dict[str, datetime]:
    """For this room: the parameters of `HOLDS`."""
    before = {f"before_{rank}": moment - 4**rank * MICROSECOND for rank in range(SHORTEST, LONGEST + 1)}
    return {"moment": moment, **before}


def caused(cause: InstrumentedAttribute[JsonObject | None], kind: str) -> ColumnElement[bool]:
    """For this room: that a cause is of a kind, by the text of the document, which is canonical (`store/documents.py`)."""
    text = type_coerce(cause, Text).contains(f'"kind":"{kind}"', autoescape=True)
    return or_(text, cause.is_(None)) if kind == "unknown" else text


def _end(session: Session, row: DriftSpanRow, moment: datetime) -> None:
    row.valid_to = rows.after(moment, row.valid_from)
    row.rank = rank_of(row.valid_to - row.valid_from)
    _change(session, row)


def _row(number: int, drift: Drift, moment: datetime) -> DriftSpanRow:
    row = DriftSpanRow(drift_id=number, valid_from=moment, rank=0)
    row.open_from = moment if drift.state is DriftState.OPEN else None
    _fill(row, drift)
    return row


def _fill(row: DriftSpanRow, drift: Drift) -> None:
    finding, acceptance = drift.finding, drift.acceptance
    row.appeared_at, row.episode, row.side, row.cause = drift.appeared_at, drift.episode, drift.side, drift.cause
    row.container, row.severity, row.message = finding.container, int(finding.severity), finding.message
    row.desired, row.observed, row.fix = finding.desired, finding.observed, finding.fix
    row.accepted_at = acceptance.at if acceptance else None
    row.accepted_until = acceptance.until if acceptance else None


def _is_opened(row: DriftSpanRow, drift: Drift) -> bool:
    """Whether nothing has changed but that the grace is over."""
    return row.open_from is None and drift.state is DriftState.OPEN and _told(row) == _told(_like(drift))


def _is_same(row: DriftSpanRow, drift: Drift) -> bool:
    return (row.open_from is not None) is (drift.state is DriftState.OPEN) and _told(row) == _told(_like(drift))


def _like(drift: Drift) -> DriftSpanRow:
    row = DriftSpanRow()
    _fill(row, drift)
    return row


def _told(row: DriftSpanRow) -> tuple[object, ...]:
    life = row.appeared_at, row.episode, row.side, row.cause, row.accepted_at, row.accepted_until
    return *life, row.container, row.severity, row.message, row.desired, row.observed, row.fix


def _query() -> Select[str, str, str, DriftSpanRow, DriftRow]:
    return (
        select(HostRow.name, ProjectRow.name, StackRow.name, DriftSpanRow, DriftRow)
        .select_from(DriftSpanRow)
        .join(DriftRow, DriftRow.id == DriftSpanRow.drift_id)
        .join(ProjectRow, ProjectRow.id == DriftRow.project_id)
        .join(HostRow, HostRow.id == ProjectRow.host_id)
        .outerjoin(StackRow, StackRow.id == DriftRow.stack_id)
    )


def _drift(moment: datetime | None, host: str, project: str, stack: str | None, row: DriftSpanRow, place: DriftRow) -> Drift:
    """The drift as it was at a moment within the span; None: at its end."""
    finding = Finding(
        host=host,
        kind=place.kind,
        message=row.message,
        severity=Severity(row.severity),
        stack=stack,
        project=None if project == NO_PROJECT else project,
        service=place.service,
        container=row.container,
        number=place.number,
        path=place.path,
        desired=row.desired,
        observed=row.observed,
        fix=row.fix,
    )
    is_open = row.open_from is not None and (moment is None or row.open_from <= moment)
    return Drift(
        finding=finding,
        state=DriftState.OPEN if is_open else DriftState.PENDING,
        appeared_at=row.appeared_at,
        changed_at=row.valid_from,
        opened_at=row.open_from if is_open else None,
        episode=row.episode,
        side=row.side,
        cause=row.cause,
        acceptance=None if row.accepted_at is None else Acceptance(row.accepted_at, row.observed, row.accepted_until),
    )
