"""What `containers.record` reads and writes: rows of four tables, past the ORM (see `rows.py`), in few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.orm import Session

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.values import JsonObject
from anchorwatch.store import rows
from anchorwatch.store.tables import ConfigurationRow, ContainerRow, ContainerStateRow, ContainerVersionRow, HostRow, ProjectRow


class Was(NamedTuple):
    """A container as the tables have it now."""

    container_id: int
    name: str
    synced_revision: str | None
    synced_at: datetime | None
    project: str
    state_id: int
    valid_from: datetime
    state: str
    exit_code: int
    health: str | None
    oom_killed: bool
    restart_count: int
    started_at: datetime | None
    version_id: int
    engine_id: str
    image_id: str
    created_at: datetime | None
    project_id: int
    service: str | None
    number: int
    configuration_id: int
    digest: str

    def is_still(self, seen: ContainerSeen, digest: str) -> bool:
        """Whether it is as it was."""
        return (
            (self.state, self.exit_code, self.health, self.oom_killed, self.restart_count, self.started_at)
            == (seen.state, seen.exit_code, seen.health, seen.oom_killed, seen.restart_count, seen.started_at)
            and (self.engine_id, self.image_id) == (seen.engine_id, seen.image_id)
            and self.digest == digest
        )

    def seen(self, configuration: JsonObject) -> ContainerSeen:
        """What was seen then."""
        return ContainerSeen(
            name=self.name,
            engine_id=self.engine_id,
            image_id=self.image_id,
            state=self.state,
            exit_code=self.exit_code,
            health=self.health,
            oom_killed=self.oom_killed,
            restart_count=self.restart_count,
            created_at=self.created_at,
            started_at=self.started_at,
            project=self.project or None,
            service=self.service,
            number=self.number,
            configuration=configuration,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A container that is something else from a moment on."""

    was: Was | None
    seen: ContainerSeen
    """With its configuration as it is stored."""
    digest: str
    """Of that."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Configurations:
    """Rows of configurations, by their hashes, and their documents by the rows' IDs."""

    ids: dict[str, int] = field(default_factory=dict)
    documents: dict[int, JsonObject] = field(default_factory=dict)


_state, _version = ContainerStateRow, ContainerVersionRow
_COLUMNS = (
    *(ContainerRow.id, ContainerRow.name, ContainerRow.synced_revision, ContainerRow.synced_at, ProjectRow.name),
    *(_state.id, _state.valid_from, _state.state, _state.exit_code, _state.health, _state.oom_killed, _state.restart_count),
    *(_state.started_at, _version.id, _version.engine_id, _version.image_id, _version.created_at, _version.project_id),
    *(_version.service, _version.number, _version.configuration_id, ConfigurationRow.hash),
)
"""Those of a `Was`."""
SPANS = (
    select(HostRow.name, _state.valid_to, ConfigurationRow.body, *_COLUMNS)
    .select_from(ContainerRow)
    .join(HostRow, HostRow.id == ContainerRow.host_id)
    .join(_state, _state.container_id == ContainerRow.id)
    .join(_version, _version.id == _state.version_id)
    .join(ProjectRow, ProjectRow.id == _version.project_id)
    .join(ConfigurationRow, ConfigurationRow.id == _version.configuration_id)
    .order_by(HostRow.id, ContainerRow.id)
)
"""Host, end and configuration of each state of each container, and the rest of it."""
_NOW = (
    SPANS.with_only_columns(*_COLUMNS)
    .where(ContainerRow.host_id == bindparam("host"), _state.valid_to.is_(None))
    .order_by(None)
    .order_by(ContainerRow.id)
)
_NOW_OF_PROJECT = _NOW.where(
    or_(_version.project_id == bindparam("project"), ContainerRow.name.in_(bindparam("names", expanding=True)))
)
_CONFIGURATIONS = select(ConfigurationRow.hash, ConfigurationRow.id, ConfigurationRow.body).where(
    or_(
        ConfigurationRow.hash.in_(bindparam("digests", expanding=True)), ConfigurationRow.id.in_(bindparam("ids", expanding=True))
    )
)
_CONTAINERS = select(ContainerRow.id, ContainerRow.name, ContainerRow.synced_revision, ContainerRow.synced_at).where(
    ContainerRow.host_id == bindparam("host"), ContainerRow.name.in_(bindparam("names", expanding=True))
)
_VERSION = select(_version.id).where(
    _version.container_id == bindparam("container"),
    _version.engine_id == bindparam("engine"),
    _version.configuration_id == bindparam("configuration"),
)
_END = (
    update(rows.table(ContainerStateRow))
    .where(ContainerStateRow.id == bindparam("number"))
    .values(valid_to=bindparam("ended_at", type_=_state.valid_to.type))
)
_SYNCED = (
    update(rows.table(ContainerRow))
    .where(ContainerRow.id.in_(bindparam("ids", expanding=True)))
    .values(synced_revision=bindparam("revision"), synced_at=bindparam("at", type_=ContainerRow.synced_at.type))
)


def there(session: Session, host: int, project: int | None, names: Sequence[str]) -> Mapping[str, Was]:
    """The containers that are there, by name: all of a host, or those of a project and those of these names."""
    within = rows.connection(session)
    query = _NOW if project is None else _NOW_OF_PROJECT
    found = within.execute(query, {"host": host} if project is None else {"host": host, "project": project, "names": names})
    there = {row[1]: Was._make(row) for row in found}
    rows.known(session).containers |= {
        (host, was.name): rows.Synced(was.container_id, was.synced_revision, was.synced_at) for was in there.values()
    }
    return there


def configurations(session: Session, digests: Collection[str], ids: Collection[int]) -> Configurations:
    """Those with these hashes and those with these IDs, as far as there are any."""
    found = Configurations()
    for digest, number, body in rows.connection(session).execute(_CONFIGURATIONS, {"digests": list(digests), "ids": list(ids)}):
        found.ids[digest] = number
        found.documents[number] = body
    return found


def end(session: Session, ended: Iterable[tuple[Was, datetime]]) -> None:
    """These containers were as they were until then."""
    numbers = [{"number": was.state_id, "ended_at": at} for was, at in ended]
    if numbers:
        rows.connection(session).execute(_END, numbers)


def begin(session: Session, host: str, begun: Sequence[Begun], known: Configurations) -> None:
    """These containers are something else from then on. Those that were something before must have been ended."""
    if not begun:
        return
    within, host_id = rows.connection(session), rows.host_id(session, host, begun[0].at)
    containers = synced(session, host_id, [one.seen.name for one in begun])
    states = []
    for one in begun:
        if one.seen.name not in containers:
            number = rows.add(within, ContainerRow, host_id=host_id, name=one.seen.name, first_seen_at=one.at)
            containers[one.seen.name] = rows.known(session).containers[host_id, one.seen.name] = rows.Synced(number, None, None)
        container = containers[one.seen.name].id
        states.append(
            {
                "container_id": container,
                "version_id": _version_of(session, within, host, one, container, known),
                "valid_from": one.at,
                "state": one.seen.state,
                "exit_code": one.seen.exit_code,
                "health": one.seen.health,
                "oom_killed": one.seen.oom_killed,
                "restart_count": one.seen.restart_count,
                "started_at": one.seen.started_at,
            }
        )
    rows.add_all(within, ContainerStateRow, states)


def _version_of(session: Session, within: Connection, host: str, one: Begun, container: int, known: Configurations) -> int:
    was, seen = one.was, one.seen
    if was is not None and (was.engine_id, was.digest) == (seen.engine_id, one.digest):
        return was.version_id
    configuration = known.ids.get(one.digest)
    if configuration is not None:
        which = {"container": container, "engine": seen.engine_id, "configuration": configuration}
        found = within.scalar(_VERSION, which)
        if found is not None:
            return int(found)
    else:
        configuration = rows.add(within, ConfigurationRow, hash=one.digest, body=seen.configuration)
        known.ids[one.digest] = configuration
    return rows.add(
        within,
        ContainerVersionRow,
        container_id=container,
        engine_id=seen.engine_id,
        image_id=seen.image_id,
        created_at=seen.created_at,
        project_id=rows.make_project(session, ProjectKey(host, seen.project or NO_PROJECT), one.at).id,
        service=seen.service,
        number=seen.number,
        configuration_id=configuration,
    )


def synced(session: Session, host: int, names: Collection[str]) -> dict[str, rows.Synced]:
    """The rows of the containers of these names on a host, by name, whether or not they are there now."""
    known = rows.known(session).containers
    missing = [name for name in names if (host, name) not in known]
    if missing:
        for number, name, revision, at in rows.connection(session).execute(_CONTAINERS, {"host": host, "names": missing}):
            known[host, name] = rows.Synced(number, revision, at)
    return {name: known[host, name] for name in names if (host, name) in known}


def sync(session: Session, host: int, found: Mapping[str, rows.Synced], revision: str | None, at: datetime) -> None:
    """These containers are what `revision` wants, since `at`."""
    if not found:
        return
    numbers = [one.id for one in found.values()]
    rows.connection(session).execute(_SYNCED, {"ids": numbers, "revision": revision, "at": at})
    rows.known(session).containers |= {(host, name): rows.Synced(one.id, revision, at) for name, one in found.items()}
