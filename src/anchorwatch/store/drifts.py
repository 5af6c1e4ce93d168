"""Drifts as they are now. How each came to be so is in its transitions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import Select, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, Acceptance, Drift, DriftState
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.store import rows
from anchorwatch.store.tables import DriftRow, HostRow, ProjectRow, StackRow
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing, batched


def of_project(read: Reading, key: ProjectKey, *, ids: Collection[str] = ()) -> Sequence[Drift]:
    """What is pending or open in a project (`NO_PROJECT`: outside of all), and the drifts called `ids`, whatever their state.

    Name what a check has found: a drift that was resolved and is found again begins a new episode.
    """
    asked = {"host": label(key.host), "project": label(key.project), "ids": list(ids)}
    found = rows.connection(read.session).execute(_OF_PROJECT, asked).all()
    rows.known(read.session).drifts |= dict.fromkeys(ids) | {row.name: row.id for row in found}
    return tuple(map(_drift, found))


def unresolved(read: Reading, host: str | None = None) -> Sequence[Drift]:
    """What is pending or open, on one host or on all, the oldest first."""
    query = _ALL.where(_UNRESOLVED).order_by(None).order_by(DriftRow.appeared_at, DriftRow.id)
    return _drifts(read, query if host is None else query.where(HostRow.name == label(host)))


def counts(read: Reading) -> Mapping[str, Mapping[tuple[DriftState, Severity], int]]:
    """How many are pending and open on each host, by severity; a host without any is missing."""
    query = (
        select(HostRow.name, DriftRow.state, DriftRow.severity, func.count())
        .join(ProjectRow, ProjectRow.id == DriftRow.project_id)
        .join(HostRow, HostRow.id == ProjectRow.host_id)
        .where(_UNRESOLVED)
        .group_by(HostRow.name, DriftRow.state, DriftRow.severity)
    )
    found: dict[str, dict[tuple[DriftState, Severity], int]] = {}
    for host, state, severity, number in read.session.execute(query):
        found.setdefault(host, {})[state, Severity(severity)] = number
    return found


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
    return next(iter(_drifts(read, _ALL.where(DriftRow.name == drift))), None)


def called(read: Reading, ids: Collection[str]) -> Mapping[str, Drift]:
    """The drifts with those IDs, as far as they are remembered, by ID."""
    found: dict[str, Drift] = {}
    for some in batched(sorted(ids)):
        found |= {drift.id: drift for drift in _drifts(read, _ALL.where(DriftRow.name.in_(some)))}
    return found


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
    saved = [replace(drift, finding=as_stored(drift.finding)) for drift in drifts]
    known = numbers(session, [drift.id for drift in saved])
    within = rows.connection(session)
    for drift in saved:
        values = _values(drift)
        if drift.finding.stack is not None:
            values["stack_id"] = rows.stack_id(session, drift.finding.host, drift.finding.stack, drift.appeared_at)
        number = known[drift.id]
        if number is None:
            project = rows.make_project(session, drift.key, drift.appeared_at).id
            number = known[drift.id] = rows.add(within, DriftRow, name=drift.id, project_id=project, **values)
            rows.known(session).drifts[drift.id] = number
            rows.known(session).spanless.add(number)
        else:
            within.execute(_UPDATE, values | {"row": number})


def numbers(session: Session, ids: Collection[str]) -> dict[str, int | None]:
    """For this room: the rows of the drifts with those IDs; None for one that is not remembered."""
    known = rows.known(session).drifts
    missing = [one for one in ids if one not in known]
    for some in batched(missing):
        known |= dict.fromkeys(some)
        known |= {row.name: row.id for row in rows.connection(session).execute(_NUMBERS, {"ids": some})}
    return {one: known[one] for one in ids}


_DRIFTS = rows.table(DriftRow)
_UPDATE = update(_DRIFTS).where(_DRIFTS.c.id == bindparam("row"))
_NUMBERS = select(_DRIFTS.c.name, _DRIFTS.c.id).where(_DRIFTS.c.name.in_(bindparam("ids", expanding=True)))


def _values(drift: Drift) -> dict[str, Any]:
    finding, acceptance = drift.finding, drift.acceptance
    return {
        "service": finding.service,
        "container": finding.container,
        "number": finding.number,
        "kind": finding.kind,
        "path": finding.path,
        "severity": int(finding.severity),
        "message": finding.message,
        "desired": finding.desired,
        "observed": finding.observed,
        "fix": finding.fix,
        "state": drift.state,
        "appeared_at": drift.appeared_at,
        "changed_at": drift.changed_at,
        "opens_at": drift.opens_at,
        "opened_at": drift.opened_at,
        "resolved_at": drift.resolved_at,
        "episode": drift.episode,
        "side": drift.side,
        "revision": drift.revision,
        "cause": drift.cause,
        "accepted_at": acceptance.at if acceptance else None,
        "accepted_until": acceptance.until if acceptance else None,
        "accepted_observed": acceptance.observed if acceptance else None,
        "accepted_reason": acceptance.reason if acceptance else None,
    }


_UNRESOLVED = DriftRow.state != DriftState.RESOLVED
_ALL = (
    select(HostRow.name.label("host_name"), ProjectRow.name.label("project_name"), StackRow.name.label("stack_name"), *_DRIFTS.c)
    .select_from(DriftRow)
    .join(ProjectRow, ProjectRow.id == DriftRow.project_id)
    .join(HostRow, HostRow.id == ProjectRow.host_id)
    .outerjoin(StackRow, StackRow.id == DriftRow.stack_id)
    .order_by(DriftRow.id)
)
_OF_PROJECT = _ALL.where(
    HostRow.name == bindparam("host"),
    ProjectRow.name == bindparam("project"),
    or_(_UNRESOLVED, DriftRow.name.in_(bindparam("ids", expanding=True))),
)


def _drifts(read: Reading, query: Select[*tuple[Any, ...]]) -> Sequence[Drift]:
    return tuple(map(_drift, rows.connection(read.session).execute(query)))


def _drift(row: SqlRow[*tuple[Any, ...]]) -> Drift:
    finding = Finding(
        host=row.host_name,
        kind=row.kind,
        message=row.message,
        severity=Severity(row.severity),
        stack=row.stack_name,
        project=None if row.project_name == NO_PROJECT else row.project_name,
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
