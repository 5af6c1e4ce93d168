"""The life of a drift, as the state database keeps it: checks, drifts, transitions, and the messages promised for them.

Times have a time zone. Every text in here is ready to be shown: secrets have become fingerprints long before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from anchorwatch.model.desired import ProjectKey, UnknownValue
from anchorwatch.model.findings import Finding, Note, Severity
from anchorwatch.model.report import ErrorInfo, StackStatus
from anchorwatch.model.times import timestamp
from anchorwatch.model.values import JsonObject

ACCEPTED = "accepted"
"""Where the cause of a transition that ends an acceptance has the acceptance."""
NO_PROJECT = ""
"""The project of a key that stands for what belongs to no project on a host: `ProjectKey(host, NO_PROJECT)`."""


class Trigger(StrEnum):
    """Why a check ran. Shown, never branched on."""

    DOCKER_EVENT = "docker-event"
    COMMIT = "commit"
    RESYNC = "resync"
    MANUAL = "manual"


class DriftState(StrEnum):
    """Where a drift is in its life."""

    PENDING = "pending"
    """Seen, and younger than its grace: a deploy may be under way."""
    OPEN = "open"
    RESOLVED = "resolved"


class Reason(StrEnum):
    """Why a drift, a host, a stack or the repo changed state: the word of a `Transition` that the ledger writes."""

    APPEARED = "appeared"
    """Seen for the first time, or again after it was away for good: pending."""
    ALREADY_THERE = "already there"
    """Found by the first look of all, or by the first one after an upgrade that adds rules: no news, but part of a summary."""
    GRACE_OVER = "grace over"
    """It has outlived its grace: open, and news."""
    CAME_BACK = "came back"
    """It was away for less than its grace: the same episode goes on."""
    VALUE_CHANGED = "value changed"
    """Open before and after, with other values."""
    PASSED = "passed"
    """Away while it was pending: a deployment, and no drift. Nobody is told."""
    MENDED = "mended on the host"
    """Away, and the repo says what it said before."""
    ADOPTED = "adopted by Git"
    """Away since the repo says something else."""
    IGNORED = "ignored from now on"
    """A standing rule covers it."""
    UNWATCHED = "not watched any more"
    """Its host is not in the config any more."""
    ACCEPTANCE_OVER = "acceptance over"
    """Somebody had accepted it until now."""
    HOST_UNREACHABLE = "host unreachable"
    HOST_BACK = "host back"
    HOST_LIMITED = "host limited"
    """Some requests are not permitted any more."""
    STACK_UNREADABLE = "stack unreadable"
    STACK_READABLE = "stack readable again"
    REPO_UNREADABLE = "repo unreadable"
    """What it said last stays in force."""
    REPO_READABLE = "repo readable again"


class Side(StrEnum):
    """Which of the two moved."""

    GIT = "git"
    HOST = "host"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One pass over one key, and what came of it."""

    key: ProjectKey
    trigger: Trigger
    started_at: datetime
    took: float
    """Seconds."""
    status: StackStatus
    reason: str | None = None
    """What set it off, to show: `die mealie`."""
    revision: str | None = None
    """The commit that the desired state was read at."""
    findings: int = 0
    unknown: int = 0
    """Keys that could not be judged."""
    ignored: int = 0
    containers: int = 0
    error: ErrorInfo | None = None
    run: int | None = None
    """Which run of the service made it; None for a check from the command line."""
    unknown_values: tuple[UnknownValue, ...] = ()
    """Which keys could not be judged, and why: those that `unknown` counts."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Checks in a row that came to the same: the first of them, and how long it went on."""

    id: int
    check: Check
    """The first one; `took` is the longest."""
    last_at: datetime
    """When the last one began."""
    times: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Somebody accepts a drift until a date, or until its value changes again."""

    at: datetime
    observed: str | None
    """The value that is accepted."""
    until: datetime | None = None
    reason: str | None = None

    @property
    def document(self) -> JsonObject:
        """As the transition has it that ends it, below `ACCEPTED`."""
        until = None if self.until is None else timestamp(self.until)
        return {"at": timestamp(self.at), "observed": self.observed, "until": until, "reason": self.reason}

    @classmethod
    def of(cls, document: JsonObject) -> Acceptance:
        """What `document` gave."""
        until = document["until"]
        return cls(
            at=datetime.fromisoformat(document["at"]),
            observed=document["observed"],
            until=None if until is None else datetime.fromisoformat(until),
            reason=document["reason"],
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """A finding with a life. It may be resolved and appear again: then a new episode begins."""

    finding: Finding
    """As it was last seen."""
    state: DriftState
    appeared_at: datetime
    """When this episode began."""
    changed_at: datetime
    """When anything in its project changed last, as far as the grace goes."""
    opens_at: datetime | None = None
    """When it will open, unless it goes away; None once it has."""
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    episode: int = 1
    """How often it has appeared."""
    side: Side = Side.UNKNOWN
    revision: str | None = None
    """The commit that the desired state was read at when it was last seen."""
    cause: JsonObject | None = None
    acceptance: Acceptance | None = None

    @property
    def id(self) -> str:
        """The same for the same drift in every run and episode."""
        return self.finding.id

    @property
    def key(self) -> ProjectKey:
        """The key whose checks see it."""
        return ProjectKey(self.finding.host, self.finding.project or NO_PROJECT)


class Subject(StrEnum):
    """What a transition is about."""

    DRIFT = "drift"
    HOST = "host"
    STACK = "stack"
    REPO = "repo"


class Readability(StrEnum):
    """Whether it can be told what a stack, or the whole repo, wants."""

    READABLE = "readable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Transition:
    """Something changed state: one row that is never changed again, and that messages hang on."""

    subject: Subject
    at: datetime
    from_state: str | None
    """A `DriftState` for a drift, a `HostStatus` for a host, a `Readability` for a stack or the repo; None where nothing was."""
    to_state: str
    reason: str
    """A short word: a `Reason` where the ledger wrote it."""
    host: str | None = None
    stack: str | None = None
    drift: str | None = None
    """The drift's ID, where it is about one."""
    since_at: datetime | None = None
    """When the episode began (a drift), or the state that is left (anything else)."""
    episode: int = 1
    severity: Severity | None = None
    desired: str | None = None
    observed: str | None = None
    """The values at that moment."""
    side: Side | None = None
    trigger: Trigger | None = None
    check: int | None = None
    """The check it came from, by the number that recording it gave."""
    cause: JsonObject | None = None
    id: int | None = None
    """Given by the database; later ones are higher, and none is ever given twice."""


class DeliveryState(StrEnum):
    """Where a promised message is."""

    PENDING = "pending"
    HELD = "held"
    """Not yet, for a named reason: quiet hours, a digest, a rate limit, a host out of reach."""
    SENDING = "sending"
    """Handed over, and not known to have arrived: after a crash it is sent again, under the same ID."""
    RETRY = "retry"
    SENT = "sent"
    DEAD = "dead"
    SKIPPED = "skipped"
    """Never, for a named reason: silenced, collapsed, below the severity asked for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One transition for one recipient at one destination."""

    transition: int
    destination: str
    """By its name in the config."""
    created_at: datetime
    recipient: str = ""
    """Which one of a destination that has several; as it may be shown."""
    occasion: str = "news"
    """What it is told for, beside the news of it: `reminder 2`."""
    state: DeliveryState = DeliveryState.PENDING
    reason: str | None = None
    """Why it is held, skipped or dead."""
    attempt: int = 0
    next_at: datetime | None = None
    """Not before this time."""
    claimed_at: datetime | None = None
    done_at: datetime | None = None
    message: str | None = None
    """The ID of the message that carries it, shared by all that go out in one; kept when it is sent again."""
    error: str | None = None
    """What the last attempt died of."""
    id: int | None = None
