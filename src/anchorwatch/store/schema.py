"""The schema's history: which revision a database has, and how it is brought to the one this anchorwatch knows.

There is one history for SQLite and PostgreSQL, in `migrations/` (at the root of a checkout, inside the package in a wheel). Each
migration runs in a transaction of its own, tables and all, so a kill in the middle leaves the revision before it, whole. On
SQLite foreign keys are off while it runs (dropping a table to rebuild it would delete what points to it), and checked before it
commits.

Alembic costs 100 ms and 12 MB, so it is loaded only when there is something to do; `HEAD` says when there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, inspect, text

import anchorwatch
from anchorwatch.errors import StoreDamaged, StoreNewer

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest revision in `migrations/`."""

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


def is_known(revision: str, folders: Sequence[Path] = ()) -> bool:
    """Whether this anchorwatch knows a revision that is not its newest one."""
    from alembic.script import ScriptDirectory

    return any(script.revision == revision for script in ScriptDirectory.from_config(_config(None, folders)).walk_revisions())


def refuse_newer(revision: str | None, folders: Sequence[Path] = ()) -> None:
    """Raises `StoreNewer` for a revision that this anchorwatch does not know."""
    if revision is not None and revision != HEAD and not is_known(revision, folders):
        raise StoreNewer(
            f"the database has revision {revision}, which this anchorwatch ({anchorwatch.__version__}) does not know",
            hint="a newer anchorwatch has upgraded it: run that one, or restore the backup that it made before",
        )


def upgrade(connection: Connection, *, target: str = "head", folders: Sequence[Path] = ()) -> None:
    """Brings the database to `target`. `connection` must not be in a transaction, and on SQLite have foreign keys off.

    `folders` hold further migrations (for the tests).
    """
    from alembic import command

    command.upgrade(_config(connection, folders), target)


def downgrade(connection: Connection, target: str, *, folders: Sequence[Path] = ()) -> None:
    """Takes the database back to `target`. What only later revisions have is lost."""
    from alembic import command

    command.downgrade(_config(connection, folders), target)


def configure(configure_context: Callable[..., None], connection: Connection) -> None:
    """Tells Alembic how to run; for `migrations/env.py`."""
    from anchorwatch.store.tables import metadata

    configure_context(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transaction_per_migration=True,
        transactional_ddl=True,  # SQLite can, once the driver does not meddle: see the `begin` hook in sqlite.py
        on_version_apply=_check_references,
    )


@contextmanager
def scratch_connection() -> Iterator[Connection]:
    """A database in memory at the newest revision, for writing the next migration against."""
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        upgrade(connection)
        yield connection


def _config(connection: Connection | None, folders: Sequence[Path]) -> Config:
    from alembic.config import Config

    own = migrations_folder()
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _quoted(own))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_quoted(folder) for folder in [own / "versions", *folders]))
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
