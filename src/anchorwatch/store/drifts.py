"""Drifts as they are now. How each came to be so is in its transitions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, or_, select

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, Acceptance, Drift, DriftState
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.store import rows
from anchorwatch.store.tables import DriftRow, HostRow, ProjectRow, StackRow
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing


def of_project(read: Reading, key: ProjectKey, *, ids: Collection[str] = ()) -> Sequence[Drift]:
    """What is pending or open in a project (`NO_PROJECT`: outside of all), and the drifts called `ids`, whatever their state.

    Name what a check has found: a drift that was resolved and is found again begins a new episode.
    """
    of_key = HostRow.name == label(key.host), ProjectRow.name == label(key.project)
    return _drifts(read, _query().where(*of_key, or_(_UNRESOLVED, DriftRow.name.in_(ids))))


def unresolved(read: Reading, host: str | None = None) -> Sequence[Drift]:
    """What is pending or open, on one host or on all, the oldest first."""
    query = _query().where(_UNRESOLVED).order_by(None).order_by(DriftRow.appeared_at, DriftRow.id)
    return _drifts(read, query if host is None else query.where(HostRow.name == label(host)))


def due(read: Reading, moment: datetime) -> Sequence[ProjectKey]:
    """The keys in which a pending drift has outlived its grace."""
    query = (
        select(HostRow.name, ProjectRow.name)
        .join(ProjectRow, ProjectRow.host_id == HostRow.id)
        .join(DriftRow, DriftRow.project_id == ProjectRow.id)
        .where(DriftRow.state == DriftState.PENDING, DriftRow.opens_at <= moment)
        .distinct()
        .order_by(HostRow.name, ProjectRow.name)
    )
    return tuple(ProjectKey(host, project) for host, project in read.session.execute(query))


def get(read: Reading, drift: str) -> Drift | None:
    """The drift with that ID, if it is remembered."""
    return next(iter(_drifts(read, _query().where(DriftRow.name == drift))), None)


def as_stored(finding: Finding) -> Finding:
    """`finding` as it comes back from the database, which cannot hold every text; doing so again changes nothing.

    Compare findings, and ask for their IDs, in this form: a hostile name would have another ID when it comes back.
    """
    return replace(
        finding,
        host=label(finding.host),
        stack=None if finding.stack is None else label(finding.stack),
        project=None if finding.project is None else label(finding.project),
        service=_text(finding.service),
        container=_text(finding.container),
        path=_text(finding.path),
        message=storable(finding.message),
        desired=_text(finding.desired),
        observed=_text(finding.observed),
        fix=_text(finding.fix),
    )


def _text(text: str | None) -> str | None:
    return None if text is None else storable(text)


def save(write: Writing, drifts: Iterable[Drift]) -> None:
    """Remembers drifts as they are now. The transitions that led here are to be written in the same transaction."""
    session = write.session
    for drift in (replace(drift, finding=as_stored(drift.finding)) for drift in drifts):
        row = session.scalar(select(DriftRow).where(DriftRow.name == drift.id))
        if row is None:
            row = DriftRow(name=drift.id, project_id=rows.make_project(session, drift.key, drift.appeared_at).id)
        _fill(row, drift)
        stack = drift.finding.stack
        if stack is not None:
            row.stack_id = rows.make_stack(session, drift.finding.host, stack, drift.appeared_at).id
        session.add(row)
        session.flush()


_UNRESOLVED = DriftRow.state != DriftState.RESOLVED


def _fill(row: DriftRow, drift: Drift) -> None:
    finding, acceptance = drift.finding, drift.acceptance
    row.service, row.container, row.number = finding.service, finding.container, finding.number
    row.kind, row.path, row.severity = finding.kind, finding.path, int(finding.severity)
    row.message, row.desired, row.observed, row.fix = finding.message, finding.desired, finding.observed, finding.fix
    row.state, row.appeared_at, row.changed_at = drift.state, drift.appeared_at, drift.changed_at
    row.opens_at, row.opened_at, row.resolved_at = drift.opens_at, drift.opened_at, drift.resolved_at
    row.episode, row.side, row.revision, row.cause = drift.episode, drift.side, drift.revision, drift.cause
    row.accepted_at = acceptance.at if acceptance else None
    row.accepted_until = acceptance.until if acceptance else None
    row.accepted_observed = acceptance.observed if acceptance else None
    row.accepted_reason = acceptance.reason if acceptance else None


def _query() -> Select[str, str, str, DriftRow]:
    return (
        select(HostRow.name, ProjectRow.name, StackRow.name, DriftRow)
        .select_from(DriftRow)
        .join(ProjectRow, ProjectRow.id == DriftRow.project_id)
        .join(HostRow, HostRow.id == ProjectRow.host_id)
        .outerjoin(StackRow, StackRow.id == DriftRow.stack_id)
        .order_by(DriftRow.id)
    )


def _drifts(read: Reading, query: Select[str, str, str, DriftRow]) -> Sequence[Drift]:
    return tuple(_drift(*found) for found in read.session.execute(query))


def _drift(host: str, project: str, stack: str | None, row: DriftRow) -> Drift:
    finding = Finding(
        host=host,
        kind=row.kind,
        message=row.message,
        severity=Severity(row.severity),
        stack=stack,
        project=None if project == NO_PROJECT else project,
        service=row.service,
        container=row.container,
        number=row.number,
        path=row.path,
        desired=row.desired,
        observed=row.observed,
        fix=row.fix,
    )
    accepted = None
    if row.accepted_at is not None:
        accepted = Acceptance(row.accepted_at, row.accepted_observed, row.accepted_until, row.accepted_reason)
    return Drift(
        finding=finding,
        state=row.state,
        appeared_at=row.appeared_at,
        changed_at=row.changed_at,
        opens_at=row.opens_at,
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
        episode=row.episode,
        side=row.side,
        revision=row.revision,
        cause=row.cause,
        acceptance=accepted,
    )
