"""The store: one state database, opened.

    with Store.open(url, at=now(), who="anchorwatch watch") as store:
        with store.write() as write:              # one transaction; all of it is kept, or nothing
            known = drifts.of_project(write, key)
            …
        with store.read() as read:                # one moment, however long it takes
            …

Opening takes the database for this process, looks it through, upgrades it (after a copy), and makes sure that it is the one that
was here before. Whatever goes wrong is a `StoreError` with what to do next.

Any thread may write or read; those that write take turns. Rows never come out: the modules of this room take a `Reading` or a
`Writing` and give frozen values.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from anchorwatch.store.database import Database, Size
from anchorwatch.store.failures import translated
from anchorwatch.store.instance import confirm
from anchorwatch.store.opening import Opened, database_of, open_for_reading, open_for_writing
from anchorwatch.store.transactions import Reading, Writing

log = logging.getLogger(__name__)


class Store:
    """A state database that is open. What is known of it since is in `opened`."""

    def __init__(self, database: Database, opened: Opened, *, writer: Engine | None) -> None:
        self._database = database
        self._writer = writer
        self._reader = database.reader()
        self._read_on: set[Any] = set()
        event.listen(self._reader, "checkout", lambda connection, *_: self._read_on.add(connection))
        event.listen(self._reader, "checkin", lambda connection, *_: self._read_on.discard(connection))
        self.opened = opened

    @classmethod
    def open(cls, url: str, *, at: datetime, who: str, state_folder: Path | None = None) -> Self:
        """The database behind an SQLAlchemy URL, for this process alone; made or upgraded first where that is needed.

        `who` is what another one that wants it is told. `state_folder` is where this machine remembers which database of a server
        it is; a file is remembered beside itself.
        """
        database = database_of(url, state_folder)
        opened, writer = open_for_writing(database, who, at)
        log.info("%s, %s, revision %s", opened.name, opened.version, opened.revision)
        return cls(database, opened, writer=writer)

    @classmethod
    def open_to_read(cls, url: str) -> Self:
        """The same for looking only, beside the process that holds it. Raises `StoreOlder` where it has to be upgraded first."""
        database = database_of(url, None)
        return cls(database, open_for_reading(database), writer=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection and lets others have it. Transactions must have ended."""
        self._reader.dispose()
        if self._writer is not None:
            self._writer.dispose()
            self._database.release()

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """A transaction of one's own. An exception undoes it. Raises `StoreFull` and the like; then nothing was written."""
        with self._translated(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield Writing(session)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A transaction that sees the database as it was at its first question. Keep it short: the log grows meanwhile."""
        with self._translated(), Session(self._reader, autoflush=False) as session:
            yield Reading(session)

    def cancel(self) -> None:
        """Any thread: ends whatever is being read. Who reads gets `StoreCancelled`."""
        for connection in tuple(self._read_on):
            self._database.interrupt(connection)

    def holder(self) -> str | None:
        """Who holds the database, as far as that can be seen from here."""
        with self.read() as read:
            return self._database.holder(read.session.connection())

    def still_there(self) -> None:
        """Ask every minute. Raises `StoreLost` where the database was deleted, emptied or replaced, `StoreInUse` where a server
        has given it to another one meanwhile."""
        self._database.still_there()
        with self.write() as write:
            confirm(write.session.connection(), self.opened.instance, self._database.name)

    def size(self) -> Size:
        """How large it is now. A log of more than 64 MB means that somebody reads and does not end."""
        with self.read() as read:
            return self._database.size(read.session.connection())

    def checkpoint(self) -> bool:
        """Ask every hour: empties the write-ahead log. False where a reader still needs it."""
        with self._translated():
            return self._database.checkpoint(self._writing)

    def reclaim(self, *, whole: bool) -> Sequence[str]:
        """Gives the room of deleted rows back. On a server `whole` keeps others from one table after the other meanwhile; without
        it the room is free for new rows only. Returns the tables that somebody else uses, and that were left."""
        with self._translated():
            return self._database.reclaim(self._writing, whole=whole)

    def back_up(self, at: datetime) -> Path | None:
        """A copy among those that are kept (the newest three); None for a server, whose backups somebody else makes."""
        with self._translated():
            return None if self._database.backups is None else self._database.backups.make(at)

    @property
    def _writing(self) -> Engine:
        if self._writer is None:
            raise RuntimeError("this store was opened to read")
        return self._writer

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._database.name, self._database.folder)
