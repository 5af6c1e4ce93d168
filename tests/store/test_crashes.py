"""SIGKILL, at every point and at any moment: what was committed is there, what was not never was, and the next start works."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from anchorwatch.store import schema
from anchorwatch.store.backup import soundness
from tests.store import crash_scenes as scenes
from tests.store.crashing import Child, killed_everywhere
from tests.store.places import Place
from tests.store.test_schema import LATER, counts, filled


def fresh(place: Place) -> None:
    """Nothing is there any more, as before the first start."""
    if place.url.startswith("sqlite"):
        for file in place.folder.rglob("*"):
            if file.is_file():
                file.unlink()
    else:
        place.run("DROP SCHEMA public CASCADE")
        place.run("CREATE SCHEMA public")
        for file in place.folder.glob("*"):
            file.unlink()


def test_killed_in_the_first_start(place: Place) -> None:
    survivors = 0
    for child in killed_everywhere(scenes.open_it, place, folder=str(place.folder), step=5):
        with place.open_after_a_kill() as store:
            assert store.opened.revision == schema.HEAD
            uuid = store.opened.instance.uuid
        assert place.sound()
        for said in child.said:
            if said[0] == "opened":
                assert said[1] == uuid
        survivors += child.process.exitcode == 0
        fresh(place)
    assert survivors == 1


def test_killed_in_an_upgrade(ready_place: Place) -> None:
    before = filled(ready_place)
    for child in killed_everywhere(scenes.upgrade_it, ready_place, LATER[0], folder=str(ready_place.folder), step=3):
        revision = ready_place.rows("SELECT version_num FROM alembic_version")
        assert revision in ([(schema.HEAD,)], [("9001",)])
        assert counts(ready_place) == before
        assert ready_place.sound()
        if child.process.exitcode == 0:
            assert revision == [("9001",)]
        elif revision == [("9001",)]:  # it was killed after the last commit: back, so that the next child has something to do
            again = Child(scenes.take_it_back, ready_place, LATER[0], folder="no folder")
            assert again.ended() == 0
    assert ready_place.rows("SELECT rack FROM hosts") == [("rack of pi5",)]


def test_killed_in_a_check(ready_place: Place) -> None:
    child = Child(scenes.check_it, ready_place, 1, folder=str(ready_place.folder))
    assert child.ended() == 0
    written, points = 1, dict(child.said)["passed"]
    for die_at in range(1, points + 1, 2):
        child = Child(scenes.check_it, ready_place, written + 1, folder=str(ready_place.folder), die_at=die_at)
        child.ended()
        found = scenes.numbers_are_whole(ready_place)
        assert found in {written, written + 1}
        if ("committed", written + 1) in child.said:
            assert found == written + 1
        written = found
        assert ready_place.sound()
        ready_place.open_after_a_kill().close()


def test_killed_a_hundred_times(ready_place: Place) -> None:
    """Each child checks as fast as it can until it is killed, and the next one goes on. What was said to be committed stays."""
    luck = random.Random(2026)
    known = 0
    for _ in range(100):
        child = Child(scenes.check_for_ever, ready_place, known + 1, folder="no folder")
        wanted = luck.randint(1, 8)
        child.hear(wanted)
        child.kill(after=luck.uniform(0, 0.02))
        child.ended()
        committed = max((number for word, number in child.said if word == "committed"), default=known)
        assert committed >= known + 1
        known = scenes.numbers_are_whole(ready_place)
        assert known >= committed
    assert ready_place.sound()


def test_killed_in_a_prune(ready_place: Place) -> None:
    with ready_place.open() as store:
        for number in range(1, 31):
            scenes.write_check(store, number)
        for number in range(60, 71):
            scenes.write_check(store, number)
    ready_place.run("UPDATE deliveries SET state = 'sent'")
    kept = "SELECT count(*) FROM transitions WHERE episode >= 60"
    for _ in killed_everywhere(scenes.prune_it, ready_place, folder=str(ready_place.folder), step=3):
        assert ready_place.sound()
        assert ready_place.rows(kept) == [(11,)]
        ready_place.open_after_a_kill().close()
    assert ready_place.rows("SELECT count(*) FROM transitions") == [(11,)]
    assert ready_place.rows("SELECT count(*) FROM deliveries") == [(11,)]


def test_killed_in_a_backup(ready_sqlite_place: Place) -> None:
    with ready_sqlite_place.open() as store:
        for number in range(1, 6):
            scenes.write_check(store, number)
    folder = ready_sqlite_place.folder / "backups"
    for _ in killed_everywhere(scenes.back_it_up, ready_sqlite_place, folder=str(ready_sqlite_place.folder)):
        copies = sorted(folder.glob("*.db"))
        assert [soundness(copy) for copy in copies] == [[]] * len(copies)
        assert [scenes.numbers_are_whole(Place(f"sqlite:///{copy}", folder)) for copy in copies] == [5] * len(copies)
        assert scenes.numbers_are_whole(ready_sqlite_place) == 5
        for copy in copies:
            copy.unlink()
    assert [path.name for path in folder.iterdir()] == []


@pytest.mark.parametrize("length", ["torn", "half", "garbage"])
def test_a_log_that_a_power_cut_tore(ready_sqlite_place: Place, tmp_path: Path, length: str) -> None:
    """The log of a child that was killed, cut or overwritten at its end: a prefix of the transactions is there, and it opens."""
    child = Child(scenes.check_for_ever, ready_sqlite_place, 1, folder="no folder")
    child.hear(20)
    child.kill(after=0)
    child.ended()
    log = ready_sqlite_place.path.with_name("anchorwatch.db-wal")
    content = log.read_bytes()
    cut = {"torn": content[:-1000], "half": content[: len(content) // 2], "garbage": content[:-5000] + b"\xa5" * 5000}
    log.write_bytes(cut[length])
    ready_sqlite_place.open().close()
    assert ready_sqlite_place.sound()
    assert scenes.numbers_are_whole(ready_sqlite_place) < len(child.said) + 1
