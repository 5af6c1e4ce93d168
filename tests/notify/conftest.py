"""The store on each kind of database in turn, as the store's own tests have it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anchorwatch.store import Store
from tests.store.conftest import *  # noqa: F403  a fixture is found by its name in this module
from tests.store.places import Place


@pytest.fixture
def file_store(ready_sqlite_place: Place) -> Iterator[Store]:
    """A new state database in a file, open: for what does not hang on the database."""
    with ready_sqlite_place.open() as store:
        yield store
