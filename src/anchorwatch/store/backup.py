"""Backups of an SQLite database: whole copies of one moment, looked through before they count, the newest three kept.

A copy is made through SQLite itself in one step (https://sqlite.org/backup.html): the service may go on writing meanwhile, and
what it had committed when the copy began is in it. It is one file, without a log beside it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anchorwatch.errors import StoreDamaged, StoreError
from anchorwatch.store.failures import store_error
from anchorwatch.store.place import make_folder

KEPT = 3
_FORM = "%Y%m%dT%H%M%S.%fZ"


class Backups:
    """The copies of the database at `path`, in the folder `backups` beside it; the names sort by time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.folder = path.parent / "backups"

    def newest_first(self) -> list[Path]:
        """The copies that there are."""
        return sorted(self.folder.glob(f"{self._path.stem}-*Z.db"), reverse=True)

    def make(self, at: datetime) -> Path:
        """A copy of the database as it is now, among those that are kept. Raises `StoreFull`, `StoreDamaged` or `StoreError`.

        It is called by the time, or by the moment after that of the newest one: a clock that once stood ahead makes none newer.
        """
        make_folder(self.folder)
        after = (time + timedelta(microseconds=1) for one in self.newest_first() if (time := _time_of(one)) is not None)
        copy = self.folder / f"{self._path.stem}-{max((at.astimezone(UTC), *after)):{_FORM}}.db"
        _copy_whole(self._path, copy)
        for old in self.newest_first()[KEPT:]:
            old.unlink(missing_ok=True)
        return copy


def copy_to(source: Path, target: Path) -> None:
    """Copies the database `source` to a file `target` that is not there yet: sound, whole, or not at all.

    Raises `StoreFull`, `StoreDamaged` or `StoreError`.
    """
    if target.exists():
        raise StoreError(f"{target} is there already", hint="name a file that is not")
    _copy_whole(source, target)


def soundness(path: Path) -> list[str]:
    """What is wrong with the copy at `path`; empty if nothing is."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
    except sqlite3.DatabaseError as error:
        return [str(error)]


def _time_of(copy: Path) -> datetime | None:
    """What a copy is called by; None for one that somebody has given another name."""
    try:
        return datetime.strptime(copy.stem.rpartition("-")[2], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def _copy_whole(source: Path, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _copy(source, unfinished)
        _synchronise(unfinished)
        unfinished.replace(target)
        _synchronise(target.parent)
    except sqlite3.DatabaseError as error:
        raise store_error(error, str(target), target.parent) from error
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}", hint="look at the room and the rights there") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.execute("PRAGMA query_only = ON")
        original.execute("PRAGMA wal_autocheckpoint = 0")
        copy.execute("PRAGMA synchronous = OFF")  # it is synchronised once, when it is whole
        original.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")
        problems = [row[0] for row in copy.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        if problems:
            raise StoreDamaged(f"{source} is damaged: {problems[0]}", hint="`anchorwatch db check` says more")


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
