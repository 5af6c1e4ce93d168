"""Events of engines that mattered. A stream that is read again from an earlier moment adds none twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.timeline import EventSeen
from anchorwatch.store import rows
from anchorwatch.store.tables import EventRow, HostRow, ProjectRow
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading, Writing


def add(write: Writing, events: Iterable[EventSeen]) -> int:
    """Remembers events, and returns how many of them were new."""
    session = write.session
    values = [_values(session, event) for event in events]
    if not values:
        return 0
    within = rows.connection(session)
    return len(within.execute(_add(within.dialect.name), values).all())


@cache
def _add(dialect: str) -> Any:
    return rows.insert_new(EventRow, dialect).returning(EventRow.id)


def _values(session: Session, event: EventSeen) -> dict[str, Any]:
    project = None if event.project is None else rows.make_project(session, ProjectKey(event.host, event.project), event.at)
    host = rows.host_id(session, event.host, event.at)
    return {
        "host_id": host,
        "project_id": project.id if project else None,
        "at": event.at,
        "action": event.action,
        "actor": event.actor,
        "name": event.name,
        "service": event.service,
        "details": dict(event.details) or None,
    }


def between(
    read: Reading, since: datetime, until: datetime, *, host: str | None = None, key: ProjectKey | None = None, limit: int = 1000
) -> Sequence[EventSeen]:
    """Events from `since` on and before `until`, of a host or of a project, in order."""
    asked: dict[str, object] = {"since": since, "until": until, "limit": limit}
    of_host = host if key is None else key.host
    if of_host is not None:
        asked["host"] = label(of_host)
    if key is not None:
        asked["project"] = label(key.project)
    found = rows.connection(read.session).execute(_between(of_host is not None, key is not None), asked)
    return tuple(
        EventSeen(name, at, action, actor, named, project, service, details or {})
        for name, project, at, action, actor, named, service, details in found
    )


@cache
def _between(of_host: bool, of_project: bool) -> Select[*tuple[Any, ...]]:
    row = EventRow
    query = (
        select(HostRow.name, ProjectRow.name, row.at, row.action, row.actor, row.name, row.service, row.details)
        .select_from(row)
        .join(HostRow, HostRow.id == row.host_id)
        .outerjoin(ProjectRow, ProjectRow.id == row.project_id)
        .where(row.at >= bindparam("since"), row.at < bindparam("until"))
        .order_by(row.at, row.id)
        .limit(bindparam("limit"))
    )
    if of_host:
        query = query.where(HostRow.name == bindparam("host"))
    return query.where(ProjectRow.name == bindparam("project")) if of_project else query
