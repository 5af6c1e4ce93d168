"""The tables and the migrations: one history, the same on both databases, and never half done."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, UniqueConstraint, inspect

from anchorwatch.errors import StoreDamaged, StoreNewer
from anchorwatch.store import Store, checks, containers, drifts, hosts, schema, transitions
from anchorwatch.store.database import Database
from anchorwatch.store.opening import database_of, open_for_writing
from anchorwatch.store.tables import metadata
from tests.store import make
from tests.store.make import BEGIN
from tests.store.places import Place

LATER = (Path(__file__).parent / "later",)
SECOND, THIRD = schema.History("9001", LATER), schema.History("9002", LATER)
CHECKOUT = Path(__file__).parent.parent.parent


@contextmanager
def held(place: Place) -> Iterator[Database]:
    """The database as the store has it while it opens it."""
    database = database_of(place.url, place.folder)
    database.hold("the test", BEGIN)
    try:
        database.prepare()
        yield database
    finally:
        database.writer().dispose()
        database.release()


def test_models_and_migrations_say_the_same(place: Place) -> None:
    with held(place) as database, database.migrating() as connection:
        schema.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_constraints_of_models_and_migrations_have_the_same_names(place: Place) -> None:
    place.open().close()
    with held(place) as database, database.migrating() as connection:
        there = inspect(connection)
        for table in metadata.sorted_tables:
            found = {one["name"] for one in there.get_check_constraints(table.name)}
            found |= {one["name"] for one in there.get_unique_constraints(table.name)}
            found |= {one["name"] for one in there.get_foreign_keys(table.name)}
            own = {constraint.name for constraint in table.constraints if constraint is not table.primary_key}
            assert found == {str(name) for name in own}, table.name


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(schema.migrations_folder())).get_current_head() == schema.HEAD


def test_names_are_short_enough_for_postgresql() -> None:
    names = [str(one.name) for table in metadata.sorted_tables for one in table.constraints]
    names += [str(one.name) for table in metadata.sorted_tables for one in table.indexes]
    assert [name for name in names if len(name) > 63 or name == "None"] == []


def test_every_reference_can_be_looked_up_by_an_index() -> None:
    """Otherwise each deletion of what is pointed to reads the whole table."""
    for table in metadata.sorted_tables:
        leading = {next(iter(index.columns)).name for index in table.indexes if index.dialect_options["sqlite"]["where"] is None}
        leading |= {next(iter(table.primary_key.columns)).name}
        leading |= {next(iter(one.columns)).name for one in table.constraints if isinstance(one, UniqueConstraint)}
        assert {column.name for column in table.columns if column.foreign_keys} <= leading, table.name


def test_down_and_up_again(place: Place) -> None:
    place.open().close()
    with held(place) as database:
        with database.migrating() as connection:
            schema.downgrade(connection, "base")
        with database.migrating() as connection:
            assert inspect(connection).get_table_names() == ["alembic_version"]
            assert schema.revision_of(connection) is None
        with database.migrating() as connection:
            schema.upgrade(connection)
        with database.migrating() as connection:
            assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def filled(place: Place) -> dict[str, int]:
    """A database with a row in every table that a later migration may touch; how many there are in each."""
    with place.open() as store, store.write() as write:
        hosts.record(write, make.host())
        containers.record(write, "pi5", BEGIN, [make.container(), make.container("db")])
        number = checks.record(write, make.check(), eventful=True)
        drifts.save(write, [make.drift()])
        transitions.add(write, [make.appeared(make.drift(), number)])
    return counts(place)


def counts(place: Place) -> dict[str, int]:
    return {name: place.rows(f"SELECT count(*) FROM {name}")[0][0] for name in metadata.tables}


def broken(connection: Connection) -> list[object]:
    return list(connection.exec_driver_sql("PRAGMA foreign_key_check")) if connection.dialect.name == "sqlite" else []


def test_a_later_migration_keeps_every_row(place: Place) -> None:
    before = filled(place)
    assert {name for name, rows in before.items() if rows} >= {"hosts", "projects", "drifts", "transitions", "container_states"}
    with held(place) as database:
        with database.migrating() as connection:
            schema.upgrade(connection, SECOND)
        with database.migrating() as connection:
            assert broken(connection) == []
    assert counts(place) == before
    assert place.rows("SELECT docker, rack FROM hosts") == [("ssh://admin@pi5", "rack of pi5")]
    with held(place) as database, database.migrating() as connection:
        schema.downgrade(connection, schema.HEAD, SECOND)
    assert counts(place) == before
    with place.open() as store, store.read() as read:
        assert drifts.get(read, make.drift().id) == make.drift()


def test_a_later_migration_makes_this_one_refuse(place: Place) -> None:
    filled(place)
    with held(place) as database, database.migrating() as connection:
        schema.upgrade(connection, SECOND)
    with pytest.raises(StoreNewer, match="9001"):
        place.open()


def test_a_careless_migration_is_undone(sqlite_place: Place) -> None:
    before = filled(sqlite_place)
    with held(sqlite_place) as database, database.migrating() as connection:
        schema.upgrade(connection, SECOND)
    with held(sqlite_place) as database, database.migrating() as connection, pytest.raises(StoreDamaged, match="hosts"):
        schema.upgrade(connection, THIRD)
    assert counts(sqlite_place) == before
    assert sqlite_place.rows("SELECT version_num FROM alembic_version") == [("9001",)]


def test_an_upgrade_begins_with_a_copy(place: Place) -> None:
    before = filled(place)
    database = database_of(place.url, place.folder)
    opened, writer = open_for_writing(database, "the test", make.after(1), SECOND)
    writer.dispose()
    database.release()
    assert (opened.upgraded_from, opened.revision, opened.new) == (schema.HEAD, "9001", False)
    assert place.rows("SELECT version_num FROM alembic_version") == [("9001",)]
    if opened.backup is None:
        assert not place.url.startswith("sqlite")
    else:
        copy = Place(f"sqlite:///{opened.backup}", place.folder)
        assert (copy.rows("SELECT version_num FROM alembic_version"), counts(copy)) == ([(schema.HEAD,)], before)


def test_nothing_of_alembic_is_loaded_where_nothing_is_to_be_done(sqlite_place: Place) -> None:
    sqlite_place.open().close()
    program = (
        "import sys; from datetime import datetime, UTC; from anchorwatch.store import Store;"
        f"Store.open({sqlite_place.url!r}, at=datetime.now(UTC), who='the test').close();"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'alembic', 'mako', 'sqlalchemy', 'psycopg'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sqlalchemy']"


def test_the_wheel_has_the_migrations(tmp_path: Path) -> None:
    """Built as it is published, unpacked elsewhere and run from there."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=CHECKOUT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from datetime import datetime, UTC;"
        "import anchorwatch; from anchorwatch.store import Store, schema;"
        "store = Store.open(f'sqlite:///{sys.argv[1]}/new.db', at=datetime.now(UTC), who='the test');"
        "print(schema.migrations_folder(), store.opened.revision)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "site"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(tmp_path / "site/anchorwatch/migrations"), schema.HEAD]


def test_the_store_opens_what_the_first_release_made(place: Place) -> None:
    """What a killed first start leaves: Alembic's own table, and nothing in it."""
    with held(place) as database, database.migrating() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.commit()
    with place.open() as store:
        assert isinstance(store, Store)
        assert store.opened.new


def test_every_table_is_in_the_docs() -> None:
    page = (CHECKOUT / "docs" / "database.md").read_text()
    assert [name for name in metadata.tables if name not in page] == []
