"""Silences: what is muted for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from anchorwatch.model.silences import Matcher, Silence
from anchorwatch.store.tables import SilenceRow
from anchorwatch.store.transactions import Reading, Writing


def add(write: Writing, silence: Silence) -> Silence:
    """Remembers a silence, and returns it with its number."""
    row = SilenceRow(
        matcher=silence.matcher.document,
        created_at=silence.created_at,
        until_at=silence.until_at,
        ended_at=silence.ended_at,
        reason=silence.reason,
    )
    write.session.add(row)
    write.session.flush()
    return _silence(row)


def in_force(read: Reading, moment: datetime) -> Sequence[Silence]:
    """Those that mute something at that moment, in the order in which they end."""
    query = select(SilenceRow).where(SilenceRow.until_at > moment, SilenceRow.created_at <= moment)
    query = query.where(or_(SilenceRow.ended_at.is_(None), SilenceRow.ended_at > moment))
    return tuple(_silence(row) for row in read.session.scalars(query.order_by(SilenceRow.until_at, SilenceRow.id)))


def end(write: Writing, number: int, moment: datetime) -> Silence | None:
    """Lifts a silence; None where there is none with that number, or it is over."""
    row = write.session.get(SilenceRow, number)
    if row is None or not _silence(row).holds(moment):
        return None
    row.ended_at = moment
    write.session.flush()
    return _silence(row)


def _silence(row: SilenceRow) -> Silence:
    return Silence(
        matcher=Matcher.of(row.matcher),
        created_at=row.created_at,
        until_at=row.until_at,
        ended_at=row.ended_at,
        reason=row.reason,
        id=row.id,
    )
