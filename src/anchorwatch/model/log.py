"""What the log is asked, and what it answers: the values between the database's rows and the reports of `status`, `at`,
`history` and `show`.

Times have a time zone. Every text in here is ready to be shown as far as secrets go; it is not neutralised for a format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from anchorwatch.model.desired import NotStack, ProjectKey
from anchorwatch.model.drifts import Check, Delivery, Drift, Transition
from anchorwatch.model.findings import Finding
from anchorwatch.model.options import Filters
from anchorwatch.model.report import ErrorInfo, HostReport, StackReport, StackStatus
from anchorwatch.model.silences import Silence
from anchorwatch.model.timeline import Commit, ContainerSpan, EventSeen, HostSpan, StackSpan
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the history is asked for. What is left empty asks for everything; members narrow each other."""

    filters: Filters = field(default_factory=Filters)
    services: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Globs, in which `*` stands for any text."""
    causes: tuple[str, ...] = ()
    """Kinds of causes: `docker-update`."""
    since: datetime | None = None
    """From here on."""
    until: datetime | None = None
    """And before this."""

    @property
    def only_drift(self) -> bool:
        """Whether something is asked for that only a drift has."""
        severity = self.filters.severity > min(type(self.filters.severity))
        return bool(self.filters.kinds or self.services or self.paths or self.causes or severity)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the service: while it lasts, somebody watches."""

    id: int
    started_at: datetime
    alive_at: datetime
    """When it last said that it goes on."""
    ended_at: datetime | None
    version: str


class Doubt(StrEnum):
    """Why something is not known for sure at a moment."""

    NOT_YET = "not_watched_yet"
    """Nobody had looked before."""
    NOBODY = "service_not_running"
    """Nobody watched."""
    NO_LOOK = "not_looked_at_since_start"
    """The service had started, and not come to it yet."""
    UNREACHABLE = "host_unreachable"
    STALE = "stale"
    """The service runs, and has not looked for longer than it should."""


@dataclass(frozen=True, slots=True)
class CheckThen:
    """The newest check of a key at a moment."""

    check: Check
    last_at: datetime
    """When it was last found so, as far as that is known: never later than the moment."""
    since_at: datetime | None = None
    """Since when the verdict has been what it is; None where that was not asked."""


@dataclass(frozen=True, slots=True)
class Repo:
    """What is known of the repo as a whole."""

    revision: str | None = None
    not_stacks: tuple[NotStack, ...] = ()
    error: ErrorInfo | None = None
    """Why it cannot be read now; what it said before is still in force."""
    at: datetime | None = None
    """When that was last heard."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows of one moment."""

    at: datetime
    live: bool
    """Whether the moment is now."""
    hosts: Mapping[str, HostSpan]
    first_seen: Mapping[str, datetime]
    """When each host was first heard of, those that were not yet known then included."""
    stacks: tuple[StackSpan, ...]
    checks: Mapping[ProjectKey, CheckThen]
    drifts: tuple[Drift, ...]
    """Those that were pending or open."""
    containers: tuple[ContainerSpan, ...]
    run: Run | None
    """The newest one that had begun; None where there was none."""
    repo: Repo = field(default_factory=Repo)
    holder: str | None = None
    """Who has the database, as far as that can be told."""
    definitions: Mapping[tuple[str, str], JsonObject] = field(default_factory=dict)
    """What Compose made of stacks, by host and name, where it was asked for."""
    silences: tuple[Silence, ...] = ()
    """What is muted now."""
    given_up: Mapping[str, int] = field(default_factory=dict)
    """Messages that never arrived, and of which no later one has told, by destination."""
    before: Mapping[str, int] = field(default_factory=dict)
    """How often drifts had been open before their episode, by ID."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether somebody watched at a moment."""

    running: bool
    since_at: datetime | None
    """When the run began, or the last one ended; None where there never was one."""
    alive_at: datetime | None = None
    """When the service last said that it goes on."""
    holder: str | None = None
    """Who has the database though the service says nothing."""


@dataclass(frozen=True, slots=True)
class HostStanding:
    """A host at a moment."""

    report: HostReport
    since_at: datetime | None
    """Since when it could be reached as it could."""
    seen_at: datetime | None
    """When that was last so, as far as is known."""
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class StackStanding:
    """A stack at a moment. Where there is a doubt its status is unknown, whatever was found last."""

    report: StackReport
    last_status: StackStatus | None
    """What the last look came to; None where there was none."""
    since_at: datetime | None
    """Since when it has been what `last_status` says."""
    checked_at: datetime | None
    doubt: Doubt | None = None
    ignored: int = 0
    """How many of its findings a standing rule covers."""
    judged: bool = False
    """Whether what is known of its containers was held against what Git said at this very moment."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where things stand, or stood at a moment: as far as anybody knew, and what nobody knew."""

    at: datetime
    live: bool
    watch: Watch
    hosts: tuple[HostStanding, ...]
    stacks: tuple[StackStanding, ...]
    drifts: tuple[Drift, ...]
    containers: tuple[ContainerSpan, ...]
    repo: Repo
    ignored: int = 0
    hidden: int = 0
    """How many drifts filters left out."""
    in_git: int = 0
    """How many of the containers that run belong to a stack."""
    running: int = 0
    definitions: Mapping[tuple[str, str], JsonObject] = field(default_factory=dict)
    silenced: Mapping[str, datetime] = field(default_factory=dict)
    """Drifts of which nobody is told, by ID, and until when."""
    given_up: Mapping[str, int] = field(default_factory=dict)
    """Messages that never arrived, and of which no later one has told, by destination."""
    before: Mapping[str, int] = field(default_factory=dict)
    """How often drifts had been open before their episode, by ID."""
    known: tuple[Drift, ...] = ()
    """All drifts of these hosts, also what the filters leave out."""


@dataclass(frozen=True, slots=True)
class Told:
    """A transition as the log shows it."""

    transition: Transition
    finding: Finding | None = None
    """What it is about, with the values of that moment, where it is about a drift."""
    deliveries: tuple[Delivery, ...] = ()
    """The messages about it, where they were asked for."""

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.transition.at


@dataclass(frozen=True, slots=True)
class ContainerChange:
    """A container that was not as before: made, changed, started, ended, gone."""

    at: datetime
    host: str
    stack: str | None
    before: ContainerSpan | None
    """None where it was not there."""
    now: ContainerSpan | None
    """None where it is gone."""
    watched_from: datetime | None = None
    """Since when somebody had been watching its host by then."""


@dataclass(frozen=True, slots=True)
class CommitArrived:
    """A commit was seen."""

    at: datetime
    commit: Commit
    stacks: tuple[tuple[str, str], ...]
    """Those that it touched."""


@dataclass(frozen=True, slots=True)
class WatchChanged:
    """The service began to watch, or ended."""

    at: datetime
    began: bool
    version: str
    killed: bool = False
    """It ended without saying so; `at` is its last sign of life."""


Entry: TypeAlias = Told | ContainerChange | CommitArrived | WatchChanged
"""A line of the log."""


@dataclass(frozen=True, slots=True)
class Life:
    """One drift, from its beginning to its end, and what happened around it."""

    drift: Drift
    told: tuple[Told, ...]
    """Its newest transitions, the oldest of them first, with their messages."""
    values: tuple[tuple[datetime, datetime | None, Drift], ...] = ()
    """How it was from when to when, the oldest first."""
    commits: tuple[Commit, ...] = ()
    """Those that touched its stack around the current episode."""
    events: tuple[EventSeen, ...] = ()
    """What its engine said of its project around the beginning of the current episode."""
    silenced_until: datetime | None = None
    earlier: int = 0
    """How many transitions there were before these."""
    before: int = 0
    """How often it had been open before its episode."""
