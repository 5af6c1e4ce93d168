"""The clock of a pending drift: when it opens, unless it goes away.

The grace begins when the drift appears, and anew with each change in its project, for a deploy may be under way; but never for
more than `LIMIT`, so that a container that restarts for ever cannot hide. Where a longer grace is configured, that is the limit.

A drift that nobody could look at is frozen: it has no time at which it opens. Seen again, it begins anew, with the grace of its
host at least and the whole limit before it: after a reboot everything is still starting, however long that took.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from anchorwatch.model.drifts import Drift, DriftState

LIMIT = timedelta(minutes=15)
"""How long changes in the project may put a drift off, from when it appeared."""


def opens_at(appeared_at: datetime, changed_at: datetime, patience: timedelta) -> datetime:
    """When a drift opens that appeared at one time, in a project that last changed at another one."""
    return min(changed_at + patience, appeared_at + max(LIMIT, patience))


def thawed(drift: Drift, at: datetime, patience: timedelta, calm: timedelta) -> datetime:
    """When a frozen drift opens that is seen again at `at`: no rollout is granted twice. `calm` is the grace of its host."""
    return max(at + calm, opens_at(drift.appeared_at, drift.changed_at, patience))


def next_wake(drifts: Iterable[Drift], after: datetime) -> datetime | None:
    """The first moment after `after` at which something is to be decided though nothing happens: a grace or an acceptance ends.

    None: there is none. What is due already waits for a settled look, and needs no clock.
    """
    times = [time for drift in drifts for time in _ends(drift) if time is not None and time > after]
    return min(times, default=None)


def _ends(drift: Drift) -> tuple[datetime | None, ...]:
    match drift.state:
        case DriftState.PENDING:
            return (drift.opens_at,)
        case DriftState.OPEN if drift.acceptance is not None:
            return (drift.acceptance.until,)
        case _:
            return ()
