"""Runs of the service: when somebody watched. Between two of them nobody did, and history says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from anchorwatch.model.timeline import Span
from anchorwatch.store.tables import RunRow
from anchorwatch.store.transactions import Reading, Writing


def begin(write: Writing, version: str, moment: datetime) -> int:
    """A run begins; its number goes into its checks. The one before, if it was killed, ended when it was last alive."""
    for row in write.session.scalars(select(RunRow).where(RunRow.ended_at.is_(None))):
        row.ended_at = row.alive_at
    row = RunRow(started_at=moment, alive_at=moment, version=version)
    write.session.add(row)
    write.session.flush()
    return row.id


def alive(write: Writing, run: int, moment: datetime) -> None:
    """The run goes on. Say so every minute: after a crash it counts as ended then."""
    row = write.session.get_one(RunRow, run)
    row.alive_at = max(row.started_at, moment)


def end(write: Writing, run: int, moment: datetime) -> None:
    """The run ends as it should."""
    row = write.session.get_one(RunRow, run)
    row.alive_at = row.ended_at = max(row.started_at, moment)


def redate(write: Writing, run: int, began_at: datetime, moment: datetime) -> datetime:
    """The time of day was set, and by what it is now, `moment`, the run began at `began_at`. Returns when it did.

    It is believed to have begun when it said so, unless that is still to come, or the run before was alive later: then its clock
    was wrong.
    """
    row, before = write.session.get_one(RunRow, run), last_sign(write, run)
    if row.started_at > moment or (before is not None and row.started_at < before <= began_at):
        row.started_at = began_at
    row.alive_at = max(row.started_at, moment)
    return row.started_at


def last_sign(read: Reading, before: int) -> datetime | None:
    """When the run before that one was last alive, by the clock that it had; None where there was none."""
    query = select(RunRow.alive_at).where(RunRow.id < before).order_by(RunRow.id.desc()).limit(1)
    return read.session.scalar(query)


def between(read: Reading, since: datetime, until: datetime) -> Sequence[Span]:
    """When somebody watched between two moments, in order. A run that goes on has no end."""
    query = select(RunRow).where(RunRow.started_at < until, or_(RunRow.ended_at.is_(None), RunRow.ended_at > since))
    return tuple(Span(row.started_at, row.ended_at) for row in read.session.scalars(query.order_by(RunRow.id)))
