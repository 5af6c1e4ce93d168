"""What a report comes to: which part of it is shown, and the exit code. Pure; the rules are the contract's."""

from __future__ import annotations

from dataclasses import replace

from anchorwatch.model.options import Filters
from anchorwatch.model.report import CheckReport, HostStatus, StackStatus

MOST = 100
"""The exit code of a hundred drifts or more: a shell keeps only 8 bits, and 256 must not read as 0."""

BLIND = 101
"""Nothing has drifted where one could look, but one could not look everywhere."""

FAILED = 102
"""`check` could not do its work."""


def narrow(report: CheckReport, filters: Filters) -> CheckReport:
    """The part of `report` that `filters` ask for.

    A stack keeps its status: one whose drift is filtered out is still `drifted`. `hidden` counts what was left out.
    """
    findings = tuple(finding for finding in report.findings if filters.wants(finding))
    return replace(
        report,
        hosts=tuple(host for host in report.hosts if filters.wants_host(host.name)),
        stacks=tuple(stack for stack in report.stacks if filters.wants_stack(stack.host, stack.stack)),
        # which host they would belong to nobody says
        not_stacks=() if filters.hosts or filters.stacks else report.not_stacks,
        findings=findings,
        hidden=report.hidden + len(report.findings) - len(findings),
    )


def looked_everywhere(report: CheckReport) -> bool:
    """Whether every host answered and every stack was judged."""
    return not (
        any(host.status is HostStatus.UNREACHABLE for host in report.hosts)
        or any(stack.status is StackStatus.UNKNOWN for stack in report.stacks)
    )


def exit_code(report: CheckReport, *, any_mode: bool = False) -> int:
    """The exit code of `check`: 0, 1…100 (the number of drifts) or 101.

    In `any_mode` it is 0, 1 (drift) or 2 (no drift seen, and could not look everywhere).
    """
    drifts = len(report.findings)
    if any_mode:
        return 1 if drifts else 0 if looked_everywhere(report) else 2
    if drifts:
        return min(drifts, MOST)
    return 0 if looked_everywhere(report) else BLIND
