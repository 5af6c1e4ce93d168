"""What the store needs of a database, whichever it is. `sqlite.py` and `postgresql.py` are the two there are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from anchorwatch.store.backup import Backups
from anchorwatch.store.seal import Seal

PATIENCE = 60.0
"""Seconds that a thread waits for a connection."""

READERS = 4
"""How many transactions may read at the same time."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes."""

    total: int
    """What the database takes, its log included."""
    used: int
    """What of it holds rows."""
    log: int = 0
    """What of it is the write-ahead log, waiting to be copied into the database."""


class Database(Protocol):
    """One database, and the ways to it. Nothing is opened before it is asked for."""

    @property
    def name(self) -> str:
        """What people call it: a path, or a URL without its password."""

    @property
    def version(self) -> str:
        """The program behind it: `SQLite 3.46.1`. Of a server, once it was reached."""

    @property
    def folder(self) -> Path | None:
        """Where its files are, if it has any here."""

    @property
    def seal(self) -> Seal | None:
        """What remembers which database belongs here."""

    @property
    def backups(self) -> Backups | None:
        """Its copies; None where somebody else makes them."""

    def hold(self, who: str, at: datetime) -> None:
        """Takes it for this process. Raises `StoreInUse`, or `StoreError` where it cannot be reached."""

    def release(self) -> None:
        """Lets others have it."""

    def prepare(self) -> None:
        """Makes room for a new one, or looks whether the old one is sound. Raises `StoreLost` or `StoreDamaged`."""

    def problems(self, *, thorough: bool) -> list[str]:
        """What is wrong inside; `thorough` takes as long as it takes."""

    def writer(self) -> Engine:
        """The engine with the one connection that writes."""

    def reader(self) -> Engine:
        """The engine whose connections cannot write. A transaction sees the database as it was when it first read."""

    def interrupt(self, connection: Any) -> None:
        """Ends what a connection of the driver is reading, from any thread. One that reads nothing is left as it is."""

    def holder(self, connection: Connection) -> str | None:
        """Who holds it, as others are told; None where nobody does, or where that cannot be seen from here."""

    def migrating(self) -> AbstractContextManager[Connection]:
        """A connection to change the schema on."""

    def still_there(self) -> None:
        """Raises `StoreLost` where what is written now would be lost."""

    def size(self, connection: Connection) -> Size:
        """How large it is now."""

    def checkpoint(self, writer: Engine) -> bool:
        """Empties its log. False where a reader still needs it."""

    def reclaim(self, writer: Engine, *, whole: bool) -> Sequence[str]:
        """Gives the room of deleted rows back; `whole` even where others have to wait for that. Returns the tables that were
        left, because somebody else uses them."""
