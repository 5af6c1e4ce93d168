"""Checks: what each key was found to be, when, and since when it has been so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, CheckRun
from anchorwatch.model.report import StackStatus
from anchorwatch.store import rows
from anchorwatch.store.tables import CheckRow, HostRow, ProjectRow
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a key is now."""

    status: StackStatus
    since_at: datetime
    checked_at: datetime
    """What it rests on is as old as this."""


def record(write: Writing, check: Check, *, eventful: bool) -> int:
    """Remembers a check, and returns the number that transitions refer to.

    A check that came to the same as the one before it is counted there, unless it is `eventful`: it brought a transition, or a
    container that has changed (docs/decisions/0005-checks-are-folded.md).
    """
    session = write.session
    project = rows.make_project(session, check.key, check.started_at)
    project.checked_at = check.started_at
    if project.status is not check.status:
        project.status, project.status_since_at = check.status, check.started_at
    row = _row(check, project, eventful)
    newest = select(CheckRow).where(CheckRow.project_id == project.id).order_by(CheckRow.started_at.desc(), CheckRow.id.desc())
    last = session.scalar(newest.limit(1))
    if last is not None and not last.eventful and not eventful and last.last_at <= check.started_at and _told(last) == _told(row):
        last.last_at = check.started_at
        last.times += 1
        last.took = max(last.took, check.took)
        return last.id
    session.add(row)
    session.flush()
    return row.id


def last(read: Reading, key: ProjectKey) -> CheckRun | None:
    """The newest check of a key."""
    return _newest(read, _query(key))


def at(read: Reading, key: ProjectKey, moment: datetime) -> CheckRun | None:
    """The newest check that had begun by then."""
    return _newest(read, _query(key).where(CheckRow.started_at <= moment))


def get(read: Reading, number: int) -> CheckRun | None:
    """The check with that number, if it is still remembered."""
    query = select(HostRow.name, ProjectRow.name, CheckRow).join(ProjectRow, ProjectRow.id == CheckRow.project_id)
    return _newest(read, query.join(HostRow, HostRow.id == ProjectRow.host_id).where(CheckRow.id == number))


def verdicts(read: Reading) -> Mapping[ProjectKey, Verdict]:
    """What every key is now; those that were never checked are missing."""
    query = select(HostRow.name, ProjectRow).join(HostRow, HostRow.id == ProjectRow.host_id).order_by(ProjectRow.id)
    return {
        ProjectKey(host, row.name): Verdict(row.status, row.status_since_at, row.checked_at)
        for host, row in read.session.execute(query)
        if row.status is not None and row.status_since_at is not None and row.checked_at is not None
    }


def _row(check: Check, project: ProjectRow, eventful: bool) -> CheckRow:
    return CheckRow(
        project_id=project.id,
        run_id=check.run,
        trigger=check.trigger,
        reason=None if check.reason is None else storable(check.reason),
        started_at=check.started_at,
        last_at=check.started_at,
        times=1,
        took=check.took,
        revision=check.revision,
        status=check.status,
        findings=check.findings,
        unknown=check.unknown,
        ignored=check.ignored,
        containers=check.containers,
        error_class=check.error.kind if check.error else None,
        error_message=check.error.message if check.error else None,
        error_hint=check.error.hint if check.error else None,
        eventful=eventful,
    )


def _told(row: CheckRow) -> tuple[object, ...]:
    """What must be the same for two checks to share a row."""
    came_to = row.status, row.findings, row.unknown, row.ignored, row.containers, row.error_class
    return row.run_id, row.trigger, row.reason, row.revision, *came_to


def _query(key: ProjectKey) -> Select[str, str, CheckRow]:
    return (
        select(HostRow.name, ProjectRow.name, CheckRow)
        .join(ProjectRow, ProjectRow.id == CheckRow.project_id)
        .join(HostRow, HostRow.id == ProjectRow.host_id)
        .where(HostRow.name == label(key.host), ProjectRow.name == label(key.project))
        .order_by(CheckRow.started_at.desc(), CheckRow.id.desc())
    )


def _newest(read: Reading, query: Select[str, str, CheckRow]) -> CheckRun | None:
    found = read.session.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    host, project, row = found
    check = Check(
        key=ProjectKey(host, project),
        trigger=row.trigger,
        started_at=row.started_at,
        took=row.took,
        status=row.status,
        reason=row.reason,
        revision=row.revision,
        findings=row.findings,
        unknown=row.unknown,
        ignored=row.ignored,
        containers=row.containers,
        error=rows.error_of(row.error_class, row.error_message, row.error_hint),
        run=row.run_id,
    )
    return CheckRun(row.id, check, row.last_at, row.times)
