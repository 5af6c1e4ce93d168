"""What goes wrong in a database, said in our own words.

A driver's error becomes a `StoreError` that says what happened and what to do; its own text may quote a value of a row, so only
the part that cannot is shown. What is left as it is (a constraint that fails, an SQL that is wrong) is a bug of ours.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exc

from anchorwatch.errors import StoreCancelled, StoreDamaged, StoreError, StoreFull

_OURS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)
_NOT_PERMITTED = "42501"
_TOO_LITTLE = 64 * 1024
_PLENTY = 2**63 - 1


@contextmanager
def translated(name: str, folder: Path | None = None) -> Iterator[None]:
    """Raises a `StoreError` where the database called `name` fails within. `folder`: where its files are, if it has any."""
    try:
        yield
    except exc.DBAPIError as error:
        if isinstance(error, _OURS) and _state(error.orig) != _NOT_PERMITTED:
            raise
        raise store_error(error.orig, name, folder) from error
    except exc.TimeoutError as error:
        raise StoreError(
            f"{name}: every connection has been busy for too long",
            hint="a transaction that does not end is a bug; please report it",
        ) from error
    except sqlite3.DatabaseError as error:
        raise store_error(error, name, folder) from error


def store_error(error: BaseException | None, name: str, folder: Path | None) -> StoreError:
    """What `error`, raised by a driver, means."""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, name, folder)
    return _of_postgresql(error, name)


def _of_sqlite(error: sqlite3.Error, name: str, folder: Path | None) -> StoreError:
    code = getattr(error, "sqlite_errorname", None) or ""
    if code == "SQLITE_INTERRUPT":
        return StoreCancelled(f"{name}: reading was ended")
    room = _room(folder)
    if code == "SQLITE_FULL" or (code.startswith("SQLITE_IOERR") and room < _TOO_LITTLE):
        return StoreFull(
            f"{name}: the disk is full ({room:,} bytes left); what was being written is undone",
            hint="make room, and it goes on by itself; `anchorwatch db prune` makes the database smaller",
        )
    if code.startswith("SQLITE_CORRUPT") or code == "SQLITE_NOTADB":
        return StoreDamaged(
            f"{name} is damaged: {error}", hint="`anchorwatch db check` says more; backups lie in the folder backups beside it"
        )
    what, hint = _SQLITE.get("_".join(code.split("_")[:2]), (str(error), "`anchorwatch db check` looks it through"))
    return StoreError(f"{name}: {what}" + (f" ({code})" if code else ""), hint=hint)


_SQLITE = {
    "SQLITE_READONLY": (
        "it cannot be written",
        "look at the rights of the file and of its folder, and whether the mount is read-only",
    ),
    "SQLITE_CANTOPEN": ("it cannot be opened", "look whether it is there, and at the rights of the file and of its folder"),
    "SQLITE_PERM": ("it cannot be opened", "look at the rights of the file and of its folder"),
    "SQLITE_BUSY": ("another program has it locked", "end the sqlite3 shell, backup or viewer that has it open"),
    "SQLITE_LOCKED": ("another program has it locked", "end the sqlite3 shell, backup or viewer that has it open"),
    "SQLITE_PROTOCOL": ("another program has it locked", "end the sqlite3 shell, backup or viewer that has it open"),
    "SQLITE_IOERR": ("reading or writing failed", "look for errors of the disk: dmesg, smartctl -a"),
}


def _room(folder: Path | None) -> int:
    if folder is None:
        return _PLENTY
    try:
        status = os.statvfs(folder)
    except OSError:
        return _PLENTY
    return status.f_bavail * status.f_frsize


def _of_postgresql(error: BaseException | None, name: str) -> StoreError:
    state = _state(error)
    said = getattr(getattr(error, "diag", None), "message_primary", None) if state else str(error).partition("\n")[0]
    if state == "57014":
        return StoreCancelled(f"{name}: reading was ended")
    if state == "53100":
        return StoreFull(f"{name}: the disk of PostgreSQL is full; what was being written is undone", hint="make room there")
    what, hint = _POSTGRESQL.get(state[:2], ("failed", "look at the log of the server"))
    kind = StoreDamaged if state.startswith("XX") else StoreError
    return kind(f"{name} {what}" + (f": {said}" if said else ""), hint=hint)


_POSTGRESQL = {
    "": ("cannot be reached", "look whether PostgreSQL runs, and at the host, port, user and password of the URL"),
    "08": ("cannot be reached", "look whether PostgreSQL runs, and at the host and port of the URL"),
    "25": ("is read-only", "point the URL at the primary server"),
    "28": ("does not let us in", "look at the user and password of the URL, and at pg_hba.conf"),
    "3D": ("is not there", "make it first: createdb --owner=USER NAME"),
    "42": ("does not permit that", "anchorwatch's user must own the database, or be allowed to create in its schema"),
    "53": ("has run out of something", "look at the log of the server: disk, memory or connections"),
    "55": ("is locked by somebody else", "look at pg_stat_activity for a session that holds a lock"),
    "57": ("was shut down", "start it again; what was being written is undone"),
    "XX": ("is damaged", "look at the log of the server"),
}


def _state(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
