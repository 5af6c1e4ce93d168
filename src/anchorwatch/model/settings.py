"""What the rooms below the config need to know of it, as plain frozen values.

The config room reads and checks the file and hands these out, so that no other room depends on how it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from anchorwatch.model.address import HostAddress

if TYPE_CHECKING:  # hosts are connected to before anything else is loaded: see app.py
    from anchorwatch.model.findings import Kind, Severity


@dataclass(frozen=True, slots=True)
class RepoSource:
    """Where the repo is, and how to get at it: a local clone (`path`), or a remote one (`url`) of which we keep a mirror."""

    path: str | None = None
    url: str | None = field(default=None, repr=False)
    """It may carry a token."""
    branch: str | None = None
    """None reads HEAD."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """Sent as the password; the forges that care for the name beside it are served by `user`."""
    ssh_key: str | None = None
    known_hosts: str | None = None
    ca: str | None = None
    """A file of certificates that the forge's own is signed by."""


@dataclass(frozen=True, slots=True)
class StackValues:
    """Values that are not in Git, for a host or for one of its stacks. Later ones win: env_files in order, then env."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_files: tuple[str, ...] = ()
    """Paths on the watcher; globs are allowed."""
    pass_environment: tuple[str, ...] = ()
    """Names of variables of anchorwatch's own environment that may be used."""
    host_env_file: str | None = None
    """An env file on the target host, read over ssh."""
    project: str | None = None
    """The project's name, where the deployer gives it one of its own."""


@dataclass(frozen=True, slots=True)
class HostLayout:
    """Which stacks of the repo are meant for a host, and what is known of them outside Git."""

    name: str
    stacks: tuple[str, ...]
    """Globs over paths in the repo (folders, or Compose files): `*` stays within a segment, `**` crosses."""
    exclude: tuple[str, ...] = ()
    root: str | None = None
    """Where the repo's folder lies on the host."""
    values: StackValues = StackValues()
    per_stack: Mapping[str, StackValues] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeclaredElsewhere:
    """A stack of the repo that runs, but not as a container: an LXC, a VM. `stack` is a glob over paths in the repo."""

    stack: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """A standing rule: a finding that every given glob fits is ignored. A rule without a glob ignores nothing."""

    because: str = ""
    host: str | None = None
    stack: str | None = None
    service: str | None = None
    container: str | None = None
    image: str | None = None
    label: str | None = None
    """`name` or `name=value` of the container's labels."""
    project: str | None = None
    kind: Kind | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Overrides the severity of findings whose path fits the glob."""

    path: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Policy:
    """What a comparison needs to know of the config for one host."""

    root: str | None = None
    """Where the repo's folder lies on the host."""
    unmanaged: bool = True
    ignore: tuple[IgnoreRule, ...] = ()
    severity: tuple[SeverityRule, ...] = ()
    long_running: tuple[str, ...] = ()
    """Globs over `stack/service` or container names: exited is drift, whatever the exit code."""
    one_shot: tuple[str, ...] = ()
    """Globs likewise: exited with 0 is finished, whatever the restart policy."""

    def with_rules(self, rules: tuple[IgnoreRule, ...]) -> Policy:
        """The same, with the repo's own rules behind those of the config."""
        return replace(self, ignore=(*self.ignore, *rules)) if rules else self


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Everything that the config says of one host, but what it shares with the others (see `Policy`)."""

    address: HostAddress
    layout: HostLayout
    unmanaged: bool = True
    """Whether containers that are declared nowhere are this host's business."""


@dataclass(frozen=True, slots=True)
class Deployer:
    """A map of stacks and hosts that another program already has, and that lies in the repo."""

    reader: str
    """`komodo` or `doco_cd`."""
    path: str
    """A glob over paths in the repo."""
    host: str | None = None
    """The host of stacks for which the map itself names none."""
    servers: Mapping[str, str] = field(default_factory=dict)
    """What the map calls a host -> what the config calls it, where the two differ."""
