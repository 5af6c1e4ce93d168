"""Containers, and how each was from when to when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan, Span
from anchorwatch.model.values import JsonObject
from anchorwatch.store import container_rows, rows
from anchorwatch.store.container_rows import SPANS, Begun, Was
from anchorwatch.store.documents import hash_of, stored, text_of
from anchorwatch.store.tables import (
    ContainerRow,
    ContainerStateRow,
    ContainerVersionRow,
    HostRow,
    ProjectRow,
)
from anchorwatch.store.tables.columns import label, storable
from anchorwatch.store.transactions import Reading, Writing


@dataclass(frozen=True, slots=True)
class Change:
    """A container that is not as it was. Before, or now, it may not have been there at all."""

    before: ContainerSeen | None
    now: ContainerSeen | None


def record(
    write: Writing, host: str, moment: datetime, seen: Sequence[ContainerSeen], *, project: str | None = None
) -> Sequence[Change]:
    """Remembers the containers of a host, or of one of its projects (`NO_PROJECT`: those of none), and returns what has changed.

    `seen` must be all of them: one that was there before and is not in it is gone.
    """
    session = write.session
    within = None if project is None else rows.make_project(session, ProjectKey(host, project), moment).id
    there = container_rows.there(session, rows.host_id(session, host, moment), within, [label(one.name) for one in seen])
    begun: list[Begun] = []
    present: set[str] = set()
    for one in map(_kept, seen):
        if one.name in present:
            continue  # renamed while the engine was asked: a name is one container's at a time, and the next look knows whose
        present.add(one.name)
        was = there.get(one.name)
        digest = _digest(host, one.name, one.configuration)
        if was is not None and was.is_still(one, digest):
            continue
        now = replace(one, configuration=stored(one.configuration))
        begun.append(Begun(was, now, digest, moment if was is None else rows.after(moment, was.valid_from)))
    gone = [was for name, was in there.items() if name not in present and within in (None, was.project_id)]
    if not begun and not gone:
        return ()
    ended = [(one.was, one.at) for one in begun if one.was is not None]
    ended += [(was, rows.after(moment, was.valid_from)) for was in gone]
    known = container_rows.configurations(session, {one.digest for one in begun}, {was.configuration_id for was, _ in ended})
    container_rows.end(session, ended)
    container_rows.begin(session, host, begun, known)

    def before(was: Was | None) -> ContainerSeen | None:
        return None if was is None else was.seen(known.documents[was.configuration_id])

    return (*(Change(before(one.was), one.seen) for one in begun), *(Change(before(was), None) for was in gone))


def current(read: Reading, host: str | None = None) -> Sequence[ContainerSpan]:
    """The containers that are there, of one host or of all."""
    return _spans(read, SPANS.where(ContainerStateRow.valid_to.is_(None), *_of(host)))


def projects(read: Reading, host: str) -> Sequence[str]:
    """The projects that the containers which are there belong to."""
    query = (
        select(ProjectRow.name)
        .join(ContainerVersionRow, ContainerVersionRow.project_id == ProjectRow.id)
        .join(ContainerStateRow, ContainerStateRow.version_id == ContainerVersionRow.id)
        .join(HostRow, HostRow.id == ProjectRow.host_id)
        .where(ContainerStateRow.valid_to.is_(None), HostRow.name == label(host))
        .distinct()
    )
    return tuple(read.session.scalars(query))


def of_project(read: Reading, key: ProjectKey) -> Sequence[ContainerSpan]:
    """The containers that are there of one project (`NO_PROJECT`: of none)."""
    return _spans(read, _OF_PROJECT, host=label(key.host), project=label(key.project))


def at(read: Reading, moment: datetime, host: str | None = None) -> Sequence[ContainerSpan]:
    """The containers that were there at that moment, each as it was."""
    still = or_(ContainerStateRow.valid_to.is_(None), ContainerStateRow.valid_to > moment)
    return _spans(read, SPANS.where(ContainerStateRow.id.in_(numbers_at(read, moment, host)), still))


def numbers_at(read: Reading, moment: datetime, host: str | None = None) -> Sequence[int]:
    """For this room: the newest state of each container that had begun by then. It may be over."""
    newest = (
        select(ContainerStateRow.id)
        .where(ContainerStateRow.container_id == ContainerRow.id, ContainerStateRow.valid_from <= moment)
        .order_by(ContainerStateRow.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    # two questions, so that no planner can think of reading all states: one step down the index for each container
    each = select(newest).select_from(ContainerRow).join(HostRow, HostRow.id == ContainerRow.host_id).where(*_of(host))
    return [number for number in read.session.scalars(each) if number is not None]


def history(read: Reading, host: str, name: str) -> Sequence[ContainerSpan]:
    """How one container was, from the beginning."""
    query = SPANS.where(ContainerRow.name == label(name), *_of(host))
    return _spans(read, query.order_by(None).order_by(ContainerStateRow.valid_from))


def mark_in_sync(write: Writing, host: str, names: Collection[str], revision: str | None, moment: datetime) -> None:
    """These containers are what `revision` wants."""
    if not names:
        return
    host_id = rows.host_id(write.session, host, moment)
    found = container_rows.synced(write.session, host_id, [label(name) for name in names])
    others = {name: one for name, one in found.items() if one.revision != revision or one.at is None}
    container_rows.sync(write.session, host_id, others, revision, moment)


def last_in_sync(read: Reading, host: str) -> Mapping[str, str]:
    """The revision that each container of a host was last in sync with, by name; those that never were are missing."""
    found = rows.connection(read.session).execute(_IN_SYNC, {"host": label(host)})
    return {name: revision for name, revision in found if revision is not None}


_DIGESTS: dict[tuple[str, str], tuple[JsonObject, str]] = {}
"""Of the configuration that each container had last, by host and name: until it is inspected anew it is seen with the same one.
An earlier one is not kept: it takes 20 KB."""
_MOST_DIGESTS = 5_000


def _digest(host: str, name: str, configuration: JsonObject) -> str:
    known = _DIGESTS.get((host, name))
    if known is not None and known[0] is configuration:
        return known[1]
    if len(_DIGESTS) >= _MOST_DIGESTS:
        _DIGESTS.clear()
    digest = hash_of(text_of(configuration))
    _DIGESTS[host, name] = configuration, digest
    return digest


def _kept(seen: ContainerSeen) -> ContainerSeen:
    """As it will come out of the database again, but for the configuration: what differs from that has changed."""
    return replace(
        seen,
        name=label(seen.name),
        engine_id=label(seen.engine_id),
        image_id=storable(seen.image_id),
        state=storable(seen.state),
        health=None if seen.health is None else storable(seen.health),
        project=None if seen.project is None else label(seen.project),
        service=None if seen.service is None else storable(seen.service),
    )


def _of(host: str | None) -> list[ColumnElement[bool]]:
    return [] if host is None else [HostRow.name == label(host)]


_OF_PROJECT = SPANS.where(
    ContainerStateRow.valid_to.is_(None), HostRow.name == bindparam("host"), ProjectRow.name == bindparam("project")
)
_IN_SYNC = (
    select(ContainerRow.name, ContainerRow.synced_revision)
    .join(HostRow, HostRow.id == ContainerRow.host_id)
    .where(HostRow.name == bindparam("host"), ContainerRow.synced_revision.is_not(None))
)


def _spans(read: Reading, query: Select[*tuple[Any, ...]], **asked: object) -> Sequence[ContainerSpan]:
    found = []
    for host, valid_to, body, *columns in rows.connection(read.session).execute(query, asked):
        was = Was._make(columns)
        found.append(ContainerSpan(host, Span(was.valid_from, valid_to), was.seen(body)))
    return tuple(found)
