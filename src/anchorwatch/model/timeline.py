"""What was so from when to when: hosts, stacks, containers, commits and events, as the state database remembers them.

A `Span` is half open: it holds from `valid_from`, and no longer at `valid_to`; `valid_to` None means still. Times have a time
zone. Documents (`configuration`, `definition`) may hold `Secret` and `Template` leaves: only their fingerprints are stored, and
what comes back has `{"secret": fingerprint}` in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from anchorwatch.model.desired import Stack
from anchorwatch.model.observed import Container
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something held."""

    valid_from: datetime
    valid_to: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it held at that moment."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True)
class HostSeen:
    """What a host said of itself when it was asked, or that it said nothing."""

    host: str
    address: str
    at: datetime
    status: HostStatus
    error: ErrorInfo | None = None
    engine_id: str | None = None
    engine_version: str | None = None


@dataclass(frozen=True, slots=True)
class HostSpan:
    """How a host could be reached, for a while."""

    span: Span
    seen: HostSeen
    """As it was first seen so."""
    seen_at: datetime
    """When it was last seen so."""


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """One container at one moment, as far as history cares for it."""

    name: str
    engine_id: str
    """The ID that its engine gave it."""
    image_id: str
    state: str
    exit_code: int = 0
    health: str | None = None
    oom_killed: bool = False
    restart_count: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    project: str | None = None
    service: str | None = None
    number: int = 1
    configuration: JsonObject = field(default_factory=dict)

    @classmethod
    def of(cls, container: Container) -> ContainerSeen:
        """What is kept of an observed container."""
        return cls(
            name=container.name,
            engine_id=container.id,
            image_id=container.image_id,
            state=container.state,
            exit_code=container.exit_code,
            health=container.health,
            oom_killed=container.oom_killed,
            restart_count=container.restart_count,
            created_at=container.created_at,
            started_at=container.started_at,
            project=container.project,
            service=container.service,
            number=container.number,
            configuration=container.configuration,
        )


@dataclass(frozen=True, slots=True)
class ContainerSpan:
    """How a container was, for a while. In `seen.configuration` secrets are fingerprints."""

    host: str
    span: Span
    seen: ContainerSeen


@dataclass(frozen=True, slots=True)
class StackSeen:
    """One stack at one revision of the repo."""

    stack: Stack
    project: str | None
    """What its project is called; None where that cannot be told."""
    revision: str | None
    """The last commit that touched it."""
    definition: JsonObject | None = None
    """What Compose made of it; None where it could not be resolved."""
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class StackSpan:
    """How a stack was in the repo, for a while."""

    host: str
    stack: str
    project: str | None
    path: str
    """The first Compose file, in the repo."""
    span: Span
    revision: str | None
    definition: JsonObject | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as history shows it."""

    revision: str
    committed_at: datetime
    author: str
    subject: str
    parent: str | None = None
    """The first one."""


@dataclass(frozen=True, slots=True)
class CommitSeen:
    """A commit, and the stacks that it touched."""

    commit: Commit
    stacks: tuple[tuple[str, str], ...] = ()
    """Host and name of each, sorted: the stacks one of whose files it changed, as the repo had them before or has them now."""


@dataclass(frozen=True, slots=True)
class Push:
    """How a branch moved: what forges call a push, whoever made it and wherever."""

    before: str | None
    """The revision that was read before; None at the very first, and for files outside Git."""
    after: str | None
    """The one that is read now; None for files outside Git."""
    commits: tuple[CommitSeen, ...] = ()
    """What `after` has and `before` has not, the newest first, along first parents: a merge stands for what it brought."""
    forced: bool | None = False
    """Whether history was rewritten (rebase, amend, force push, another branch checked out): `after` does not descend from
    `before`. None where the repository does not have the commits that would tell: a shallow clone."""
    more: bool = False
    """Whether there are more commits than these."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of an engine that mattered."""

    host: str
    at: datetime
    """By the engine's clock, cut to the microsecond."""
    action: str
    actor: str
    """What it happened to, by the engine's ID."""
    name: str | None = None
    project: str | None = None
    service: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    """`exitCode`, `image`, `signal` and the like."""
