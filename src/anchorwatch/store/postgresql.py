"""PostgreSQL: one connection that writes and holds the lock, some that only read.

The lock is an advisory one of the session that writes, so whoever loses that session has lost the lock too, and takes it anew
before anything more is written. (A pooler that shares sessions between clients, like pgbouncer's transaction mode, breaks this.)
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.pool import NullPool, QueuePool

from anchorwatch.errors import StoreError
from anchorwatch.store.database import PATIENCE, READERS, Size
from anchorwatch.store.failures import translated
from anchorwatch.store.lock import in_use
from anchorwatch.store.place import make_folder
from anchorwatch.store.seal import Seal
from anchorwatch.store.tables import metadata

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

LOCK = int.from_bytes(b"anchorw", "big")
"""The number of the advisory lock; each database of a server has its own."""

GOING = 2000
"""Milliseconds to wait for the lock: the server may not have noticed yet that the last one who held it is gone."""

LETTING_GO = 5000
"""Milliseconds to wait for a table that somebody else uses; whoever wants to write there waits behind."""

READING = 10_000
"""Milliseconds that a reader waits for a table that is being rewritten. Then it is told so, and asks again later: nobody who
reads may hang for as long as that takes."""

_ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_ALIVE_THERE = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
_HOLDER = """
    SELECT activity.application_name, activity.pid, host(activity.client_addr), activity.backend_start
    FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND granted
      AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) | objid::bigint = %s
"""


class Postgresql:
    """A database of a PostgreSQL server. `state_folder` is where this machine remembers which database it is."""

    def __init__(self, url: URL, state_folder: Path | None) -> None:
        self._url = url
        self.name = url.set(password=None, query={}).render_as_string()
        self.folder = None
        self.version = "PostgreSQL"
        self.seal = None if state_folder is None else Seal(state_folder / "postgresql.instance")
        self.backups = None
        self._state_folder = state_folder
        self._who = "anchorwatch"
        self._writer: Engine | None = None

    def hold(self, who: str, at: datetime) -> None:
        """Takes the database for this process. Raises `StoreInUse`."""
        self._who = who
        with translated(self.name), self.writer().connect() as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            self.version = f"PostgreSQL {str(version).split(' ')[0]}"

    def release(self) -> None:
        """Lets others have it."""
        if self._writer is not None:
            self._writer.dispose()

    def prepare(self) -> None:
        """The server has prepared everything."""
        if self._state_folder is not None:
            make_folder(self._state_folder)

    def problems(self, *, thorough: bool) -> list[str]:
        """The server looks after that itself."""
        return []

    def writer(self) -> Engine:
        """The engine with the one connection that writes. Connecting raises `StoreInUse` where another process holds the lock."""
        if self._writer is None:
            self._writer = create_engine(
                self._url,
                poolclass=QueuePool,
                pool_size=1,
                max_overflow=0,
                pool_timeout=PATIENCE,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=self._arguments("-c lock_timeout=30s"),
            )
            event.listen(self._writer, "do_connect", self._connect_and_lock)
        return self._writer

    def reader(self) -> Engine:
        """The engine whose connections cannot write. A transaction sees the database as it was when it first read."""
        return create_engine(
            self._url,
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="REPEATABLE READ",
            connect_args=self._arguments(f"-c default_transaction_read_only=on -c lock_timeout={READING}"),
        )

    def interrupt(self, connection: psycopg.Connection[Any]) -> None:
        """Asks the server to end what a connection is reading, from any thread."""
        connection.cancel_safe(timeout=2)

    def holder(self, connection: Connection) -> str | None:
        """Whose session holds the lock."""
        found = connection.exec_driver_sql(_HOLDER, (LOCK,)).one_or_none()
        return None if found is None else _holder(found)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection to change the schema on: the one that holds the lock."""
        with self.writer().connect() as connection:
            yield connection

    def still_there(self) -> None:
        """A server does not replace a database under its sessions."""

    def size(self, connection: Connection) -> Size:
        """How large it is now. What a prune has deleted still counts until `reclaim` has been there."""
        tables = [table.name for table in metadata.sorted_tables]
        total = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        used = connection.execute(
            text("SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(CAST(:names AS text[])) AS name"),
            {"names": tables},
        )
        return Size(total=int(total), used=int(used.scalar_one()))

    def checkpoint(self, writer: Engine) -> bool:
        """The server does it by itself."""
        return True

    def reclaim(self, writer: Engine, *, whole: bool) -> Sequence[str]:
        """Makes room for new rows, on a connection of its own, so that others write meanwhile. `whole` rewrites the tables, which
        gives room back to the disk, and keeps everybody else from one table at a time until it is rewritten. One that somebody
        else does not let go of is left, before those who write have waited for long, and is among those returned."""
        apart = create_engine(
            self._url,
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args=self._arguments(f"-c lock_timeout={LETTING_GO}"),
        )
        with apart.connect() as connection:
            left = [table.name for table in metadata.sorted_tables if not _vacuumed(connection, table.name, whole=whole)]
        if left:
            tables = ", ".join(left)
            log.warning("%s: left for the next time, because somebody else uses them, are the tables %s", self.name, tables)
        return left

    def _arguments(self, options: str) -> dict[str, Any]:
        given = self._url.query.get("options", "")
        here = f"{self._who} ({socket.gethostname()}:{os.getpid()})"
        return _ALIVE | {"application_name": here[:63], "options": f"{given} {_ALIVE_THERE} {options}".strip()}

    def _connect_and_lock(self, dialect: Any, record: Any, arguments: list[Any], named: dict[str, Any]) -> psycopg.Connection:
        connection: psycopg.Connection = dialect.connect(*arguments, **named)
        try:
            self._lock(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _lock(self, connection: psycopg.Connection) -> None:
        from psycopg.errors import LockNotAvailable

        try:
            connection.execute(f"SET LOCAL lock_timeout = {GOING}")
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            connection.commit()
        except LockNotAvailable as error:
            connection.rollback()
            found = connection.execute(_HOLDER, [LOCK]).fetchone()
            raise in_use(self.name, _holder(found)) from error


def _vacuumed(connection: Connection, table: str, *, whole: bool) -> bool:
    """False where somebody else does not let go of the table."""
    from psycopg.errors import LockNotAvailable

    try:
        connection.exec_driver_sql(f"VACUUM ({'FULL, ' if whole else ''}ANALYZE) {table}")
    except exc.DBAPIError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        return False
    return True


def _holder(found: Any) -> str:
    if found is None:
        return "another session"
    who, pid, address, since = found
    since_text = "" if since is None else f", since {since:%Y-%m-%dT%H:%M:%S%z}"
    return f"{who or 'another program'}{f' from {address}' if address else ''}, session {pid}{since_text}"


def refuse_without_driver() -> None:
    """Raises `StoreError` where psycopg is not installed."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs psycopg, which is not installed", hint='pip install "anchorwatch[postgresql]"'
        ) from error
