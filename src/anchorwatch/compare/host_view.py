"""One snapshot as the rules look at it: what the engine adds by itself, and who is who on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from anchorwatch.model.observed import Container, Snapshot
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


def _log_config(container: Container) -> Mapping[str, Any]:
    return container.host_config.get("LogConfig") or {}


@dataclass(frozen=True)
class HostView:
    """What is known of a host beyond the one container that is compared."""

    snapshot: Snapshot
    left_open: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each name in `DEFAULTS`: the IDs of the containers whose Compose file leaves it to the engine."""

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

    def network_name(self, key: str) -> str:
        """A network's name; Compose 2.19 to 2.29 and engines before the first start give an ID instead."""
        return self.snapshot.network_names.get(key, key)

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

        None where no such container is there: then an engine's default and a value set by hand look alike.
        """
        open_to_engine = self.left_open.get(name, frozenset()) - {but.id}
        if self._defaults[name].get(value, frozenset()) - {but.id}:
            return True
        return False if open_to_engine else None

    @cached_property
    def _defaults(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        found: dict[str, dict[str, frozenset[str]]] = {name: {} for name in DEFAULTS}
        for name, read in DEFAULTS.items():
            for identifier in self.left_open.get(name, frozenset()):
                container = self.snapshot.by_id.get(identifier)
                for value in read(container) if container is not None else ():
                    found[name][value] = found[name].get(value, frozenset()) | {identifier}
        return found

    @cached_property
    def warnings(self) -> str:
        """What the engine says that the kernel lacks (`No blkio weight support`…), in lower case."""
        return " ".join(str(text) for text in self.info.get("Warnings") or ()).lower()
