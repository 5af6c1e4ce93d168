"""The log, searched: transitions, containers, commits and runs, the newest first, a page at a time.

Each page is a question of its own, in a transaction of its own, and goes on where the one before ended: whoever reads slowly
keeps no transaction open. Which index a question about transitions goes down is decided here for SQLite, whose planner knows
nothing of how the rows are spread; PostgreSQL's planner does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from sqlalchemy import ColumnElement, Select, false, func, or_, select, union

from anchorwatch.model.drifts import NO_PROJECT, Delivery, Drift, Subject
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.model.log import CommitArrived, Told, Wanted, WatchChanged
from anchorwatch.model.timeline import Commit, EventSeen
from anchorwatch.store import deliveries, drift_spans, drifts, events, rows
from anchorwatch.store.tables import (
    CommitRow,
    CommitStackRow,
    ContainerVersionRow,
    DriftRow,
    HostRow,
    ProjectRow,
    RunRow,
    StackRow,
    TransitionRow,
)
from anchorwatch.store.transactions import Reading, batched
from anchorwatch.store.transitions import from_row

FEW = 200
"""Up to so many drifts are looked up one by one; where more are meant, the log is read through."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked for, with the numbers of the rows that it names."""

    wanted: Wanted
    hosts: tuple[int, ...] | None
    """None: all."""
    stacks: tuple[int, ...] | None
    drifts: tuple[int, ...] | None
    """None: too many to be looked up one by one, or none in particular."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the log knows by name."""

    hosts: frozenset[str]
    stacks: frozenset[str]
    """`pi5/mealie`."""
    services: frozenset[str]
    """Those that ran or drifted."""


def scope(read: Reading, wanted: Wanted) -> Scope:
    """Asks once for what every page needs."""
    session, filters = read.session, wanted.filters
    found_hosts = [rows.host(session, name) for name in filters.hosts]
    found_stacks = [rows.stack(session, *name) for name in filters.stacks]
    return Scope(
        wanted,
        tuple(row.id for row in found_hosts if row is not None) if filters.hosts else None,
        tuple(row.id for row in found_stacks if row is not None) if filters.stacks else None,
        _few_drifts(read, wanted),
    )


def names(read: Reading, wanted: Wanted) -> Names:
    """What can be asked for by name; services only where one is asked for."""
    session = read.session
    pairs = select(HostRow.name, StackRow.name).join(StackRow, StackRow.host_id == HostRow.id)
    services = union(select(DriftRow.service), select(ContainerVersionRow.service))
    return Names(
        frozenset(session.scalars(select(HostRow.name))),
        frozenset(f"{host}/{stack}" for host, stack in session.execute(pairs)),
        frozenset(one for one in session.scalars(services) if one is not None) if wanted.services else frozenset(),
    )


def transitions(
    read: Reading, scope: Scope, *, after: Told | None = None, limit: int = 500, messages: bool = False
) -> Sequence[Told]:
    """The newest transitions that are asked for, at most `limit`. To go on, hand over the last one as `after`."""
    found: list[Told] = []
    while len(found) < limit:
        page = _page(read, scope, after, limit)
        found += [told for told in page if _fits(told, scope.wanted)]
        if len(page) < limit:
            break
        after = page[-1]
    found = found[:limit]
    return _with_messages(read, found) if messages else found


def commits(
    read: Reading, scope: Scope, before: datetime, *, limit: int = 200
) -> tuple[Sequence[CommitArrived], datetime | None]:
    """Commits as they were seen, the newest first, from `before` back to the moment that is returned too (None: that is all)."""
    query = select(CommitRow).where(CommitRow.seen_at < before).order_by(CommitRow.seen_at.desc(), CommitRow.id.desc())
    if scope.wanted.since is not None:
        query = query.where(CommitRow.seen_at >= scope.wanted.since)
    touched = _touched(scope)
    if touched is not None:
        query = query.where(CommitRow.id.in_(touched))
    some = read.session.scalars(query.limit(limit)).all()
    more = len(some) == limit
    begin = some[-1].seen_at if more else None
    if more:
        some = read.session.scalars(query.where(CommitRow.seen_at >= begin)).all()
    stacks: dict[int, list[tuple[str, str]]] = {}
    links = (
        select(CommitStackRow.commit_id, HostRow.name, StackRow.name)
        .join(StackRow, StackRow.id == CommitStackRow.stack_id)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .where(CommitStackRow.commit_id.in_([row.id for row in some]))
        .order_by(HostRow.name, StackRow.name)
    )
    for number, host, stack in read.session.execute(links):
        stacks.setdefault(number, []).append((host, stack))
    found = [
        CommitArrived(
            row.seen_at,
            Commit(row.revision, row.committed_at, row.author, row.subject, row.parent),
            tuple(stacks.get(row.id, ())),
        )
        for row in some
    ]
    return found, begin


def runs(read: Reading, wanted: Wanted, before: datetime, silent_since: datetime) -> Sequence[WatchChanged]:
    """When the service began to watch and when it ended, the newest first, before a moment. A run without an end that was last
    alive before `silent_since` was killed."""
    query = select(RunRow).where(RunRow.started_at < before).order_by(RunRow.id.desc())
    if wanted.since is not None:
        query = query.where(or_(RunRow.ended_at.is_(None), RunRow.ended_at >= wanted.since))
    found: list[WatchChanged] = []
    for row in read.session.scalars(query):
        if row.ended_at is not None and row.ended_at < before:
            found.append(WatchChanged(row.ended_at, False, row.version))
        if row.ended_at is None and row.alive_at < min(before, silent_since):
            found.append(WatchChanged(row.alive_at, False, row.version, killed=True))
        found.append(WatchChanged(row.started_at, True, row.version))
    since = wanted.since
    return sorted((one for one in found if since is None or one.at >= since), key=lambda one: one.at, reverse=True)


def drifts_like(read: Reading, prefix: str, *, limit: int = 10) -> Sequence[Drift]:
    """The drifts whose ID begins so."""
    query = (
        select(DriftRow.name).where(DriftRow.name >= prefix, DriftRow.name < prefix + "z").order_by(DriftRow.name).limit(limit)
    )
    return tuple(drifts.called(read, [name for name in read.session.scalars(query) if name.startswith(prefix)]).values())


def life(read: Reading, drift: Drift, *, limit: int = 100) -> tuple[Sequence[Told], int]:
    """The newest transitions of a drift with their messages, the oldest of them first; and how many there are in all."""
    number = select(DriftRow.id).where(DriftRow.name == drift.id).scalar_subquery()
    mine = TransitionRow.drift_id == number
    query = _query().where(mine).order_by(TransitionRow.at.desc(), TransitionRow.id.desc()).limit(limit)
    found = [_told(*row) for row in read.session.execute(query)]
    many = read.session.scalar(select(func.count()).select_from(TransitionRow).where(mine)) or 0
    return _with_messages(read, found[::-1]), many


def around(
    read: Reading, drift: Drift, events_from: datetime, commits_from: datetime, until: datetime, *, limit: int = 50
) -> tuple[Sequence[Commit], Sequence[EventSeen]]:
    """The commits that touched the stack of a drift, the newest first, and the events in its project, in order."""
    stack = drift.finding.stack
    found: Sequence[CommitRow] = ()
    row = None if stack is None else rows.stack(read.session, drift.finding.host, stack)
    if row is not None:
        query = (
            select(CommitRow)
            .join(CommitStackRow, CommitStackRow.commit_id == CommitRow.id)
            .where(CommitStackRow.stack_id == row.id, CommitRow.seen_at >= commits_from, CommitRow.seen_at < until)
            .order_by(CommitRow.seen_at.desc(), CommitRow.id.desc())
            .limit(limit)
        )
        found = read.session.scalars(query).all()
    heard = events.between(read, events_from, until, key=drift.key, limit=limit)
    return [Commit(one.revision, one.committed_at, one.author, one.subject, one.parent) for one in found], heard


def _few_drifts(read: Reading, wanted: Wanted) -> tuple[int, ...] | None:
    """The drifts that are of a service or at a path that is asked for, if they are few."""
    if not wanted.services and not wanted.paths:
        return None
    query = select(DriftRow.id).where(*of_drifts(wanted))
    found = tuple(read.session.scalars(query.limit(FEW + 1)))
    return found if len(found) <= FEW else None


def of_drifts(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """For this room: what rows of drifts must fulfil; of a glob with brackets somewhat more is found."""
    if wanted.services:
        yield DriftRow.service.in_(wanted.services)
    if wanted.paths:
        yield or_(*(_like(glob) for glob in wanted.paths))
    if wanted.filters.kinds:
        yield DriftRow.kind.in_(wanted.filters.kinds)


def _like(glob: str) -> ColumnElement[bool]:
    """At least what the glob fits: what more is found is left out by `_fits`."""
    literal, _, rest = glob.partition("[")
    pattern = "".join({"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}.get(one, one) for one in literal)
    return DriftRow.path.like(pattern + ("%" if rest or "[" in glob else ""), escape="\\")


def _fits(told: Told, wanted: Wanted) -> bool:
    if not wanted.paths:
        return True
    path = None if told.finding is None else told.finding.path
    return path is not None and any(fnmatchcase(path, glob) for glob in wanted.paths)


def _page(read: Reading, scope: Scope, after: Told | None, limit: int) -> Sequence[Told]:
    wanted = scope.wanted
    query = _query().order_by(TransitionRow.at.desc(), TransitionRow.id.desc()).limit(limit)
    if wanted.since is not None:
        query = query.where(TransitionRow.at >= wanted.since)
    if after is not None:
        at, number = after.transition.at, after.transition.id
        query = query.where(TransitionRow.at <= at, or_(TransitionRow.at < at, TransitionRow.id < (number or 0)))
    elif wanted.until is not None:
        query = query.where(TransitionRow.at < wanted.until)
    for condition in conditions(scope):
        query = query.where(condition)
    query = query.with_hint(TransitionRow, f"INDEXED BY {index_for(scope)}", "sqlite")
    return [_told(*found) for found in read.session.execute(query)]


def conditions(scope: Scope) -> Iterator[ColumnElement[bool]]:
    """For this room: what transitions must fulfil; they are to be joined with their drifts where only those are asked for."""
    wanted = scope.wanted
    if scope.drifts is not None:
        yield TransitionRow.drift_id.in_(scope.drifts) if scope.drifts else false()
    if scope.stacks is not None:
        yield TransitionRow.stack_id.in_(scope.stacks) if scope.stacks else false()
    if scope.hosts is not None:
        yield TransitionRow.host_id.in_(scope.hosts) if scope.hosts else false()
    if wanted.only_drift:
        yield TransitionRow.subject == Subject.DRIFT
        yield from of_drifts(wanted)
    if wanted.filters.severity > Severity.INFO:
        yield TransitionRow.severity >= int(wanted.filters.severity)
    if wanted.causes:
        yield or_(*(drift_spans.caused(TransitionRow.cause, cause) for cause in wanted.causes))


def index_for(scope: Scope) -> str:
    """For this room: the index to go down on SQLite."""
    if scope.drifts:
        return "ix_transitions_drift_id_at"
    if scope.stacks is not None and len(scope.stacks) == 1:
        return "ix_transitions_stack_id_at"
    if scope.stacks is None and scope.hosts is not None and len(scope.hosts) == 1:
        return "ix_transitions_host_id_at"
    return "ix_transitions_at"


def _query() -> Select[str, str, TransitionRow, DriftRow, str]:
    return (
        select(HostRow.name, StackRow.name, TransitionRow, DriftRow, ProjectRow.name)
        .select_from(TransitionRow)
        .outerjoin(HostRow, HostRow.id == TransitionRow.host_id)
        .outerjoin(StackRow, StackRow.id == TransitionRow.stack_id)
        .outerjoin(DriftRow, DriftRow.id == TransitionRow.drift_id)
        .outerjoin(ProjectRow, ProjectRow.id == DriftRow.project_id)
    )


def _told(host: str | None, stack: str | None, row: TransitionRow, drift: DriftRow | None, project: str | None) -> Told:
    transition = from_row(host, stack, None if drift is None else drift.name, row)
    if drift is None:
        return Told(transition)
    finding = Finding(
        host=host or "",
        kind=drift.kind,
        message=drift.message,
        severity=transition.severity or Severity(drift.severity),
        stack=stack,
        project=None if project == NO_PROJECT else project,
        service=drift.service,
        container=drift.container,
        number=drift.number,
        path=drift.path,
        desired=row.desired,
        observed=row.observed,
        fix=drift.fix,
    )
    return Told(transition, finding)


def _with_messages(read: Reading, found: Sequence[Told]) -> Sequence[Told]:
    by_transition: dict[int, list[Delivery]] = {}
    for some in batched([told.transition.id or 0 for told in found]):
        for one in deliveries.of_transitions(read, some):
            by_transition.setdefault(one.transition, []).append(one)
    return [replace(told, deliveries=tuple(by_transition.get(told.transition.id or 0, ()))) for told in found]


def _touched(scope: Scope) -> Select[int] | None:
    """The commits that touched what is asked for; None: all of them."""
    if scope.stacks is not None:
        return select(CommitStackRow.commit_id).where(CommitStackRow.stack_id.in_(scope.stacks))
    if scope.hosts is not None:
        query = select(CommitStackRow.commit_id).join(StackRow, StackRow.id == CommitStackRow.stack_id)
        return query.where(StackRow.host_id.in_(scope.hosts))
    return None
