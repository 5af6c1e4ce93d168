"""Rows that other rows point to, found by what people call them, and made where they are not there yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.values import JsonObject
from anchorwatch.store.documents import hash_of, text_of
from anchorwatch.store.tables import ConfigurationRow, ContainerRow, HostRow, ProjectRow, StackRow
from anchorwatch.store.tables.columns import MICROSECOND, label


def host(session: Session, name: str) -> HostRow | None:
    """The host of that name, if it was ever seen. One transaction asks for it once."""
    known: dict[str, HostRow] = session.info.setdefault("hosts", {})
    if name not in known:
        found = session.scalar(select(HostRow).where(HostRow.name == label(name)))
        if found is None:
            return None
        known[name] = found
    return known[name]


def make_host(session: Session, name: str, at: datetime, *, address: str = "") -> HostRow:
    """The host of that name."""
    found = host(session, name)
    if found is None:
        found = HostRow(name=label(name), address=address, first_seen_at=at)
        session.add(found)
        session.flush()
    return found


def stack(session: Session, host_name: str, name: str) -> StackRow | None:
    """The stack of that name on that host, if it was ever seen."""
    found = select(StackRow).join(HostRow, HostRow.id == StackRow.host_id)
    return session.scalar(found.where(HostRow.name == label(host_name), StackRow.name == label(name)))


def make_stack(session: Session, host_name: str, name: str, at: datetime) -> StackRow:
    """The stack of that name on that host."""
    found = stack(session, host_name, name)
    if found is None:
        found = StackRow(host_id=make_host(session, host_name, at).id, name=label(name), first_seen_at=at)
        session.add(found)
        session.flush()
    return found


def project(session: Session, key: ProjectKey) -> ProjectRow | None:
    """The project of that key, if it was ever seen. One transaction asks for it once."""
    known: dict[ProjectKey, ProjectRow] = session.info.setdefault("projects", {})
    if key not in known:
        of_host = host(session, key.host)
        if of_host is None:
            return None
        found = session.scalar(select(ProjectRow).where(ProjectRow.host_id == of_host.id, ProjectRow.name == label(key.project)))
        if found is None:
            return None
        known[key] = found
    return known[key]


def make_project(session: Session, key: ProjectKey, at: datetime) -> ProjectRow:
    """The project of that key."""
    found = project(session, key)
    if found is None:
        found = ProjectRow(host_id=make_host(session, key.host, at).id, name=label(key.project))
        session.add(found)
        session.flush()
    return found


def make_container(session: Session, host_row: HostRow, name: str, at: datetime) -> ContainerRow:
    """The container of that name on that host."""
    found = session.scalar(select(ContainerRow).where(ContainerRow.host_id == host_row.id, ContainerRow.name == label(name)))
    if found is None:
        found = ContainerRow(host_id=host_row.id, name=label(name), first_seen_at=at)
        session.add(found)
        session.flush()
    return found


def make_configuration(session: Session, document: JsonObject, digest: str | None = None) -> ConfigurationRow:
    """The row of a document (`digest` is its hash, where that is known): one for all that are equal."""
    digest = digest or hash_of(text_of(document))
    found = session.scalar(select(ConfigurationRow).where(ConfigurationRow.hash == digest))
    if found is None:
        found = ConfigurationRow(hash=digest, body=document)
        session.add(found)
        session.flush()
    return found


def error_of(kind: str | None, message: str | None, hint: str | None) -> ErrorInfo | None:
    """The error in three columns, if there is one."""
    return None if kind is None else ErrorInfo(kind, message or "", hint)


def after(at: datetime, valid_from: datetime) -> datetime:
    """When a span that began at `valid_from` ends: at `at`, unless the clock has gone back meanwhile."""
    earliest: timedelta = MICROSECOND
    return max(at, valid_from + earliest)
