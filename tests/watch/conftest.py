"""Fixtures for what watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.lab_fixtures import eventually
from tests.watch.listening import left_open


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """After the test this process has no thread, no child and no descriptor more than before."""
    before, threads = left_open(), set(threading.enumerate())
    yield
    eventually(lambda: left_open() <= before, within=20, what="no child and no descriptor left")
    eventually(lambda: set(threading.enumerate()) <= threads, within=20, what="no thread left")
