"""Events of engines that mattered. A stream that is read again from an earlier moment adds none twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.timeline import EventSeen
from anchorwatch.store import rows
from anchorwatch.store.tables import EventRow, HostRow, ProjectRow
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading, Writing


def add(write: Writing, events: Iterable[EventSeen]) -> int:
    """Remembers events, and returns how many of them were new."""
    session, added = write.session, 0
    for event in events:
        host = rows.make_host(session, event.host, event.at)
        same = select(EventRow.id).where(
            EventRow.host_id == host.id,
            EventRow.at == event.at,
            EventRow.actor == label(event.actor),
            EventRow.action == label(event.action),
        )
        if session.scalar(same) is not None:
            continue
        project = None if event.project is None else rows.make_project(session, ProjectKey(event.host, event.project), event.at)
        session.add(
            EventRow(
                host_id=host.id,
                project_id=project.id if project else None,
                at=event.at,
                action=event.action,
                actor=event.actor,
                name=event.name,
                service=event.service,
                details=dict(event.details) or None,
            )
        )
        session.flush()
        added += 1
    return added


def between(
    read: Reading, since: datetime, until: datetime, *, host: str | None = None, key: ProjectKey | None = None, limit: int = 1000
) -> Sequence[EventSeen]:
    """Events from `since` on and before `until`, of a host or of a project, in order."""
    query = (
        select(HostRow.name, ProjectRow.name, EventRow)
        .select_from(EventRow)
        .join(HostRow, HostRow.id == EventRow.host_id)
        .outerjoin(ProjectRow, ProjectRow.id == EventRow.project_id)
        .where(EventRow.at >= since, EventRow.at < until)
        .order_by(EventRow.at, EventRow.id)
        .limit(limit)
    )
    if host is not None:
        query = query.where(HostRow.name == label(host))
    if key is not None:
        query = query.where(HostRow.name == label(key.host), ProjectRow.name == label(key.project))
    return tuple(
        EventSeen(name, row.at, row.action, row.actor, row.name, project, row.service, row.details or {})
        for name, project, row in read.session.execute(query)
    )
