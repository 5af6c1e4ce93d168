"""Stacks of the repo, and how each was from when to when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, update

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.timeline import Span, StackSeen, StackSpan
from anchorwatch.model.values import JsonObject
from anchorwatch.store import rows
from anchorwatch.store.tables import ConfigurationRow, HostRow, ProjectRow, StackRevisionRow, StackRow
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing


def record(write: Writing, seen: Iterable[StackSeen], moment: datetime, *, complete: Collection[str] = ()) -> None:
    """Remembers what the repo says. On the hosts in `complete` a stack that is not in `seen` is gone from it."""
    session = write.session
    present: set[int] = set()
    for one in seen:
        stack = rows.make_stack(session, one.stack.host, one.stack.name, moment)
        present.add(stack.id)
        if one.project is not None:
            project = rows.make_project(session, ProjectKey(one.stack.host, one.project), moment)
            rows.connection(session).execute(_BELONGS, {"number": project.id, "stack": stack.id})
        document = None if one.definition is None else rows.make_configuration(session, one.definition)
        now = session.scalar(
            select(StackRevisionRow).where(StackRevisionRow.stack_id == stack.id, StackRevisionRow.valid_to.is_(None))
        )
        row = _row(one, stack, document, moment)
        if now is None:
            session.add(row)
        elif _told(now) != _told(row):
            row.valid_from = now.valid_to = rows.after(moment, now.valid_from)
            session.flush()
            session.add(row)
        session.flush()
    gone = (
        select(StackRevisionRow)
        .join(StackRow, StackRow.id == StackRevisionRow.stack_id)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .where(StackRevisionRow.valid_to.is_(None), HostRow.name.in_([label(host) for host in complete]))
    )
    for row in session.scalars(gone).all():
        if row.stack_id not in present:
            row.valid_to = rows.after(moment, row.valid_from)


def current(read: Reading) -> Sequence[StackSpan]:
    """What the repo says now, without definitions, in the order in which the stacks were first seen."""
    return _spans(read, _query().where(StackRevisionRow.valid_to.is_(None)))


def at(read: Reading, moment: datetime) -> Sequence[StackSpan]:
    """What the repo said at that moment, without definitions."""
    still = or_(StackRevisionRow.valid_to.is_(None), StackRevisionRow.valid_to > moment)
    return _spans(read, _query().where(StackRevisionRow.id.in_(numbers_at(read, moment)), still))


def numbers_at(read: Reading, moment: datetime) -> Sequence[int]:
    """For this room: the newest revision of each stack that had begun by then. It may be over."""
    newest = (
        select(StackRevisionRow.id)
        .where(StackRevisionRow.stack_id == StackRow.id, StackRevisionRow.valid_from <= moment)
        .order_by(StackRevisionRow.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    # a question of its own, for the same reason as in `containers`
    return [number for number in read.session.scalars(select(newest).select_from(StackRow)) if number is not None]


def since(read: Reading, host: str, name: str) -> datetime | None:
    """Since when a stack can be read, or cannot, as far back as is remembered; None for one that never was in the repo."""
    row = rows.stack(read.session, host, name)
    if row is None:
        return None
    error = StackRevisionRow.error_class

    def otherwise(now: StackRevisionRow) -> ColumnElement[bool]:
        return error.is_not(None) if now.error_class is None else error.is_(None)

    return rows.alike_since(read.session, StackRevisionRow, StackRevisionRow.stack_id == row.id, otherwise)


def definition(
    read: Reading, host: str, stack: str, *, revision: str | None = None, at: datetime | None = None
) -> JsonObject | None:
    """What Compose made of a stack, at a revision or at a moment (the newest that fits); None where that is not known."""
    query = (
        select(ConfigurationRow.body)
        .join(StackRevisionRow, StackRevisionRow.configuration_id == ConfigurationRow.id)
        .join(StackRow, StackRow.id == StackRevisionRow.stack_id)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .where(HostRow.name == label(host), StackRow.name == label(stack))
    )
    if revision is not None:
        query = query.where(StackRevisionRow.revision == revision)
    if at is not None:
        query = query.where(
            StackRevisionRow.valid_from <= at, or_(StackRevisionRow.valid_to.is_(None), StackRevisionRow.valid_to > at)
        )
    return read.session.scalar(query.order_by(StackRevisionRow.valid_from.desc()).limit(1))


_BELONGS = update(rows.table(ProjectRow)).where(ProjectRow.id == bindparam("number")).values(stack_id=bindparam("stack"))


def _row(seen: StackSeen, stack: StackRow, document: int | None, moment: datetime) -> StackRevisionRow:
    return StackRevisionRow(
        stack_id=stack.id,
        valid_from=moment,
        revision=seen.revision,
        path=storable(seen.stack.path),
        project=None if seen.project is None else storable(seen.project),
        configuration_id=document,
        error_class=seen.error.kind if seen.error else None,
        error_message=seen.error.message if seen.error else None,
        error_hint=seen.error.hint if seen.error else None,
    )


def _told(row: StackRevisionRow) -> tuple[object, ...]:
    return row.revision, row.path, row.project, row.configuration_id, row.error_class


def _query() -> Select[str, str, StackRevisionRow]:
    return (
        select(HostRow.name, StackRow.name, StackRevisionRow)
        .join(StackRow, StackRow.id == StackRevisionRow.stack_id)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .order_by(StackRow.id)
    )


def _spans(read: Reading, query: Select[str, str, StackRevisionRow]) -> Sequence[StackSpan]:
    return tuple(
        StackSpan(
            host=host,
            stack=stack,
            project=row.project,
            path=row.path,
            span=Span(row.valid_from, row.valid_to),
            revision=row.revision,
            error=rows.error_of(row.error_class, row.error_message, row.error_hint),
        )
        for host, stack, row in read.session.execute(query)
    )
