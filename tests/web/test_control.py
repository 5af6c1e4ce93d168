"""Verbs that reach the running service through its socket."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchorwatch.errors import ControlError, NoService, StoreFull, UsageError
from anchorwatch.model.values import JsonObject
from anchorwatch.web.control import ControlClient, Verb, asgi, socket_of
from anchorwatch.web.server import Server


@contextmanager
def service(path: Path, verbs: Mapping[str, Verb]) -> Iterator[ControlClient]:
    server = Server(asgi(verbs), path)
    server.start()
    try:
        yield ControlClient(path)
    finally:
        server.stop()


def test_a_verb_is_done_there_and_its_answer_comes_back(tmp_path: Path) -> None:
    def echo(arguments: JsonObject) -> JsonObject:
        return {"heard": arguments, "on": threading.current_thread() is threading.main_thread()}

    with service(tmp_path / "s", {"echo": echo}) as client:
        given = {"id": "a", "until": None, "values": [1, 2.5, "é\n"]}
        assert client.ask("echo", given) == {"heard": given, "on": False}


def test_what_a_verb_raises_is_raised_here(tmp_path: Path) -> None:
    def full(arguments: JsonObject) -> JsonObject:
        raise StoreFull("there is no room for the database", hint="make some")

    def wrong(arguments: JsonObject) -> JsonObject:
        raise UsageError("there is no drift 4711")

    def bug(arguments: JsonObject) -> JsonObject:
        raise ValueError("correct horse battery staple")

    with service(tmp_path / "s", {"full": full, "wrong": wrong, "bug": bug}) as client:
        with pytest.raises(StoreFull) as caught:
            client.ask("full", {})
        assert (caught.value.message, caught.value.hint) == ("there is no room for the database", "make some")
        with pytest.raises(UsageError, match="4711") as asked:
            client.ask("wrong", {})
        assert asked.value.hint is None
        with pytest.raises(ControlError) as failed:
            client.ask("bug", {})
        assert "correct horse" not in failed.value.message
        with pytest.raises(ControlError) as unknown:
            client.ask("accept", {})
        assert "does not know this" in unknown.value.message
        assert "version" in (unknown.value.hint or "")


def test_nobody_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "no" / "folder"):
        with pytest.raises(NoService):
            ControlClient(path).ask("prune", {})
    with service(tmp_path / "s", {}):
        left = tmp_path / "left"
        os.link(tmp_path / "s", left)
    with pytest.raises(NoService):
        ControlClient(left).ask("prune", {})


def test_one_that_takes_too_long(tmp_path: Path) -> None:
    go_on = threading.Event()

    def slow(arguments: JsonObject) -> JsonObject:
        go_on.wait(20)
        return {}

    with service(tmp_path / "s", {"slow": slow}):
        with pytest.raises(ControlError, match="has not answered"):
            ControlClient(tmp_path / "s", within=0.2).ask("slow", {})
        go_on.set()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_only_its_own_user_and_root_are_heard(open_folder: Path) -> None:
    """Whatever the rights of the file are: somebody may have changed them."""
    path = open_folder / "s"
    stranger = """
import os, socket, sys
os.setgid(65534), os.setuid(65534)
with socket.socket(socket.AF_UNIX) as s:
    try:
        s.connect(sys.argv[1])
        s.sendall(b"POST /do/echo HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
        print(s.recv(100))
    except OSError as error:
        print(type(error).__name__)
"""

    def asked_by_a_stranger() -> str:
        done = subprocess.run([sys.executable, "-c", stranger, str(path)], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    done: list[JsonObject] = []

    def echo(arguments: JsonObject) -> JsonObject:
        done.append(arguments)
        return {}

    with service(path, {"echo": echo}) as client:
        assert asked_by_a_stranger() == "PermissionError"
        path.chmod(0o666)
        assert asked_by_a_stranger() in {"b''", "ConnectionResetError", "BrokenPipeError"}
        assert done == []
        client.ask("echo", {})
        assert done == [{}]


def test_where_the_socket_lies(tmp_path: Path) -> None:
    assert socket_of("sqlite:////var/lib/anchorwatch/anchorwatch.db", tmp_path) == Path(
        "/var/lib/anchorwatch/anchorwatch.db.sock"
    )
    assert socket_of("postgresql+psycopg://u:p@db/anchorwatch", tmp_path) == tmp_path / "anchorwatch.sock"
