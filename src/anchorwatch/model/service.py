"""What the always-on half needs to know of the config: how long to wait, what to keep, whom to tell.

Apart from `settings`, because a one-shot check needs none of it and is not to pay for making these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from anchorwatch.model.findings import Severity
from anchorwatch.model.silences import Matcher
from anchorwatch.model.values import Secret


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a forge proves that a webhook is its own."""

    provider: str
    """`github`, `gitea`, `forgejo` or `gitlab`: one fixed way to check, never guessed from headers."""
    secret: Secret


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a drift may last before anyone is told, in seconds: the stack's own time, else its host's, else everybody's."""

    everywhere: float
    by_host: Mapping[str, float] = field(default_factory=dict)
    by_stack: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By host and the stack's name."""

    def of(self, host: str, stack: str | None = None) -> float:
        """Seconds for a stack of a host, or for what belongs to no stack there."""
        own = None if stack is None else self.by_stack.get((host, stack))
        return self.by_host.get(host, self.everywhere) if own is None else own


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How the service looks; times in seconds."""

    settle: float = 0.5
    resync: float = 300.0
    listen: tuple[str, int] = ("127.0.0.1", 8899)
    """Host and port."""


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """How much of the past is kept."""

    keep: float = 400 * 86400.0
    """Seconds."""
    max_size: int = 2 * 10**9
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Messages are gathered and sent together: every hour, every day at a time, or every week on a day at a time."""

    every: str
    """`hourly`, `daily` or `weekly`."""
    at: time | None = None
    weekday: int | None = None
    """0 is Monday."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of day in which messages wait. It may begin before midnight and end after it."""

    begin: time
    end: time
    zone: str | None = None
    """A name of the IANA time zone database; None is the local time of the watcher."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many messages may go to a destination in a while."""

    messages: int
    per: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An Apprise URL with a name, and what goes there when."""

    name: str
    url: Secret
    on: frozenset[str] = frozenset({"appeared", "resolved"})
    min_severity: Severity = Severity.INFO
    only: tuple[Matcher, ...] = ()
    """What it is told of has to fit one of these; none: everything."""
    digest: Digest | None = None
    remind_every: float | None = None
    """Seconds."""
    quiet_hours: QuietHours | None = None
    critical_at_once: bool = False
    """Neither quiet hours nor a digest hold back what is critical."""
    rate_limit: RateLimit = RateLimit(30, 3600.0)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What only the always-on half needs to know of the config."""

    poll: float = 60.0
    """Seconds between two looks at the repo."""
    webhook: Webhook | None = None
    watch: WatchSettings = WatchSettings()
    grace: Patience = Patience(30.0)
    """With a drift that the host itself brought about."""
    rollout: Patience = Patience(600.0)
    """With a drift that a commit brought about, which somebody still has to deploy."""
    history: HistorySettings = HistorySettings()
    destinations: tuple[Destination, ...] = ()
    base_url: str | None = None
    """What every message links to; without a slash at its end."""
    templates: str | None = None
    """A folder with templates for messages."""
    heartbeat: Secret | None = None
    """A URL that is asked for each minute, as long as everything is well."""
