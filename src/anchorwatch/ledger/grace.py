"""The clock of a pending drift: when it opens, unless it goes away.

The grace begins when the drift appears, and anew with each change in its project, for a deploy may be under way; but never for
more than `LIMIT`, so that a container that restarts for ever cannot hide. Where a longer grace is configured, that is the limit.

A drift that nobody could look at is frozen: it has no time at which it opens. Seen again, it begins anew, with a whole grace and
the whole limit before it: after a reboot everything is still starting, however long that took. What is behind Git does not begin
anew, for a rollout is granted once; it gets no less than the grace of its host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.model.drifts import Drift, DriftState, Side

LIMIT = timedelta(minutes=15)
"""How long changes in the project may put a drift off, from when it appeared."""


def opens_at(appeared_at: datetime, changed_at: datetime, patience: timedelta) -> datetime:
    """When a drift opens that appeared at one time, in a project that last changed at another one."""
    return min(changed_at + patience, appeared_at + max(LIMIT, patience))


def put_off(drift: Drift, at: datetime, patience: timedelta) -> datetime:
    """When a pending drift opens whose project has changed at `at`: not before it would have opened otherwise."""
    later = opens_at(drift.appeared_at, at, patience)
    return later if drift.opens_at is None else max(later, drift.opens_at)


def thawed(drift: Drift, at: datetime, patience: timedelta, calm: timedelta, moved: bool) -> Drift:
    """A frozen drift that is seen again at `at`, in a project that has `moved` meanwhile or not; `calm` is its host's grace."""
    told = drift.opened_at is not None  # and came back: since when it is there is known
    appeared_at = drift.appeared_at if told or drift.side is Side.GIT else at
    changed_at = at if moved else max(appeared_at, drift.changed_at)
    opening = max(at + calm, opens_at(appeared_at, changed_at, patience))
    return replace(drift, appeared_at=appeared_at, changed_at=at, opens_at=opening)


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
