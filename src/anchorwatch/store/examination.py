"""A look at a state database from outside, beside the process that holds it: is it sound, and is it the right one?

Nothing is changed, and what is wrong is listed instead of raised, so that one sees all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from anchorwatch.errors import StoreDamaged, StoreError, StoreNewer
from anchorwatch.store import instance, schema
from anchorwatch.store.database import Database, Size
from anchorwatch.store.failures import translated
from anchorwatch.store.opening import database_of
from anchorwatch.store.seal import Instance


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    name: str
    version: str
    """The program behind it."""
    revision: str | None = None
    """Of the schema; None where that cannot be told."""
    created_at: datetime | None = None
    size: Size | None = None
    newest_backup: Path | None = None
    problems: tuple[str, ...] = ()
    """A sentence each."""


def examine(url: str, state_folder: Path | None = None) -> Examination:
    """Looks at everything, which takes as long as reading all of it. Raises `StoreError` where there is nothing to look at."""
    database = database_of(url, state_folder)
    if database.folder is not None and not Path(database.name).exists():
        raise StoreError(f"there is no database at {database.name}", hint="`anchorwatch watch` makes it")
    copies = [] if database.backups is None else database.backups.newest_first()
    newest = copies[0] if copies else None
    with translated(database.name, database.folder):
        if database.folder is not None and Path(database.name).stat().st_size == 0:
            return Examination(database.name, database.version, newest_backup=newest, problems=("the file is empty",))
        problems = database.problems(thorough=True)
        reader = database.reader()
        try:
            with reader.connect() as connection:
                return _of(database, connection, newest, problems)
        except StoreDamaged as error:
            return Examination(database.name, database.version, newest_backup=newest, problems=(*problems, error.message))
        finally:
            reader.dispose()


def _of(database: Database, connection: Connection, newest: Path | None, problems: list[str]) -> Examination:
    revision, found = schema.revision_of(connection), None
    if revision == schema.HEAD:
        found = instance.read(connection)
        problems += _of_instance(database, found)
    else:
        try:
            schema.refuse_newer(revision)
            problems.append(f"it has revision {revision or 'none'}, and not {schema.HEAD}: `anchorwatch db upgrade`")
        except StoreNewer as error:
            problems.append(error.message)
    size = database.size(connection)
    if size.log > 64 * 2**20:
        problems.append(f"its log has grown to {size.log / 1e6:,.0f} MB: something reads and does not end")
    return Examination(
        database.name, database.version, revision, None if found is None else found.created_at, size, newest, tuple(problems)
    )


def _of_instance(database: Database, found: Instance | None) -> list[str]:
    remembered = None if database.seal is None else database.seal.read()
    if found is None:
        return ["it has never been finished: `anchorwatch db upgrade`"]
    if remembered is not None and remembered.uuid != found.uuid:
        return [f"it is another database than the one of {remembered.created_at:%Y-%m-%d} that belongs here"]
    return []
