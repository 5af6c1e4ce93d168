"""How much of the past is kept: as long as the config says, and never more bytes than it says; the oldest goes first.

What is still needed stays (see `deletion.py`). Rows are looked for by reading, and go in small transactions, so that the service
can write in between, and a kill leaves nothing half deleted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select

from anchorwatch.model.service import HistorySettings
from anchorwatch.store.database import Size
from anchorwatch.store.deletion import steps
from anchorwatch.store.store import Store
from anchorwatch.store.tables import CheckRow, ContainerStateRow, EventRow, TransitionRow

BATCH = 1000
"""Rows of a table that one transaction deletes at most."""

LEAST = timedelta(days=1)
"""What `max_size` does not touch, however small it is."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune did."""

    before: Size
    after: Size
    rows: Mapping[str, int]
    """How many went, by table; a table of which none did is missing."""
    kept_from: datetime
    """What ended before this may be gone."""
    fits: bool
    """Whether the database is now no larger than it may be."""
    left: Sequence[str] = ()
    """The tables whose room could not be given back, because somebody else uses them."""


def prune(store: Store, settings: HistorySettings, moment: datetime, over: Callable[[], bool] = lambda: False) -> Pruned:
    """Deletes what is too old, and then the oldest until what is left fits. Gives the room back to the file system.

    Where it is `over`, it ends soon, and the next one goes on. So it does where a table could not be tidied up: how much there is
    to delete is known only once it was.
    """
    before, gone = store.size(), Counter[str]()
    cutoff = moment - timedelta(seconds=settings.keep)
    _delete_before(store, cutoff, gone, over)
    size, left = _reclaimed(store, whole=False)
    if size.used > settings.max_size and not over():
        size, left = _reclaimed(store, whole=True)
    while size.used > settings.max_size and cutoff < moment - LEAST and not left and not over():
        begin = max(cutoff, _oldest(store) or moment)
        cutoff = min(begin + (moment - begin) * max(0.1, 1 - settings.max_size / size.used), moment - LEAST)
        _delete_before(store, cutoff, gone, over)
        size, left = _reclaimed(store, whole=True)
    return Pruned(before, size, dict(gone), cutoff, fits=size.used <= settings.max_size, left=left)


def _delete_before(store: Store, cutoff: datetime, gone: Counter[str], over: Callable[[], bool]) -> None:
    for step in steps(cutoff):
        more = True
        while more and not over():
            with store.read() as read:
                found = step.find(read.session, BATCH)
            if not found:
                break
            with store.write() as write:
                deleted = step.delete(write.session, found)
            gone[step.table] += deleted
            more = deleted == BATCH


def _reclaimed(store: Store, *, whole: bool) -> tuple[Size, Sequence[str]]:
    left = store.reclaim(whole=whole)
    return store.size(), left


def _oldest(store: Store) -> datetime | None:
    times: list[Select[datetime]] = [
        select(func.min(TransitionRow.at)),
        select(func.min(CheckRow.last_at)),
        select(func.min(EventRow.at)),
        select(func.min(ContainerStateRow.valid_from)).where(ContainerStateRow.valid_to.is_not(None)),
    ]
    with store.read() as read:
        found = [read.session.scalar(query) for query in times]
    return min((time for time in found if time is not None), default=None)
