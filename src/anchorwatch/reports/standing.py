"""Where things stand at a moment, told from what the database knows of it. Pure.

What is guaranteed: a stack is in sync, or drifted, only where somebody watched at that moment and could see it. Where nobody did,
its status is unknown, and what was found last is told beside it. Drift that was known stays known meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import NO_PROJECT, Drift
from anchorwatch.model.findings import Kind
from anchorwatch.model.log import CheckThen, Doubt, Facts, HostStanding, StackStanding, Standing, Watch
from anchorwatch.model.options import Filters
from anchorwatch.model.report import ErrorInfo, HostReport, HostStatus, StackReport, StackStatus
from anchorwatch.model.timeline import ContainerSpan, StackSpan

SILENT = timedelta(minutes=3)
"""The service says every minute that it goes on. Who has said nothing for as long as this has ended, or hangs."""

RUNNING = frozenset({"running", "restarting", "paused"})


def standing(
    facts: Facts, filters: Filters, *, stale_after: timedelta | None = None, configured: Collection[str] = ()
) -> Standing:
    """What `facts` come to, narrowed to what is asked for.

    `stale_after` is how old a check may be while the service runs; None: as old as it likes (every moment but now). `configured`
    are the hosts of the config, in its order; a host that is in none of them any more is left out. Empty: all that are known.
    """
    watch = watch_of(facts)
    names = [name for name in configured or facts.first_seen if filters.wants_host(name)]
    if configured and not facts.live:
        names += [name for name in facts.hosts if name not in configured and filters.wants_host(name)]
    counts = Counter(one.host for one in facts.containers if one.seen.state in RUNNING)
    hosts = tuple(_host(name, facts, watch, counts) for name in names)
    drifts = tuple(drift for drift in facts.drifts if drift.finding.host in names)
    drifted = {(drift.finding.host, drift.finding.stack) for drift in drifts}
    wanted = tuple(drift for drift in drifts if filters.wants(drift.finding))
    stacks = tuple(
        _stack(span, facts, watch, stale_after, drifted)
        for span in sorted(facts.stacks, key=lambda one: (names.index(one.host) if one.host in names else -1, one.path))
        if span.host in names and filters.wants_stack(span.host, span.stack)
    )
    shown = [host for host in names if facts.hosts.get(host) is not None]
    containers = tuple(one for one in facts.containers if one.host in shown and _wants_container(one, facts, filters))
    running = [one for one in containers if one.seen.state in RUNNING]
    return Standing(
        at=facts.at,
        live=facts.live,
        watch=watch,
        hosts=hosts,
        stacks=stacks,
        drifts=tuple(sorted(wanted, key=lambda drift: _order(drift, names))),
        containers=tuple(sorted(containers, key=_in_order(names, stacks))),
        repo=replace(facts.repo, not_stacks=() if filters.hosts or filters.stacks else facts.repo.not_stacks),
        ignored=sum(
            then.check.ignored
            for key, then in facts.checks.items()
            if key.host in names and (not filters.stacks or _wants_key(key, facts, filters))
        ),
        hidden=len(drifts) - len(wanted),
        in_git=_in_git(running, facts, drifts),
        running=len(running),
        definitions={
            (one.report.host, one.report.stack): facts.definitions[one.report.host, one.report.stack]
            for one in stacks
            if (one.report.host, one.report.stack) in facts.definitions
        },
        silenced={
            drift.id: silence.until_at
            for drift in wanted
            for silence in facts.silences
            if silence.matcher.fits(drift.finding.host, drift.finding.stack, drift.finding)
        },
        given_up=facts.given_up,
        before=facts.before,
        known=drifts,
    )


def watch_of(facts: Facts) -> Watch:
    """Whether somebody watched."""
    run = facts.run
    if run is None:
        return Watch(running=False, since_at=None, holder=facts.holder if facts.live else None)
    if run.ended_at is not None and (facts.live or run.ended_at <= facts.at):
        return Watch(running=False, since_at=run.ended_at, alive_at=run.ended_at)
    # of a run that goes on, and of one that was killed, `alive_at` is all that is known; where the clock was set back since a
    # kill, it is still to come
    silent_for = facts.at - run.alive_at
    if run.ended_at is None and (abs(silent_for) if facts.live else silent_for) > SILENT:
        return Watch(running=False, since_at=run.alive_at, alive_at=run.alive_at, holder=facts.holder if facts.live else None)
    return Watch(running=True, since_at=run.started_at, alive_at=run.alive_at)


def _host(name: str, facts: Facts, watch: Watch, counts: Mapping[str, int]) -> HostStanding:
    found = facts.hosts.get(name)
    if found is None:
        error = ErrorInfo(
            "not_watched_yet", f"nobody had looked at {name} by then" if not facts.live else f"nobody has looked at {name} yet"
        )
        return HostStanding(HostReport(name, "", HostStatus.UNREACHABLE, error), None, None, Doubt.NOT_YET)
    seen = found.seen
    report = HostReport(name, seen.address, seen.status, seen.error, seen.engine_version, counts.get(name, 0))
    doubt = None if watch.running else Doubt.NOBODY
    # when nobody watched, nobody saw it either, though it was seen so before and after
    seen_at = min(found.seen_at, facts.at, *([] if watch.running or watch.alive_at is None else [watch.alive_at]))
    return HostStanding(report, found.span.valid_from, seen_at, doubt)


def _stack(
    span: StackSpan, facts: Facts, watch: Watch, stale_after: timedelta | None, drifted: Collection[tuple[str, str | None]]
) -> StackStanding:
    key = ProjectKey(span.host, span.project or NO_PROJECT)
    then = facts.checks.get(key) if span.project is not None else None
    last = None if then is None else then.check.status
    doubt = _doubt(span, then, facts, watch, stale_after)
    status = StackStatus.UNKNOWN if doubt is not None or last is None else last
    if status is StackStatus.IN_SYNC and (span.host, span.stack) in drifted:
        status = StackStatus.DRIFTED  # a look right after an event, that found nothing, resolves nothing
    report = StackReport(
        host=span.host,
        stack=span.stack,
        path=span.path,
        project=span.project,
        revision=span.revision,
        status=StackStatus.UNKNOWN if span.error is not None else status,
        error=span.error,
        unknown=() if then is None else then.check.unknown_values,
        notes=() if then is None else then.check.notes,
        services=tuple(facts.definitions.get((span.host, span.stack), {}).get("services", ())),
    )
    return StackStanding(
        report,
        last,
        None if then is None else then.since_at,
        None if then is None else then.last_at,
        doubt,
        0 if then is None else then.check.ignored,
        doubt is None and span.error is None and then is not None and _is_of(then, span),
    )


def _is_of(then: CheckThen, span: StackSpan) -> bool:
    """Whether a look came to a verdict, and on what the stack says now."""
    if then.check.status is StackStatus.UNKNOWN or then.check.revision != span.revision:
        return False
    return span.revision is not None or then.last_at >= span.span.valid_from


def _doubt(span: StackSpan, then: CheckThen | None, facts: Facts, watch: Watch, stale_after: timedelta | None) -> Doubt | None:
    if not watch.running:
        return Doubt.NOBODY if then is not None or facts.run is not None else Doubt.NOT_YET
    host = facts.hosts.get(span.host)
    if host is not None and host.seen.status is HostStatus.UNREACHABLE:
        return Doubt.UNREACHABLE
    if then is None:
        return None if span.error is not None else Doubt.NOT_YET
    if facts.run is not None and then.check.run is not None and then.check.run != facts.run.id:
        return Doubt.NO_LOOK
    return Doubt.STALE if stale_after is not None and facts.at - then.last_at > stale_after else None


def _in_git(running: Sequence[ContainerSpan], facts: Facts, drifts: Sequence[Drift]) -> int:
    """How many of the containers that run belong to a stack: they carry the label of one's project, or the name one asks for."""
    foreign = {(one.finding.host, one.finding.container) for one in drifts if one.finding.kind is Kind.UNMANAGED}
    projects = {(span.host, span.project) for span in facts.stacks}
    asked_for = set(_names_asked_for(facts))
    mine = (one for one in running if (one.host, one.seen.name) not in foreign)
    return sum((one.host, one.seen.project) in projects or (one.host, one.seen.name) in asked_for for one in mine)


def _names_asked_for(facts: Facts) -> Iterator[tuple[str, str]]:
    for (host, _), definition in facts.definitions.items():
        for service in definition.get("services", {}).values():
            if isinstance(service.get("container_name"), str):
                yield host, service["container_name"]


def _wants_container(one: ContainerSpan, facts: Facts, filters: Filters) -> bool:
    if not filters.wants_host(one.host):
        return False
    return not filters.stacks or _wants_key(ProjectKey(one.host, one.seen.project or NO_PROJECT), facts, filters)


def _wants_key(key: ProjectKey, facts: Facts, filters: Filters) -> bool:
    return any(
        (span.host, span.project) == (key.host, key.project) and filters.wants_stack(span.host, span.stack)
        for span in facts.stacks
    )


def _in_order(names: Sequence[str], stacks: Sequence[StackStanding]) -> Callable[[ContainerSpan], tuple[int, int, str]]:
    """By host and stack as those are shown, then by name; what belongs to no stack comes last."""
    places = {(one.report.host, one.report.project): number for number, one in enumerate(stacks)}

    def place(one: ContainerSpan) -> tuple[int, int, str]:
        return names.index(one.host), places.get((one.host, one.seen.project), len(places)), one.seen.name

    return place


def _order(drift: Drift, names: list[str]) -> tuple[int, str, str, str, str, datetime]:
    finding = drift.finding
    place = finding.stack or "\uffff", finding.service or "", finding.container or "", finding.path or ""
    return (names.index(finding.host), *place, drift.appeared_at)
