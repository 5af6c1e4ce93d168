"""SQLite: one connection that writes, some that only read, and everything that can be wrong with a file.

Why so:
- `BEGIN IMMEDIATE` for every transaction that writes: a plain `BEGIN` that turns into a write fails at once when another one
  wrote in between, whatever the timeout (https://sqlite.org/lang_transaction.html).
- Exactly one connection writes and checkpoints: up to 3.51.2 two that do so at once can corrupt the file
  (https://sqlite.org/wal.html#walresetbug).
- `synchronous=FULL`: what was committed outlives a power cut; a message marked as sent must not be forgotten.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from anchorwatch.errors import StoreDamaged, StoreError, StoreLost
from anchorwatch.store import place
from anchorwatch.store.backup import Backups
from anchorwatch.store.database import PATIENCE, READERS, Size
from anchorwatch.store.lock import Lock, held_by
from anchorwatch.store.seal import Seal

BUSY = 5.0
"""Seconds to wait for another program that has the database locked."""


class Sqlite:
    """A database in a file. `options` are those of an SQLite URI (https://sqlite.org/uri.html)."""

    def __init__(self, path: Path, options: Mapping[str, str]) -> None:
        self.path = path
        self.name = str(path)
        self.folder = path.parent
        self.version = f"SQLite {sqlite3.sqlite_version}"
        self.seal = Seal(path.with_name(f"{path.name}.instance"))
        self.backups = Backups(path)
        self._options = dict(options)
        self._lock: Lock | None = None
        self._node: tuple[int, int] | None = None

    def hold(self, who: str, at: datetime) -> None:
        """Takes the database for this process. Raises `StoreInUse`."""
        place.make_folder(self.path.parent)
        place.refuse_network(self.path.parent)
        self._lock = Lock(self.path.with_name(f"{self.path.name}.lock"), database=self.name, who=who, at=at)

    def release(self) -> None:
        """Lets others have it."""
        if self._lock is not None:
            self._lock.release()

    def prepare(self) -> None:
        """Makes the file where there never was one. Raises `StoreLost` or `StoreDamaged` where it is not what it was."""
        there = self.path.exists()
        if not there or self.path.stat().st_size == 0:
            if self.seal.read() is not None:
                raise self.seal.lost(self.name, "is empty" if there else "is not there")
            if not there:
                place.make_file(self.path)
        elif problems := self.problems(thorough=False):
            raise StoreDamaged(f"{self.name} is damaged: {problems[0]}", hint="`anchorwatch db check` says more")
        place.make_private(self.path)
        status = self.path.stat()
        self._node = (status.st_dev, status.st_ino)

    def problems(self, *, thorough: bool) -> list[str]:
        """What is wrong inside the file. Without `thorough` the contents of indexes are not compared with their tables."""
        try:
            with closing(self._connect(readonly=True)) as connection:
                pragma = "integrity_check(20)" if thorough else "quick_check(1)"
                found = [row[0] for row in connection.execute(f"PRAGMA {pragma}") if row[0] != "ok"]
                if thorough:
                    rows = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
                    found += [f"a row of {row[0]} points to a row of {row[2]} that is not there" for row in rows]
                return found
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                return [str(error)]
            raise

    def writer(self) -> Engine:
        """The engine with the one connection that writes."""
        engine = create_engine(
            "sqlite://",
            creator=lambda: self._writing(references=True),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=PATIENCE,
            hide_parameters=True,
        )
        event.listen(engine, "begin", _begin_immediate)
        return engine

    def reader(self) -> Engine:
        """The engine whose connections cannot write. A transaction sees the database as it was when it first read."""
        engine = create_engine(
            "sqlite://",
            creator=lambda: self._connect(readonly=True),
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_use_lifo=True,  # the same one again where one is enough: each keeps 2 MB of pages
            hide_parameters=True,
        )
        event.listen(engine, "begin", _begin)
        return engine

    def interrupt(self, connection: sqlite3.Connection) -> None:
        """Ends what a connection is reading, from any thread."""
        connection.interrupt()

    def holder(self, connection: Connection) -> str | None:
        """Who holds the lock beside it."""
        return held_by(self.path.with_name(f"{self.path.name}.lock"))

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection to change the schema on: foreign keys are off, which cannot be changed within a transaction."""
        engine = create_engine(
            "sqlite://", creator=lambda: self._writing(references=False), poolclass=NullPool, hide_parameters=True
        )
        event.listen(engine, "begin", _begin_immediate)
        with engine.connect() as connection:
            yield connection
        engine.dispose()

    def still_there(self) -> None:
        """Raises `StoreLost` where the file is not the one that was opened: what is written now would be lost."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - one call a minute on a path that is there
        except OSError as error:
            raise StoreLost(
                f"{self.name} was deleted while it was in use", hint="stop anchorwatch, and restore a backup"
            ) from error
        if self._node is not None and (status.st_dev, status.st_ino) != self._node:
            raise StoreLost(f"{self.name} was replaced while it was in use", hint="stop anchorwatch first, then replace the file")

    def size(self, connection: Connection) -> Size:
        """How large it is now."""
        pages, free, page = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        log = _size_of(self.path.with_name(f"{self.path.name}-wal"))
        return Size(total=pages * page + log, used=(pages - free) * page, log=log)

    def checkpoint(self, writer: Engine) -> bool:
        """Copies the write-ahead log into the database and empties it. False where a reader still needs it."""
        with closing(writer.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA busy_timeout = 200")
            try:
                busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                raw.cursor().execute(f"PRAGMA busy_timeout = {int(BUSY * 1000)}")
        return not busy

    def reclaim(self, writer: Engine, *, whole: bool) -> Sequence[str]:
        """Gives free pages back to the file system, a few at a time so that nobody waits for long."""
        while True:
            with closing(writer.raw_connection()) as raw:
                cursor = raw.cursor()
                before = cursor.execute("PRAGMA freelist_count").fetchone()[0]
                cursor.execute("PRAGMA incremental_vacuum(1000)").fetchall()
                if before <= 1000 or cursor.execute("PRAGMA freelist_count").fetchone()[0] >= before:
                    break
        self.checkpoint(writer)
        return ()

    def _writing(self, *, references: bool) -> sqlite3.Connection:
        connection = self._connect(readonly=False)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only while there is no table yet
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise StoreError(
                    f"SQLite keeps no write-ahead log for {self.name} (it says {mode!r}), and is not safe here without one",
                    hint="put the database on a local disk, or use PostgreSQL (postgresql+psycopg://…)",
                )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {64 * 2**20}")
            connection.execute(f"PRAGMA foreign_keys = {'ON' if references else 'OFF'}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, *, readonly: bool) -> sqlite3.Connection:
        options = urlencode(self._options | {"mode": "rw"})  # never "rwc": a file that is gone must not be made anew
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?{options}", uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        if readonly:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if sys.version_info >= (3, 12):
                connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        return connection


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
