"""The server against clients that are slow, many or rude."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import stat
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from anchorwatch.errors import ListenError
from anchorwatch.web.server import CONNECTIONS, Server
from tests.lab_fixtures import eventually
from tests.web.asking import served


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def fails(request: Request) -> Response:
    raise ValueError("correct horse battery staple")


APP = Router([Route("/", hello), Route("/fails", fails)])


def test_an_answer_is_dated_and_ends_the_connection() -> None:
    with served(APP) as site:
        answer = site.ask("GET", "/")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["connection"] == "close"
    assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()) < 60
    assert "server" not in answer.headers


def test_a_failure_is_answered_and_keeps_its_words_to_itself(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), served(APP) as site:
        answer = site.ask("GET", "/fails")
        assert site.ask("GET", "/").status == 200
    assert answer.status == 500
    assert b"correct horse" not in answer.body
    assert "correct horse" not in caplog.text
    assert "ValueError at tests.web.test_server:" in caplog.text


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"]
)
def test_who_does_not_finish_is_closed(sent: bytes) -> None:
    with served(APP, answer_within=0.3) as site, socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as client:
        client.sendall(sent)
        begun = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            while client.recv(4096):
                pass
        assert time.monotonic() - begun < 5


def test_who_drips_is_closed_too() -> None:
    with served(APP, answer_within=0.3) as site, socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as client:
        client.settimeout(0.02)
        client.sendall(b"GET / HTTP/1.1\r\nX: ")

        def closed() -> bool:
            try:
                client.sendall(b"y")
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        eventually(closed, within=5, what="the connection to be closed")


def test_a_head_without_end_is_refused() -> None:
    with served(APP) as site, socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000)
            assert client.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert site.ask("GET", "/").status == 200


def test_too_many_connections_are_closed_unheard_and_the_rest_goes_on() -> None:
    with served(APP) as site, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", site.server.port)
        idle = [stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(CONNECTIONS)]
        with socket.create_connection(address, timeout=10) as one_more, contextlib.suppress(ConnectionError):
            one_more.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one_more.recv(100) == b""
        idle.pop().close()

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return site.ask("GET", "/").status == 200
            return False

        eventually(answers, within=5, what="room for one")


FEW_FILES = """
import resource, sys, time
from starlette.responses import PlainTextResponse
from anchorwatch.web.server import Server
server = Server(PlainTextResponse("hello"), ("127.0.0.1", 0))
server.start()
print(server.port, flush=True)
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
sys.stdin.read()
server.stop()
"""


def test_it_outlives_a_lack_of_file_descriptors() -> None:
    with subprocess.Popen([sys.executable, "-c", FEW_FILES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = ("127.0.0.1", int(process.stdout.readline()))
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(address, timeout=10))

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=2) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return client.recv(4096).startswith(b"HTTP/1.1 200 ")
            return False

        eventually(answers, within=10, what="an answer")
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_thread_that_ends_by_itself_is_told_of() -> None:
    async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
        asyncio.get_running_loop().stop()

    died: list[BaseException | None] = []
    server = Server(leaves, ("127.0.0.1", 0), died=died.append)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: died, within=10, what="its end to be told")
    assert isinstance(died[0], RuntimeError)
    server.stop()


def test_it_stops_in_time_whatever_is_under_way() -> None:
    asked = threading.Event()

    async def hangs(request: Request) -> Response:
        asked.set()
        await request.receive()
        await request.receive()
        await request.receive()
        return PlainTextResponse("never")

    server = Server(Router([Route("/", hangs)]), ("127.0.0.1", 0))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(10)
        begun = time.monotonic()
        server.stop(within=0.4)
        assert time.monotonic() - begun < 2
        eventually(lambda: not server.running, within=5, what="its thread to end")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_port_that_is_taken() -> None:
    with served(APP) as site, pytest.raises(ListenError) as caught:
        Server(APP, ("127.0.0.1", site.server.port)).start()
    assert f"127.0.0.1:{site.server.port}" in caught.value.message
    assert "listen" in (caught.value.hint or "")


@pytest.mark.parametrize("host", ["no-such-name.invalid", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(ListenError):
        Server(APP, (host, 0)).start()


def test_ipv6() -> None:
    server = Server(APP, ("::1", 0))
    server.start()
    try:
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    finally:
        server.stop()


def test_a_unix_socket_is_its_owners_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 60) / ("b" * 60) / "anchorwatch.db.sock"  # longer than an address of a socket may be
    path.parent.mkdir(parents=True)
    path.write_text("left by one that was killed")
    server = Server(APP, path)
    server.start()
    status = path.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["anchorwatch.db.sock"]
    server.stop()
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ListenError) as caught:
        Server(APP, tmp_path / "nowhere" / "x.sock").start()
    assert str(tmp_path / "nowhere" / "x.sock") in caught.value.message
