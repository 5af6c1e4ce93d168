"""The stream of one engine's events: real engines over every line, and a fake one for what they cannot be made to say."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.certificates import Certificates
from lab.engines import Engine
from lab.ssh import SshHost

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostForbidden, HostRefused, HostTimeout
from anchorwatch.model.address import HostAddress, SshOptions, TlsOptions
from anchorwatch.observed.events import LARGEST_EVENT, EventStream, Greeting, Lines
from tests.observed.fake_engine import FORBIDDEN, HANG_UP, NOT_FOUND, Answer, FakeEngine, answer, http, told

OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
AT_ONCE = 1.0
"""Seconds that a busy machine may take for what takes none."""
EVENT = (
    b'{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"name":"caf\xc3\xa9 \xf0\x9f\x8d\xb2"}},"timeNano":1}'
)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def stream_of(address: HostAddress, within: float = 20) -> EventStream:
    return EventStream(address, os.environ, within)


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[EventStream]:
    """The stream of a fake engine at `tmp_path / "s"`."""
    stream = stream_of(HostAddress("host", f"unix://{tmp_path}/s"), within=5)
    yield stream
    stream.close()


def subscribed(stream: EventStream, since: int | None = None) -> EventStream:
    stream.subscribe(stream.greet(), ["container"], ["start"], since)
    return stream


def some(stream: EventStream, count: int, within: float = 10) -> list[dict[str, Any]]:
    """The next events, as many as are asked for."""
    found: list[bytes] = []
    until = time.monotonic() + within
    while len(found) < count and time.monotonic() < until:
        found += stream.read(0.5)
    return [json.loads(line) for line in found]


def read_on(stream: EventStream) -> None:
    """Until it ends, or for too long; no event is to come."""
    for _ in range(1000):
        assert stream.read(1) == []


def telling(events: Answer) -> Callable[[str], Answer]:
    return told({"/events": events})


# -- real engines ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["old-unix", "newest-unix", "newest-tcp", "newest-tls", "old-ssh"])
def line(
    request: pytest.FixtureRequest, old_engine: Engine, new_engine: Engine, certificates: Certificates
) -> Iterator[tuple[Engine, HostAddress]]:
    """An engine, and a way to it."""
    role, _, kind = request.param.partition("-")
    match kind:
        case "unix":
            engine = old_engine if role == "old" else new_engine
            yield engine, HostAddress("host", engine.url)
        case "ssh":
            ssh: SshHost = request.getfixturevalue("old_ssh_host")
            yield old_engine, HostAddress("host", ssh.url, ssh=SshOptions(str(ssh.key), str(ssh.known_hosts)))
        case "tcp":
            with Engine("newest", name="tcp", tcp=True) as engine:
                yield engine, HostAddress("host", engine.tcp_url)
        case _:
            files = TlsOptions(str(certificates.ca), str(certificates.client_cert), str(certificates.client_key))
            with Engine("newest", name="tls", certificates=certificates) as engine:
                yield engine, HostAddress("host", engine.tcp_url, tls=files)


def test_events_come_over_every_line(line: tuple[Engine, HostAddress]) -> None:
    engine, address = line
    stream = stream_of(address)
    try:
        greeting = stream.greet()
        assert greeting.at is not None
        assert abs(greeting.at - time.time_ns()) < 5 * 10**9
        stream.subscribe(greeting, ["volume"], ["create", "destroy"], greeting.at)
        assert stream.read(0.01) == []
        engine.docker("volume", "create", "heard")
        (created,) = some(stream, 1)
        assert (created["Type"], created["Action"], created["Actor"]["ID"]) == ("volume", "create", "heard")
        stream.ping()
        engine.docker("volume", "rm", "heard")
        assert some(stream, 1)[0]["Action"] == "destroy"
    finally:
        stream.close()
    again = stream_of(address)
    try:
        subscribed_at = created["timeNano"]
        again.subscribe(again.greet(), ["volume"], None, subscribed_at)
        assert [one["Action"] for one in some(again, 2)] == ["create", "destroy"]
    finally:
        again.close()


def test_it_ends_at_once_over_every_line(line: tuple[Engine, HostAddress]) -> None:
    _, address = line
    stream = stream_of(address)
    stream.subscribe(stream.greet(), ["volume"], ["create"], time.time_ns())
    assert ended_within(stream, lambda: stream.read(60)) < AT_ONCE


def ended_within(stream: EventStream, wait: Callable[[], object], after: float = 0.2) -> float:
    """Seconds between the end of `stream` by another thread, and of what it was waiting for."""
    began = threading.Event()
    outcome: list[BaseException | float] = []

    def waiting() -> None:
        began.set()
        try:
            wait()
        except HostError as problem:
            outcome.append(problem)
        outcome.append(time.monotonic())
        stream.close()

    thread = threading.Thread(target=waiting)
    thread.start()
    began.wait()
    thread.join(after)
    assert thread.is_alive(), "it did not wait at all"
    at = time.monotonic()
    stream.end()
    thread.join(10)
    problem, ended = outcome
    assert isinstance(problem, HostError)
    assert isinstance(ended, float)
    with pytest.raises(HostError):
        stream.greet()
    stream.close()
    return ended - at


# -- what no engine can be made to do --------------------------------------------------------------------------------------


def test_it_ends_at_once_while_an_engine_says_nothing(stream: EventStream, tmp_path: Path) -> None:
    with FakeEngine(lambda _: server.silence(), path=tmp_path / "s") as server:
        assert ended_within(stream, stream.greet) < AT_ONCE


def test_it_ends_at_once_while_a_server_does_not_shake_hands(certificates: Certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = HostAddress("host", f"tcp://127.0.0.1:{listener.getsockname()[1]}", tls=TlsOptions(str(certificates.ca)))
        hello = stream_of(address)
        assert ended_within(hello, hello.greet) < AT_ONCE


def test_it_ends_at_once_while_a_connection_is_awaited() -> None:
    """A hung server: its queue is full, and the kernel answers no more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        far = stream_of(HostAddress("host", f"tcp://127.0.0.1:{listener.getsockname()[1]}"))
        assert ended_within(far, far.greet) < AT_ONCE
        for sock in waiting:
            sock.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_lines_come_out_whole_however_they_are_cut(texts: list[bytes], cuts: list[int]) -> None:
    lines = [text.replace(b"\n", b"") for text in texts]
    data = b"".join(line + b"\n" for line in lines) + b"half a li"
    splitter, found = Lines("host"), []
    for cut in [*cuts, len(data)]:
        found += splitter.feed(data[:cut])
        data = data[cut:]
    assert found == [line for line in lines if line.strip()]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, len(EVENT)), max_size=8),
    st.lists(st.integers(1, 200), max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
)
def test_events_in_any_chunks_and_any_packets(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[int], packets: list[int], end: bytes
) -> None:
    """Letters split over two chunks, two events in one, half a chunk in a packet: nothing of it is seen."""
    body = (EVENT + end) * 3
    said = OPEN
    for size in chunks:
        if body:
            said += chunk(body[:size])
            body = body[size:]
    said += chunk(body) if body else b""

    def events() -> Iterator[bytes]:
        rest = said
        for size in packets:
            if rest:
                yield rest[:size]
                rest = rest[size:]
        if rest:
            yield rest
        yield from server.silence()

    folder = tmp_path_factory.mktemp("e")
    with FakeEngine(telling_each(events), path=folder / "s") as server:
        stream = stream_of(HostAddress("host", server.docker))
        try:
            found = some(subscribed(stream), 3)
        finally:
            stream.end()
            stream.close()
    assert [one["Actor"]["Attributes"]["name"] for one in found] == ["café 🍲"] * 3


def telling_each(events: Callable[[], Iterator[bytes]]) -> Callable[[str], Answer]:
    plain = told({})
    return lambda path: events() if "/events" in path else plain(path)


def test_a_wait_in_the_middle_of_a_chunk_loses_nothing(stream: EventStream, tmp_path: Path) -> None:
    said = OPEN + chunk(EVENT + b"\n") * 2
    turn = threading.Semaphore(0)

    def events() -> Iterator[bytes]:
        for at in range(0, len(said), 7):
            yield said[at : at + 7]
            turn.acquire(timeout=5)
        yield from server.silence()

    with FakeEngine(telling_each(events), path=tmp_path / "s") as server:
        for _ in range(len(OPEN) // 7 + 1):
            turn.release()
        subscribed(stream)
        found = []
        for _ in range(len(said) // 7):
            found += stream.read(0.003)
            turn.release()
        found += [json.dumps(one).encode() for one in some(stream, 2 - len(found))]
        stream.end()
    assert [json.loads(line)["timeNano"] for line in found] == [1, 1]


def test_a_stream_without_chunks(stream: EventStream, tmp_path: Path) -> None:
    """As HTTP/1.0 has it: the body ends with the connection."""
    plain = telling([b"HTTP/1.0 200 OK\r\n\r\n" + EVENT + b"\n" + EVENT[:20], HANG_UP])
    with FakeEngine(plain, path=tmp_path / "s"):
        assert len(some(subscribed(stream), 1)) == 1
        with pytest.raises(HostRefused, match="ended the stream"):
            stream.read(1)


@pytest.mark.parametrize(
    "ending",
    [[HANG_UP], [EVENT[:30], HANG_UP], [b"0\r\n\r\n"], [chunk(EVENT[:30]), HANG_UP], [chunk(EVENT[:30]) + b"0\r\n\r\n"]],
    ids=["between", "in a chunk's head", "the last chunk", "in an event", "the last chunk, in an event"],
)
def test_a_stream_that_ends(ending: list[bytes], stream: EventStream, tmp_path: Path) -> None:
    with FakeEngine(telling([OPEN + chunk(EVENT + b"\n"), *ending]), path=tmp_path / "s"):
        assert len(some(subscribed(stream), 1)) == 1
        with pytest.raises(HostError) as raised:
            read_on(stream)
        assert raised.value.hint


def test_an_event_that_does_not_end(stream: EventStream, tmp_path: Path) -> None:
    def events() -> Iterator[bytes]:
        yield OPEN
        for _ in range(10):
            yield chunk(b"x" * 2**20)
        yield from server.silence()

    with FakeEngine(telling_each(events), path=tmp_path / "s") as server:
        subscribed(stream)
        with pytest.raises(HostBadAnswer, match="more than 4 MiB"):
            read_on(stream)
        stream.end()


def test_the_largest_event_that_may_be() -> None:
    splitter, line = Lines("host"), b"x" * LARGEST_EVENT
    assert splitter.feed(line) == []
    assert splitter.feed(b"\n") == [line]
    with pytest.raises(HostBadAnswer):
        splitter.feed(line + b"x\n")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (FORBIDDEN, HostForbidden),
        (NOT_FOUND, HostForbidden),
        (http(b"", "405 Method Not Allowed"), HostForbidden),
        (answer({"message": "invalid filter"}, "400 Bad Request"), HostBadAnswer),
        (answer({"message": "client version 1.51 is too new"}, "400 Bad Request"), HostBadAnswer),
        (http(b"", "401 Unauthorized"), HostAuthError),
        (http(b"no", "503 Service Unavailable"), HostBadAnswer),
        (http(b"", "302 Found", {"Location": "http://192.0.2.1/"}), HostBadAnswer),
        (b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", HostForbidden),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", HostBadAnswer),
        ([b"HTTP/1.1 200", HANG_UP], HostRefused),
        ([HANG_UP], HostRefused),
    ],
)
def test_a_status_is_looked_at_before_a_stream_is_one(
    said: Answer, kind: type[HostError], stream: EventStream, tmp_path: Path
) -> None:
    with FakeEngine(telling(said), path=tmp_path / "s"), pytest.raises(HostError) as raised:
        subscribed(stream)
    assert type(raised.value).__mro__[: type(raised.value).__mro__.index(HostError)].count(kind) == 1
    assert raised.value.hint


def test_a_proxy_that_permits_nothing(stream: EventStream, tmp_path: Path) -> None:
    with FakeEngine(lambda _: FORBIDDEN, path=tmp_path / "s") as server:
        with pytest.raises(HostForbidden) as raised:
            stream.greet()
        assert "EVENTS=1" in (raised.value.hint or "")
    assert server.requests == [("GET", "/version"), ("HEAD", "/_ping")]


def test_a_proxy_that_permits_no_version(stream: EventStream, tmp_path: Path) -> None:
    pong = b"HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\nContent-Length: 2\r\n\r\n"
    with FakeEngine(told({"/version": FORBIDDEN, "/_ping": pong}), path=tmp_path / "s"):
        assert stream.greet() == Greeting((1, 44), (1, 44), None)


@pytest.mark.parametrize(
    ("said", "greeting"),
    [
        ({"ApiVersion": "1.99", "MinAPIVersion": "1.60"}, ((1, 99), (1, 60))),
        ({"ApiVersion": "1.99", "MinAPIVersion": "1.44"}, ((1, 99), (1, 51))),
        ({"ApiVersion": "1.41"}, ((1, 41), (1, 41))),
        ({"ApiVersion": "1.40"}, None),
        ({"ApiVersion": "new"}, None),
        ([], None),
    ],
)
def test_the_version_that_is_spoken(said: Any, greeting: tuple[Any, Any] | None, stream: EventStream, tmp_path: Path) -> None:
    head = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    with FakeEngine(told({"/version": http(json.dumps(said).encode(), headers=head)}), path=tmp_path / "s"):
        if greeting is None:
            with pytest.raises(HostBadAnswer):
                stream.greet()
        else:
            assert stream.greet() == Greeting(*greeting, 784111777 * 10**9)


def test_what_is_asked(stream: EventStream, tmp_path: Path) -> None:
    """And that nothing of this machine's is in it: no clock, no cookie."""
    with FakeEngine(telling([OPEN, chunk(EVENT + b"\n"), HANG_UP]), path=tmp_path / "s") as server:
        some(subscribed(stream, 1_700_000_000_000_000_005), 1)
    methods, paths = zip(*server.requests, strict=True)
    assert set(methods) == {"GET"}
    asked = urlsplit(paths[-1])
    assert asked.path == "/v1.51/events"
    assert parse_qs(asked.query) == {
        "since": ["1700000000.000000005"],
        "filters": ['{"type":["container"],"event":["start"]}'],
    }
    names = {head.partition(b":")[0].lower() for head in server.heads}
    assert names == {b"host", b"user-agent", b"accept-encoding"}


def test_an_engine_that_sends_no_word_within_its_time(tmp_path: Path) -> None:
    def silence() -> Iterator[bytes]:
        return server.silence()

    with FakeEngine(telling_each(silence), path=tmp_path / "s") as server:
        stream = stream_of(HostAddress("host", server.docker), within=0.5)
        began = time.monotonic()
        with pytest.raises(HostTimeout):
            subscribed(stream)
        assert time.monotonic() - began < 0.5 + AT_ONCE
        stream.close()


def test_a_server_that_closes_after_each_answer(stream: EventStream, tmp_path: Path) -> None:
    healthy = told({})

    def closing(path: str) -> Answer:
        whole = healthy(path)
        return [whole, HANG_UP] if isinstance(whole, bytes) and "/events" not in path else [OPEN, chunk(EVENT + b"\n"), HANG_UP]

    with FakeEngine(closing, path=tmp_path / "s") as server:
        stream.greet()
        stream.greet()
        assert len(some(subscribed(stream), 1)) == 1
    assert server.connections >= 4


def test_a_path_before_the_engines_own() -> None:
    plain = telling([OPEN, chunk(EVENT + b"\n"), HANG_UP])
    with FakeEngine(lambda path: plain(path.removeprefix("/docker"))) as server:
        stream = stream_of(HostAddress("host", server.docker + "/docker/"))
        assert len(some(subscribed(stream), 1)) == 1
        stream.close()
    assert server.requests[-1][1].startswith("/docker/v1.51/events?")


def test_a_server_without_a_certificate_of_ours(certificates: Certificates, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_cert, certificates.server_key)
    with FakeEngine(telling([OPEN]), tls=context) as server:
        stream = stream_of(HostAddress("host", server.docker, tls=TlsOptions()))
        with pytest.raises(HostAuthError):
            stream.greet()
        stream.close()
