"""One pass over every host: gather (repo and hosts at the same time), compare, report.

Each host is asked in a thread of its own, begun before the repo is read: a login over ssh takes as long as reading fifty stacks.
What goes wrong with a host or a stack costs that one only; what goes wrong with the repo or with Compose is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.errors import HostError
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, UnknownValue
from anchorwatch.model.findings import Comparison, Finding
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.report import CheckReport, ErrorInfo, Filters, HostReport, HostStatus, Progress, StackReport, StackStatus
from anchorwatch.model.settings import HostAddress, Policy


class Connection(Protocol):
    """A way to one engine that is already being opened."""

    def snapshot(self) -> Snapshot:
        """What the host says now. Raises `HostError`."""

    def close(self) -> None:
        """Lets go of it; ends a `snapshot` that another thread waits for."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts of a config, and how to get at them."""

    hosts: Sequence[HostAddress]
    policies: Mapping[str, Policy]
    connect: Callable[[HostAddress], Connection]


@dataclass(frozen=True, slots=True)
class _HostResult:
    report: HostReport
    stacks: tuple[StackReport, ...]
    findings: tuple[Finding, ...]
    ignored: int


def check_fleet(
    fleet: Fleet, read_desired: Callable[[], DesiredState], filters: Filters, progress: Progress, checked_at: datetime
) -> CheckReport:
    """Checks every host that the filters want. Raises `RepoError` or `ComposeError` where nothing can be judged at all."""
    hosts = [host for host in fleet.hosts if filters.wants_host(host.name)]
    with ExitStack() as stack:
        connections = {host.name: fleet.connect(host) for host in hosts}
        pool = stack.enter_context(ThreadPoolExecutor(max(1, 2 * len(hosts)), thread_name_prefix="host"))
        for connection in connections.values():
            stack.callback(connection.close)  # before the pool waits for its threads
        snapshots: dict[str, Future[Snapshot]] = {}
        for host in hosts:
            progress.host_started(host.name)
            snapshots[host.name] = pool.submit(connections[host.name].snapshot)
        desired = read_desired()
        judged = [
            pool.submit(_check_host, host, desired, snapshots[host.name], fleet.policies[host.name], filters, progress)
            for host in hosts
        ]
        results = [one.result() for one in judged]
    return CheckReport(
        checked_at=checked_at,
        revision=desired.revision,
        hosts=tuple(result.report for result in results),
        stacks=tuple(stack for result in results for stack in result.stacks),
        not_stacks=desired.not_stacks,
        findings=tuple(finding for result in results for finding in result.findings),
        ignored=sum(result.ignored for result in results),
    )


def _check_host(
    host: HostAddress,
    desired: DesiredState,
    snapshot: Future[Snapshot],
    policy: Policy,
    filters: Filters,
    progress: Progress,
) -> _HostResult:
    projects = [project for project in desired.projects if project.stack.host == host.name]
    broken = [stack for stack in desired.broken if stack.stack.host == host.name]
    try:
        seen = snapshot.result()
    except HostError as error:
        report = HostReport(host.name, host.docker, HostStatus.UNREACHABLE, ErrorInfo.of(error))
        comparison = None
    else:
        report = _host_report(host, seen)
        comparison = compare_host(projects, broken, seen, policy)
    stacks = _stack_reports(projects, broken, comparison, filters)
    findings = _findings(comparison, filters)
    for one in stacks:
        progress.stack_done(one.host, one.stack)
    progress.host_done(report, stacks, findings)
    return _HostResult(report, stacks, findings, _ignored(comparison, filters))


def _host_report(host: HostAddress, seen: Snapshot) -> HostReport:
    status = HostStatus.LIMITED if seen.not_permitted else HostStatus.OK
    running = sum(container.running for container in seen.containers)
    return HostReport(host.name, host.docker, status, None, seen.engine.version, running)


def _stack_reports(
    projects: Sequence[DesiredProject],
    broken: Sequence[BrokenStack],
    comparison: HostComparison | None,
    filters: Filters,
) -> tuple[StackReport, ...]:
    by_stack = {one.stack: one for one in comparison.stacks} if comparison is not None else {}
    found = [_judged(project, by_stack.get(project.stack)) for project in projects]
    found += [_broken(stack) for stack in broken]
    wanted = (stack for stack in found if filters.wants_stack(stack.host, stack.stack))
    return tuple(sorted(wanted, key=lambda stack: (stack.path, stack.stack)))


def _judged(project: DesiredProject, comparison: Comparison | None) -> StackReport:
    if comparison is None:
        status = StackStatus.UNKNOWN
    else:
        status = StackStatus.DRIFTED if comparison.findings else StackStatus.IN_SYNC
    return StackReport(
        host=project.stack.host,
        stack=project.stack.name,
        path=project.stack.path,
        project=project.name,
        revision=project.revision,
        status=status,
        unknown=_all_unknown(project) if comparison is None else comparison.unknown,
        notes=() if comparison is None else comparison.notes,
        services=tuple(project.services),
    )


def _all_unknown(project: DesiredProject) -> tuple[UnknownValue, ...]:
    return (*project.unknown, *(entry for service in project.services.values() for entry in service.unknown))


def _broken(stack: BrokenStack) -> StackReport:
    return StackReport(
        host=stack.stack.host,
        stack=stack.stack.name,
        path=stack.stack.path,
        project=stack.project,
        revision=stack.revision,
        status=StackStatus.UNKNOWN,
        error=ErrorInfo.of(stack.error),
    )


def _findings(comparison: HostComparison | None, filters: Filters) -> tuple[Finding, ...]:
    """Those of the stacks that are asked for; what belongs to no stack is left to the filters of the report."""
    if comparison is None:
        return ()
    found = [finding for stack in comparison.stacks for finding in stack.findings]
    found += comparison.unmanaged
    return tuple(finding for finding in found if finding.stack is None or filters.wants_stack(finding.host, finding.stack))


def _ignored(comparison: HostComparison | None, filters: Filters) -> int:
    if comparison is None:
        return 0
    wanted = [stack for stack in comparison.stacks if filters.wants_stack(stack.stack.host, stack.stack.name)]
    return sum(len(stack.ignored) for stack in wanted) + len(comparison.ignored)
