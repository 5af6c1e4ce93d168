"""A wanted service and the container that stands for it: what every rule is given."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from anchorwatch.compare.config_hash import service_hash
from anchorwatch.compare.host_view import HostView
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, DesiredProject, DesiredService
from anchorwatch.model.observed import Container, Image
from anchorwatch.model.values import JsonObject, Template, Text, Unknown, opened

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Pair:
    """One service of a project and one container, with the image it was made from and the host around it."""

    project: DesiredProject
    service: DesiredService
    container: Container
    host: HostView
    root: str | None = None
    """Where the repo's folder lies on the host, if the config says so."""
    deployed: Pair | None = None
    """The container with the earlier version of the project that it was made from, where that is known (`compare.deployed`)."""

    @cached_property
    def wanted(self) -> JsonObject:
        """The service in Compose's canonical model."""
        return self.service.config

    @cached_property
    def config(self) -> JsonObject:
        """`.Config` of the container."""
        return self.container.config

    @cached_property
    def host_config(self) -> JsonObject:
        """`.HostConfig` of the container."""
        return self.container.host_config

    @cached_property
    def image(self) -> Image | None:
        """The image the container was made from; None when it is gone or not permitted."""
        return self.host.snapshot.images.get(self.container.image_id)

    @cached_property
    def without_image(self) -> str | None:
        """Why it cannot be told what the container inherited; None where it can."""
        if self.image is not None:
            return None
        if "images" in self.host.snapshot.not_permitted:
            return "images may not be looked at, and it may come from there"
        return "the image it was made from is gone, and it may come from there"

    @cached_property
    def inherited(self) -> JsonObject:
        """What a container inherits from that image; empty when it is gone."""
        return self.image.config if self.image is not None else _NOTHING

    def opened(self, key: str) -> Any:
        """The value of a key with every text in it opened, for rules that compute with it; what they show of it is veiled.

        A text with an unknown piece reads `${NAME}`: it agrees with nothing, and the key is listed as unknown.
        """
        value = self.wanted.get(key)
        return None if value is None else opened(value)

    def limits(self, kind: str) -> JsonObject:
        """`deploy.resources.limits` or `.reservations`."""
        resources = (self.wanted.get("deploy") or _NOTHING).get("resources") or _NOTHING
        limits: JsonObject = resources.get(kind) or _NOTHING
        return limits

    def limit_path(self, kind: str, name: str, key: str) -> str:
        """The path of a limit that a service may spell as `key` or below `deploy`: as it does, else `key`."""
        return f"deploy.resources.{kind}.{name}" if self.limits(kind).get(name) else key

    @cached_property
    def expected_name(self) -> str | Text:
        """The container's name as Compose gives it."""
        name: str | Text | None = self.wanted.get("container_name")
        return name or default_name(self.project.name, self.service.name, self.container)

    @cached_property
    def expected_text(self) -> str:
        """The same for computing with: see `opened`."""
        return str(opened(self.expected_name))

    @cached_property
    def project_dir(self) -> str | None:
        """The stack's folder on the host: below the configured root; without one where its container's label says."""
        if self.root is not None:
            return posixpath.normpath(posixpath.join(self.root, self.project.stack.folder))
        return self._deployed_in

    @property
    def _deployed_in(self) -> str | None:
        """The folder that the container was deployed from, as its label says: the stack's own, or another one."""
        folder = self.container.deployed_in
        return (folder.rstrip("/") or "/") if folder is not None and folder.startswith("/") else None

    def locate(self, path: Text) -> Text:
        """A path of the desired state as it reads on the host: see `locate`."""
        return locate(path, self.project_dir)

    @cached_property
    def hash_matches(self) -> bool | None:
        """Whether the definition is the one that the container was made from; None where that cannot be told."""
        label = self.container.config_hash
        if label is None:
            return None
        computed = self.computed_hash
        if computed != label and self._changed_by_compose:
            return None
        return None if computed is None else computed == label

    @property
    def _changed_by_compose(self) -> bool:
        """Whether Compose changes the definition while it makes the replicas, so that their hashes differ by chance.

        It moves `mac_address` into the first network, and `interface_name` into `driver_opts` where there are some (2.40).
        """
        if len(self.host.replicas(self.project.name, self.service.name)) < 2:
            return False
        networks = (self.wanted.get("networks") or _NOTHING).values()
        moved = any(one and one.get("interface_name") and one.get("driver_opts") for one in networks)
        return moved or bool(self.wanted.get("mac_address"))

    @cached_property
    def computed_hash(self) -> str | None:
        """The hash that the Compose which made the container would give the wanted definition."""
        return self.hash_of(self.wanted)

    def hash_of(self, config: JsonObject) -> str | None:
        """The same for another definition of the service."""
        return service_hash(
            self.service if config is self.wanted else replace(self.service, config=config),
            version=self.container.compose_version,
            project_dir=self._deployed_in or self.project_dir,
            service_id=self._service_id,
            container_id=self._container_id,
            home=self._home,
        )

    @property
    def _home(self) -> str | None:
        """The home of whoever deployed, as a mount from there shows it."""
        for entry in self.wanted.get("volumes") or ():
            source, seen = entry.get("source"), self.container.mounts.get(str(entry.get("target")), _NOTHING).get("Source")
            if isinstance(source, str) and source.startswith(HOME_DIR) and isinstance(seen, str):
                below = source.removeprefix(HOME_DIR).rstrip("/")
                return seen.removesuffix(below) if seen.endswith(below) else None
        return None

    def _service_id(self, service: str) -> str | None:
        replicas = self.host.replicas(self.project.name, service)
        return replicas[0].id if replicas else None

    def _container_id(self, name: str) -> str | None:
        found = self.host.container_named(name)
        return found.id if found is not None else None

    def namespace(self, mode: str) -> str:
        """`service:X` and `container:NAME` as the engine shows them: `container:<id>`, as far as that container is there."""
        kind, _, name = mode.partition(":")
        if kind == "service":
            return f"container:{self._service_id(name) or name}"
        if kind == "container":
            return f"container:{self._container_id(name) or name}"
        return mode

    def joins(self, mode: str, seen: str) -> bool:
        """Whether `seen` is what the engine shows of `mode`.

        Where the service has no container, it may be one that is gone too: the missing one is what there is to say then.
        """
        gone = seen.startswith("container:") and seen.removeprefix("container:") not in self.host.snapshot.by_id
        service = mode.removeprefix("service:")
        return self.namespace(mode) == seen or (service != mode and gone and self._service_id(service) is None)

    def spoken_namespace(self, mode: str) -> str:
        """The other way round, for people: `container:<id>` as `service:X` where it is one of the project's, else by name."""
        kind, _, identifier = mode.partition(":")
        found = self.host.snapshot.by_id.get(identifier) if kind == "container" else None
        if found is None:
            return mode
        if found.project == self.project.name and found.service:
            return f"service:{found.service}"
        return f"container:{found.name}"


def locate(path: Text, project_dir: str | None) -> Text:
    """A path of the desired state with the folder of the project filled in.

    What is not known (that folder, somebody's home) becomes an unknown piece.
    """
    if not isinstance(path, str):
        return path
    if path.startswith(PROJECT_DIR):
        rest = path.removeprefix(PROJECT_DIR)
        if project_dir is None:
            return Template((Unknown("project folder"), posixpath.normpath(rest) if rest else ""))
        return posixpath.normpath(project_dir + rest)
    if path.startswith(HOME_DIR):
        return Template((Unknown("HOME"), path.removeprefix(HOME_DIR)))
    return path


def default_name(project: str, service: str, container: Container) -> str:
    """`<project>-<service>-<n>`, or with `_` where Compose ran in compatibility mode, which only the name itself tells."""
    dashed = f"{project}-{service}-{container.number}"
    underscored = f"{project}_{service}_{container.number}"
    return underscored if container.name == underscored else dashed
