"""The schema's history: which revision a database has, and how it is brought to the one this anchorwatch knows.

There is one history for SQLite and PostgreSQL, in `migrations/` (at the root of a checkout, inside the package in a wheel). Each
migration runs in a transaction of its own, tables and all, so a kill in the middle leaves the revision before it, whole. On
SQLite foreign keys are off while it runs (dropping a table to rebuild it would delete what points to it), and checked before it
commits.

Alembic costs 100 ms and 12 MB, so it is loaded only when there is something to do; `HEAD` says when there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, inspect, text

import anchorwatch
from anchorwatch.errors import StoreDamaged, StoreNewer

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
"""The newest revision in `migrations/`."""


@dataclass(frozen=True, slots=True)
class History:
    """The migrations that are known: ours, and for the tests those in further folders."""

    head: str = HEAD
    folders: tuple[Path, ...] = ()


OURS = History()

_VERSION_TABLE = "alembic_version"


def migrations_folder() -> Path:
    """Where the migrations lie: in the installed package, else at the root of the checkout."""
    package = Path(anchorwatch.__file__).parent
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parent.parent / "migrations"


def revision_of(connection: Connection) -> str | None:
    """The revision of the database; None for one without tables. Raises `StoreDamaged` for what is no database of ours."""
    tables = inspect(connection).get_table_names()
    if _VERSION_TABLE not in tables:
        if tables:
            raise StoreDamaged(
                f"the database has tables, and they are not anchorwatch's ({', '.join(sorted(tables)[:3])}…)",
                hint="give anchorwatch a database of its own",
            )
        return None
    revision = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if revision is None else str(revision)


def refuse_newer(revision: str | None, history: History = OURS) -> None:
    """Raises `StoreNewer` for a revision that this anchorwatch does not know."""
    if revision is not None and revision != history.head and not _is_known(revision, history):
        raise StoreNewer(
            f"the database has revision {revision}, which this anchorwatch ({anchorwatch.__version__}) does not know",
            hint="a newer anchorwatch has upgraded it: run that one, or restore the backup that it made before",
        )


def upgrade(connection: Connection, history: History = OURS) -> None:
    """Brings the database to the newest revision. `connection` must not be in a transaction; on SQLite, foreign keys are off."""
    from alembic import command

    command.upgrade(_config(connection, history), history.head)


def downgrade(connection: Connection, target: str, history: History = OURS) -> None:
    """Takes the database back to `target`. What only later revisions have is lost."""
    from alembic import command

    command.downgrade(_config(connection, history), target)


def configure(configure_context: Callable[..., None], connection: Connection) -> None:
    """Tells Alembic how to run; for `migrations/env.py`. That a transaction takes in tables too is SQLite's own way once the
    driver does not meddle: see the `begin` hook in `sqlite.py`."""
    from anchorwatch.store.tables import metadata

    configure_context(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transaction_per_migration=True,
        on_version_apply=_check_references,
    )


@contextmanager
def connection_to(url: str) -> Iterator[Connection]:
    """A connection for Alembic's own command, to write the next migration with: an SQLite database, made where there is none."""
    engine = create_engine(url)
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _is_known(revision: str, history: History) -> bool:
    from alembic.script import ScriptDirectory

    return any(script.revision == revision for script in ScriptDirectory.from_config(_config(None, history)).walk_revisions())


def _config(connection: Connection | None, history: History) -> Config:
    from alembic.config import Config

    own = migrations_folder()
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _quoted(own))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_quoted(folder) for folder in [own / "versions", *history.folders]))
    return config


def _quoted(folder: Path) -> str:
    return str(folder).replace("%", "%%")


def _check_references(ctx: Any, **_: Any) -> None:
    """Called by Alembic in the transaction of each migration, just before it commits."""
    connection: Connection = ctx.connection
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
        if broken:
            raise StoreDamaged(
                f"the migration would leave rows that point to nothing: {', '.join(f'{row[0]} → {row[2]}' for row in broken)}",
                hint="nothing was changed; please report it",
            )
