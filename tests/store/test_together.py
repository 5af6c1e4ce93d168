"""Many threads at once: those that write take turns and none fails, those that read see one moment each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from lab.waiting import eventually

from anchorwatch.errors import StoreError
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.service import HistorySettings
from anchorwatch.model.timeline import EventSeen
from anchorwatch.store import Store, checks, containers, cursors, events, retention
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


def test_a_server_is_tidied_up_while_others_write(ready_postgresql_place: Place) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'VACUUM%'"
    with ready_postgresql_place.open() as store, ThreadPoolExecutor(1) as pool, ready_postgresql_place.connection() as connection:
        with connection.transaction():
            connection.execute("LOCK TABLE transitions IN SHARE UPDATE EXCLUSIVE MODE")
            tidied = pool.submit(store.reclaim, whole=False)
            eventually(lambda: ready_postgresql_place.rows(waiting), within=5, what="VACUUM to wait for the table")
            with store.write() as write:
                cursors.put(write, "one", "1", BEGIN)
            assert not tidied.done()
        tidied.result(20)


def test_a_table_that_is_not_let_go_of_is_left_and_said_and_the_others_are_tidied(
    ready_postgresql_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """As a nightly pg_dump, which reads in one transaction. For room that only could not be given back nothing is deleted."""

    def rewritten() -> set[str]:
        now = dict(ready_postgresql_place.rows(files))
        return {table for table, file in now.items() if file != before[table]}

    files = "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relname IN ('hosts', 'transitions', 'deliveries')"
    with ready_postgresql_place.open() as store, ready_postgresql_place.connection() as dump:
        before = dict(ready_postgresql_place.rows(files))
        with store.write() as write:
            events.add(write, [EventSeen("pi5", after(0), "die", "c1")])
        with dump.transaction():
            dump.execute("SELECT count(*) FROM transitions")
            done = retention.prune(store, HistorySettings(max_size=1), BEGIN + timedelta(days=99))
        assert (done.left, done.rows) == (["transitions"], {})
        assert rewritten() == {"hosts", "deliveries"}
        assert "are the tables transitions" in caplog.text
        done = retention.prune(store, HistorySettings(max_size=1), BEGIN + timedelta(days=99))
        assert (done.left, done.rows["events"]) == ([], 1)
        assert rewritten() == {"hosts", "deliveries", "transitions"}


def test_who_reads_does_not_wait_for_ever_for_a_table_that_is_being_rewritten(ready_postgresql_place: Place) -> None:
    with ready_postgresql_place.open() as store, ready_postgresql_place.connection() as other, store.read() as read:
        began = time.monotonic()
        with other.transaction():
            other.execute("LOCK TABLE cursors IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreError, match="locked by somebody else"), store.read() as waiting:
                cursors.get(waiting, "one")
        assert time.monotonic() - began < 20
        assert cursors.get(read, "one") is None
