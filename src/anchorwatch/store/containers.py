"""Containers, and how each was from when to when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, undefer

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan, Span
from anchorwatch.store import rows
from anchorwatch.store.documents import document_of, hash_of, text_of
from anchorwatch.store.tables import (
    ConfigurationRow,
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
    host_row = rows.make_host(session, host, moment)
    within = None if project is None else rows.make_project(session, ProjectKey(host, project), moment)
    known = _known(session, host_row, within, seen)
    changes: list[Change] = []
    present: set[str] = set()
    for one in map(_kept, seen):
        if one.name in present:
            continue  # renamed while the engine was asked: a name is one container's at a time, and the next look knows whose
        present.add(one.name)
        before = known.get(one.name)
        text = text_of(one.configuration)
        digest = hash_of(text)
        if before is not None and _same(before, one, digest):
            continue
        begin = moment
        if before is not None:
            begin = before.state.valid_to = rows.after(moment, before.state.valid_from)
            session.flush()
        session.add(_state(session, host_row, one, digest, begin))
        changes.append(Change(None if before is None else _seen(before), replace(one, configuration=document_of(text))))
    for name, before in known.items():
        if name not in present and (within is None or before.version.project_id == within.id):
            before.state.valid_to = rows.after(moment, before.state.valid_from)
            changes.append(Change(_seen(before), None))
    return tuple(changes)


def current(read: Reading, host: str | None = None) -> Sequence[ContainerSpan]:
    """The containers that are there, of one host or of all."""
    return _spans(read, _query().where(ContainerStateRow.valid_to.is_(None), *_of(host)))


def at(read: Reading, moment: datetime, host: str | None = None) -> Sequence[ContainerSpan]:
    """The containers that were there at that moment, each as it was."""
    newest = (
        select(ContainerStateRow.id)
        .where(ContainerStateRow.container_id == ContainerRow.id, ContainerStateRow.valid_from <= moment)
        .order_by(ContainerStateRow.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    # two questions, so that no planner can think of reading all states: one step down the index for each container
    each = select(newest).select_from(ContainerRow).join(HostRow, HostRow.id == ContainerRow.host_id).where(*_of(host))
    ids = [number for number in read.session.scalars(each) if number is not None]
    still = or_(ContainerStateRow.valid_to.is_(None), ContainerStateRow.valid_to > moment)
    return _spans(read, _query().where(ContainerStateRow.id.in_(ids), still))


def history(read: Reading, host: str, name: str) -> Sequence[ContainerSpan]:
    """How one container was, from the beginning."""
    query = _query().where(ContainerRow.name == label(name), *_of(host))
    return _spans(read, query.order_by(None).order_by(ContainerStateRow.valid_from))


def mark_in_sync(write: Writing, host: str, names: Collection[str], revision: str | None, moment: datetime) -> None:
    """These containers are what `revision` wants."""
    host_row = rows.host(write.session, host)
    if host_row is None:
        return
    of_these = and_(ContainerRow.host_id == host_row.id, ContainerRow.name.in_([label(name) for name in names]))
    for row in write.session.scalars(select(ContainerRow).where(of_these)):
        if row.synced_revision != revision or row.synced_at is None:
            row.synced_revision, row.synced_at = revision, moment


def last_in_sync(read: Reading, host: str) -> Mapping[str, str]:
    """The revision that each container of a host was last in sync with, by name; those that never were are missing."""
    query = select(ContainerRow.name, ContainerRow.synced_revision).join(HostRow, HostRow.id == ContainerRow.host_id)
    found = read.session.execute(query.where(ContainerRow.synced_revision.is_not(None), *_of(host)))
    return {name: revision for name, revision in found if revision is not None}


@dataclass(frozen=True, slots=True)
class _Rows:
    name: str
    project: str
    state: ContainerStateRow
    version: ContainerVersionRow
    configuration: ConfigurationRow


def _known(session: Session, host: HostRow, within: ProjectRow | None, seen: Sequence[ContainerSeen]) -> dict[str, _Rows]:
    query = _query().where(ContainerStateRow.valid_to.is_(None), HostRow.id == host.id)
    if within is not None:
        names = [label(one.name) for one in seen]
        query = query.where(or_(ContainerVersionRow.project_id == within.id, ContainerRow.name.in_(names)))
    found = session.execute(query)
    return {name: _Rows(name, project, state, version, held) for _, name, project, state, version, held in found}


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


def _same(before: _Rows, seen: ContainerSeen, digest: str) -> bool:
    state, version = before.state, before.version
    return (
        (state.state, state.exit_code, state.health, state.oom_killed, state.restart_count, state.started_at)
        == (seen.state, seen.exit_code, seen.health, seen.oom_killed, seen.restart_count, seen.started_at)
        and (version.engine_id, version.image_id) == (seen.engine_id, seen.image_id)
        and before.configuration.hash == digest
    )


def _state(session: Session, host: HostRow, seen: ContainerSeen, digest: str, begin: datetime) -> ContainerStateRow:
    container = rows.make_container(session, host, seen.name, begin)
    return ContainerStateRow(
        container_id=container.id,
        version_id=_version(session, host, container, seen, digest, begin).id,
        valid_from=begin,
        state=seen.state,
        exit_code=seen.exit_code,
        health=seen.health,
        oom_killed=seen.oom_killed,
        restart_count=seen.restart_count,
        started_at=seen.started_at,
    )


def _version(
    session: Session, host: HostRow, container: ContainerRow, seen: ContainerSeen, digest: str, begin: datetime
) -> ContainerVersionRow:
    configuration = rows.make_configuration(session, seen.configuration, digest)
    found = session.scalar(
        select(ContainerVersionRow).where(
            ContainerVersionRow.container_id == container.id,
            ContainerVersionRow.engine_id == seen.engine_id,
            ContainerVersionRow.configuration_id == configuration.id,
        )
    )
    if found is None:
        found = ContainerVersionRow(
            container_id=container.id,
            engine_id=seen.engine_id,
            image_id=seen.image_id,
            created_at=seen.created_at,
            project_id=rows.make_project(session, ProjectKey(host.name, seen.project or NO_PROJECT), begin).id,
            service=seen.service,
            number=seen.number,
            configuration_id=configuration.id,
        )
        session.add(found)
        session.flush()
    return found


def _of(host: str | None) -> list[ColumnElement[bool]]:
    return [] if host is None else [HostRow.name == label(host)]


_Found: TypeAlias = Select[str, str, str, ContainerStateRow, ContainerVersionRow, ConfigurationRow]


def _query() -> _Found:
    return (
        select(HostRow.name, ContainerRow.name, ProjectRow.name, ContainerStateRow, ContainerVersionRow, ConfigurationRow)
        .join(ContainerRow, ContainerRow.id == ContainerStateRow.container_id)
        .join(HostRow, HostRow.id == ContainerRow.host_id)
        .join(ContainerVersionRow, ContainerVersionRow.id == ContainerStateRow.version_id)
        .join(ProjectRow, ProjectRow.id == ContainerVersionRow.project_id)
        .join(ConfigurationRow, ConfigurationRow.id == ContainerVersionRow.configuration_id)
        .order_by(HostRow.id, ContainerRow.id)
    )


def _spans(read: Reading, query: _Found) -> Sequence[ContainerSpan]:
    return tuple(
        ContainerSpan(host, Span(state.valid_from, state.valid_to), _seen(_Rows(name, project, state, version, configuration)))
        for host, name, project, state, version, configuration in read.session.execute(
            query.options(undefer(ConfigurationRow.body))
        )
    )


def _seen(found: _Rows) -> ContainerSeen:
    state, version = found.state, found.version
    return ContainerSeen(
        name=found.name,
        engine_id=version.engine_id,
        image_id=version.image_id,
        state=state.state,
        exit_code=state.exit_code,
        health=state.health,
        oom_killed=state.oom_killed,
        restart_count=state.restart_count,
        created_at=version.created_at,
        started_at=state.started_at,
        project=found.project or None,
        service=version.service,
        number=version.number,
        configuration=found.configuration.body,
    )
