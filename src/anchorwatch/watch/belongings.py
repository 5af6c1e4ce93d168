"""What of a host belongs to which project, as it was last seen: events of networks and volumes carry no labels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.drifts import NO_PROJECT
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Belongings:
    """Of one host. Whatever is not in here is nobody's, as far as is known."""

    host: str
    keys: frozenset[ProjectKey] = frozenset()
    """Every key that is checked there."""
    containers: Mapping[str, frozenset[ProjectKey]] = field(default_factory=dict)
    """By ID, and by name for those that a stack claims by `container_name`."""
    networks: Mapping[str, frozenset[ProjectKey]] = field(default_factory=dict)
    """By name: who declares it, and whose containers are in it."""
    volumes: Mapping[str, frozenset[ProjectKey]] = field(default_factory=dict)
    """By name: who declares it, and whose containers mount it."""


def belongings(host: str, projects: Iterable[DesiredProject], seen: Snapshot) -> Belongings:
    """What `seen` and the stacks that are meant for the host say."""
    containers: dict[str, set[ProjectKey]] = {}
    networks: dict[str, set[ProjectKey]] = {}
    volumes: dict[str, set[ProjectKey]] = {}
    keys = {ProjectKey(host, NO_PROJECT)}
    for project in projects:
        keys.add(project.key)
        for declared, found in ((project.networks, networks), (project.volumes, volumes)):
            for name in _names(declared):
                found.setdefault(name, set()).add(project.key)
        for service in project.services.values():
            claimed: Json = service.config.get("container_name")
            if isinstance(claimed, str):
                containers.setdefault(claimed, set()).add(project.key)
    for container in seen.containers:
        key = ProjectKey(host, container.project or NO_PROJECT)
        keys.add(key)
        owners = {key} | containers.get(container.name, set())
        containers[container.id] = owners
        for name in container.networks:
            networks.setdefault(seen.network_names.get(name, name), set()).update(owners)
        for mount in container.mounts.values():
            volume: Json = mount.get("Name")
            if isinstance(volume, str):
                volumes.setdefault(volume, set()).update(owners)
    return Belongings(host, frozenset(keys), _frozen(containers), _frozen(networks), _frozen(volumes))


def _names(declared: Mapping[str, JsonObject]) -> Iterable[str]:
    for name, document in declared.items():
        real: Json = document.get("name") if document else None
        yield real if isinstance(real, str) else name


def _frozen(found: Mapping[str, set[ProjectKey]]) -> Mapping[str, frozenset[ProjectKey]]:
    return {name: frozenset(keys) for name, keys in found.items()}
