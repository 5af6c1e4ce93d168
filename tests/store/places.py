"""A place for a state database, the same to a test whether it is a file or a database of a server."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from lab.waiting import eventually

from anchorwatch.errors import StoreInUse
from anchorwatch.store import Store
from tests.store.make import BEGIN


@dataclass(frozen=True)
class Place:
    """`url` is where the store is to be; `folder` is where this machine keeps what it remembers of it."""

    url: str
    folder: Path

    @property
    def path(self) -> Path:
        """The file; only a place for SQLite has one."""
        return Path(self.url.removeprefix("sqlite:///"))

    def open(self, *, at: datetime = BEGIN, who: str = "the test") -> Store:
        """The store there."""
        return Store.open(self.url, at=at, who=who, state_folder=self.folder)

    def open_after_a_kill(self) -> Store:
        """The same, as soon as a server has noticed that the last one is gone."""
        store = eventually(self._open_if_free, within=20)
        assert store is not None
        return store

    def _open_if_free(self) -> Store | None:
        try:
            return self.open()
        except StoreInUse:
            return None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a connection of the test's own reads."""
        with self.connection() as connection:
            return [tuple(row) for row in connection.execute(sql).fetchall()]

    def run(self, sql: str) -> None:
        """A statement on a connection of the test's own."""
        with self.connection() as connection:
            connection.execute(sql)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection of the test's own, which commits each statement."""
        if self.url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
                yield connection
        else:
            with contextlib.closing(psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)) as server:
                yield server

    def sound(self) -> bool:
        """Whether the database says so of itself. A server's tables cannot be other than sound after a client was killed."""
        if not self.url.startswith("sqlite"):
            return True
        return self.rows("PRAGMA integrity_check") == [("ok",)] and self.rows("PRAGMA foreign_key_check") == []
