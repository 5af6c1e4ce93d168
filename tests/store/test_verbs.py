"""`anchorwatch db …` as a user runs it: what it says, what it does, and its exit codes."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.app import writing
from anchorwatch.store import checks, cursors, schema
from anchorwatch.web.control import asgi, socket_of
from anchorwatch.web.server import Server
from tests.cli.program import run
from tests.store import make
from tests.store.make import BEGIN
from tests.store.places import Place


def db(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    return run(
        "db", *words, env={"ANCHORWATCH_DATABASE": place.url, "ANCHORWATCH_SECRETS_KEY": str(place.folder / "key")}, cwd="/"
    )


def test_upgrade_makes_it_and_then_has_nothing_to_do(place: Place) -> None:
    made = db(place, "upgrade", "--format", "json")
    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout) | {"database": "", "program": ""} == {
        "version": 1,
        "database": "",
        "program": "",
        "revision": schema.HEAD,
        "new": True,
        "upgraded_from": None,
        "backup": None,
    }
    again = db(place, "upgrade")
    assert again.returncode == 0
    assert f"has revision {schema.HEAD}, the newest" in again.stdout


def test_check_of_a_sound_one_while_it_is_in_use(ready_place: Place) -> None:
    with ready_place.open():
        done = db(ready_place, "check", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["problems"], answer["revision"], answer["newest_backup"]) == ([], schema.HEAD, None)
    assert answer["bytes"] > 100_000


def test_check_names_what_is_wrong(ready_sqlite_place: Place) -> None:
    with ready_sqlite_place.open() as store:
        with store.write() as write:
            for number in range(500):
                cursors.put(write, f"listener {number}", "x" * 100, BEGIN)
        copy = store.back_up(BEGIN)
    with ready_sqlite_place.path.open("r+b") as file:
        file.seek(-20_000, 2)
        file.write(b"\xff" * 10_000)
    done = db(ready_sqlite_place, "check")
    assert done.returncode == 1
    assert "✗" in done.stdout
    assert str(copy) in done.stdout


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "9999"),
        ("UPDATE instance SET uuid = 'another'", "another database"),
        ("DELETE FROM instance", "never been finished"),
    ],
)
def test_check_of_the_wrong_one(ready_place: Place, harm: str, said: str) -> None:
    ready_place.open().close()
    ready_place.run(harm)
    done = db(ready_place, "check")
    assert done.returncode == 1
    assert said in done.stdout


def test_check_of_an_empty_file(sqlite_place: Place) -> None:
    sqlite_place.folder.mkdir()
    sqlite_place.path.touch()
    done = db(sqlite_place, "check")
    assert done.returncode == 1
    assert "empty" in done.stdout


@pytest.mark.parametrize("verb", ["check", "backup"])
def test_nothing_there(sqlite_place: Place, verb: str) -> None:
    done = db(sqlite_place, verb)
    assert done.returncode == 2
    assert "there is no database" in done.stderr
    assert not sqlite_place.folder.exists()


@pytest.mark.parametrize("verb", ["upgrade", "prune"])
def test_writing_verbs_say_who_holds_it(ready_place: Place, verb: str) -> None:
    with ready_place.open(who="anchorwatch watch"):
        done = db(ready_place, verb)
    assert done.returncode == 2
    assert "in use by anchorwatch watch" in done.stderr


def test_prune(ready_place: Place) -> None:
    now = datetime.now(UTC)
    with ready_place.open() as store:
        for days in range(10):
            with store.write() as write:
                checks.record(write, make.check(now - timedelta(days=days, hours=1)), eventful=True)
    done = db(ready_place, "prune", "--keep", "5d", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["deleted"], answer["fits"]) == ({"checks": 5}, True)
    assert ready_place.rows("SELECT count(*) FROM checks") == [(5,)]
    assert "0 rows deleted" in db(ready_place, "prune").stdout


def test_prune_goes_through_the_service_that_holds_it(ready_place: Place) -> None:
    now = datetime.now(UTC)
    with ready_place.open(who="anchorwatch watch") as store:
        for days in range(10):
            with store.write() as write:
                checks.record(write, make.check(now - timedelta(days=days, hours=1)), eventful=True)
        server = Server(asgi(writing.served(store)), socket_of(ready_place.url, ready_place.folder))
        server.start()
        done = db(ready_place, "prune", "--keep", "5d", "--format", "json")
        server.stop()
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["version"], answer["deleted"], answer["fits"]) == (1, {"checks": 5}, True)
    assert ready_place.rows("SELECT count(*) FROM checks") == [(5,)]


@pytest.mark.parametrize(("option", "value"), [("--keep", "3x"), ("--max-size", "7")])
def test_prune_with_a_wrong_value(sqlite_place: Place, option: str, value: str) -> None:
    done = db(sqlite_place, "prune", option, value)
    assert done.returncode == 2
    assert f"{option} '{value}'" in done.stderr
    assert not sqlite_place.folder.exists()


def test_backup(ready_sqlite_place: Place) -> None:
    ready_sqlite_place.open().close()
    elsewhere = ready_sqlite_place.folder.parent / "copy.db"
    with ready_sqlite_place.open():
        first = db(ready_sqlite_place, "backup", "--format", "json")
        second = db(ready_sqlite_place, "backup", str(elsewhere))
        third = db(ready_sqlite_place, "backup", str(elsewhere))
    (kept,) = (ready_sqlite_place.folder / "backups").iterdir()
    assert json.loads(first.stdout) == {"version": 1, "file": str(kept), "bytes": kept.stat().st_size}
    assert (second.returncode, str(elsewhere) in second.stdout) == (0, True)
    assert (third.returncode, "there already" in third.stderr) == (2, True)
    assert Place(f"sqlite:///{elsewhere}", elsewhere.parent).rows("SELECT count(*) FROM instance") == [(1,)]


def test_backup_of_a_server_database_names_its_tool(ready_postgresql_place: Place) -> None:
    done = db(ready_postgresql_place, "backup")
    assert done.returncode == 2
    assert "pg_dump" in done.stderr
