"""What becomes of what is remembered when the time of day is set: nothing waits for the old one.

Rows keep the times that they were written with, for nobody knows which of the two was right, and since when. What stands now is
told by the order in which rows were written.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from anchorwatch.ledger.record import freeze
from anchorwatch.store import Writing, checks, deliveries, runs


def jumped(write: Writing, run: int, jump: timedelta, began_at: datetime, now: datetime) -> datetime:
    """The time of day was set by `jump`, to `now`, by which the run began at `began_at`. Returns when it did, as it stands now.

    What has been pending begins anew, for what it has waited means nothing any more. Have everything looked at.
    """
    freeze(write)
    checks.begin_anew(write, run)
    _put_back(write, jump)
    return runs.redate(write, run, began_at, now)


def begun(write: Writing, last: datetime | None, now: datetime) -> None:
    """The service starts, `now`, after it was there `last`, each by the clock that it had then."""
    freeze(write)
    if last is not None:
        _put_back(write, now - last)


def _put_back(write: Writing, jump: timedelta) -> None:
    """Where the clock went back, messages wait no longer than they were to; where it went forward, some may go out earlier."""
    if jump < timedelta():
        deliveries.move(write, jump)
