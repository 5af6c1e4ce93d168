"""Hosts, and how each could be reached from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from anchorwatch.model.timeline import HostSeen, HostSpan, Span
from anchorwatch.store import rows
from anchorwatch.store.tables import HostRow, ReachabilityRow
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing


def record(write: Writing, seen: HostSeen) -> HostSpan | None:
    """Remembers how a host could be reached. Returns how it was before, where that has changed (or nothing was known: None).

    The first engine that answers is the one that the host's history belongs to: see `engine_of`.
    """
    seen = replace(
        seen,
        address=storable(seen.address),
        engine_id=None if seen.engine_id is None else storable(seen.engine_id),
        engine_version=None if seen.engine_version is None else storable(seen.engine_version),
    )
    host = rows.make_host(write.session, seen.host, seen.at, address=seen.address)
    host.address = seen.address
    if host.engine_id is None and seen.engine_id:
        host.engine_id = seen.engine_id
    now = write.session.scalar(
        select(ReachabilityRow).where(ReachabilityRow.host_id == host.id, ReachabilityRow.valid_to.is_(None))
    )
    if now is not None and _same(now, seen):
        now.seen_at = max(now.seen_at, seen.at)
        return None
    before, begin = None, seen.at
    if now is not None:
        begin = now.valid_to = rows.after(seen.at, now.valid_from)
        before = _span(host.name, now)
        write.session.flush()
    write.session.add(
        ReachabilityRow(
            host_id=host.id,
            valid_from=begin,
            seen_at=begin,
            status=seen.status,
            address=seen.address,
            engine_id=seen.engine_id,
            engine_version=seen.engine_version,
            error_class=seen.error.kind if seen.error else None,
            error_message=seen.error.message if seen.error else None,
            error_hint=seen.error.hint if seen.error else None,
        )
    )
    return before


def current(read: Reading) -> dict[str, HostSpan]:
    """How each host can be reached now, by name."""
    return _found(read.session, ReachabilityRow.valid_to.is_(None))


def at(read: Reading, moment: datetime) -> dict[str, HostSpan]:
    """How each host could be reached at that moment, by name; a host that was not known then is missing."""
    return _found(
        read.session,
        ReachabilityRow.valid_from <= moment,
        or_(ReachabilityRow.valid_to.is_(None), ReachabilityRow.valid_to > moment),
    )


def history(read: Reading, host: str, since: datetime, until: datetime) -> Sequence[HostSpan]:
    """How a host could be reached between two moments, in order."""
    query = (
        select(ReachabilityRow)
        .join(HostRow, HostRow.id == ReachabilityRow.host_id)
        .where(HostRow.name == label(host), ReachabilityRow.valid_from < until)
        .where(or_(ReachabilityRow.valid_to.is_(None), ReachabilityRow.valid_to > since))
        .order_by(ReachabilityRow.valid_from)
    )
    return tuple(_span(host, row) for row in read.session.scalars(query))


def since(read: Reading, host: str) -> datetime | None:
    """Since when a host has the status that it has now, as far back as is remembered; None for one that was never seen.

    Another error begins nothing new, nor does another version of the engine.
    """
    row = rows.host(read.session, host)
    if row is None:
        return None
    of_host = ReachabilityRow.host_id == row.id
    return rows.alike_since(read.session, ReachabilityRow, of_host, lambda now: ReachabilityRow.status != now.status)


def engine_of(read: Reading, host: str) -> str | None:
    """The ID of the engine that the host's history belongs to; None before one has answered."""
    found = rows.host(read.session, host)
    return None if found is None else found.engine_id


def answered_at(read: Reading, host: str) -> str | None:
    """The address at which that engine (`engine_of`) was seen last; None for one that never was, or too long ago."""
    query = (
        select(ReachabilityRow.address)
        .join(HostRow, HostRow.id == ReachabilityRow.host_id)
        .where(HostRow.name == label(host), ReachabilityRow.engine_id == HostRow.engine_id)
        .order_by(ReachabilityRow.valid_from.desc())
        .limit(1)
    )
    return read.session.scalar(query)


def take_engine(write: Writing, host: str, engine_id: str, moment: datetime) -> None:
    """From now on the host is the engine with this ID: somebody has said that the change was meant."""
    rows.make_host(write.session, host, moment).engine_id = engine_id


def _found(session: Session, *where: ColumnElement[bool]) -> dict[str, HostSpan]:
    query = select(HostRow.name, ReachabilityRow).join(HostRow, HostRow.id == ReachabilityRow.host_id).where(*where)
    return {name: _span(name, row) for name, row in session.execute(query.order_by(HostRow.id))}


def _same(row: ReachabilityRow, seen: HostSeen) -> bool:
    return (row.status, row.error_class, row.engine_id, row.engine_version, row.address) == (
        seen.status,
        seen.error.kind if seen.error else None,
        seen.engine_id,
        seen.engine_version,
        seen.address,
    )


def _span(name: str, row: ReachabilityRow) -> HostSpan:
    seen = HostSeen(
        host=name,
        address=row.address,
        at=row.valid_from,
        status=row.status,
        error=rows.error_of(row.error_class, row.error_message, row.error_hint),
        engine_id=row.engine_id,
        engine_version=row.engine_version,
    )
    return HostSpan(Span(row.valid_from, row.valid_to), seen, row.seen_at)
