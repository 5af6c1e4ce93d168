"""What one host said at one moment: a snapshot of its engine, containers, images, networks and volumes.

The members are those of the Docker Engine API's answers, reduced to what is compared. Values that may be a secret
are `Secret` from the door on: values in `Env`, labels (but `com.docker.compose.*`), `Cmd`, `Entrypoint`,
`Healthcheck.Test`, log options, driver options, annotations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from anchorwatch.model.values import JsonObject, Secret

LABEL = "com.docker.compose."
"""The prefix of the labels that Compose writes."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine behind a host, from `GET /version` and `GET /info`."""

    id: str
    """Empty where `/info` is not permitted."""
    version: str
    api_version: tuple[int, int]
    """The version of the API that was spoken, which shapes the answers (not the newest one the engine knows)."""
    info: JsonObject = field(default_factory=dict)
    """`GET /info` as it came, empty where it is not permitted."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its ID."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    """`RepoDigests`."""
    config: JsonObject
    """`.Config`: what a container made from it inherits. `Env` and `Labels` are mappings, as in `Container.config`."""
    created_at: str | None = None
    architecture: str | None = None
    variant: str | None = None
    os: str | None = None


@dataclass(frozen=True)
class Container:
    """One container, from `GET /containers/{id}/json`."""

    id: str
    name: str
    """Without the leading slash."""
    image_id: str
    """`.Image`: the ID of the image it was made from, whatever the tag points to now."""
    state: str
    """`.State.Status`: created, running, paused, restarting, removing, exited, dead."""
    exit_code: int
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    labels: Mapping[str, str | Secret]
    """`com.docker.compose.*` as plain text, all others as `Secret`."""
    environment: Mapping[str, Secret | None]
    """`.Config.Env` by name; None for a bare name without `=`."""
    config: JsonObject
    """`.Config` without `Env` and `Labels`."""
    host_config: JsonObject
    """`.HostConfig`."""
    mounts: Mapping[str, JsonObject]
    """`.Mounts[]` by `Destination`."""
    networks: Mapping[str, JsonObject]
    """`.NetworkSettings.Networks`, keys as the engine gives them (a name, or at times an ID)."""
    restart_count: int = 0
    oom_killed: bool = False
    health: str | None = None

    @cached_property
    def project(self) -> str | None:
        """The Compose project that its label names."""
        return self.compose_label("project")

    @cached_property
    def service(self) -> str | None:
        """The Compose service that its label names."""
        return self.compose_label("service")

    @cached_property
    def number(self) -> int:
        """Its number among the replicas of its service; 1 where the label says none."""
        text = self.compose_label("container-number") or "1"
        return int(text) if text.isdecimal() and len(text) < 10 else 1

    @cached_property
    def config_hash(self) -> str | None:
        """The hash that Compose gave the service's definition when it made the container."""
        return self.compose_label("config-hash")

    @cached_property
    def configuration(self) -> JsonObject:
        """How it is configured, without what changes each time it starts: addresses, endpoint IDs, gateways."""
        return {
            "Config": self.config,
            "Env": self.environment,
            "Labels": self.labels,
            "HostConfig": self.host_config,
            "Mounts": self.mounts,
            "Networks": {
                name: {key: network[key] for key in ("IPAMConfig", "Links", "Aliases", "DriverOpts") if network.get(key)}
                for name, network in self.networks.items()
            },
        }

    @cached_property
    def compose_version(self) -> tuple[int, ...]:
        """The version of the Compose that made it, as numbers; empty where it was not Compose."""
        text = (self.compose_label("version") or "").lstrip("v")
        numbers = []
        for piece in text.split("+")[0].split("-")[0].split("."):
            if not piece.isdecimal() or len(piece) > 9:
                break
            numbers.append(int(piece))
        return tuple(numbers)

    @cached_property
    def is_replica(self) -> bool:
        """Whether Compose itself counts it as a container of its stack (compose `pkg/compose/containers.go`).

        Leftovers of `docker compose run` and helpers of hooks carry the project's label too, and do not count.
        """
        return self.project is not None and self.config_hash is not None and not self.is_run

    @cached_property
    def is_run(self) -> bool:
        """Whether `docker compose run` made it."""
        return (self.compose_label("oneoff") or "").lower() == "true"

    @property
    def running(self) -> bool:
        """Whether it counts as running in reports: running, restarting or paused."""
        return self.state in {"running", "restarting", "paused"}

    @property
    def deployed_in(self) -> str | None:
        """The folder that Compose was run in when it made the container: its stack's own, or another one."""
        return self.compose_label("project.working_dir")

    def compose_label(self, name: str) -> str | None:
        """The text of one of Compose's own labels; None where there is none."""
        value = self.labels.get(LABEL + name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Network:
    """One network, from `GET /networks`. Values of `Options` and foreign labels are `Secret`."""

    id: str
    name: str
    labels: Mapping[str, str | Secret]
    doc: JsonObject
    """`Driver`, `Options`, `Internal`, `Attachable`, `EnableIPv6`, `IPAM`, `Scope`…, as far as the engine gives them."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume, from `GET /volumes`. Values of `Options` and foreign labels are `Secret`."""

    name: str
    driver: str
    labels: Mapping[str, str | Secret]
    options: Mapping[str, Secret]


@dataclass(frozen=True)
class Snapshot:
    """One observed state of one host, with its time."""

    host: str
    taken_at: datetime
    engine: Engine
    containers: tuple[Container, ...]
    images: Mapping[str, Image] = field(default_factory=dict)
    """By ID, as far as containers use them or a Compose file names them; one that is gone is missing."""
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    not_permitted: frozenset[str] = frozenset()
    """What a proxy refused, of "info", "images", "networks", "volumes": judged less, never wrongly."""
    listed: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    """For a `Renewal`: the mark of each container's row in the engine's list, by ID."""
    told: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    """For a `Renewal`: the mark of what the engine last told of each container when it was inspected, by ID."""
    pointed: Mapping[str, str | None] = field(default_factory=dict, repr=False, compare=False)
    """For a `Renewal`: the image ID behind each name that was asked about; None where the host has no such image."""

    @cached_property
    def by_id(self) -> Mapping[str, Container]:
        """Containers by ID."""
        return {container.id: container for container in self.containers}

    @cached_property
    def network_names(self) -> Mapping[str, str]:
        """Network names by ID."""
        return {network.id: network.name for network in self.networks}

    @cached_property
    def image_ids(self) -> Mapping[str, str]:
        """The ID that each tag points to now, by tag as the engine spells it (`nginx:latest`)."""
        return {tag: image.id for image in self.images.values() for tag in image.tags}


@dataclass(frozen=True, slots=True)
class Renewal:
    """What of an earlier snapshot is to be read again. The rest is taken from it: the very same objects.

    The list of containers is read in any case, and whoever is new in it or looks otherwise there is inspected. So is a container
    that any of the members names, because the list does not show everything.
    """

    earlier: Snapshot
    """The last one of the same host."""
    project: str | None = None
    """Every container with this project's label; "" stands for those without one."""
    names: frozenset[str] = frozenset()
    """Every container that holds one of these names or is on the way to it, whatever project it belongs to."""
    touched: frozenset[str] = frozenset()
    """Containers by ID or name."""
    resources: bool = False
    """Networks and volumes too. Without it they are read only where a container is in one that is not known."""
    alone: bool = False
    """Only the containers of the project are listed, which costs an engine of many a fraction: all others count as they were.
    Where one of them is named by another member, or the project is none, everything is listed all the same."""


def familiar(reference: str) -> str:
    """An image's name as the engine lists it: without Docker Hub's, with a tag (distribution `reference/normalize.go`)."""
    short = re.sub(r"^(?:index\.)?docker\.io/(?:library/)?", "", reference)
    return short if "@" in short or ":" in short.rpartition("/")[2] else f"{short}:latest"
