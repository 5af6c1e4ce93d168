"""No connection waits longer than its deadline, whatever the other side does or leaves undone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchorwatch.errors import HostBadAnswer, HostTimeout
from anchorwatch.model.address import HostAddress
from anchorwatch.observed import connect, observe
from tests.observed.fake_engine import VERSION, FakeEngine, answer, told

TIMEOUT = 0.4
SLACK = 4.0
"""Seconds that a busy machine may add."""


@contextmanager
def given_up_within(seconds: float) -> Iterator[pytest.ExceptionInfo[HostTimeout]]:
    began = time.monotonic()
    with pytest.raises(HostTimeout) as raised:
        yield raised
    assert time.monotonic() - began < seconds + SLACK
    assert raised.value.hint


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    with FakeEngine(lambda _: server.silence(), path=tmp_path / "s") as server, given_up_within(TIMEOUT) as raised:
        observe(HostAddress("host", server.docker, timeout=TIMEOUT))
    assert "0.4 s" in raised.value.message


@pytest.mark.parametrize("sent_at_once", [0, 20, 60], ids=["status", "headers", "body"])
def test_a_server_that_drips(sent_at_once: int, tmp_path: Path) -> None:
    whole = answer({**VERSION, "Filler": "x" * 1000})

    def tell(path: str) -> Iterator[bytes]:
        if sent_at_once:
            yield whole[:sent_at_once]
        yield from server.drip(whole[sent_at_once:], every=TIMEOUT / 10)

    with FakeEngine(tell, path=tmp_path / "s") as server, given_up_within(TIMEOUT):
        observe(HostAddress("host", server.docker, timeout=TIMEOUT))


def test_many_slow_answers_reach_the_deadline_of_the_whole(tmp_path: Path) -> None:
    identities = [f"c{number}" for number in range(100)]

    def tell(path: str) -> Iterator[bytes]:
        if path.endswith("/version"):
            yield answer(VERSION)
        elif "/containers/json" in path:
            yield answer([{"Id": identity} for identity in identities])
        else:
            whole = answer({"Id": path.split("/")[3]})
            yield from server.drip(whole[:5], every=0.04)
            yield whole[5:]

    with FakeEngine(tell, path=tmp_path / "s") as server, given_up_within(0.8) as raised:
        observe(HostAddress("host", server.docker, timeout=5, deadline=0.8))
    assert "0.8 s" in raised.value.message


def test_an_answer_without_end(tmp_path: Path) -> None:
    def tell(path: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b" " * 1_000_000

    with FakeEngine(tell, path=tmp_path / "s") as server, pytest.raises(HostBadAnswer, match="MiB"):
        observe(HostAddress("host", server.docker, timeout=20))


def test_an_endless_row_of_interim_answers(tmp_path: Path) -> None:
    def tell(path: str) -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n"

    with FakeEngine(tell, path=tmp_path / "s") as server, given_up_within(TIMEOUT):
        observe(HostAddress("host", server.docker, timeout=TIMEOUT))


def test_a_socket_nobody_accepts_from(tmp_path: Path) -> None:
    """A hung engine: first its queue takes the connections in, then it is full."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        address = HostAddress("host", f"unix://{tmp_path}/s", timeout=TIMEOUT)
        with connect(address) as first, connect(address) as second:
            with given_up_within(TIMEOUT):
                first.snapshot()
            with given_up_within(TIMEOUT):
                second.snapshot()
            waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
            for sock in waiting:
                sock.setblocking(False)
                sock.connect_ex(str(tmp_path / "s"))
            with given_up_within(TIMEOUT):
                second.snapshot()
            for sock in waiting:
                sock.close()


def test_a_host_gets_its_whole_time_again_for_the_next_snapshot(tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        healthy = server.tell
        with connect(HostAddress("host", server.docker, timeout=2, deadline=3)) as connection:
            server.tell = lambda _: server.silence()
            with given_up_within(2):
                connection.snapshot()
            server.tell = healthy
            assert connection.snapshot().containers == ()


def test_a_port_that_takes_connections_and_says_nothing() -> None:
    with FakeEngine(lambda _: server.silence()) as server, given_up_within(TIMEOUT):
        observe(HostAddress("host", server.docker, timeout=TIMEOUT))
