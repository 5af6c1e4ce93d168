"""Many threads at once: those that write take turns and none fails, those that read see one moment each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from anchorwatch.errors import StoreError
from anchorwatch.model.desired import ProjectKey
from anchorwatch.store import Store, checks, containers, cursors
from tests.store import make
from tests.store.make import BEGIN, after
from tests.store.places import Place


def test_everybody_writes_at_once(store: Store, ready_place: Place) -> None:
    def work(worker: int) -> None:
        key = ProjectKey("pi5", f"project-{worker}")
        for number in range(15):
            with store.write() as write:
                containers.record(
                    write, "pi5", after(number), [make.container(f"c{worker}", restart_count=number)], project=key.project
                )
                checks.record(write, make.check(after(number), key), eventful=True)
            with store.read() as read:
                assert checks.last(read, key) is not None

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, worker) for worker in range(8)]:
            done.result()
    assert ready_place.rows("SELECT count(*) FROM checks") == [(120,)]
    assert ready_place.rows("SELECT count(*) FROM projects WHERE name <> 'mealie'") == [(8,)]
    assert ready_place.sound()


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.write() as write:
        cursors.put(write, "one", "1", BEGIN)
        cursors.put(write, "two", "1", BEGIN)
    with store.read() as read:
        first = cursors.get(read, "one")
        with store.write() as write:
            cursors.put(write, "one", "2", BEGIN)
            cursors.put(write, "two", "2", BEGIN)
        assert cursors.get(read, "two") == first
    with store.read() as read:
        assert cursors.get(read, "two") == cursors.Cursor("2", BEGIN)


def test_what_is_being_written_is_nobodys_yet(store: Store) -> None:
    with store.write() as write:
        cursors.put(write, "one", "1", BEGIN)
        write.session.flush()
        with store.read() as read:
            assert cursors.get(read, "one") is None


def test_readers_go_on_while_somebody_writes_for_long(store: Store) -> None:
    begun, over = threading.Event(), threading.Event()

    def write_for_long() -> None:
        with store.write() as write:
            cursors.put(write, "one", "1", BEGIN)
            write.session.flush()
            begun.set()
            over.wait(30)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_for_long)
        assert begun.wait(30)
        for _ in range(20):
            with store.read() as read:
                assert cursors.get(read, "one") is None
        over.set()
        writing.result()
    with store.read() as read:
        assert cursors.get(read, "one") is not None


def test_another_program_that_locks_the_file_is_named(ready_sqlite_place: Place) -> None:
    """A person with the `sqlite3` shell, in the middle of a transaction."""
    with ready_sqlite_place.open() as store, ready_sqlite_place.connection() as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has it locked"), store.write() as write:
            cursors.put(write, "one", "1", BEGIN)
        shell.execute("ROLLBACK")
        with store.write() as write:
            cursors.put(write, "one", "1", BEGIN)
