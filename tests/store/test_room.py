"""Room: a disk that is full, a reader that does not end, a past that is too long."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from anchorwatch.errors import StoreFull
from anchorwatch.model.drifts import Delivery, DeliveryState, DriftState
from anchorwatch.model.service import HistorySettings
from anchorwatch.model.timeline import Commit, EventSeen, StackSeen
from anchorwatch.store import (
    Store,
    checks,
    commits,
    containers,
    cursors,
    deliveries,
    drift_spans,
    drifts,
    events,
    hosts,
    retention,
    runs,
    stacks,
    transitions,
)
from anchorwatch.store.tables import metadata
from tests.store import make
from tests.store.make import BEGIN, KEY, after
from tests.store.places import Place

MEGABYTE = 10**6
DAY = 86_400.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def write_much(store: Store, number: int, size: int = 20_000) -> None:
    with store.write() as write:
        cursors.put(write, f"listener {number}", os.urandom(size // 2).hex(), BEGIN)


def test_a_full_disk_is_said_and_outlived(small_disk: Path) -> None:
    place = Place(f"sqlite:///{small_disk}/anchorwatch.db", small_disk)
    ballast = small_disk / "ballast"
    with place.open() as store:
        ballast.write_bytes(b"x" * (2 * MEGABYTE))
        written = 0

        def fill() -> None:
            nonlocal written
            while True:
                write_much(store, written)
                written += 1

        for _ in range(3):
            with pytest.raises(StoreFull, match="disk is full") as full:
                fill()
        assert str(place.path) in full.value.message
        assert full.value.hint
        with store.read() as read:  # reading goes on
            assert all(cursors.get(read, f"listener {number}") for number in range(written))
            assert cursors.get(read, f"listener {written}") is None
        ballast.unlink()
        write_much(store, written)  # and so does writing, once there is room
        with store.read() as read:
            assert cursors.get(read, f"listener {written}")
    assert place.sound()
    place.open().close()


def test_no_room_for_a_new_database(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (3 * 2**20 - 40_960))
    place = Place(f"sqlite:///{small_disk}/anchorwatch.db", small_disk)
    with pytest.raises(StoreFull):
        place.open()
    (small_disk / "ballast").unlink()
    with place.open() as store:
        assert store.opened.new


def test_no_room_for_a_copy(small_disk: Path) -> None:
    place = Place(f"sqlite:///{small_disk}/anchorwatch.db", small_disk)
    with place.open() as store:
        for number in range(40):
            write_much(store, number, 25_000)
        store.checkpoint()
        (small_disk / "ballast").write_bytes(b"x" * MEGABYTE)
        with pytest.raises(StoreFull):
            store.back_up(BEGIN)
    assert list((small_disk / "backups").iterdir()) == []
    assert place.sound()


def test_a_reader_that_does_not_end(sqlite_place: Place) -> None:
    """The log grows while it reads, nobody waits for it, it goes on seeing its moment; once it has ended, the log is emptied."""
    with sqlite_place.open() as store:
        write_much(store, 0)
        store.checkpoint()
        with store.read() as read:
            before = cursors.get(read, "listener 0")
            for _ in range(100):
                write_much(store, 0, 100_000)
            assert not store.checkpoint()
            assert store.size().log > 5 * MEGABYTE
            read.session.expire_all()
            assert cursors.get(read, "listener 0") == before
        assert store.checkpoint()
        assert store.size().log == 0


def test_copies_are_kept_three_at_a_time(sqlite_place: Place) -> None:
    with sqlite_place.open() as store:
        made = []
        for second in range(5):
            write_much(store, second)
            made.append(store.back_up(after(second)))
    assert sorted((sqlite_place.folder / "backups").iterdir()) == made[2:]
    newest = Place(f"sqlite:///{made[-1]}", sqlite_place.folder)
    assert newest.rows("SELECT count(*) FROM cursors") == [(5,)]
    assert newest.sound()


def test_a_copy_while_others_write(sqlite_place: Place, tmp_path: Path) -> None:
    with sqlite_place.open() as store, store.write() as write:
        cursors.put(write, "before", "1", BEGIN)
        write.session.flush()
        copy = store.back_up(BEGIN)
        cursors.put(write, "after", "1", BEGIN)
    assert Place(f"sqlite:///{copy}", tmp_path).rows("SELECT name FROM cursors") == []
    assert sqlite_place.rows("SELECT count(*) FROM cursors") == [(2,)]


def test_what_is_old_and_over_goes(store: Store, ready_place: Place) -> None:
    lived_through(store)
    done = retention.prune(store, HistorySettings(keep=10 * DAY), BEGIN + timedelta(days=40))
    assert done.fits
    assert done.kept_from == BEGIN + timedelta(days=30)
    left = {name: ready_place.rows(f"SELECT count(*) FROM {name}")[0][0] for name in metadata.tables}
    assert {name for name, rows in left.items() if rows} == {"instance", "hosts", "reachability"}
    assert set(done.rows) == set(metadata.tables) - {
        "instance",
        "hosts",
        "cursors",
        "settings",
        "silences",
        "deliveries",
        "commit_stacks",
    }


def test_what_is_still_so_stays_however_old(store: Store) -> None:
    """The container, its configuration, the stack with its revision and commit, the drift and its life, the unsettled message."""
    opened = replace(make.drift(), state=DriftState.OPEN, opened_at=after(1), opens_at=None, revision="b" * 40)
    with store.write() as write:
        hosts.record(write, make.host())
        stacks.record(write, [StackSeen(make.stack(), "mealie", "a" * 40, {"a": 1})], BEGIN)
        for revision in "ab":
            commits.record(write, Commit(revision * 40, BEGIN, "Ada", "less", None), [("pi5", "mealie")], BEGIN)
        commits.record(write, Commit("c" * 40, BEGIN, "Ada", "of no use any more", None), [("pi5", "mealie")], BEGIN)
        containers.record(write, "pi5", BEGIN, [make.container()])
        containers.mark_in_sync(write, "pi5", ["mealie"], "a" * 40, BEGIN)
        number = checks.record(write, make.check(), eventful=True)
        drifts.save(write, [opened])
        told = transitions.add(write, [make.appeared(opened, number)])
        settled = make.drift(make.finding("restart"), state=DriftState.RESOLVED, resolved_at=after(9))
        drifts.save(write, [settled])
        unsettled = transitions.add(write, [make.appeared(settled)])
        deliveries.promise(write, [Delivery(unsettled[0].id or 0, "mail", BEGIN)])
    before = everything(store)
    retention.prune(store, HistorySettings(keep=DAY), BEGIN + timedelta(days=999))
    assert everything(store) == before
    with store.read() as read:
        assert commits.get(read, "c" * 40) is None
        assert checks.get(read, number) is not None
        assert transitions.of_drift(read, opened.id) == told
    with store.write() as write:
        deliveries.settle(write, [1], DeliveryState.SENT, after(5))
        drifts.save(write, [replace(opened, state=DriftState.RESOLVED, resolved_at=after(6))])
    retention.prune(store, HistorySettings(keep=DAY), BEGIN + timedelta(days=999))
    with store.read() as read:
        assert transitions.newest(read) == ()
        assert drifts.get(read, opened.id) is None


def everything(store: Store) -> tuple[object, ...]:
    with store.read() as read:
        return (
            hosts.current(read),
            stacks.current(read),
            stacks.definition(read, "pi5", "mealie"),
            [commits.get(read, revision * 40) for revision in "ab"],
            containers.current(read),
            drifts.unresolved(read),
            deliveries.waiting(read, after(999)),
        )


def test_the_oldest_goes_until_it_fits(store: Store) -> None:
    moment = BEGIN + timedelta(days=100)
    for day in range(100):
        with store.write() as write:
            text = os.urandom(10_000).hex()
            containers.record(write, "pi5", BEGIN + timedelta(days=day), [make.container(configuration={"text": text})])
    before = store.size()
    limit = before.used // 2
    done = retention.prune(store, HistorySettings(keep=1000 * DAY, max_size=limit), moment)
    assert done.fits
    assert before.total - done.after.total > limit / 2
    assert done.after.used <= limit
    with store.read() as read:
        days = [(one.span.valid_from - BEGIN).days for one in containers.history(read, "pi5", "mealie")]
    assert days == list(range(days[0], 100))
    assert 25 < len(days) < 60


def test_a_limit_that_is_too_small_leaves_a_day(store: Store) -> None:
    moment = BEGIN + timedelta(days=3)
    for hour in range(72):
        with store.write() as write:
            checks.record(write, make.check(BEGIN + timedelta(hours=hour)), eventful=True)
    done = retention.prune(store, HistorySettings(keep=1000 * DAY, max_size=1000), moment)
    assert not done.fits
    with store.read() as read:
        kept = [hour for hour in range(72) if (run := checks.at(read, KEY, BEGIN + timedelta(hours=hour))) and run.times]
    assert len(kept) == 24


def test_more_goes_than_one_transaction_takes(store: Store, ready_place: Place) -> None:
    with store.write() as write:
        events.add(write, [EventSeen("pi5", BEGIN, "die", "x", None)])
    ready_place.run(
        "INSERT INTO events (host_id, at, action, actor) WITH RECURSIVE numbers (n) AS"
        " (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2999) SELECT 1, at + n, 'die', 'x' FROM numbers, events"
    )
    done = retention.prune(store, HistorySettings(keep=DAY), BEGIN + timedelta(days=9))
    assert done.rows == {"events": 3000}
    assert ready_place.rows("SELECT count(*) FROM events") == [(0,)]


def lived_through(store: Store) -> None:
    """A row of everything, of which nothing goes on."""
    with store.write() as write:
        hosts.record(write, make.host())
        hosts.record(write, make.host(after(1), engine_version="29"))
        run = runs.begin(write, "1.0", BEGIN)
        stacks.record(write, [StackSeen(make.stack(), "mealie", "a" * 40, {"a": 1})], BEGIN)
        stacks.record(write, [], after(1), complete=["pi5"])
        commits.record(write, Commit("a" * 40, BEGIN, "Ada", "less", None), [("pi5", "mealie")], BEGIN)
        containers.record(write, "pi5", BEGIN, [make.container()])
        containers.record(write, "pi5", after(1), [])
        number = checks.record(write, make.check(run=run), eventful=True)
        gone = make.drift(state=DriftState.RESOLVED, resolved_at=after(1))
        drifts.save(write, [make.drift()])
        drift_spans.record(write, [make.drift()], BEGIN)
        drifts.save(write, [gone])
        drift_spans.record(write, [gone], after(1))
        told = transitions.add(write, [make.appeared(gone, number)])
        deliveries.promise(write, [Delivery(one.id or 0, "mail", BEGIN, state=DeliveryState.SENT) for one in told])
        events.add(write, [EventSeen("pi5", BEGIN, "die", "mealie-1", "mealie", "mealie", "mealie")])
        runs.end(write, run, after(1))
