"""What the repo says at one commit: stacks, and the project that Compose makes of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anchorwatch.errors import Mistake, StackError
from anchorwatch.model.settings import IgnoreRule
from anchorwatch.model.values import JsonObject, Template

PROJECT_DIR = "\x00project\x00"
"""Stands in paths for the folder that the stack is deployed from: `PROJECT_DIR + "/data"`, `PROJECT_DIR + "/../common/x"`.

Where that folder lies differs from host to host, so it is filled in when a container is compared: from its label
`com.docker.compose.project.working_dir`, or from the host's configured `root`. It is always followed by `/` or by nothing.
"""

HOME_DIR = "\x00home\x00"
"""Stands for `~`, the home folder of whoever deployed."""


@dataclass(frozen=True, slots=True, order=True)
class ProjectKey:
    """The unit of checking, queueing and history."""

    host: str
    project: str


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A wanted value that cannot be judged: `path` is a Compose path below the service, `because` a clause for people."""

    service: str | None
    path: str
    because: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A folder (or a file) in the repo with Compose files, meant for one host."""

    host: str
    name: str
    folder: str
    """Path in the repo, without a trailing slash; "" is the repo's root."""
    files: tuple[str, ...]
    """The Compose files as paths in the repo, in the order of `-f`."""

    @property
    def path(self) -> str:
        """The first Compose file, as reports show the stack."""
        return self.files[0] if self.files else self.folder

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


@dataclass(frozen=True, slots=True)
class NotStack:
    """A file or folder that looks like a stack and is none. `because` is one of the contract's words."""

    path: str
    because: str


@dataclass(frozen=True, slots=True)
class DesiredService:
    """One service as Compose resolved it."""

    name: str
    config: JsonObject
    """The service in Compose's canonical model (`docker compose config --format json`), `$$` undone once.

    Key order is Compose's, floats are `model.numbers.Literal` (they keep their spelling), text leaves may be
    `Secret` or `Template`, paths may begin with `PROJECT_DIR` or `HOME_DIR`.
    """
    written: frozenset[str] = frozenset()
    """Which spelling the file uses, where Compose has two: dotted paths as far as the canonical model still shows them."""
    unknown: tuple[UnknownValue, ...] = ()
    """Keys that are not judged. A path covers everything below it: `environment` covers `environment.TZ`.

    A `*` stands for any text and covers only names that `config` does not set: `environment.*` where an env file is missing,
    `labels.traefik.http.routers.*.rule` where a variable stands in the name. Below a listed path only `Template` leaves of
    `config` are judged, by `fits`; everything else there is left out or holds nothing that Git says.
    """
    enabled: bool = True
    """False for a service whose profiles are not active: it may run, it need not."""
    label_files: tuple[str, ...] = ()
    """`label_file` as absolute paths (with `PROJECT_DIR`): Compose hashes them, and its JSON does not show them."""


@dataclass(frozen=True, slots=True)
class DesiredProject:
    """What Compose makes of a stack at one revision: services, networks and volumes under one name."""

    stack: Stack
    name: str
    """The project's name."""
    revision: str | None
    """The last commit that touched the stack (40 hex); None outside Git."""
    services: Mapping[str, DesiredService]
    networks: Mapping[str, JsonObject] = field(default_factory=dict)
    volumes: Mapping[str, JsonObject] = field(default_factory=dict)
    configs: Mapping[str, JsonObject] = field(default_factory=dict)
    secrets: Mapping[str, JsonObject] = field(default_factory=dict)
    compose_version: str = ""
    """The version of the Compose that resolved it."""
    unknown: tuple[UnknownValue, ...] = ()
    """Unknown values outside services (`service` is None: `networks.x.driver`)."""
    called: Template | None = None
    """Where `name` itself is unknown: what Git tells of it, as Compose normalises it. None where Git tells nothing."""
    changed_files: Mapping[str, str] = field(default_factory=dict)
    """For files and folders of the repo that services bind-mount: path with `PROJECT_DIR` -> ISO time of their last commit."""

    profiles: Mapping[str, str] = field(default_factory=dict)
    """The content of seccomp profiles that lie in the repo, by the path that `security_opt` names."""

    paths: tuple[str, ...] = ()
    """Every path of the repo that it hangs on, sorted: Compose files, what they include and extend, env files, a `.env`.

    A commit touches the stack if it changes one of them, adds it or takes it away: there need not be a file.
    """

    @property
    def key(self) -> ProjectKey:
        """Host and project name."""
        return ProjectKey(self.stack.host, self.name)


@dataclass(frozen=True, slots=True)
class BrokenStack:
    """A stack that cannot be resolved. `project` is what its name would be, if that can be told."""

    stack: Stack
    error: StackError
    project: str | None = None
    revision: str | None = None
    names: frozenset[str] = frozenset()
    """What else its project may be called on the host."""


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything the repo says for the hosts asked for, at one revision."""

    revision: str | None
    projects: tuple[DesiredProject, ...]
    broken: tuple[BrokenStack, ...] = ()
    not_stacks: tuple[NotStack, ...] = ()
    ignore: tuple[IgnoreRule, ...] = ()
    """Standing rules that the repo itself brings (`.anchorwatch.yml`)."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with those."""
