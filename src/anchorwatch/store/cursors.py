"""What is to be known again after a restart: how far each listener has read, and settings of the service's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anchorwatch.model.values import JsonObject
from anchorwatch.store.tables import CursorRow, SettingRow
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading, Writing


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a listener has read, and when it said so."""

    position: str
    at: datetime


def get(read: Reading, listener: str) -> Cursor | None:
    """Where a listener was; None for one that never said."""
    row = read.session.get(CursorRow, label(listener))
    return None if row is None else Cursor(row.position, row.at)


def put(write: Writing, listener: str, position: str, moment: datetime) -> None:
    """Remembers where a listener is."""
    row = write.session.get(CursorRow, label(listener))
    if row is None:
        write.session.add(CursorRow(name=label(listener), position=position, at=moment))
    else:
        row.position, row.at = position, moment


def setting(read: Reading, name: str) -> JsonObject | None:
    """What was remembered under a name; None if nothing was."""
    row = read.session.get(SettingRow, label(name))
    return None if row is None else row.value


def remember(write: Writing, name: str, value: JsonObject, moment: datetime) -> None:
    """Remembers something under a name."""
    row = write.session.get(SettingRow, label(name))
    if row is None:
        write.session.add(SettingRow(name=label(name), value=value, at=moment))
    else:
        row.value, row.at = value, moment
