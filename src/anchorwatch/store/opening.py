"""How a state database is opened: in this order, and not a step further than the first one that fails.

hold it → look it through → know its revision → copy it, upgrade it → know that it is the one that was here
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, make_url

from anchorwatch.errors import StoreError, StoreOlder
from anchorwatch.store import instance, schema
from anchorwatch.store.database import Database
from anchorwatch.store.failures import translated
from anchorwatch.store.seal import Instance


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a database found, and did."""

    name: str
    """What people call it: a path, or a URL without its password."""
    version: str
    """The program behind it: `SQLite 3.46.1`."""
    revision: str
    """Of the schema."""
    instance: Instance
    new: bool = False
    """Nothing was there before: what is drifted now is no news, but where things stand."""
    upgraded_from: str | None = None
    backup: Path | None = None
    """The copy that was made before the upgrade."""


def database_of(url: str, state_folder: Path | None) -> Database:
    """The database behind an SQLAlchemy URL. Nothing is opened yet. Raises `StoreError` for a URL of anything else."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite" and parsed.database:
        from anchorwatch.store.sqlite import Sqlite

        return Sqlite(Path(parsed.database), {name: str(value) for name, value in parsed.query.items()})
    if parsed.drivername == "postgresql+psycopg":
        from anchorwatch.store.postgresql import Postgresql, refuse_without_driver

        refuse_without_driver()
        return Postgresql(parsed, state_folder)
    raise StoreError(
        f"{parsed.drivername}:// is no database that can be used", hint="write sqlite:////path/to/file or postgresql+psycopg://…"
    )


def open_for_writing(database: Database, who: str, at: datetime, history: schema.History = schema.OURS) -> tuple[Opened, Engine]:
    """Takes the database for this process and brings it up to date; see the module."""
    with ExitStack() as undo, translated(database.name, database.folder):
        undo.callback(database.release)
        database.hold(who, at)
        database.prepare()
        with database.migrating() as connection:
            before = _revision(connection, history)
            backup = None
            if before != history.head:
                if before is not None and database.backups is not None:
                    backup = database.backups.make(at)
                schema.upgrade(connection, history)
        writer = database.writer()
        undo.callback(writer.dispose)
        with writer.connect() as connection:
            found, new = instance.settle(connection, database, at)
        undo.pop_all()
        upgraded_from = None if before == history.head else before
        opened = Opened(database.name, database.version, history.head, found, new, upgraded_from, backup)
        return opened, writer


def open_for_reading(database: Database) -> Opened:
    """Looks whether it can be read. Raises `StoreOlder`, `StoreNewer` or `StoreError`."""
    if database.folder is not None and not Path(database.name).exists():
        raise StoreError(f"there is no database at {database.name}", hint="`anchorwatch watch` makes it")
    with translated(database.name, database.folder):
        reader = database.reader()
        try:
            with reader.connect() as connection:
                revision = _revision(connection, schema.OURS)
                if revision != schema.HEAD:
                    raise StoreOlder(
                        f"{database.name} has revision {revision or 'none'}, and this anchorwatch reads {schema.HEAD}",
                        hint="`anchorwatch db upgrade` upgrades it; so does `anchorwatch watch` at its start",
                    )
                return Opened(database.name, database.version, schema.HEAD, instance.whole(connection, database.name))
        finally:
            reader.dispose()


def _revision(connection: Connection, history: schema.History) -> str | None:
    revision = schema.revision_of(connection)
    schema.refuse_newer(revision, history)
    connection.rollback()
    return revision
