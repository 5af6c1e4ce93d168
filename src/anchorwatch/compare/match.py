"""Which container stands for which service: by the labels that Compose writes, then by `container_name`.

Compose itself counts what carries the project's label and a config hash and is no `docker compose run` (compose
`pkg/compose/containers.go`); those leftovers and the helpers of hooks are nobody's drift.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredService, Stack
from anchorwatch.model.observed import LABEL, Container, Snapshot

RECREATE_AFTER = timedelta(minutes=2)
"""How long a recreate may take: Compose waits for the old container to stop, then renames the new one."""

_TEMPORARY = re.compile(r"[0-9a-f]{12}_(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class Group:
    """A service and the containers that stand for it, in the order of their numbers."""

    project: DesiredProject
    service: DesiredService
    containers: tuple[Container, ...]
    in_progress: bool = False
    """A recreate is under way: what is missing now will be there in a moment."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Every service of a host with its containers, and the containers that stand for none."""

    groups: tuple[Group, ...]
    orphans: tuple[tuple[DesiredProject, Container], ...]
    """Containers of a known project whose service the repo does not know."""
    foreign: tuple[Container, ...]
    """Containers that no stack of the repo claims."""
    doubtful: tuple[tuple[Container, BrokenStack], ...] = ()
    """Containers that may belong to a stack which cannot be resolved: nothing is said of those."""


def match(projects: Sequence[DesiredProject], broken: Sequence[BrokenStack], snapshot: Snapshot) -> Matched:
    """Assigns every container of the snapshot."""
    by_name = {project.name: project for project in projects}
    claimed: set[str] = set()
    labelled: dict[tuple[str, str], list[Container]] = {}
    for container in snapshot.containers:
        project = by_name.get(container.project or "")
        name = container.service
        if project is not None and container.is_replica and name is not None and name in project.services:
            labelled.setdefault((project.name, name), []).append(container)
            claimed.add(container.id)
    named = {container.name: container for container in snapshot.containers}
    groups = []
    for project in projects:
        for service in project.services.values():
            containers = labelled.get((project.name, service.name), [])
            if not containers:
                containers = list(_by_name(project, service, named, by_name, claimed))
                claimed |= {container.id for container in containers}
            groups.append(_group(project, service, containers, snapshot.taken_at))
    left = [container for container in snapshot.containers if container.id not in claimed]
    orphans = tuple(
        (by_name[container.project], container) for container in left if container.project in by_name and container.is_replica
    )
    foreign, doubtful = [], []
    for container in left:
        if container.project in by_name:
            continue  # an orphan, a leftover of `run`, or the helper of a hook
        stack = next((one for one in broken if _may_be_of(container, one)), None)
        if stack is None:
            foreign.append(container)
        else:
            doubtful.append((container, stack))
    return Matched(tuple(groups), orphans, tuple(foreign), tuple(doubtful))


def _by_name(
    project: DesiredProject,
    service: DesiredService,
    named: Mapping[str, Container],
    by_name: Mapping[str, DesiredProject],
    claimed: set[str],
) -> Iterator[Container]:
    """A container with the wanted name that no other stack of the host can claim: deployed by another tool, or by hand."""
    wanted = service.config.get("container_name")
    names = [wanted] if wanted else [f"{project.name}-{service.name}-1", f"{project.name}_{service.name}_1"]
    for name in names:
        container = named.get(name) if isinstance(name, str) else None
        if container is None or container.id in claimed or container.is_run:
            continue
        unlabelled = container.project == project.name and not container.is_replica
        if container.project not in by_name or unlabelled:
            yield container
            return


def _group(project: DesiredProject, service: DesiredService, containers: Sequence[Container], now: datetime) -> Group:
    fresh = [container for container in containers if _on_its_way(container) and _young(container, now)]
    if not fresh:
        return Group(project, service, tuple(sorted(containers, key=lambda one: (one.number, one.name))))
    # while both are there, the new one is the one that will stay
    renewed = {container.number for container in fresh}
    kept = [one for one in containers if one in fresh or one.number not in renewed]
    return Group(project, service, tuple(sorted(kept, key=lambda one: (one.number, one.name))), in_progress=True)


def replaces(container: Container) -> bool:
    """Whether it still has the name that Compose gives a container which is to replace another: `<12 hex>_<name>`."""
    return LABEL + "replace" in container.labels and _TEMPORARY.fullmatch(container.name) is not None


def _on_its_way(container: Container) -> bool:
    """Whether it replaces another and has not got its final name, or has not been started yet."""
    return replaces(container) or (LABEL + "replace" in container.labels and container.state == "created")


def final_name(name: str) -> str:
    """A container's name without what Compose puts before it while it replaces another."""
    found = _TEMPORARY.fullmatch(name)
    return found["name"] if found else name


def _young(container: Container, now: datetime) -> bool:
    return container.created_at is not None and now - container.created_at < RECREATE_AFTER


def likely_names(broken: BrokenStack) -> frozenset[str]:
    """What the project of a stack that cannot be resolved may be called.

    Where that cannot be told, it may be called as its folder is (compose-go `loader.go`, `NormalizeProjectName`).
    """
    if broken.project is not None:
        return frozenset({broken.project})
    return broken.names | {_normal(broken.stack.name), _normal(broken.stack.folder)} - {""}


def names_on_host(project: DesiredProject, snapshot: Snapshot) -> frozenset[str]:
    """What a project whose name is not known may be called: by containers that can be of its services and whose project's name
    fits what Git tells of it, and by those that have a `container_name` of it."""
    chosen = {service.config.get("container_name") for service in project.services.values()}
    services = "|".join(map(re.escape, project.services))
    found = set()
    for container in snapshot.containers:
        if container.name in chosen:
            found.add(container.project or container.name)
        elif container.project is None:
            numbered = re.fullmatch(rf"(.+)[-_](?:{services})[-_]1", container.name)
            found |= {numbered[1]} if numbered and _fits(project, numbered[1]) else set()
        elif container.service in project.services and _fits(project, container.project):
            found.add(container.project)
    return frozenset(found)


def _fits(project: DesiredProject, name: str) -> bool:
    return project.called is None or project.called.fits(name)


def deployed_from(container: Container, stack: Stack, root: str | None = None) -> bool:
    """Whether its labels say that it was deployed from the stack's folder, below `root` where that is known. Without it, what is
    said of the repo's root tells nothing."""
    folder = container.deployed_in
    if folder is None:
        return False
    if root is not None:
        return posixpath.normpath(folder) == posixpath.normpath(posixpath.join(root, stack.folder))
    return bool(stack.folder) and f"/{folder.strip('/')}".endswith(f"/{stack.folder}")


def _normal(path: str) -> str:
    return re.sub(r"[^-_a-z0-9]", "", path.rpartition("/")[2].lower()).lstrip("_-")


def _may_be_of(container: Container, broken: BrokenStack) -> bool:
    """Whether it may belong to a stack that cannot be resolved: by its project, its folder, or, without a project, its name."""
    names = likely_names(broken)
    if container.project is None:
        return any(re.match(rf"{re.escape(name)}(?:[-_]|$)", container.name) for name in names)
    return container.project in names or deployed_from(container, broken.stack)
