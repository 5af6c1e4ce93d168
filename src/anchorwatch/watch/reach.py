"""Whether a host is in reach: connecting → well → doubtful → lost. Pure.

A break that heals soon is none: an engine that is restarted, a proxy that cuts what is idle. So nobody hears of a doubt, and a
host counts as lost only when it could not be reached for `PATIENCE` seconds. Times are seconds of a clock that only goes forward.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from anchorwatch.watch.backoff import SHORTEST, Backoff

PATIENCE = 30.0
"""Seconds for which a host may be silent after it was found to be. A restart of an engine takes up to 20."""

BRIEF = 1.0
"""Seconds: a connection that was open for longer than this and ended is opened again at once. It had worked."""


LAST_ATTEMPT = 5.0
"""Seconds that an attempt is given though the patience is over meanwhile."""


class State(StrEnum):
    """How it stands with a host."""

    CONNECTING = "connecting"
    """It has not answered yet since we began."""
    WELL = "well"
    DOUBTFUL = "doubtful"
    """It answered, and does not now."""
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Reach:
    """How it stands with one host."""

    since: float
    """When this state began."""
    state: State = State.CONNECTING
    backoff: Backoff = field(default_factory=Backoff)
    at_once: bool = False
    """Whether to try again without waiting."""
    patience: float = PATIENCE

    def well(self, now: float) -> Reach:
        """It has answered."""
        since = self.since if self.state is State.WELL else now
        return replace(self, since=since, state=State.WELL, backoff=self.backoff.well(now), at_once=False)

    def failed(self, began: float, now: float) -> Reach:
        """An attempt that `began` then has failed now, or a connection that had worked has ended."""
        if self.state is State.WELL:
            at_once = now - self.since >= BRIEF
            backoff = self.backoff if at_once else self.backoff.failed(now)
            return replace(self, since=began, state=State.DOUBTFUL, backoff=backoff, at_once=at_once)
        over = self.state is not State.LOST and now - self.since >= self.patience
        return replace(
            self,
            since=now if over else self.since,
            state=State.LOST if over else self.state,
            backoff=self.backoff.failed(now),
            at_once=False,
        )

    def wait(self, dice: float, now: float) -> float:
        """Seconds until the next attempt, which is not put off beyond the end of the patience; `dice` is from 0 up to 1."""
        if self.at_once:
            return 0.0
        wait = self.backoff.wait(dice)
        return wait if self.state is State.LOST else min(wait, max(SHORTEST, self.since + self.patience - now))

    def within(self, timeout: float, now: float) -> float:
        """Seconds that the next attempt may take: its own, and not much longer than there is patience with the host."""
        match self.state:
            case State.LOST:
                return timeout
            case State.WELL:
                return min(timeout, self.patience)
            case _:
                return min(timeout, max(LAST_ATTEMPT, self.since + self.patience - now))
