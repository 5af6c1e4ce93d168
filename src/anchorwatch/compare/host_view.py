"""One snapshot as the rules look at it: what the engine adds by itself, and who is who on the host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from anchorwatch.compare.difference import UNREADABLE, Difference
from anchorwatch.model.observed import LABEL, Container, Snapshot
from anchorwatch.model.values import plain

DEFAULTS: Mapping[str, Callable[[Container], Iterable[str]]] = {
    "shm_size": lambda container: [str(container.host_config.get("ShmSize"))],
    "ipc": lambda container: [str(container.host_config.get("IpcMode"))],
    "cgroup": lambda container: [str(container.host_config.get("CgroupnsMode"))],
    "runtime": lambda container: [str(container.host_config.get("Runtime"))],
    "logging.driver": lambda container: [str(_log_config(container).get("Type"))],
    "logging.options": lambda container: [
        f"{name}={plain(value)}" for name, value in (_log_config(container).get("Config") or {}).items()
    ],
    "ulimits": lambda container: [
        f"{entry.get('Name')}={entry.get('Soft')}:{entry.get('Hard')}" for entry in container.host_config.get("Ulimits") or ()
    ],
}
"""What an engine's `daemon.json` fills in where a Compose file says nothing, and shows like a container's own value."""


_MAY_LACK = "the host's kernel may not be able to, and /info may not be looked at"


def shown(name: str, container: Container) -> list[str]:
    """What a container shows of a default; nothing where that has a form that nobody foresaw."""
    try:
        return list(DEFAULTS[name](container))
    except UNREADABLE:
        return []


def _log_config(container: Container) -> Mapping[str, Any]:
    return container.host_config.get("LogConfig") or {}


@dataclass(frozen=True)
class HostView:
    """What is known of a host beyond the one container that is compared."""

    snapshot: Snapshot
    left_open: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each name in `DEFAULTS`: the IDs of the containers whose Compose file leaves it to the engine."""
    proved: Callable[[str], bool] = field(default=lambda _: False, compare=False)
    """Whether the container of an ID was made from the definition that the repo has now: its config hash says so."""

    @property
    def info(self) -> Mapping[str, Any]:
        """`GET /info`, empty where it is not permitted."""
        return self.snapshot.engine.info

    @cached_property
    def cgroup_v2(self) -> bool:
        """Whether the host runs on the unified cgroup hierarchy."""
        return str(self.info.get("CgroupVersion", "1")) == "2"

    @cached_property
    def api(self) -> tuple[int, int]:
        """The version of the API that was spoken."""
        return self.snapshot.engine.api_version

    @cached_property
    def engine_major(self) -> int:
        """The engine's major version, 0 where it cannot be told."""
        digits = self.snapshot.engine.version.split(".")[0]
        return int(digits) if digits.isdecimal() else 0

    def lacks(self, capability: str) -> bool:
        """Whether `/info` says outright that the kernel cannot do it (`SwapLimit`, `OomKillDisable`…)."""
        return self.info.get(capability) is False

    def able(self, capability: str, found: Iterable[Difference]) -> Iterator[Difference]:
        """Differences in what takes a kernel with `capability`: an engine drops what its kernel cannot do, with no more than a
        warning to whoever makes the container (moby `daemon/daemon_unix.go`, `verifyPlatformContainerResources`).

        None where `/info` says that the kernel cannot; where it may not be asked, what the container lacks cannot be judged.
        """
        if self.lacks(capability):
            return
        for one in found:
            dropped = not self.info and (not one.have or one.have == -1)
            yield replace(one, unjudged=_MAY_LACK) if dropped else one

    def network_name(self, key: str) -> str:
        """A network's name; Compose 2.19 to 2.29 and engines before the first start give an ID instead."""
        return self.snapshot.network_names.get(key, key)

    @cached_property
    def networks_of_projects(self) -> Mapping[str, tuple[str, str]]:
        """The project and the key in its file of each network that Compose made, by the network's name."""
        found = {}
        for network in self.snapshot.networks:
            project, key = network.labels.get(LABEL + "project"), network.labels.get(LABEL + "network")
            if isinstance(project, str) and isinstance(key, str):
                found[network.name] = (project, key)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Container]:
        return {container.name: container for container in self.snapshot.containers}

    def container_named(self, name: str) -> Container | None:
        """The container of that name."""
        return self._by_name.get(name)

    @cached_property
    def _services(self) -> Mapping[tuple[str, str], tuple[Container, ...]]:
        groups: dict[tuple[str, str], list[Container]] = {}
        for container in self.snapshot.containers:
            if container.is_replica and container.project and container.service:
                groups.setdefault((container.project, container.service), []).append(container)
        return {key: tuple(sorted(group, key=lambda one: one.name)) for key, group in groups.items()}

    def replicas(self, project: str, service: str) -> tuple[Container, ...]:
        """The containers of a service, in the order of their names, as Compose picks the first one for `service:`."""
        return self._services.get((project, service), ())

    def default_shows(self, name: str, value: str, but: Container) -> bool | None:
        """Whether another container that leaves `name` to the engine shows `value` as well.

        Only one that is proved to be made from today's definition can tell: one whose file dropped the key since shows what the
        file said before. None where there is none: then an engine's default and a value set by hand look alike.
        """
        votes = self._votes[name]
        own = but.id in self._witnesses[name]
        if votes[value] > (own and value in shown(name, but)):
            return True
        return False if len(self._witnesses[name]) > own else None

    @cached_property
    def _witnesses(self) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(filter(self.proved, self.left_open.get(name, ()))) for name in DEFAULTS}

    @cached_property
    def _votes(self) -> Mapping[str, Counter[str]]:
        """For each default, how many of its witnesses show each value."""
        containers = self.snapshot.by_id
        return {
            name: Counter(value for one in self._witnesses[name] for value in set(shown(name, containers[one])))
            for name in DEFAULTS
        }

    @cached_property
    def seen_members(self) -> frozenset[str]:
        """The members of `.HostConfig` that some container of the host has a value for, so that the kernel can do them."""
        return frozenset(name for one in self.snapshot.containers for name, value in one.host_config.items() if value)

    @cached_property
    def surroundings(self) -> tuple[object, ...]:
        """Everything of the host that a verdict on one container may rest on, but that container itself."""
        snapshot = self.snapshot
        others = tuple((one.id, one.name, one.labels, [shown(name, one) for name in DEFAULTS]) for one in snapshot.containers)
        return (
            snapshot.host,
            snapshot.engine,
            snapshot.images,
            snapshot.network_names,
            self.networks_of_projects,
            self.seen_members,
            others,
        )

    @cached_property
    def warnings(self) -> str:
        """What the engine says that the kernel lacks (`No blkio weight support`…), in lower case."""
        return " ".join(str(text) for text in self.info.get("Warnings") or ()).lower()
