"""Checks: what each key was found to be, when, and since when it has been so.

The newest check is the one that was written last: a clock that once stood ahead makes no old verdict the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, select, update

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, CheckRun
from anchorwatch.model.report import StackStatus
from anchorwatch.store import remarks, rows
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
    said = remarks.document(check)
    values = _values(check, project.id, eventful, rows.make_configuration(session, said) if said else None)
    within = rows.connection(session)
    seen = {"number": project.id, "at": check.started_at}
    if project.status is check.status:
        within.execute(_CHECKED, seen)
    else:
        within.execute(_JUDGED, seen | {"verdict": check.status})
        rows.known(session).projects[check.key] = replace(project, status=check.status)
    last = None if eventful else within.execute(_NEWEST, {"project": project.id}).mappings().first()
    if last is None or last["eventful"] or last["last_at"] > check.started_at or _told(last) != _told(values):
        return rows.add(within, CheckRow, **values)
    number: int = last["id"]
    within.execute(_AGAIN, {"number": number, "at": check.started_at, "longest": max(last["took"], check.took)})
    return number


def begin_anew(write: Writing, run: int) -> None:
    """The time of day was set: no check after this is counted where one was by the other time."""
    rows.connection(write.session).execute(_OVER, {"run": run})


def last(read: Reading, key: ProjectKey) -> CheckRun | None:
    """The newest check of a key."""
    return _newest(read, _LAST, _of(key))


def last_judged(read: Reading, key: ProjectKey) -> CheckRun | None:
    """The newest check of a key that came to a verdict: "unknown" is none."""
    return _newest(read, _LAST_JUDGED, _of(key))


def at(read: Reading, key: ProjectKey, moment: datetime) -> CheckRun | None:
    """The newest check that had begun by then."""
    return _newest(read, _THEN, _of(key) | {"moment": moment})


def get(read: Reading, number: int) -> CheckRun | None:
    """The check with that number, if it is still remembered."""
    return _newest(read, _ALL.where(_CHECKS.c.id == number), {})


def verdicts(read: Reading) -> Mapping[ProjectKey, Verdict]:
    """What every key is now; those that were never checked are missing."""
    query = select(HostRow.name, ProjectRow).join(HostRow, HostRow.id == ProjectRow.host_id).order_by(ProjectRow.id)
    return {
        ProjectKey(host, row.name): Verdict(row.status, row.status_since_at, row.checked_at)
        for host, row in read.session.execute(query)
        if row.status is not None and row.status_since_at is not None and row.checked_at is not None
    }


_CHECKS, _PROJECTS = rows.table(CheckRow), rows.table(ProjectRow)


def _last(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    """The number of the check that was written last of some. Asked by itself, for its index is all that this takes."""
    return select(_CHECKS.c.id).where(*where).order_by(_CHECKS.c.id.desc()).limit(1).scalar_subquery()


_NEWEST = select(_CHECKS).where(_CHECKS.c.id == _last(_CHECKS.c.project_id == bindparam("project")))
_AT = bindparam("at", type_=_CHECKS.c.last_at.type)
_AGAIN = (
    update(_CHECKS)
    .where(_CHECKS.c.id == bindparam("number"))
    .values(last_at=_AT, times=_CHECKS.c.times + 1, took=bindparam("longest", type_=_CHECKS.c.took.type))
)
_OVER = update(_CHECKS).where(_CHECKS.c.run_id == bindparam("run"), _CHECKS.c.eventful.is_(False)).values(eventful=True)
_CHECKED = update(_PROJECTS).where(_PROJECTS.c.id == bindparam("number")).values(checked_at=_AT)
_JUDGED = _CHECKED.values(status=bindparam("verdict", type_=_PROJECTS.c.status.type), status_since_at=_AT)


def _values(check: Check, project: int, eventful: bool, remarks_id: int | None) -> dict[str, Any]:
    return {
        "project_id": project,
        "run_id": check.run,
        "trigger": check.trigger,
        "reason": None if check.reason is None else storable(check.reason),
        "started_at": check.started_at,
        "last_at": check.started_at,
        "times": 1,
        "took": check.took,
        "revision": check.revision,
        "status": check.status,
        "findings": check.findings,
        "unknown": check.unknown,
        "ignored": check.ignored,
        "containers": check.containers,
        "error_class": check.error.kind if check.error else None,
        "error_message": check.error.message if check.error else None,
        "error_hint": check.error.hint if check.error else None,
        "eventful": eventful,
        "remarks_id": remarks_id,
    }


def _told(row: Mapping[Any, Any]) -> tuple[object, ...]:
    """What must be the same for two checks to share a row."""
    return tuple(row[name] for name in _TOLD)


_TOLD = (
    *("run_id", "trigger", "reason", "revision"),
    *("status", "findings", "unknown", "ignored", "containers", "error_class", "remarks_id"),
)


_ALL = (
    select(HostRow.name.label("host_name"), ProjectRow.name.label("project_name"), *_CHECKS.c)
    .select_from(_CHECKS)
    .join(ProjectRow, ProjectRow.id == _CHECKS.c.project_id)
    .join(HostRow, HostRow.id == ProjectRow.host_id)
)
_OF_KEY = (
    select(ProjectRow.id)
    .join(HostRow, HostRow.id == ProjectRow.host_id)
    .where(HostRow.name == bindparam("host"), ProjectRow.name == bindparam("project"))
    .scalar_subquery()
)
_LAST, _LAST_JUDGED = (
    _ALL.where(_CHECKS.c.id == _last(_CHECKS.c.project_id == _OF_KEY, *judged))
    for judged in ((), (_CHECKS.c.status != StackStatus.UNKNOWN,))
)
_THEN = (
    _ALL.where(_CHECKS.c.project_id == _OF_KEY, _CHECKS.c.started_at <= bindparam("moment"))
    .order_by(_CHECKS.c.started_at.desc(), _CHECKS.c.id.desc())
    .limit(1)
)


def _of(key: ProjectKey) -> dict[str, str]:
    return {"host": label(key.host), "project": label(key.project)}


def from_row(key: ProjectKey, row: Any) -> Check:
    """For this room: a row of checks, without what it could not judge or had to remark."""
    return Check(
        key=key,
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


def _newest(read: Reading, query: Select[*tuple[Any, ...]], asked: Mapping[str, object]) -> CheckRun | None:
    row = rows.connection(read.session).execute(query, asked).one_or_none()
    if row is None:
        return None
    check = from_row(ProjectKey(row.host_name, row.project_name), row)
    return CheckRun(row.id, check, row.last_at, row.times)
