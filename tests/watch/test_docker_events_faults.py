"""What no real engine can be made to do: proxies that refuse, engines to come, streams that say nothing or too much."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from anchorwatch.errors import HostForbidden
from anchorwatch.model.address import HostAddress
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.values import JsonObject
from anchorwatch.watch.docker_events import DockerListener, Pace
from anchorwatch.watch.triggers import MEANINGLESS
from tests.observed.fake_engine import FORBIDDEN, HANG_UP, VERSION, Answer, FakeEngine, answer, http, told
from tests.watch.listening import CALM, QUICK, Listening, Remembering

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
DEAF = Pace(quiet=(0.1, 0.2), lasting=(0.5, 0.6), patience=2.0, stop=0.1)
"""Asks a host that does not let us hear its events for them again, soon."""


def event(at: int, action: str = "start", kind: str = "container", **attributes: str) -> bytes:
    """As engines of API 1.52 and later write it: without `status`, `id` and `from`."""
    actor = {"ID": "c68dbdd1" * 8, "Attributes": attributes}
    document = {"Type": kind, "Action": action, "Actor": actor, "scope": "local", "time": at // 10**9, "timeNano": at}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def old_event(at: int, action: str) -> bytes:
    """As engines up to API 1.51 write it."""
    document = {"status": action, "id": "c68dbdd1" * 8, "from": 'a"b:1'} | json.loads(event(at, action))
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Telling:
    """A healthy engine whose streams of events are told here, one after the other; the last one again and again."""

    def __init__(self, path: Path, *streams: Callable[[], Iterator[bytes]] | Answer, version: Any = None) -> None:
        self._streams = list(streams)
        self._other = told({} if version is None else {"/version": answer({**VERSION, **version})})
        self.server = FakeEngine(self._tell, path=path / "s")
        self.address = HostAddress("pi5", self.server.docker, timeout=2)
        self.streams = 0

    def _tell(self, path: str) -> Answer:
        if "/events" not in path:
            return self._other(path)
        told = self._streams[min(self.streams, len(self._streams) - 1)]
        self.streams += 1
        return told() if callable(told) else told

    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(path).query) for _, path in self.server.requests if "/events" in path]

    def open(self, *lines: bytes) -> Callable[[], Iterator[bytes]]:
        """A stream that says this, and then nothing."""

        def stream() -> Iterator[bytes]:
            yield OPEN
            for line in lines:
                yield chunk(line)
            yield from self.server.silence()

        return stream

    def __enter__(self) -> Telling:
        self.server.__enter__()
        return self

    def __exit__(self, *of: Any) -> None:
        self.server.__exit__(*of)


def quiet(telling: Telling) -> None:
    telling._streams = [telling.open()]


def test_a_stream_that_says_200_and_nothing_else(tmp_path: Path) -> None:
    """Nobody can tell it from a quiet host; but it is opened again and again, and a resync finds what it hid."""
    with Telling(tmp_path) as engine:
        quiet(engine)
        with Listening(engine.address, QUICK) as host:
            host.until(lambda: host.count("sessions") >= 4, "four sessions")
            assert host.ears.words() == ["listening"]
            assert host.listener.pulse.ok


def test_a_proxy_that_permits_no_events(tmp_path: Path) -> None:
    with Telling(tmp_path, FORBIDDEN) as engine, Listening(engine.address, DEAF) as host:
        host.until(lambda: engine.streams >= 3, "it asks again")
        assert host.ears.words() == ["deaf"]
        assert isinstance(host.ears.error(), HostForbidden)
        assert "EVENTS=1" in (host.ears.error().hint or "")
        assert host.listener.pulse.details["state"] == "deaf"
        refused = host.listener.pulse
        assert refused.error == ErrorInfo.of(host.ears.error())
        engine._streams = [engine.open(event(5 * 10**18))]
        host.until(lambda: host.ears.events, "it hears")
        assert host.ears.words() == ["deaf", "listening"]
        assert host.listener.pulse.error is None
        assert host.listener.pulse.ok


def test_a_host_that_permits_no_events_and_goes_out_of_reach(tmp_path: Path) -> None:
    with Telling(tmp_path, FORBIDDEN) as engine, Listening(engine.address, DEAF) as host:
        host.until_said("deaf")
        healthy, engine.server.tell = engine.server.tell, lambda _: [HANG_UP]
        host.until(lambda: len(host.ears.said) == 2, "it is lost")
        engine.server.tell = healthy
        host.until(lambda: len(host.ears.said) == 3, "it is found", within=45)
        assert host.ears.words() == ["deaf", "lost", "found"]


def test_a_proxy_that_permits_nothing(tmp_path: Path) -> None:
    with (
        FakeEngine(lambda _: FORBIDDEN, path=tmp_path / "s") as server,
        Listening(HostAddress("pi5", server.docker), QUICK) as host,
    ):
        host.until_said("lost")
        assert isinstance(host.ears.error(), HostForbidden)
        assert host.ears.error().hint


def test_a_later_engine_is_asked_for_every_action_and_what_means_nothing_is_left_out_here(tmp_path: Path) -> None:
    noise = [event(1000 + at, action) for at, action in enumerate(sorted(MEANINGLESS))]
    noise += [event(2000, "exec_start: sh -c true"), event(2001, "health_status: healthy")]
    wanted = [event(3000, "teleport"), event(3001, "prune", "network"), event(3002, "exec_policy_changed")]
    with Telling(tmp_path, version={"ApiVersion": "1.99"}) as engine:
        engine._streams = [engine.open(*noise, *wanted)]
        with Listening(engine.address, cursor="999 container start a") as host:
            host.until(lambda: len(host.ears.events) == len(wanted), "what means something")
        assert [one["Action"] for one in host.ears.events] == ["teleport", "prune", "exec_policy_changed"]
        assert json.loads(engine.queries()[0]["filters"][0]) == {"type": ["container", "daemon", "network", "volume"]}


def test_an_engine_that_is_known_is_asked_for_what_means_something(tmp_path: Path) -> None:
    with Telling(tmp_path, version={"ApiVersion": "1.52"}) as engine:
        quiet(engine)
        with Listening(engine.address):
            pass
        asked = set(json.loads(engine.queries()[0]["filters"][0])["event"])
    assert {"create", "start", "die", "destroy", "rename", "update", "connect", "disconnect", "pause", "oom"} <= asked
    assert not asked & (MEANINGLESS - {"prune"})


@pytest.mark.parametrize("write", [old_event, event])
def test_a_label_cannot_pass_for_noise(write: Callable[[int, str], bytes], tmp_path: Path) -> None:
    """Labels stand among an event's attributes, and anybody may write them."""
    hostile = json.loads(write(2000, "start"))
    hostile["Actor"]["Attributes"] = {
        "Action": "exec_die",
        "a": '"Type":"container","Action":"exec_die"',
        '{"Type":"container","Action":"top"': "x",
    }
    first = json.dumps({"Type": "container", "Action": 'x","Action":"top"', "timeNano": 1999, "Actor": {}}).encode() + b"\n"
    lines = [first, json.dumps(hostile, separators=(",", ":")).encode() + b"\n", write(2001, "exec_die"), write(2002, "stop")]
    with Telling(tmp_path) as engine:
        engine._streams = [engine.open(*lines)]
        with Listening(engine.address, cursor="1 container start a") as host:
            host.until(lambda: len(host.ears.events) == 3, "three events")
        assert host.ears.actions()[1:] == ["start", "stop"]


@pytest.mark.parametrize(
    "bad",
    [chunk(b"x" * (5 * 2**20)), chunk(b"<html>\n"), chunk(b"[1]\n"), chunk(b'{"Type": \n'), b"no length\r\nwhat\r\n"],
    ids=["oversize", "HTML", "a list", "half an event", "no chunk"],
)
def test_what_cannot_be_a_stream_of_events(bad: bytes, tmp_path: Path) -> None:
    """Given up, and gone on from now: what stood there is lost, which is said."""
    with Telling(tmp_path) as engine:

        def spoilt() -> Iterator[bytes]:
            yield OPEN + chunk(event(1000)) + bad
            yield from engine.server.silence()

        engine._streams = [spoilt, engine.open(event(1000), event(2000))]
        with Listening(engine.address, cursor="1000 container start " + "c68dbdd1" * 8) as host:
            host.until(lambda: len(host.ears.events) == 1, "the event after it")
            assert host.ears.words() == ["listening", "gap"]
            assert host.count("breaks") == 1


def test_the_cursor_is_never_ahead_of_what_was_told(tmp_path: Path) -> None:
    """Who is killed in between hears it again."""

    class Looking(Remembering):
        def heard(self, host: str, event: JsonObject) -> None:
            super().heard(host, event)
            cursors.append(listener.cursor)

    cursors: list[str | None] = []
    first, second, third = (f"{at} container start " + "c68dbdd1" * 8 for at in (1000, 2000, 3000))
    with Telling(tmp_path, [OPEN, *(chunk(event(at)) for at in (1000, 2000, 3000)), b"0\r\n\r\n", HANG_UP]) as engine:
        listener = DockerListener(engine.address, Looking(), cursor=first, pace=CALM)
        listener.turn(threading.Event())
    assert cursors == [first, second]
    assert listener.cursor == third


def test_half_an_event_at_the_end_is_none(tmp_path: Path) -> None:
    with Telling(tmp_path) as engine:
        cut = [OPEN, chunk(event(1000)), chunk(event(2000)[:40]), b"0\r\n\r\n", HANG_UP]
        engine._streams = [cut, engine.open(event(1000), event(2000))]
        with Listening(engine.address, cursor="999 container start a") as host:
            host.until(lambda: len(host.ears.events) == 2, "both")
            assert [one["timeNano"] for one in host.ears.events] == [1000, 2000]
            assert host.ears.words() == ["gap"]  # the cursor's event is gone


def test_an_engine_that_ends_every_stream_at_once_is_not_hammered(tmp_path: Path) -> None:
    with Telling(tmp_path, [OPEN, b"0\r\n\r\n", HANG_UP]) as engine, Listening(engine.address) as host:
        host.until(lambda: host.count("breaks") >= 3, "three breaks")
        assert engine.streams <= host.count("breaks") + 1
        assert "lost" not in host.ears.words()
        wait = host.listener._reach.backoff.failures
        assert wait >= 3


def test_an_engine_that_was_exchanged_for_an_older_one_between_two_questions(tmp_path: Path) -> None:
    refusal = answer({"message": "client version 1.51 is too new. Maximum supported API version is 1.41"}, "400 Bad Request")
    with Telling(tmp_path, refusal) as engine:
        engine._streams = [refusal, engine.open()]
        with Listening(engine.address) as host:
            host.until_said("listening")
            assert engine.streams == 2


def test_a_host_without_a_clock_in_its_answers(tmp_path: Path) -> None:
    with Telling(tmp_path) as engine:
        engine._streams = [engine.open(event(1000), event(2000))]
        with Listening(engine.address, cursor="") as host:
            host.ears._since = 0
            host.until(lambda: host.listener.cursor == "2000 container start " + "c68dbdd1" * 8, "both")
            assert engine.queries()[0]["since"] == ["1.000000000"]


def test_what_was_before_us_is_not_heard(tmp_path: Path) -> None:
    """By the host's own clock, be that right or not."""
    head = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    then = 784111777 * 10**9
    with Telling(tmp_path) as engine:
        engine._other = told({"/version": http(json.dumps(VERSION).encode(), headers=head)})
        engine._streams = [engine.open(event(then - 10**10), event(then), event(then + 5))]
        with Listening(engine.address, cursor="-") as host:
            host.until(lambda: len(host.ears.events) == 2, "two events")
            assert host.ears.events[0]["timeNano"] == then
            assert host.ears.words() == ["listening"]


def test_it_is_closed_while_it_waits_and_before_it_runs(tmp_path: Path) -> None:
    with Listening(HostAddress("pi5", f"unix://{tmp_path}/none"), CALM, wait=False) as host:
        host.until(lambda: host.listener.pulse.details["state"] == "connecting" and host.listener._error, "a first failure")
    host.listener.run(threading.Event())
    assert host.ears.said == []


def test_it_stops_without_being_closed(tmp_path: Path) -> None:
    with Telling(tmp_path) as engine:
        quiet(engine)
        with Listening(engine.address) as host:
            host._stop.set()
            host._thread.join(5)
            assert not host._thread.is_alive()
