"""What a one-shot verb found: the values between the check room, the reports and the command line.

A report says what is, whatever is shown of it: `options.Filters` narrow the view (see `reports/verdict.py`), never the judgement.
Every text in here is ready to be shown as far as secrets go; it is not neutralised for a format, which each writer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from anchorwatch.errors import AnchorwatchError, HostForbidden, Mistake
from anchorwatch.model.desired import NotStack, UnknownValue
from anchorwatch.model.findings import Finding, Note


class HostStatus(StrEnum):
    """How much a host let us see."""

    OK = "ok"
    LIMITED = "limited"
    """Some requests are not permitted: fewer checks."""
    UNREACHABLE = "unreachable"


class StackStatus(StrEnum):
    """The verdict on a stack."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    UNKNOWN = "unknown"
    """Nothing of it could be judged. A stack with unknown keys is judged on the rest."""


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as reports show it: a class of the contract, what happened, and what to do next."""

    kind: str
    message: str
    hint: str | None = None

    @classmethod
    def of(cls, error: AnchorwatchError) -> Self:
        """What `error` says."""
        return cls(error.kind, error.message, error.hint)


@dataclass(frozen=True, slots=True)
class HostReport:
    """One host: whether it answered, and with what."""

    name: str
    address: str
    """As the config has it: `unix:///var/run/docker.sock`, `ssh://admin@pi5`."""
    status: HostStatus
    error: ErrorInfo | None = None
    engine: str | None = None
    """The engine's version; None for a host that did not say."""
    containers: int = 0
    """Those that run, restarting and paused ones included."""

    @property
    def is_deaf(self) -> bool:
        """Of a host that is `limited`: whether it refuses nothing, but cannot be listened to."""
        return self.error is not None and self.error.kind != HostForbidden.kind


@dataclass(frozen=True, slots=True)
class StackReport:
    """One stack: its verdict, and everything that is known of it but its findings."""

    host: str
    stack: str
    path: str
    """The first Compose file, in the repo."""
    project: str | None
    """None where the name of the project could not be told."""
    revision: str | None
    """The last commit that touched it (40 hex); None outside Git."""
    status: StackStatus
    error: ErrorInfo | None = None
    unknown: tuple[UnknownValue, ...] = ()
    notes: tuple[Note, ...] = ()
    services: tuple[str, ...] = ()
    """The names of its services, in Compose's order; empty where it could not be resolved."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One pass over every host that was asked for.

    Hosts come in the order of the config, stacks and findings in the order of their hosts.
    """

    checked_at: datetime
    """With a time zone."""
    revision: str | None
    """The commit that the desired state was read at (40 hex); None outside Git."""
    hosts: tuple[HostReport, ...] = ()
    stacks: tuple[StackReport, ...] = ()
    not_stacks: tuple[NotStack, ...] = ()
    findings: tuple[Finding, ...] = ()
    ignored: int = 0
    """How many findings a standing rule covers."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with the standing rules that the repo brings."""
    hidden: int = 0
    """How many findings filters left out of `findings`: see `reports.verdict.narrow`."""


class Progress(Protocol):
    """Is told how a check comes along. Hosts are checked in parallel: calls may come from any thread, and overlap."""

    def host_started(self, host: str) -> None:
        """`host` is being asked."""

    def stack_done(self, host: str, stack: str) -> None:
        """A stack of `host` was judged, or cannot be."""

    def host_done(self, host: HostReport, stacks: tuple[StackReport, ...], findings: tuple[Finding, ...]) -> None:
        """`host` is finished, with all its stacks and findings (ignored ones left out). Called once a host."""


class Silence:
    """The progress of a check that nobody watches."""

    def host_started(self, host: str) -> None:
        """Says nothing."""

    def stack_done(self, host: str, stack: str) -> None:
        """Says nothing."""

    def host_done(self, host: HostReport, stacks: tuple[StackReport, ...], findings: tuple[Finding, ...]) -> None:
        """Says nothing."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What Git says of one service, network or volume and what the host says of it, as lines of Compose YAML."""

    name: str
    """What is compared, for the head of the diff: `pi5/mealie: mealie`."""
    git: tuple[str, ...]
    host: tuple[str, ...]
