"""What people are told: the values between the outbox, which decides, and the sending, which writes and delivers.

Times have a time zone. Every text in here is ready to be shown as far as secrets go; it is not neutralised for a service, which
rendering does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from anchorwatch.model.drifts import ACCEPTED, Drift, Transition
from anchorwatch.model.findings import Severity


class Occasion(StrEnum):
    """What a message is for."""

    NEWS = "news"
    """Drift appeared, changed or resolved; a host, the repo or a stack went out of sight, or came back."""
    SUMMARY = "summary"
    """Where things stand: the first start, an upgrade that adds rules, another config."""
    DIGEST = "digest"
    """What happened since the last one, gathered."""
    BACKLOG = "backlog"
    """What was held back: quiet hours, the rate limit, or nothing got through; gathered."""
    REMINDER = "reminder"
    """What is still drifted."""
    FLAPPING = "flapping"
    """A drift that comes and goes: said once, and once more when it has calmed."""
    TEST = "test"
    """`anchorwatch notify test`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a message tells."""

    transition: Transition
    drift: Drift | None = None
    """As it is now, where the transition is about one."""
    deliveries: tuple[int, ...] = ()
    """The rows of the outbox that it settles."""
    frozen: int = 0
    """For a host that went away: how many of its drifts are frozen with it."""
    commits_behind: int | None = None
    """For what is behind Git: how many commits had not been rolled out when it was found."""
    times: int = 0
    """For a flapping drift: how often it came and went lately; 0 says that it has calmed."""
    before: int = 0
    """How often the drift had been open before this episode."""
    over: Transition | None = None
    """What ended an acceptance, where more has happened to the drift since, before anybody was told."""

    @property
    def acceptance_over(self) -> Transition | None:
        """What ended an acceptance, where this tells of one; what was accepted is in its cause, below `ACCEPTED`."""
        return self.transition if ACCEPTED in (self.transition.cause or {}) else self.over


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that goes to one destination (and recipient) in one message. Each attempt renders it anew, under the same ID."""

    id: str
    destination: str
    recipient: str
    occasion: Occasion
    at: datetime
    """When it was put together."""
    items: tuple[Item, ...]
    left_out: int = 0
    """How many more there were than fit in."""
    lost: int = 0
    """How many earlier messages to this destination were given up: said in the next one that gets through."""
    repeat: bool = False
    """It was handed over before, and is not known to have arrived."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a message that a service with a limit shows whole or not at all."""

    text: str
    markdown: str
    things: int = 0
    """How many drifts (or hosts, or stacks) it tells of: counted where it is left out."""
    tight: bool = False
    """Whether it stands right below the one before, with no empty line between."""


@dataclass(frozen=True, slots=True)
class Message:
    """A bundle in words."""

    id: str
    title: str
    """One line, no control characters; sorts well in a mailbox."""
    text: str
    """Plain."""
    markdown: str
    html: str
    severity: Severity
    resolved: bool
    """Whether it is good news all through: services show it green."""
    thread: str
    """What mails about the same drift share: a word for each that it tells of, blanks between them."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """The same as JSON, for webhooks."""
    pieces: tuple[Piece, ...] = ()
    """`text` and `markdown` once more in parts, the most important first; empty where a template wrote them."""


class Arrival(StrEnum):
    """What became of an attempt."""

    ARRIVED = "arrived"
    REFUSED = "refused"
    """The service said no, and will say no again to the same message (4xx but 408, 425 and 429; a 5yz of SMTP)."""
    FAILED = "failed"
    """Not now: out of reach, overloaded, an error of its own."""
    DOUBTFUL = "doubtful"
    """Handed over, and no answer: it may have arrived."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sending a message came to."""

    arrival: Arrival
    said: str | None = None
    """What the service or the library said, without credentials."""
    retry_after: float | None = None
    """Seconds, where the service asked for it."""
