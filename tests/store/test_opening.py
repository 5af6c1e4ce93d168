"""Opening a state database: who may, what is refused, and what is remembered of it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from anchorwatch.errors import StoreDamaged, StoreError, StoreInUse, StoreLost, StoreNewer, StoreOlder
from anchorwatch.store import Store, cursors, recovery
from tests.store.make import BEGIN, after
from tests.store.places import Place
from tests.store.server import Server


def test_a_new_one_is_new_once(place: Place) -> None:
    with place.open() as store:
        first = store.opened
    with place.open(at=after(60)) as store:
        again = store.opened
    assert first.new
    assert not again.new
    assert again.instance == first.instance
    assert first.instance.created_at == BEGIN
    assert (first.upgraded_from, first.backup) == (None, None)


def test_says_which_program_is_behind_it(store: Store) -> None:
    assert store.opened.version.startswith(("SQLite 3.", "PostgreSQL 1"))
    assert "password" not in store.opened.name


def test_a_second_one_is_told_who_holds_it(place: Place) -> None:
    with place.open(who="anchorwatch watch"):
        with pytest.raises(StoreInUse, match=rf"anchorwatch watch.*{os.getpid()}") as refused:
            place.open(who="anchorwatch db prune")
        assert refused.value.hint
    place.open().close()


def test_readers_do_not_need_the_lock(place: Place) -> None:
    with place.open() as store:
        with store.write() as write:
            cursors.put(write, "docker:pi5", "42", BEGIN)
        with Store.open_to_read(place.url) as beside, beside.read() as read:
            found = cursors.get(read, "docker:pi5")
    assert found == cursors.Cursor("42", BEGIN)


def test_readers_cannot_write(place: Place) -> None:
    with place.open() as store, pytest.raises(StoreError, match=r"cannot be written|read-only"), store.read() as read:
        read.session.connection().exec_driver_sql("DELETE FROM instance")
    assert len(place.rows("SELECT uuid FROM instance")) == 1


def test_a_newer_database_is_refused_and_left_alone(place: Place) -> None:
    place.open().close()
    place.run("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreNewer, match="9999"):
        place.open()
    with pytest.raises(StoreNewer, match="9999"):
        Store.open_to_read(place.url)
    assert place.rows("SELECT version_num FROM alembic_version") == [("9999",)]


def test_somebody_elses_database_is_refused(place: Place) -> None:
    if place.url.startswith("sqlite"):
        place.folder.mkdir()
    place.run("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreDamaged, match="recipes"):
        place.open()
    assert place.rows("SELECT * FROM recipes") == []


def test_reading_what_is_not_there_makes_nothing(sqlite_place: Place) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Store.open_to_read(sqlite_place.url)
    assert not sqlite_place.folder.exists()


def test_reading_what_was_never_finished(postgresql_place: Place) -> None:
    with pytest.raises(StoreOlder, match="none"):
        Store.open_to_read(postgresql_place.url)


def test_files_are_for_their_owner_only(sqlite_place: Place) -> None:
    before = os.umask(0)
    try:
        with sqlite_place.open() as store:
            store.back_up(BEGIN)
            with store.write() as write:
                cursors.put(write, "x", "1", BEGIN)
            files = [path for path in sqlite_place.folder.rglob("*") if path.is_file()]
            assert {path.name for path in files} >= {
                "anchorwatch.db",
                "anchorwatch.db-wal",
                "anchorwatch.db-shm",
                "anchorwatch.db.lock",
            }
            assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files} == {path.name: "0o600" for path in files}
            folders = [sqlite_place.folder, sqlite_place.folder / "backups"]
            assert [oct(stat.S_IMODE(path.stat().st_mode)) for path in folders] == ["0o700", "0o700"]
    finally:
        os.umask(before)


def test_a_file_that_others_may_read_is_made_private(sqlite_place: Place) -> None:
    sqlite_place.open().close()
    sqlite_place.path.chmod(0o644)
    sqlite_place.open().close()
    assert oct(stat.S_IMODE(sqlite_place.path.stat().st_mode)) == "0o600"


@pytest.mark.parametrize("how", ["emptied", "deleted", "half written"])
def test_a_database_that_is_gone_does_not_read_as_new(sqlite_place: Place, how: str) -> None:
    sqlite_place.open().close()
    if how == "deleted":
        sqlite_place.path.unlink()
    else:
        os.truncate(sqlite_place.path, 0 if how == "emptied" else 6000)
    with pytest.raises(StoreDamaged if how == "half written" else StoreLost) as refused:
        sqlite_place.open()
    assert str(sqlite_place.path) in refused.value.message


def test_an_emptied_server_database_does_not_read_as_new(postgresql_place: Place) -> None:
    postgresql_place.open().close()
    postgresql_place.run("DROP SCHEMA public CASCADE")
    postgresql_place.run("CREATE SCHEMA public")
    with pytest.raises(StoreLost):
        postgresql_place.open()


def test_another_database_in_its_place_is_noticed(place: Place) -> None:
    place.open().close()
    place.run("UPDATE instance SET uuid = 'another'")
    with pytest.raises(StoreLost, match="another one"):
        place.open()


def test_a_database_without_its_seal_is_taken_as_it_is(place: Place) -> None:
    with place.open() as store:
        instance = store.opened.instance
    (seal,) = place.folder.glob("*.instance")
    seal.unlink()
    with place.open() as store:
        assert store.opened.instance == instance
        assert not store.opened.new
    assert json.loads(seal.read_text())["uuid"] == instance.uuid


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_goes_away_while_it_is_in_use(sqlite_place: Place, tmp_path: Path, how: str) -> None:
    with sqlite_place.open() as store:
        store.still_there()
        sqlite_place.path.rename(tmp_path / "gone.db")
        if how == "replaced":
            sqlite_place.path.write_bytes((tmp_path / "gone.db").read_bytes())
        with pytest.raises(StoreLost, match=how):
            store.still_there()


def test_damage_in_the_middle_is_found_at_the_start(sqlite_place: Place) -> None:
    """A page of rows, which nothing that opening asks for would touch."""
    with sqlite_place.open() as store, store.write() as write:
        for number in range(500):
            cursors.put(write, f"listener {number}", "x" * 200, BEGIN)
    content = sqlite_place.path.read_bytes()
    page = (content.rindex(b"x" * 200) // 4096) * 4096
    with sqlite_place.path.open("r+b") as file:
        file.seek(page)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreDamaged):
        sqlite_place.open()


def test_a_reader_makes_no_new_file_where_the_old_one_was(sqlite_place: Place, tmp_path: Path) -> None:
    with sqlite_place.open() as store:
        sqlite_place.path.rename(tmp_path / "gone.db")
        with pytest.raises(StoreError), store.read() as read:
            cursors.get(read, "docker:pi5")
        assert not sqlite_place.path.exists()


def test_a_server_database_that_is_emptied_while_it_is_in_use(postgresql_place: Place) -> None:
    with postgresql_place.open() as store:
        store.still_there()
        postgresql_place.run("DELETE FROM instance")
        with pytest.raises(StoreLost, match="in use"):
            store.still_there()


def test_who_loses_the_session_loses_the_lock_and_takes_it_again(postgresql_place: Place) -> None:
    with postgresql_place.open() as store:
        postgresql_place.rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with pytest.raises(StoreInUse), postgresql_place.open(who="a second one"):
            store.still_there()
        store.still_there()
        with pytest.raises(StoreInUse):
            postgresql_place.open()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be reached") as refused:
        Store.open(f"postgresql+psycopg://anchorwatch:hunter2@/nothing?host={tmp_path}", at=BEGIN, who="the test")
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


def test_a_database_that_the_server_does_not_have(server: Server) -> None:
    with pytest.raises(StoreError, match=r"cannot be reached|not there"):
        Store.open(server.url("nothing"), at=BEGIN, who="the test")


def test_no_other_kind_of_database() -> None:
    with pytest.raises(StoreError, match="mysql"):
        Store.open("mysql://anchorwatch@db/anchorwatch", at=BEGIN, who="the test")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(f"sqlite:///{tmp_path}/file/anchorwatch.db", at=BEGIN, who="the test")


def test_a_file_system_without_shared_memory_is_refused(tmp_path: Path) -> None:
    """SQLite's own VFS without locks and shared memory stands in for such a file system (https://sqlite.org/vfs.html)."""
    with pytest.raises(StoreError, match="write-ahead log") as refused:
        Store.open(f"sqlite:///{tmp_path}/anchorwatch.db?vfs=unix-none", at=BEGIN, who="the test")
    assert "PostgreSQL" in str(refused.value.hint)


def test_what_is_said_of_damage_and_mended(sqlite_place: Place) -> None:
    with sqlite_place.open() as store:
        with store.write() as write:
            cursors.put(write, "docker:pi5", "42", BEGIN)
        copy = store.back_up(after(1))
        uuid = store.opened.instance.uuid
    with sqlite_place.path.open("r+b") as file:
        file.seek(0)
        file.write(b"no database at all")
    with pytest.raises(StoreDamaged):
        sqlite_place.open()
    done = recovery.recover(sqlite_place.url, at=after(2), who="the test")
    assert done is not None
    assert done.restored == copy
    assert [path.read_bytes()[:18] for path in done.aside[:1]] == [b"no database at all"]
    with sqlite_place.open() as store, store.read() as read:
        assert store.opened.instance.uuid == uuid
        assert not store.opened.new
        assert cursors.get(read, "docker:pi5") == cursors.Cursor("42", BEGIN)


def test_without_a_copy_the_next_start_begins_anew(sqlite_place: Place) -> None:
    sqlite_place.open().close()
    os.truncate(sqlite_place.path, 0)
    done = recovery.recover(sqlite_place.url, at=after(2), who="the test")
    assert done is not None
    assert done.restored is None
    with sqlite_place.open() as store:
        assert store.opened.new


def test_a_copy_that_is_damaged_is_passed_over(sqlite_place: Place) -> None:
    with sqlite_place.open() as store:
        good, bad = store.back_up(after(1)), store.back_up(after(2))
    assert good is not None
    assert bad is not None
    bad.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    sqlite_place.path.unlink()
    done = recovery.recover(sqlite_place.url, at=after(3), who="the test")
    assert done is not None
    assert done.restored == good
    sqlite_place.open().close()
