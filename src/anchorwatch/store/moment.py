"""Everything that is known of one moment, now or long ago: what `status` and `at` show.

Each question takes one step down an index for each thing that there is (a host, a project, a stack, a container), so it costs the
same however long the history is. They are asked in one transaction, and answer for one and the same moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, null, or_, select

from anchorwatch.model.desired import NotStack, ProjectKey
from anchorwatch.model.drifts import Check, Readability, Subject
from anchorwatch.model.log import CheckThen, Facts, Repo, Run
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan, Span
from anchorwatch.model.values import JsonObject
from anchorwatch.store import checks, containers, cursors, drift_spans, drifts, hosts, remarks, stacks
from anchorwatch.store.tables import (
    CheckRow,
    CommitRow,
    ConfigurationRow,
    ContainerRow,
    ContainerStateRow,
    ContainerVersionRow,
    HostRow,
    ProjectRow,
    RunRow,
    StackRevisionRow,
    StackRow,
    TransitionRow,
)
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading

DESIRED = "desired"
"""The setting in which the service keeps what the repo said last, as a whole: `revision` and `not_stacks`."""

READABLE = "repo"
"""The one in which the ledger keeps whether it can be read (`ledger/fleet.py`)."""


def now(read: Reading, at: datetime, *, host: str | None = None, holder: str | None = None) -> Facts:
    """Where things stand. `at` is the time of day, `holder` who has the database; with `host`, only what is on that one."""
    return Facts(
        at=at,
        live=True,
        hosts=_on(host, hosts.current(read)),
        first_seen=_first_seen(read),
        stacks=tuple(one for one in stacks.current(read) if host in (None, one.host)),
        checks=verdicts(read, None, host),
        drifts=tuple(drifts.unresolved(read, host)),
        containers=_containers(read, None, host),
        run=_run(read, None),
        repo=_repo(read),
        holder=holder,
    )


def then(read: Reading, at: datetime, *, host: str | None = None, configurations: bool = False) -> Facts:
    """How things stood at a moment. `configurations` adds to each container how it was configured; else that is its image."""
    return Facts(
        at=at,
        live=False,
        hosts=_on(host, hosts.at(read, at)),
        first_seen=_first_seen(read),
        stacks=tuple(one for one in stacks.at(read, at) if host in (None, one.host)),
        checks=verdicts(read, at, host),
        drifts=tuple(drift_spans.at(read, at, host)),
        containers=tuple(containers.at(read, at, host)) if configurations else _containers(read, at, host),
        run=_run(read, at),
        repo=Repo(revision=_revision(read, at)),
    )


def verdicts(read: Reading, at: datetime | None, host: str | None = None) -> Mapping[ProjectKey, CheckThen]:
    """The newest check of each key that had begun by then (None: the one that was written last, whatever the clock said); a key
    that was never checked is missing."""
    newest = select(CheckRow.id).where(CheckRow.project_id == ProjectRow.id)
    if at is not None:
        newest = newest.where(CheckRow.started_at <= at).order_by(CheckRow.started_at.desc())
    newest = newest.order_by(CheckRow.id.desc())
    each = select(newest.limit(1).scalar_subquery()).select_from(ProjectRow).join(HostRow, HostRow.id == ProjectRow.host_id)
    ids = [number for number in read.session.scalars(each.where(*_of(host))) if number is not None]
    found: dict[ProjectKey, CheckThen] = {}
    for one in read.session.execute(_CHECKS, {"ids": ids}):
        key = ProjectKey(one.host, one.project)
        last_at = one.last_at if at is None else min(one.last_at, at)
        found[key] = CheckThen(_check(key, one), last_at, one.status_since_at if at is None else None)
    return found


_CHECKS = (
    select(
        HostRow.name.label("host"),
        ProjectRow.name.label("project"),
        ProjectRow.status_since_at,
        CheckRow.__table__,
        ConfigurationRow.__table__.c.body,
    )
    .join_from(CheckRow, ProjectRow, ProjectRow.id == CheckRow.project_id)
    .join(HostRow, HostRow.id == ProjectRow.host_id)
    .outerjoin(ConfigurationRow, ConfigurationRow.id == CheckRow.remarks_id)
    .where(CheckRow.id.in_(bindparam("ids", expanding=True)))
    .order_by(ProjectRow.id)
)


def definitions(read: Reading, at: datetime | None, of: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], JsonObject]:
    """What Compose made of stacks (host and name of each), at a moment or now; those it could not resolve are missing."""
    still = StackRevisionRow.valid_to.is_(None)
    span: list[ColumnElement[bool]] = [still]
    if at is not None:
        span = [StackRevisionRow.id.in_(stacks.numbers_at(read, at)), or_(still, StackRevisionRow.valid_to > at)]
    query = (
        select(HostRow.name, StackRow.name, ConfigurationRow.body)
        .join(StackRow, StackRow.host_id == HostRow.id)
        .join(StackRevisionRow, StackRevisionRow.stack_id == StackRow.id)
        .join(ConfigurationRow, ConfigurationRow.id == StackRevisionRow.configuration_id)
        .where(*span, StackRow.name.in_([label(name) for _, name in of]))
    )
    return {(host, name): body for host, name, body in read.session.execute(query) if (host, name) in of}


def _check(key: ProjectKey, row: Any) -> Check:
    check = checks.from_row(key, row)
    return replace(check, unknown_values=remarks.unknown_values(row.body), notes=remarks.notes(row.body))


def _containers(read: Reading, at: datetime | None, host: str | None) -> tuple[ContainerSpan, ...]:
    """The containers that were there, without their configurations; at a moment that is over with their images."""
    state, version = ContainerStateRow, ContainerVersionRow
    query = (
        select(
            HostRow.name, ContainerRow.name, ProjectRow.name, state.valid_from, state.valid_to, state.state, state.exit_code,
            state.health, state.oom_killed, state.restart_count, state.started_at, version.engine_id, version.image_id,
            version.created_at, version.service, version.number, null() if at is None else ConfigurationRow.body,
        )
        .select_from(state)
        .join(ContainerRow, ContainerRow.id == state.container_id)
        .join(HostRow, HostRow.id == ContainerRow.host_id)
        .join(version, version.id == state.version_id)
        .join(ProjectRow, ProjectRow.id == version.project_id)
        .order_by(HostRow.id, ContainerRow.id)
    )  # fmt: skip
    if at is None:
        query = query.where(state.valid_to.is_(None), *_of(host))
    else:
        ids = containers.numbers_at(read, at, host)
        query = query.join(ConfigurationRow, ConfigurationRow.id == version.configuration_id)
        query = query.where(state.id.in_(ids), or_(state.valid_to.is_(None), state.valid_to > at))
    return tuple(
        ContainerSpan(
            one[0],
            Span(one[3], one[4]),
            ContainerSeen(
                name=one[1],
                project=one[2] or None,
                state=one[5],
                exit_code=one[6],
                health=one[7],
                oom_killed=one[8],
                restart_count=one[9],
                started_at=one[10],
                engine_id=one[11],
                image_id=one[12],
                created_at=one[13],
                service=one[14],
                number=one[15],
                configuration=_image(one[16]),
            ),
        )
        for one in read.session.execute(query)
    )


def _image(configuration: JsonObject | None) -> JsonObject:
    """Of a configuration what the image was called. Not taken out by the database: PostgreSQL's functions refuse a whole document
    that has a NUL anywhere (`documents.py`)."""
    image = ((configuration or {}).get("Config") or {}).get("Image")
    return {} if image is None else {"Config": {"Image": image}}


def _run(read: Reading, at: datetime | None) -> Run | None:
    """The run that a moment falls into, or comes after; None: the one that began last, whatever the clock said."""
    query = select(RunRow)
    if at is not None:
        query = query.where(RunRow.started_at <= at).order_by(RunRow.started_at.desc())
    row = read.session.scalar(query.order_by(RunRow.id.desc()).limit(1))
    return None if row is None else Run(row.id, row.started_at, row.alive_at, row.ended_at, row.version)


def _first_seen(read: Reading) -> Mapping[str, datetime]:
    return dict(read.session.execute(select(HostRow.name, HostRow.first_seen_at).order_by(HostRow.id)).all())


def _repo(read: Reading) -> Repo:
    value = cursors.setting(read, DESIRED) or {}
    error, at = _blind(read)
    return Repo(
        revision=value.get("revision", _revision(read, None)),
        not_stacks=tuple(NotStack(path, because) for path, because in value.get("not_stacks", ())),
        error=error,
        at=at,
    )


def _blind(read: Reading) -> tuple[ErrorInfo | None, datetime | None]:
    """Why the repo cannot be read now, and since when; None for one that can."""
    value = cursors.setting(read, READABLE)
    if value is None or value["state"] == Readability.READABLE:
        return None, None
    since = datetime.fromisoformat(str(value["since"]))
    of_it = TransitionRow.subject == Subject.REPO, TransitionRow.at == since
    cause = read.session.scalar(select(TransitionRow.cause).where(*of_it).limit(1)) or {}
    return ErrorInfo(str(cause.get("class", "repo")), str(cause.get("message", "the repository cannot be read"))), since


def _revision(read: Reading, at: datetime | None) -> str | None:
    """The newest commit that had been seen."""
    query = select(CommitRow.revision).order_by(CommitRow.seen_at.desc(), CommitRow.id.desc()).limit(1)
    return read.session.scalar(query if at is None else query.where(CommitRow.seen_at <= at))


def _on(host: str | None, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return found if host is None else {name: one for name, one in found.items() if name == host}


def _of(host: str | None) -> Sequence[ColumnElement[bool]]:
    return () if host is None else (HostRow.name == label(host),)
