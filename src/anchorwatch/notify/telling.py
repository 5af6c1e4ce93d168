"""What the config says of telling people, as the outbox needs it: one lane for each recipient at each destination.

A lane is a line of its own: it is told in order, and what was told there decides what is news there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from anchorwatch.model.service import Destination, Patience, ServiceSettings


@dataclass(frozen=True, slots=True)
class Lane:
    """One recipient at one destination."""

    destination: Destination
    recipient: str = ""
    """Empty where the URL has but one."""

    @property
    def key(self) -> tuple[str, str]:
        """How rows of the outbox name it: destination and recipient."""
        return self.destination.name, self.recipient


@dataclass(frozen=True, slots=True)
class Telling:
    """Whom to tell, of what, and when."""

    lanes: tuple[Lane, ...] = ()
    grace: Patience = field(default_factory=lambda: Patience(30.0))
    """How long good news waits: what comes back within its grace has not been away (docs/life-of-a-drift.md)."""

    @classmethod
    def of(cls, settings: ServiceSettings, recipients: Sequence[Sequence[str]] | None = None) -> Telling:
        """What `settings` say. `recipients` are those of each destination, in order; None: one each."""
        several = recipients or [("",)] * len(settings.destinations)
        pairs = zip(settings.destinations, several, strict=True)
        return cls(tuple(Lane(one, name) for one, names in pairs for name in names or ("",)), settings.grace)

    @property
    def looks_inside(self) -> bool:
        """Whether a destination asks for more than host and stack of a drift."""
        return any(matcher.looks_inside for lane in self.lanes for matcher in lane.destination.only)

    def calm(self, host: str | None, stack: str | None) -> timedelta:
        """How long good news of a stack waits to see whether it lasts."""
        return timedelta(seconds=self.grace.everywhere if host is None else self.grace.of(host, stack))
