"""One key: what a look at its host says of one project. Pure.

It picks out of the comparison of a whole host what belongs to that project.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.compare import HostComparison
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, ProjectKey, UnknownValue
from anchorwatch.model.drifts import NO_PROJECT
from anchorwatch.model.findings import Finding, Note
from anchorwatch.model.observed import Container, Snapshot
from anchorwatch.model.report import ErrorInfo, StackStatus


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a host says of one key."""

    key: ProjectKey
    status: StackStatus
    revision: str | None = None
    """The stack's: the last commit that touched it."""
    findings: tuple[Finding, ...] | None = ()
    """None where nothing could be judged."""
    ignored: tuple[Finding, ...] = ()
    unknown: tuple[UnknownValue, ...] = ()
    notes: tuple[Note, ...] = ()
    containers: tuple[Container, ...] = ()
    """Those that carry the project's label; of a key without a project those that carry none."""
    error: ErrorInfo | None = None
    unseen: tuple[UnknownValue, ...] = ()
    """What could not be looked at this time though nothing is wrong: what is known of it stands."""


def keys_of(desired: DesiredState, host: str) -> frozenset[ProjectKey]:
    """The keys that the repo gives a host."""
    named = {project.key for project in desired.projects if project.stack.host == host}
    broken = {ProjectKey(host, one.project) for one in desired.broken if one.stack.host == host and one.project is not None}
    return frozenset(named | broken | {ProjectKey(host, NO_PROJECT)})


def verdict(
    key: ProjectKey,
    project: DesiredProject | None,
    broken: BrokenStack | None,
    seen: Snapshot,
    compared: HostComparison,
) -> Verdict:
    """What `compared`, made of `seen`, says of `key`. `project` or `broken` is its stack, where it has one."""
    containers = tuple(one for one in seen.containers if (one.project or NO_PROJECT) == key.project)
    if broken is not None:
        return Verdict(
            key,
            StackStatus.UNKNOWN,
            broken.revision,
            findings=None,
            containers=containers,
            error=ErrorInfo.of(broken.error),
        )
    findings = [one for one in compared.unmanaged if (one.project or NO_PROJECT) == key.project]
    ignored = [one for one in compared.ignored if (one.project or NO_PROJECT) == key.project]
    unknown: tuple[UnknownValue, ...] = ()
    notes: tuple[Note, ...] = ()
    if project is not None:
        of_stack = next(one for one in compared.stacks if one.stack == project.stack)
        if not of_stack.judged:
            return Verdict(key, StackStatus.UNKNOWN, project.revision, None, unknown=of_stack.unknown, containers=containers)
        findings += of_stack.findings
        ignored += of_stack.ignored
        unknown, notes = of_stack.unknown, of_stack.notes
    return Verdict(
        key,
        StackStatus.DRIFTED if findings else StackStatus.IN_SYNC,
        project.revision if project is not None else None,
        tuple(findings),
        tuple(ignored),
        unknown,
        notes,
        containers,
        unseen=tuple(compared.unseen.get(key.project, ())),
    )


def blind(key: ProjectKey, error: ErrorInfo) -> Verdict:
    """The verdict on a key of a host that cannot be asked."""
    return Verdict(key, StackStatus.UNKNOWN, findings=None, error=error)
