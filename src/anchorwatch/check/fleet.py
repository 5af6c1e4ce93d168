"""One pass over every host: gather (repo and hosts at the same time), compare, report.

Each host is asked in a thread of its own, begun before the repo is read: a login over ssh takes as long as reading fifty stacks.
What goes wrong with a host or a stack costs that one only; what goes wrong with the repo or with Compose is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, UnknownValue
from anchorwatch.model.findings import Comparison, Finding
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.options import Filters
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, HostStatus, Progress, StackReport, StackStatus
from anchorwatch.model.settings import Policy

if TYPE_CHECKING:
    from anchorwatch.check.made_from import Past
    from anchorwatch.compare import HostComparison

_SNAPSHOT_ENDS_WITHIN = 0.05
"""Seconds after which one that was interrupted and goes on is interrupted again: it had not begun."""


class Connection(Protocol):
    """A way to one engine that is already being opened."""

    def snapshot(self) -> Snapshot:
        """What the host says now. Raises `HostError`."""

    def interrupt(self) -> None:
        """Ends a `snapshot` that is under way in another thread, at once."""

    def close(self) -> None:
        """Lets go of it."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host to be checked, and the way to it. Whoever opened the connection closes it."""

    address: HostAddress
    policy: Policy
    connection: Connection


@dataclass(frozen=True, slots=True)
class _HostResult:
    report: HostReport
    stacks: tuple[StackReport, ...]
    findings: tuple[Finding, ...]
    ignored: int


def check_fleet(
    hosts: Sequence[Host],
    read_desired: Callable[[], DesiredState],
    filters: Filters,
    progress: Progress,
    checked_at: datetime,
    past: Callable[[], Past],
) -> CheckReport:
    """Checks the hosts. Raises `RepoError` or `ComposeError` where nothing can be judged at all.

    While `read_desired` runs, every host is already being asked. `past` is called by any thread, where a comparison is in doubt.
    """
    with ThreadPoolExecutor(max(1, 2 * len(hosts)), thread_name_prefix="host") as pool, ExitStack() as undo:
        snapshots: list[Future[Snapshot]] = []
        for host in hosts:
            progress.host_started(host.address.name)
            snapshot = pool.submit(host.connection.snapshot)
            snapshot.add_done_callback(partial(_is_seen, host.connection))
            snapshots.append(snapshot)
            undo.callback(_let_go, host.connection, snapshot)  # before the pool waits for a thread that waits for a host
        desired = read_desired()
        judged = [
            pool.submit(_check_host, host, desired, past, snapshot, filters, progress)
            for host, snapshot in zip(hosts, snapshots, strict=True)
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
        mistakes=desired.mistakes,
    )


def _is_seen(connection: Connection, _: Future[Snapshot]) -> None:
    """Nobody waits for it: to end a connection takes as long as to compare a host, and to load what compares takes longer."""
    connection.close()
    _comparison()


def _comparison() -> Callable[..., HostComparison]:
    """What compares. It is loaded once nothing else holds up the hosts' answers, or Compose: by whoever waits first."""
    from anchorwatch.check.made_from import compared

    return compared


def _let_go(connection: Connection, snapshot: Future[Snapshot]) -> None:
    """Ends what nobody waits for any more: a snapshot that is under way, or is about to begin in its thread."""
    while not snapshot.done() and not snapshot.cancel():
        connection.interrupt()
        wait((snapshot,), _SNAPSHOT_ENDS_WITHIN)
    connection.close()


def _check_host(
    host: Host,
    desired: DesiredState,
    past: Callable[[], Past],
    snapshot: Future[Snapshot],
    filters: Filters,
    progress: Progress,
) -> _HostResult:
    address, compared = host.address, _comparison()
    projects = [project for project in desired.projects if project.stack.host == address.name]
    broken = [stack for stack in desired.broken if stack.stack.host == address.name]
    try:
        seen = snapshot.result()
    except HostError as error:
        report = HostReport(address.name, address.docker, HostStatus.UNREACHABLE, ErrorInfo.of(error))
        comparison = None
    else:
        report = _host_report(address, seen)
        comparison = compared(projects, broken, seen, host.policy.with_rules(desired.ignore), past)
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
    if comparison is None or not comparison.judged:
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
