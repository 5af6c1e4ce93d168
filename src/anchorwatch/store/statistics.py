"""The rows that statistics are made of: the transitions between two moments, and who could see what meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TypeVar

from sqlalchemy import func, or_, select

from anchorwatch.model.drifts import Drift, DriftState, Subject
from anchorwatch.model.log import Wanted
from anchorwatch.model.report import HostStatus, StackStatus
from anchorwatch.model.statistics import Lane, Record, Standing, Step
from anchorwatch.model.timeline import Span
from anchorwatch.store import drift_spans, drifts, runs, stacks
from anchorwatch.store.search import Scope, conditions, index_for, of_drifts
from anchorwatch.store.tables import (
    CheckRow,
    DriftRow,
    DriftSpanRow,
    HostRow,
    ProjectRow,
    ReachabilityRow,
    RunRow,
    StackRevisionRow,
    StackRow,
    TransitionRow,
)
from anchorwatch.store.transactions import Reading, batched

K = TypeVar("K")


def record(read: Reading, scope: Scope, since: datetime, until: datetime) -> Record:
    """Everything between two moments, as far as it is asked for. A run that goes on has no end."""
    names = _Names(read)
    steps = _steps(read, scope, since, until, names)
    standing = _standing(read, scope, since, names)
    known = {(one.drift, one.episode) for one in standing}
    back = {(one.drift, one.episode): one for one in steps if one.since_at is not None and one.since_at < since}
    standing += _away(read, [step for key, step in back.items() if key not in known], since)
    unknown, looked = _verdicts(read, scope, since, until, names)
    return Record(
        since=since,
        until=until,
        lanes=_lanes(read, scope, since, until),
        standing=standing,
        steps=steps,
        watched=runs.between(read, since, until),
        unreachable=_unreachable(read, since, until),
        unknown=unknown,
        looked_from=looked,
    )


def places(read: Reading, numbers: Collection[int]) -> Mapping[int, Drift]:
    """The drifts that a record calls by these numbers, as they are now."""
    found: dict[int, Drift] = {}
    for some in batched(sorted(numbers)):
        names = dict(read.session.execute(select(DriftRow.name, DriftRow.id).where(DriftRow.id.in_(some))).all())
        found |= {names[name]: drift for name, drift in drifts.called(read, names).items()}
    return found


def alive_at(read: Reading) -> datetime | None:
    """When the newest run of the service last said that it goes on."""
    return read.session.scalar(select(RunRow.alive_at).order_by(RunRow.id.desc()).limit(1))


def began_at(read: Reading) -> datetime | None:
    """When somebody began to watch, for the first time of all that is remembered."""
    return read.session.scalar(select(RunRow.started_at).order_by(RunRow.id).limit(1))


class _Names:
    """The names of hosts and stacks by their numbers."""

    def __init__(self, read: Reading) -> None:
        self._hosts = dict(read.session.execute(select(HostRow.id, HostRow.name)).all())
        self._stacks = dict(read.session.execute(select(StackRow.id, StackRow.name)).all())

    def lane(self, host: int | None, stack: int | None) -> Lane:
        """The host and the stack that belong together."""
        return self._hosts.get(host or 0, ""), None if stack is None else self._stacks.get(stack)


def _steps(read: Reading, scope: Scope, since: datetime, until: datetime, names: _Names) -> Sequence[Step]:
    row = TransitionRow
    query = (
        select(row.drift_id, row.host_id, row.stack_id, row.episode, row.at, row.to_state, row.since_at)
        .where(row.subject == Subject.DRIFT, row.at >= since, row.at < until)
        .order_by(row.at, row.id)
    )
    if scope.wanted.only_drift:
        query = query.join(DriftRow, DriftRow.id == row.drift_id)
    for condition in conditions(scope):
        query = query.where(condition)
    query = query.with_hint(row, f"INDEXED BY {index_for(scope)}", "sqlite")
    exact = _exact(read, scope.wanted)
    return [
        Step(drift, names.lane(host, stack), episode, at, state, since_at)
        for drift, host, stack, episode, at, state, since_at in read.session.execute(query)
        if drift is not None and (exact is None or drift in exact)
    ]


def _standing(read: Reading, scope: Scope, since: datetime, names: _Names) -> list[Standing]:
    span, wanted = DriftSpanRow, scope.wanted
    query = (
        select(span.drift_id, ProjectRow.host_id, DriftRow.stack_id, span.episode, span.appeared_at, span.open_from)
        .join(DriftRow, DriftRow.id == span.drift_id)
        .join(ProjectRow, ProjectRow.id == DriftRow.project_id)
        .where(drift_spans.HOLDS, *of_drifts(wanted), span.severity >= int(wanted.filters.severity))
    )
    if scope.hosts is not None:
        query = query.where(ProjectRow.host_id.in_(scope.hosts))
    if scope.stacks is not None:
        query = query.where(DriftRow.stack_id.in_(scope.stacks))
    if wanted.causes:
        query = query.where(or_(*(drift_spans.caused(span.cause, kind) for kind in wanted.causes)))
    exact = _exact(read, wanted)
    return [
        Standing(drift, names.lane(host, stack), episode, appeared_at, open_from is not None and open_from <= since)
        for drift, host, stack, episode, appeared_at, open_from in read.session.execute(query, drift_spans.holding(since))
        if exact is None or drift in exact
    ]


def _away(read: Reading, steps: Sequence[Step], since: datetime) -> list[Standing]:
    """Episodes that had begun, were away when the time began, and came back in it."""
    row = TransitionRow
    found = []
    for step in steps:
        was_open = select(row.id).where(
            row.drift_id == step.drift, row.at < since, row.episode == step.episode, row.to_state == DriftState.OPEN.value
        )
        opened = read.session.scalar(was_open.limit(1)) is not None
        found.append(Standing(step.drift, step.lane, step.episode, step.since_at or step.at, opened))
    return found


def _exact(read: Reading, wanted: Wanted) -> frozenset[int] | None:
    """The drifts whose paths the globs fit, where SQL says somewhat too much."""
    if not any("[" in glob for glob in wanted.paths):
        return None
    found = read.session.execute(select(DriftRow.id, DriftRow.path).where(DriftRow.path.is_not(None), *of_drifts(wanted)))
    return frozenset(number for number, path in found if any(fnmatchcase(path or "", glob) for glob in wanted.paths))


def _lanes(read: Reading, scope: Scope, since: datetime, until: datetime) -> Sequence[Lane]:
    """The stacks that were in the repo at some time between two moments."""
    row = StackRevisionRow
    newest = stacks.numbers_at(read, until)  # whose end is the latest of its stack
    query = (
        select(HostRow.name, StackRow.name)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .join(row, row.stack_id == StackRow.id)
        .where(row.id.in_(newest), row.valid_from < until, or_(row.valid_to.is_(None), row.valid_to > since))
    )
    if scope.hosts is not None:
        query = query.where(StackRow.host_id.in_(scope.hosts))
    if scope.stacks is not None:
        query = query.where(StackRow.id.in_(scope.stacks))
    return [(host, stack) for host, stack in read.session.execute(query)]


def _unreachable(read: Reading, since: datetime, until: datetime) -> Mapping[str, Sequence[Span]]:
    row = ReachabilityRow
    query = (
        select(HostRow.name, row.valid_from, row.valid_to)
        .join(HostRow, HostRow.id == row.host_id)
        .where(row.status == HostStatus.UNREACHABLE, row.valid_from < until, or_(row.valid_to.is_(None), row.valid_to > since))
    )
    return _spans((host, Span(begin, end)) for host, begin, end in read.session.execute(query))


def _verdicts(
    read: Reading, scope: Scope, since: datetime, until: datetime, names: _Names
) -> tuple[Mapping[Lane, Sequence[Span]], Mapping[Lane, datetime]]:
    """When nothing of a stack could be judged, and when each was first looked at."""
    projects = select(ProjectRow.id, ProjectRow.host_id, ProjectRow.stack_id)
    if scope.hosts is not None:
        projects = projects.where(ProjectRow.host_id.in_(scope.hosts))
    if scope.stacks is not None:
        projects = projects.where(ProjectRow.stack_id.in_(scope.stacks))
    lanes = {number: names.lane(host, stack) for number, host, stack in read.session.execute(projects)}
    first = select(func.min(CheckRow.started_at)).where(CheckRow.project_id == ProjectRow.id).scalar_subquery()
    looked: dict[Lane, datetime] = {}
    for number, at in read.session.execute(select(ProjectRow.id, first)):
        if number in lanes and at is not None:
            looked[lanes[number]] = min(at, looked.get(lanes[number], at))
    turns: dict[int, list[tuple[datetime, bool]]] = {}
    for number, at, status in [*_before(read, since), *_turns(read, since, until)]:
        if number in lanes:
            turns.setdefault(number, []).append((at, status is StackStatus.UNKNOWN))
    spans = []
    for number, own in turns.items():
        ends = [at for at, _ in own[1:]] + [until]
        spans += [(lanes[number], Span(at, end)) for (at, blind), end in zip(own, ends, strict=True) if blind and at < end]
    return _spans(spans), looked


def _before(read: Reading, since: datetime) -> Iterable[tuple[int, datetime, StackStatus]]:
    """The verdict that was in force at a moment, by project."""
    newest = (
        select(CheckRow.id)
        .where(CheckRow.project_id == ProjectRow.id, CheckRow.started_at < since)
        .order_by(CheckRow.started_at.desc(), CheckRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    ids = [number for number in read.session.scalars(select(newest).select_from(ProjectRow)) if number is not None]
    query = select(CheckRow.project_id, CheckRow.started_at, CheckRow.status).where(CheckRow.id.in_(ids))
    return read.session.execute(query).all()


def _turns(read: Reading, since: datetime, until: datetime) -> Iterable[tuple[int, datetime, StackStatus]]:
    """Every verdict that differs from the one before it, in order."""
    before = func.lag(CheckRow.status).over(partition_by=CheckRow.project_id, order_by=(CheckRow.started_at, CheckRow.id))
    every = (
        select(CheckRow.project_id, CheckRow.started_at, CheckRow.status, before.label("before"))
        .join(ProjectRow, ProjectRow.id == CheckRow.project_id)
        .where(CheckRow.started_at >= since, CheckRow.started_at < until)
        .where(CheckRow.last_at >= since)  # goes without saying, and lets PostgreSQL go down an index
        .subquery()
    )
    query = select(every.c.project_id, every.c.started_at, every.c.status).order_by(every.c.project_id, every.c.started_at)
    found = read.session.execute(query.where(or_(every.c.before.is_(None), every.c.before != every.c.status)))
    return found.all()


def _spans(found: Iterable[tuple[K, Span]]) -> Mapping[K, Sequence[Span]]:
    by_name: dict[K, list[Span]] = {}
    for name, span in found:
        by_name.setdefault(name, []).append(span)
    return by_name
