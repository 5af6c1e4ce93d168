"""Rows that other rows point to, found by what people call them, and made where they are not there yet.

What every check writes goes past the ORM: a statement that is made once and handed to the connection costs a tenth of a loaded
row that is changed and flushed. One transaction asks for each row once; what it found is kept in the session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, Insert, Table, bindparam, insert, select
from sqlalchemy.orm import Session

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.report import ErrorInfo, StackStatus
from anchorwatch.model.values import JsonObject
from anchorwatch.store.documents import hash_of, text_of
from anchorwatch.store.tables import ConfigurationRow, HostRow, ProjectRow, ReachabilityRow, StackRevisionRow, StackRow
from anchorwatch.store.tables.columns import MICROSECOND, Row, label


@dataclass(slots=True)
class Known:
    """What a transaction has found, by name."""

    connection: Connection | None = None
    hosts: dict[str, int] = field(default_factory=dict)
    projects: dict[ProjectKey, Project] = field(default_factory=dict)
    stacks: dict[tuple[str, str], int] = field(default_factory=dict)
    drifts: dict[str, int | None] = field(default_factory=dict)
    """None for one that is not there."""
    spanless: set[int] = field(default_factory=set)
    """Drifts that this transaction has made, and that have no span yet."""
    containers: dict[tuple[int, str], Synced] = field(default_factory=dict)
    """By the host's ID, and name."""


@dataclass(frozen=True, slots=True)
class Synced:
    """The row of a container, and the revision that it was last in sync with."""

    id: int
    revision: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Project:
    """The row of a project key."""

    id: int
    status: StackStatus | None


def known(session: Session) -> Known:
    """What the transaction of `session` has found."""
    found: Known | None = session.info.get("known")
    if found is None:
        found = session.info["known"] = Known()
    return found


def connection(session: Session) -> Connection:
    """The connection of a transaction, for statements of one's own: what the session holds back is written first."""
    session.flush()
    so_far = known(session)
    if so_far.connection is None:
        so_far.connection = session.connection()
    return so_far.connection


_HOST = select(HostRow).where(HostRow.name == bindparam("name"))
_STACK = (
    select(StackRow)
    .join(HostRow, HostRow.id == StackRow.host_id)
    .where(HostRow.name == bindparam("host"), StackRow.name == bindparam("name"))
)
_PROJECT = (
    select(HostRow.id, ProjectRow.id, ProjectRow.status, StackRow.name, StackRow.id)
    .join(ProjectRow, ProjectRow.host_id == HostRow.id)
    .outerjoin(StackRow, StackRow.id == ProjectRow.stack_id)
    .where(HostRow.name == bindparam("host"), ProjectRow.name == bindparam("project"))
)
_CONFIGURATION = select(ConfigurationRow.id).where(ConfigurationRow.hash == bindparam("digest"))


def host(session: Session, name: str) -> HostRow | None:
    """The host of that name, if it was ever seen."""
    return session.scalar(_HOST, {"name": label(name)})


def make_host(session: Session, name: str, at: datetime, *, address: str = "") -> HostRow:
    """The host of that name."""
    found = host(session, name)
    if found is None:
        found = HostRow(name=label(name), address=address, first_seen_at=at)
        session.add(found)
        session.flush()
    return found


def host_id(session: Session, name: str, at: datetime) -> int:
    """The ID of that host, which is made where it is not there yet."""
    hosts = known(session).hosts
    if name not in hosts:
        hosts[name] = make_host(session, name, at).id
    return hosts[name]


def stack(session: Session, host_name: str, name: str) -> StackRow | None:
    """The stack of that name on that host, if it was ever seen."""
    return session.scalar(_STACK, {"host": label(host_name), "name": label(name)})


def make_stack(session: Session, host_name: str, name: str, at: datetime) -> StackRow:
    """The stack of that name on that host."""
    found = stack(session, host_name, name)
    if found is None:
        found = StackRow(host_id=host_id(session, host_name, at), name=label(name), first_seen_at=at)
        session.add(found)
        session.flush()
    return found


def stack_id(session: Session, host_name: str, name: str, at: datetime) -> int:
    """The ID of that stack, which is made where it is not there yet."""
    stacks = known(session).stacks
    if (host_name, name) not in stacks:
        stacks[host_name, name] = make_stack(session, host_name, name, at).id
    return stacks[host_name, name]


def project(session: Session, key: ProjectKey) -> Project | None:
    """The project of that key, if it was ever seen. Its host and its stack are known then too."""
    so_far = known(session)
    if key not in so_far.projects:
        asked = {"host": label(key.host), "project": label(key.project)}
        found = connection(session).execute(_PROJECT, asked).one_or_none()
        if found is None:
            return None
        so_far.hosts[key.host], number, status, stack_name, stack_id = found
        so_far.projects[key] = Project(number, status)
        if stack_id:
            so_far.stacks[key.host, stack_name] = stack_id
    return so_far.projects[key]


def make_project(session: Session, key: ProjectKey, at: datetime) -> Project:
    """The project of that key."""
    found = project(session, key)
    if found is None:
        row = ProjectRow(host_id=host_id(session, key.host, at), name=label(key.project))
        session.add(row)
        session.flush()
        found = known(session).projects[key] = Project(row.id, None)
    return found


def make_configuration(session: Session, document: JsonObject) -> int:
    """The ID of a document's row: one for all that are equal."""
    digest = hash_of(text_of(document))
    within = connection(session)
    found = within.scalar(_CONFIGURATION, {"digest": digest})
    return add(within, ConfigurationRow, hash=digest, body=document) if found is None else int(found)


def add(within: Connection, row: type[Row], **values: object) -> int:
    """Writes a row, and returns the ID that it was given."""
    given = within.execute(_insert(row), values).inserted_primary_key
    return int(given[0]) if given else 0


def add_all(within: Connection, row: type[Row], values: Sequence[Mapping[str, object]]) -> None:
    """Writes rows, all with the same columns, whose IDs nobody needs."""
    within.execute(_insert(row), values)


def insert_new(row: type[Row], dialect: str) -> Any:
    """An INSERT of what is not there yet. Both databases spell that alike, SQLAlchemy leaves it to their dialects, and only that
    of the one in use is loaded (2 MB)."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table(row)).on_conflict_do_nothing()


@cache
def _insert(row: type[Row]) -> Insert:
    return insert(table(row))


def table(row: type[Row]) -> Table:
    """The table behind a model."""
    return cast(Table, row.__table__)


Span = TypeVar("Span", ReachabilityRow, StackRevisionRow)


def alike_since(
    session: Session, row: type[Span], of_owner: ColumnElement[bool], otherwise: Callable[[Span], ColumnElement[bool]]
) -> datetime | None:
    """Since when an owner's newest span, and every one right before it, was alike; `otherwise` is what is not like one."""
    spans = select(row).where(of_owner)
    now = session.scalar(spans.order_by(row.valid_from.desc()).limit(1))
    if now is None:
        return None
    other = session.scalar(spans.where(otherwise(now)).order_by(row.valid_from.desc()).limit(1))
    alike = spans if other is None else spans.where(row.valid_from > other.valid_from)
    first = session.scalar(alike.order_by(row.valid_from).limit(1))
    return None if first is None else first.valid_from


def error_of(kind: str | None, message: str | None, hint: str | None) -> ErrorInfo | None:
    """The error in three columns, if there is one."""
    return None if kind is None else ErrorInfo(kind, message or "", hint)


def after(at: datetime, valid_from: datetime) -> datetime:
    """When a span that began at `valid_from` ends: at `at`, unless the clock has gone back meanwhile."""
    earliest: timedelta = MICROSECOND
    return max(at, valid_from + earliest)
