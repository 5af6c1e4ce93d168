"""How containers changed, the newest change first: each state beside the one that it followed.

A change is the beginning of a state, or the end of one that no other follows at once: then the container is gone. Ends have no
index of their own (it would cost as much as everything else that this table is asked): what ends within a piece of time began in
it, or held at its beginning, which is one step down an index for each container.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, aliased, undefer

from anchorwatch.model.log import ContainerChange
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan, Span
from anchorwatch.model.values import JsonObject
from anchorwatch.store import containers
from anchorwatch.store.search import Scope
from anchorwatch.store.tables import (
    ConfigurationRow,
    ContainerRow,
    ContainerStateRow,
    ContainerVersionRow,
    HostRow,
    ProjectRow,
    RunRow,
    StackRow,
)
from anchorwatch.store.transactions import Reading, batched


def page(read: Reading, scope: Scope, before: datetime, *, limit: int = 500) -> tuple[Sequence[ContainerChange], datetime | None]:
    """The changes from `before` back to the moment that is returned too (None: that is all); of about `limit` states."""
    since = scope.wanted.since
    newest = _states(scope, ContainerStateRow.valid_from).where(ContainerStateRow.valid_from < before)
    if since is not None:
        newest = newest.where(ContainerStateRow.valid_from >= since)
    times = read.session.scalars(newest.order_by(ContainerStateRow.valid_from.desc()).limit(limit)).all()
    more = len(times) == limit
    begin = since if since is not None and not more else times[-1] if times else before
    started, ended = _within(read, scope, begin, before)
    follows, gone = _before(read, started), ended - _followed(read, ended)
    found = _found(read, started | gone | set(follows.values()))
    pairs: list[_Pair] = [(found.get(follows.get(number, 0)), found[number]) for number in started]
    pairs += [(found[number], None) for number in gone]
    bodies = _bodies(read, pairs)
    watched = _watched(read)
    changes = [change for was, now in pairs if (change := _change(was, now, bodies, watched)) is not None]
    changes.sort(key=lambda change: (change.at, change.host), reverse=True)
    return changes, begin if more else None


@dataclass(frozen=True, slots=True)
class _State:
    """A state of a container, and where it belongs."""

    span: ContainerSpan
    stack: str | None
    configuration: int


_Pair: TypeAlias = tuple[_State | None, _State | None]
"""A state, and the one that followed it."""


def _within(read: Reading, scope: Scope, begin: datetime, before: datetime) -> tuple[set[int], set[int]]:
    """The states that began between two moments, and those that ended there."""
    spanned = select(ContainerStateRow.id).where(ContainerStateRow.valid_from >= begin, ContainerStateRow.valid_from < before)
    ids = set(read.session.scalars(spanned)) | set(containers.numbers_at(read, begin))
    started: set[int] = set()
    ended: set[int] = set()
    for some in batched(sorted(ids)):
        columns = ContainerStateRow.id, ContainerStateRow.valid_from, ContainerStateRow.valid_to
        for number, begun, until in read.session.execute(_states(scope, *columns).where(ContainerStateRow.id.in_(some))):
            if begin <= begun < before:
                started.add(number)
            if until is not None and begin <= until < before:
                ended.add(number)
    return started, ended


def _states(scope: Scope, *columns: InstrumentedAttribute[Any]) -> Select[Any]:
    query = (
        select(*columns)
        .select_from(ContainerStateRow)
        .join(ContainerRow, ContainerRow.id == ContainerStateRow.container_id)
        .join(ContainerVersionRow, ContainerVersionRow.id == ContainerStateRow.version_id)
        .join(ProjectRow, ProjectRow.id == ContainerVersionRow.project_id)
    )
    if scope.hosts is not None:
        query = query.where(ContainerRow.host_id.in_(scope.hosts))
    if scope.stacks is not None:
        query = query.where(ProjectRow.stack_id.in_(scope.stacks))
    if scope.wanted.services:
        query = query.where(ContainerVersionRow.service.in_(scope.wanted.services))
    return query


def _before(read: Reading, states: Collection[int]) -> dict[int, int]:
    """The state that each of these follows at once, if there is one."""
    earlier = aliased(ContainerStateRow)
    newest = (
        select(earlier.id)
        .where(earlier.container_id == ContainerStateRow.container_id, earlier.valid_from < ContainerStateRow.valid_from)
        .order_by(earlier.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    found: dict[int, int] = {}
    for some in batched(sorted(states)):
        pairs: dict[int, int | None] = dict(
            read.session.execute(select(ContainerStateRow.id, newest).where(ContainerStateRow.id.in_(some))).all()
        )
        begins = _column(read, ContainerStateRow.valid_from, some)
        ends = _column(read, ContainerStateRow.valid_to, [one for one in pairs.values() if one is not None])
        found |= {one: was for one, was in pairs.items() if was is not None and ends[was] == begins[one]}
    return found


def _followed(read: Reading, states: Collection[int]) -> set[int]:
    """Those that another state of the same container follows at once."""
    later = aliased(ContainerStateRow)
    found: set[int] = set()
    for some in batched(sorted(states)):
        query = (
            select(ContainerStateRow.id)
            .join(
                later, (later.container_id == ContainerStateRow.container_id) & (later.valid_from == ContainerStateRow.valid_to)
            )
            .where(ContainerStateRow.id.in_(some))
        )
        found |= set(read.session.scalars(query))
    return found


def _column(read: Reading, column: InstrumentedAttribute[Any], states: Sequence[int]) -> dict[int, datetime]:
    return dict(read.session.execute(select(ContainerStateRow.id, column).where(ContainerStateRow.id.in_(states))).all())


def _found(read: Reading, states: Collection[int]) -> dict[int, _State]:
    found: dict[int, _State] = {}
    for some in batched(sorted(states)):
        query = (
            select(HostRow.name, ContainerRow.name, ProjectRow.name, StackRow.name, ContainerStateRow, ContainerVersionRow)
            .select_from(ContainerStateRow)
            .join(ContainerRow, ContainerRow.id == ContainerStateRow.container_id)
            .join(HostRow, HostRow.id == ContainerRow.host_id)
            .join(ContainerVersionRow, ContainerVersionRow.id == ContainerStateRow.version_id)
            .join(ProjectRow, ProjectRow.id == ContainerVersionRow.project_id)
            .outerjoin(StackRow, StackRow.id == ProjectRow.stack_id)
            .where(ContainerStateRow.id.in_(some))
        )
        for host, name, project, stack, state, version in read.session.execute(query):
            seen = ContainerSeen(
                name=name,
                engine_id=version.engine_id,
                image_id=version.image_id,
                state=state.state,
                exit_code=state.exit_code,
                health=state.health,
                oom_killed=state.oom_killed,
                restart_count=state.restart_count,
                created_at=version.created_at,
                started_at=state.started_at,
                project=project or None,
                service=version.service,
                number=version.number,
            )
            span = ContainerSpan(host, Span(state.valid_from, state.valid_to), seen)
            found[state.id] = _State(span, stack, version.configuration_id)
    return found


def _bodies(read: Reading, pairs: Iterable[_Pair]) -> dict[int, JsonObject]:
    """The configurations of those that were made, made anew or configured anew."""
    needed: set[int] = set()
    for was, now in pairs:
        if now is not None and (was is None or was.configuration != now.configuration):
            needed |= {now.configuration} | (set() if was is None else {was.configuration})
    found: dict[int, JsonObject] = {}
    for some in batched(sorted(needed)):
        query = select(ConfigurationRow).where(ConfigurationRow.id.in_(some)).options(undefer(ConfigurationRow.body))
        found |= {row.id: row.body for row in read.session.scalars(query)}
    return found


def _watched(read: Reading) -> Callable[[str, datetime], datetime | None]:
    """Since when a host had been watched at a moment: since the run that it falls into, or since somebody first looked there."""
    starts = read.session.scalars(select(RunRow.started_at).order_by(RunRow.started_at)).all()
    first: dict[str, datetime] = dict(read.session.execute(select(HostRow.name, HostRow.first_seen_at)).all())

    def since(host: str, at: datetime) -> datetime | None:
        began = bisect_right(starts, at)
        return max(starts[began - 1], first[host]) if began and host in first else first.get(host)

    return since


def _change(
    was: _State | None,
    now: _State | None,
    bodies: Mapping[int, JsonObject],
    watched: Callable[[str, datetime], datetime | None],
) -> ContainerChange | None:
    if now is not None:
        at, known = now.span.span.valid_from, now
    elif was is not None and was.span.span.valid_to is not None:
        at, known = was.span.span.valid_to, was
    else:
        return None
    host = known.span.host
    return ContainerChange(at, host, known.stack, _with(was, bodies), _with(now, bodies), watched(host, at))


def _with(state: _State | None, bodies: Mapping[int, JsonObject]) -> ContainerSpan | None:
    if state is None:
        return None
    return replace(state.span, seen=replace(state.span.seen, configuration=bodies.get(state.configuration, {})))
