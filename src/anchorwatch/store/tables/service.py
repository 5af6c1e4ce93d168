"""What the database knows of itself and of the service that writes it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from anchorwatch.store.tables.columns import Json, Key, Label, Row, Said, Time, Words


class InstanceRow(Row):
    """Which database this is. One row: it tells a database that was emptied or replaced from the one that was here."""

    __tablename__ = "instance"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[Key]
    uuid: Mapped[Said]
    created_at: Mapped[Time]


class RunRow(Row):
    """A run of the service: between two of them nobody watched."""

    __tablename__ = "runs"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Key]
    started_at: Mapped[Time]
    alive_at: Mapped[Time]
    ended_at: Mapped[Time | None]
    version: Mapped[Said]
    """Of anchorwatch."""


class CursorRow(Row):
    """How far a listener has read."""

    __tablename__ = "cursors"

    name: Mapped[str] = mapped_column(Label, primary_key=True)
    position: Mapped[Said]
    at: Mapped[Time]


class SettingRow(Row):
    """What is to be remembered from one run to the next, and belongs nowhere else."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(Label, primary_key=True)
    value: Mapped[Json]
    at: Mapped[Time]


class SilenceRow(Row):
    """Messages that are muted for a while: those that `matcher` fits."""

    __tablename__ = "silences"
    __table_args__ = (Index(None, "until_at"),)

    id: Mapped[Key]
    matcher: Mapped[Json]
    created_at: Mapped[Time]
    until_at: Mapped[Time]
    ended_at: Mapped[Time | None]
    """When it was lifted before its time."""
    reason: Mapped[str | None] = mapped_column(Words)
