"""Each test that asks for `place` runs twice: on SQLite, and on a PostgreSQL that the tests start."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from anchorwatch.store import Store
from tests.store.places import Place
from tests.store.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, one for each process of the tests."""
    with Server() as server:
        yield server


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    """A place for a file."""
    return Place(f"sqlite:///{tmp_path}/state/anchorwatch.db", tmp_path / "state")


@pytest.fixture
def postgresql_place(server: Server, tmp_path: Path) -> Iterator[Place]:
    """An empty database of the server."""
    name = server.new_database()
    yield Place(server.url(name), tmp_path / "state")
    server.drop(name)


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new state database that nobody uses, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    Place(f"sqlite:///{folder}/anchorwatch.db", folder).open().close()
    return folder / "anchorwatch.db"


@pytest.fixture(scope="session")
def ready_database(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same on the server."""
    name = server.new_database()
    Place(server.url(name), tmp_path_factory.mktemp("ready")).open().close()
    return name


@pytest.fixture
def ready_sqlite_place(ready_file: Path, sqlite_place: Place) -> Place:
    """A place with a new state database in a file."""
    sqlite_place.folder.mkdir()
    shutil.copy(ready_file, sqlite_place.path)
    return sqlite_place


@pytest.fixture
def ready_postgresql_place(server: Server, ready_database: str, tmp_path: Path) -> Iterator[Place]:
    """A place with a new state database on the server."""
    name = server.new_database(ready_database)
    yield Place(server.url(name), tmp_path / "state")
    server.drop(name)


@pytest.fixture
def many_sqlite_places(ready_file: Path, tmp_path: Path) -> Callable[[], AbstractContextManager[Place]]:
    """Makes places with a new state database in a file, as many as are asked for."""
    numbers = itertools.count()

    @contextmanager
    def make() -> Iterator[Place]:
        folder = tmp_path / f"state-{next(numbers)}"
        folder.mkdir()
        shutil.copy(ready_file, folder / "anchorwatch.db")
        yield Place(f"sqlite:///{folder}/anchorwatch.db", folder)
        shutil.rmtree(folder)

    return make


@pytest.fixture
def many_postgresql_places(server: Server, ready_database: str, tmp_path: Path) -> Callable[[], AbstractContextManager[Place]]:
    """Makes places with a new state database on the server, as many as are asked for."""

    @contextmanager
    def make() -> Iterator[Place]:
        name = server.new_database(ready_database)
        yield Place(server.url(name), tmp_path / name)
        server.drop(name)

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """A place where there is nothing yet, for each kind of database in turn."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_place(request: pytest.FixtureRequest) -> Place:
    """A place with a new state database, of each kind in turn."""
    found: Place = request.getfixturevalue(f"ready_{request.param}_place")
    return found


@pytest.fixture
def store(ready_place: Place) -> Iterator[Store]:
    """A new state database, open."""
    with ready_place.open() as store:
        yield store
