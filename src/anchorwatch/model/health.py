"""How the parts of the service say that they are well.

Every part that runs for long has a pulse: a frozen picture that it makes itself and anybody may look at, from any thread. The
service gathers them into its `Health`, and `judged` says what is wrong with it; `/healthz` and `/metrics` show both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from anchorwatch.model.drifts import DeliveryState, DriftState, Trigger
from anchorwatch.model.findings import Severity
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus

TURN_WITHIN = 120.0
"""Seconds after which a key that waits for a worker which has nothing else to do has waited for too long."""
LOG_AT_MOST = 64 * 2**20
"""Bytes of write-ahead log; beyond it somebody reads and does not end."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """One part of the service, as it says of itself."""

    name: str
    """Of the part, and of what it is about: `docker:pi5`."""
    ok: bool
    """Whether it does what it is there for."""
    since_at: datetime | None = None
    """Since when it is as it is; None before it has come to anything."""
    heard_at: datetime | None = None
    """When it last heard from what it listens to; None for never."""
    error: ErrorInfo | None = None
    """Why it is not well; also what it cannot do though it is."""
    details: Mapping[str, int | float | str] = field(default_factory=dict)
    """What there is to count."""


class Lateness(StrEnum):
    """What it means that something is late."""

    STUCK = "stuck"
    """A part of the service does not do its work any more: a new start mends it."""
    STALE = "stale"
    """What verdicts rest on is old: something outside is out of reach."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that has to happen again and again: a thread's turn, a host or the repo read anew."""

    name: str
    """`worker:1`, `host:pi5`, `repo`."""
    ago: float
    """Seconds since it last happened (since the start, where it has not yet), by a clock that only goes forward."""
    within: float
    """Seconds after which it is late."""
    what: Lateness


@dataclass(frozen=True, slots=True)
class HostFigures:
    """One host, in figures."""

    name: str
    status: HostStatus | None = None
    """None until it has been reached, or given up."""
    containers: int = 0
    """Those that run."""
    stacks: Mapping[StackStatus, int] = field(default_factory=dict)
    drifts: Mapping[tuple[DriftState, Severity], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tallies:
    """What has been done since the service was started, and what waits to be done."""

    checks: Mapping[Trigger, int] = field(default_factory=dict)
    checks_failed: int = 0
    check_seconds: float = 0.0
    """What all of them took together."""
    messages: Mapping[tuple[str, DeliveryState], int] = field(default_factory=dict)
    """By destination, and what they have come to: sent, dead or skipped."""
    messages_waiting: Mapping[str, int] = field(default_factory=dict)
    """By destination: those that are still to be sent."""


@dataclass(frozen=True, slots=True)
class Health:
    """The whole service at one moment."""

    started_at: datetime
    pulses: tuple[Pulse, ...] = ()
    due: tuple[Due, ...] = ()
    queue_waiting: int = 0
    """Keys that have something to be looked at."""
    queue_overdue: float = 0.0
    """Seconds that the next key has been waiting for a worker."""
    queue_flying_longest: float = 0.0
    """Seconds that the longest of the present checks has taken so far."""
    database: ErrorInfo | None = None
    """Why the database cannot be used; None while it can."""
    database_bytes: int = 0
    database_log_bytes: int = 0
    """Of its write-ahead log."""
    hosts: tuple[HostFigures, ...] = ()
    tallies: Tallies = Tallies()


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason why the service is not well."""

    part: str
    """`docker:pi5`, `queue`, `database`."""
    kind: str
    """A word: the class of an error, `stuck`, `stale`, `starting`."""
    restart: bool = False
    """Whether it is the service itself that does not work, and a new start would mend it."""
    error: ErrorInfo | None = None

    @property
    def shown(self) -> str:
        """As anybody may see it, without the name of a host: `docker: timeout`."""
        return f"{self.part.partition(':')[0]}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the service is well."""

    troubles: tuple[Trouble, ...] = ()

    @property
    def well(self) -> bool:
        """Everything works, and rests on what is new."""
        return not self.troubles

    @property
    def alive(self) -> bool:
        """The service itself works, whatever it cannot reach."""
        return not any(trouble.restart for trouble in self.troubles)


def judged(health: Health) -> Verdict:
    """Whether the service is well, and if not, everything that is wrong."""
    troubles = [Trouble(pulse.name, _kind(pulse), error=pulse.error) for pulse in health.pulses if not pulse.ok]
    troubles += [Trouble(due.name, due.what, restart=due.what is Lateness.STUCK) for due in health.due if due.ago > due.within]
    troubles += [Trouble(f"host:{host.name}", "starting") for host in health.hosts if host.status is None]
    said = {trouble.part.partition(":")[2] for trouble in troubles}
    lost = [host.name for host in health.hosts if host.status is HostStatus.UNREACHABLE and host.name not in said]
    troubles += [Trouble(f"host:{name}", HostStatus.UNREACHABLE) for name in lost]
    if health.queue_overdue > TURN_WITHIN:
        troubles.append(Trouble("queue", Lateness.STUCK, restart=True))
    if health.database is not None:
        troubles.append(Trouble("database", health.database.kind, error=health.database))
    if health.database_log_bytes > LOG_AT_MOST:
        troubles.append(Trouble("database", "long log"))
    return Verdict(tuple(troubles))


def _kind(pulse: Pulse) -> str:
    if pulse.error is not None:
        return pulse.error.kind
    return "starting" if pulse.since_at is None else "not well"
