"""A snapshot that nobody waits for any more is ended at once by another thread, whatever it waits for, and the next one works."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.certificates import Certificates
from lab.engines import Engine
from lab.ssh import SshHost

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress, SshOptions, TlsOptions
from anchorwatch.observed import EngineConnection, connect
from tests.lab_fixtures import eventually
from tests.observed.fake_engine import VERSION, Answer, FakeEngine, answer, told

AT_ONCE = 0.5
"""Seconds that a busy machine may take for what takes milliseconds; every limit of the conversations here is far longer."""
TIMEOUT = 60.0


@pytest.fixture(scope="module")
def engine(lab_tools: None) -> Iterator[Engine]:
    with Engine("newest", name="interrupted") as engine:
        yield engine


@pytest.fixture(scope="module")
def ssh_host(engine: Engine) -> Iterator[SshHost]:
    with SshHost(engine) as host:
        yield host


@pytest.fixture(params=["unix", "ssh"])
def address(request: pytest.FixtureRequest, engine: Engine) -> HostAddress:
    if request.param == "unix":
        return HostAddress("host", engine.url, timeout=TIMEOUT, deadline=TIMEOUT)
    host: SshHost = request.getfixturevalue("ssh_host")
    options = SshOptions(str(host.key), str(host.known_hosts))
    return HostAddress("host", host.url, ssh=options, timeout=TIMEOUT, deadline=TIMEOUT)


def patient(docker: str) -> EngineConnection:
    return connect(HostAddress("host", docker, timeout=TIMEOUT, deadline=TIMEOUT))


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Look:
    """A snapshot in a thread of its own."""

    def __init__(self, connection: EngineConnection) -> None:
        self.problem: BaseException | None = None
        self._connection = connection
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._connection.snapshot()
        except BaseException as problem:
            self.problem = problem

    def ended_by(self, end: Callable[[], None], after: float = 0.3) -> float:
        """Seconds from `end`, which returns at once too, until the snapshot has ended as one that was given up."""
        self._thread.join(after)
        assert self._thread.is_alive(), f"it did not wait at all: {self.problem!r}"
        began = time.monotonic()
        end()
        assert time.monotonic() - began < AT_ONCE
        self._thread.join(TIMEOUT / 2)
        took = time.monotonic() - began
        assert isinstance(self.problem, HostError)
        assert "given up" in self.problem.message
        assert self.problem.hint
        return took


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "fresh"])
@pytest.mark.parametrize("way", ["interrupt", "close"])
def test_while_an_engine_is_frozen(way: str, kept: bool, address: HostAddress, engine: Engine) -> None:
    with connect(address) as connection:
        if kept:
            connection.snapshot()
        engine.freeze()
        try:
            assert Look(connection).ended_by(getattr(connection, way)) < AT_ONCE
        finally:
            engine.thaw()
        assert connection.snapshot().engine.id == engine.docker("info", "--format", "{{.ID}}")


@pytest.mark.parametrize(
    "head", ["HTTP/1.1 200 OK\r\nContent-Length: 9999", "HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"]
)
@pytest.mark.parametrize("body", [b"{}" + b" " * 5000, b""], ids=["drips", "waits"])
@pytest.mark.parametrize("way", ["interrupt", "close"])
def test_while_a_body_comes(way: str, body: bytes, head: str, tmp_path: Path) -> None:
    """It drips; or it could be whole if only the connection ended, as it does now."""

    def tell(path: str) -> Iterator[bytes]:
        yield f"{head}\r\n\r\n{{}}".encode()
        yield from server.drip(body, every=0.01) if body else server.silence()

    with FakeEngine(tell, path=tmp_path / "s") as server, patient(server.docker) as connection:
        assert Look(connection).ended_by(getattr(connection, way)) < AT_ONCE
        server.tell = told({})
        assert connection.snapshot().engine.id == "fake"
        assert (len(server.requests), server.connections) == (1 + 5, 2)


def test_between_two_questions(tmp_path: Path) -> None:
    """It is not asked on, and no other connection is opened."""
    names = [f"c{number}" for number in range(10_000)]
    rows = answer([{"Id": name} for name in names])

    def tell(path: str) -> Answer:
        if path.endswith("/version"):
            return answer(VERSION)
        return rows if "/containers/json" in path else answer({"Id": path.split("/")[3]})

    with FakeEngine(tell, path=tmp_path / "s") as server, patient(server.docker) as connection:
        assert Look(connection).ended_by(connection.interrupt) < AT_ONCE
        assert 2 < len(server.requests) < len(names)
        assert server.connections == 1
        server.tell = told({})
        assert connection.snapshot().engine.id == "fake"


def test_while_hands_are_not_shaken(certificates: Certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        docker = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        tls = TlsOptions(str(certificates.ca))
        with connect(HostAddress("host", docker, tls=tls, timeout=TIMEOUT, deadline=TIMEOUT)) as connection:
            assert Look(connection).ended_by(connection.interrupt) < AT_ONCE


def test_while_a_connection_is_awaited() -> None:
    """A hung server: its queue is full, and the kernel answers no more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        docker = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with patient(docker) as connection:
            assert Look(connection).ended_by(connection.interrupt) < AT_ONCE
        for sock in waiting:
            sock.close()


def test_nothing_is_under_way(tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        for _ in range(3):
            connection.interrupt()
            connection.interrupt()
            assert connection.snapshot().engine.id == "fake"
    no_address = connect(HostAddress("host", "nonsense"))
    no_address.interrupt()
    no_address.close()


@pytest.mark.parametrize("way", ["interrupt", "close"])
def test_again_and_again_at_any_moment(way: str, tmp_path: Path) -> None:
    """A snapshot works or is given up, nothing else; and no descriptor is left behind."""
    over = threading.Event()

    def end() -> None:
        while not over.wait(0.0007):
            getattr(connection, way)()

    before = descriptors()
    with FakeEngine(told({}), path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        connection.snapshot()
        ending = threading.Thread(target=end)
        ending.start()
        outcomes = set()
        for _ in range(150):
            try:
                outcomes.add(connection.snapshot().engine.id)
            except HostError as problem:
                outcomes.add(problem.message)
        over.set()
        ending.join(5)
        assert outcomes <= {"fake", f"{server.docker} was given up"}
        assert f"{server.docker} was given up" in outcomes
        assert connection.snapshot().engine.id == "fake"
    eventually(lambda: descriptors() <= before, within=5, what="every descriptor closed")


def test_limits_are_those_of_the_address_afterwards(tmp_path: Path) -> None:
    """A snapshot that was given up takes nothing from the time of the next one, nor gives to it."""
    with FakeEngine(lambda _: server.silence(), path=tmp_path / "s") as server:
        address = HostAddress("host", server.docker, timeout=TIMEOUT, deadline=1.5)
        with connect(address) as connection:
            Look(connection).ended_by(connection.interrupt)
            with pytest.raises(HostError, match=r"was not read within 1\.5 s"):
                connection.snapshot()
