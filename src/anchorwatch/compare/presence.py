"""Whether what should run runs: containers that are missing, and how many there are of a service."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from anchorwatch.compare import mend
from anchorwatch.compare.match import Group, replaces
from anchorwatch.compare.rules.restart import wanted_policy
from anchorwatch.model.desired import DesiredService, UnknownValue
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container
from anchorwatch.model.settings import Policy

_COUNT = frozenset({"scale", "deploy", "deploy.replicas"})

IN_PROGRESS = "it is being re-created"


def replicas(service: DesiredService) -> int:
    """How many containers Compose makes of a service: `scale`, else `deploy.replicas`, else one."""
    deploy = service.config.get("deploy") or {}
    for count in (service.config.get("scale"), deploy.get("replicas")):
        if count is not None:
            return int(count)
    return 1


def presence(group: Group, policy: Policy, command: Sequence[str]) -> Iterator[Finding | UnknownValue]:
    """What is missing of one service, or too many; under `scale`, why that cannot be told."""
    service = group.service
    if service.config.get("provider"):
        return
    unknown = next((entry for entry in service.unknown if entry.path in _COUNT), None)
    if unknown is not None:
        yield UnknownValue(service.name, "scale", unknown.because)
        return
    want, have = replicas(service), len(group.containers)
    if want == 0 or not service.enabled:
        running = [container for container in group.containers if container.running]
        if want == 0 and running:
            yield _scale(group, want, len(running), command)
        return
    if group.in_progress:
        yield UnknownValue(service.name, "scale", IN_PROGRESS)
        return
    if have == 0:
        wanted = service.config.get("container_name")
        name = wanted if isinstance(wanted, str) else f"{group.project.name}-{service.name}-1"
        yield _missing(group, name, 1, "absent", mend.up(command, service.name))
        return
    for container in group.containers:
        state = _not_running(group, container, policy)
        if state is None and container.state == "exited" and _hangs_on_unknown(group, container, policy):
            yield UnknownValue(service.name, "scale", "it finished, and whether it should have gone on is not known")
        if state is not None:
            yield _missing(group, container.name, container.number, state, _start(container, command))
    if have != want:
        yield _scale(group, want, have, command)


def _not_running(group: Group, container: Container, policy: Policy) -> str | None:
    """The state of a container that should run and does not; None where all is well."""
    if container.state == "running":
        return None
    if container.state != "exited":
        return container.state
    if container.exit_code == 0 and _may_finish(group, container, policy):
        return None
    return f"exited ({container.exit_code})"


def _may_finish(group: Group, container: Container, policy: Policy) -> bool:
    names = (
        f"{group.project.stack.name}/{group.service.name}",
        f"{group.project.stack}/{group.service.name}",
        container.name,
    )
    if any(fnmatchcase(name, glob) for glob in policy.long_running for name in names):
        return False
    if any(fnmatchcase(name, glob) for glob in policy.one_shot for name in names):
        return True
    if _restart_unknown(group.service):
        return True  # nobody can say that it should have gone on
    return wanted_policy(group.service.config)[0] in {"no", "on-failure"}


def _restart_unknown(service: DesiredService) -> bool:
    return any(entry.path.startswith(("restart", "deploy")) for entry in service.unknown)


def _hangs_on_unknown(group: Group, container: Container, policy: Policy) -> bool:
    """Whether it is only for want of a value that nothing is said of a container which finished."""
    known = replace(group, service=replace(group.service, unknown=()))
    return _restart_unknown(group.service) and not _may_finish(known, container, policy)


def _start(container: Container, command: Sequence[str]) -> str | None:
    match container.state:
        case "paused":
            return shlex.join(["docker", "unpause", container.name])
        case "restarting":
            return None  # it does start; why it does not stay up is for its log to say
        case "created" if replaces(container):
            return mend.up(command, "--force-recreate", container.service or "")
        case _:
            return mend.up(command, container.service) if container.service else shlex.join(["docker", "start", container.name])


def _missing(group: Group, name: str, number: int, state: str, fix: str | None) -> Finding:
    return Finding(
        host=group.project.stack.host,
        kind=Kind.MISSING,
        message=f"{name} is not there, Git declares it" if state == "absent" else f"{name} does not run: {state}",
        stack=group.project.stack.name,
        project=group.project.name,
        service=group.service.name,
        container=name,
        number=number,
        desired="running",
        observed=state,
        fix=fix,
    )


def _scale(group: Group, want: int, have: int, command: Sequence[str]) -> Finding:
    return Finding(
        host=group.project.stack.host,
        kind=Kind.CHANGED,
        message=f"number of containers is {have}, Git says {want}",
        stack=group.project.stack.name,
        project=group.project.name,
        service=group.service.name,
        path="scale",
        desired=str(want),
        observed=str(have),
        fix=mend.up(command, group.service.name),
    )


def unmanaged(host: str, container: Container, group: tuple[str, str] | None, fix: str) -> Finding:
    """A container that runs and that the repo does not declare; `group` is stack and project where one claims its label."""
    stack, project = group if group is not None else (None, container.project)
    return Finding(
        host=host,
        kind=Kind.UNMANAGED,
        message=f"{container.name} runs{f' (project {container.project})' if container.project else ''}, Git does not declare it",
        stack=stack,
        project=project,
        service=container.service,
        container=container.name,
        number=container.number,
        observed=container.state,
        fix=fix,
    )
