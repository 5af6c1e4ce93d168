"""A listener before real engines, 20.10 and the newest: what it hears, and what it says of breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lab.engines import Engine
from lab.images import hold, load

from anchorwatch.errors import HostRefused, HostTimeout
from anchorwatch.model.address import HostAddress
from anchorwatch.model.health import Pulse
from anchorwatch.watch.docker_events import DockerListener
from anchorwatch.watch.triggers import MEANINGLESS
from tests.lab_fixtures import eventually
from tests.watch.listening import CALM, QUICK, Listening, Relay, Remembering, frozen

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture(scope="module", params=["old", "newest"])
def engine(request: pytest.FixtureRequest, lab_tools: None) -> Iterator[Engine]:
    with Engine(request.param, name=request.param) as engine:
        load(engine, [hold()])
        engine.docker("create", "--name", "c0", "hold:1")
        yield engine


@pytest.fixture
def address(engine: Engine) -> HostAddress:
    return HostAddress("pi5", engine.url, timeout=10)


class Renames:
    """Renames one container again and again, so that each event can be told from all others."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: list[str] = []
        self._name = engine.docker("ps", "-a", "--filter", "name=^c[0-9]+$", "--format", "{{.Names}}")
        self._stop = threading.Event()

    def make(self, count: int) -> list[str]:
        """So many, and the names that they gave."""
        begin = len(self.names)
        for _ in range(count):
            new = f"c{int(self._name[1:]) + 1}"
            self.engine.request("POST", f"/containers/{self._name}/rename?name={new}")
            self._name = new
            self.names.append(new)
        return self.names[begin:]

    def __enter__(self) -> Renames:
        self._thread = threading.Thread(target=lambda: [self.make(1) for _ in iter(self._stop.is_set, True)])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_what_happens_is_heard_in_order_and_once(address: HostAddress, engine: Engine) -> None:
    with Listening(address) as host:
        engine.docker("run", "--name", "web", "--detach", "hold:1")
        engine.docker("network", "create", "edge")
        engine.docker("network", "connect", "edge", "web")
        engine.docker("volume", "create", "data")
        engine.docker("exec", "web", "true")
        engine.docker("top", "web")
        engine.docker("rm", "--force", "web")
        engine.docker("network", "rm", "edge")
        engine.docker("volume", "rm", "data")
        host.until(lambda: "destroy" in host.ears.actions("volume"), "the last event")
        assert host.ears.words() == ["listening"]
        actions = host.ears.actions()
        assert [action for action in actions if action in {"create", "start", "die", "destroy"}] == [
            "create", "start", "die", "destroy",
        ]  # fmt: skip
        assert len({(event["timeNano"], event["Action"], event["Actor"]["ID"]) for event in host.ears.events}) == len(
            host.ears.events
        )
        assert host.ears.actions("network")[:2] == ["connect", "create"]
        assert not [action for action in actions if action.partition(":")[0] in MEANINGLESS]
        pulse = host.listener.pulse
        assert pulse.ok
        assert pulse.name == "docker:pi5"
        assert host.count("events") >= len(host.ears.events)
        assert pulse.since_at
        assert pulse.heard_at


def test_a_healthcheck_wakes_nobody(engine: Engine) -> None:
    """The engine itself holds back what means nothing."""
    with Relay(engine.socket) as relay, Listening(relay.address) as host:
        engine.docker(
            "run", "--name", "ill", "--detach", "--health-cmd", "true", "--health-interval", "200ms", "hold:1"
        )  # fmt: skip
        host.until(lambda: "start" in host.ears.actions(), "the start")
        before = len(relay.answered)

        def runs() -> int:
            return len(json.loads(engine.docker("inspect", "--format", "{{json .State.Health.Log}}", "ill")) or ())

        host.until(lambda: runs() >= 3, "three runs of the healthcheck")
        assert len(relay.answered) == before
        engine.docker("rm", "--force", "ill")
        host.until(lambda: "destroy" in host.ears.actions(), "the end")


@pytest.mark.parametrize("how", ["end", "reset", "half"])
def test_a_connection_that_breaks_costs_nothing(how: str, engine: Engine) -> None:
    """FIN, RST, and an end in the middle of an event."""
    with Relay(engine.socket) as relay, Listening(relay.address) as host:
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names() == renames.names, "the first rename")
        for _ in range(2):
            sessions = host.count("sessions")
            if how == "half":
                relay.halve = True
                renames.make(1)
            else:
                relay.cut(how)
            renames.make(2)
            host.until(lambda seen=sessions: host.count("sessions") > seen, "another session")  # type: ignore[misc]  # a default for a bound name
            renames.make(1)
            host.until(lambda: host.ears.names()[-1:] == renames.names[-1:], "the last rename")
        assert host.ears.names() == renames.names
        assert host.ears.words() == ["listening"]
        assert host.count("breaks") == 2


def test_nothing_is_lost_between_the_answer_and_the_subscription(engine: Engine) -> None:
    """An engine says 200 before it listens for us itself. One session after the other, while there is no quiet."""
    ears, stop = Remembering(), threading.Event()
    with Relay(engine.socket) as relay:
        listener = DockerListener(relay.address, ears, pace=CALM)
        with Renames(engine) as renames:
            for session in range(1, 101):
                thread = threading.Thread(target=listener.turn, args=(stop,))
                thread.start()
                eventually(lambda: ears.events)
                eventually(lambda wanted=session: listener.pulse.details["sessions"] == wanted, every=0.001)  # type: ignore[misc]  # a default for a bound name
                relay.cut("reset")
                thread.join(5)
        thread = threading.Thread(target=listener.turn, args=(stop,))
        thread.start()
        names = renames.make(1)
        eventually(lambda: ears.names()[-1:] == names)
        listener.close()
        thread.join(5)
    first = renames.names.index(ears.names()[0]) if ears.names()[0] in renames.names else 0
    assert [name for name in ears.names() if name in renames.names] == renames.names[first:]
    assert ears.words() == ["listening"]


def test_more_than_an_engine_remembers(engine: Engine) -> None:
    with Relay(engine.socket) as relay, Listening(relay.address) as host:
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names() == renames.names, "the first rename")
        relay.shut = True
        relay.cut()
        renames.make(300)
        relay.shut = False
        host.until_said("listening", "gap")
        assert host.count("gaps") == 1
        host.until(lambda: host.ears.names()[-1] == renames.names[-1], "the last rename")
        assert host.ears.names()[-200:] == renames.names[-200:]
        assert len(set(host.ears.names())) == len(host.ears.names())


def test_streams_that_are_cut_where_they_are_quiet(engine: Engine) -> None:
    """As a proxy with a short patience does, again and again: nobody hears of it."""
    with Relay(engine.socket) as relay:
        relay.idle = 1.1
        with Listening(relay.address) as host:
            renames = Renames(engine)
            renames.make(1)
            host.until(lambda: host.count("sessions") >= 4, "four sessions")
            renames.make(1)
            host.until(lambda: host.ears.names() == renames.names, "both renames")
            assert host.ears.words() == ["listening"]
            assert host.listener.pulse.ok


def test_a_quiet_stream_is_exchanged_for_a_new_one(address: HostAddress, engine: Engine) -> None:
    with Listening(address, QUICK) as host:
        renames = Renames(engine)
        host.until(lambda: host.count("sessions") >= 3, "three sessions")
        renames.make(2)
        host.until(lambda: host.ears.names() == renames.names, "both renames")
        host.until(lambda: host.count("sessions") >= 6, "six sessions")
        assert host.ears.names() == renames.names
        assert host.ears.words() == ["listening"]
        assert host.count("breaks") == 0


def test_a_quiet_stream_is_exchanged_without_a_gap_though_the_engine_has_forgotten_the_last_event(
    address: HostAddress, engine: Engine
) -> None:
    with Listening(address, QUICK) as host:
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names() == renames.names, "the rename")
        for number in range(130):  # two events each, of a kind that is not asked for
            engine.request("POST", f"/images/hold:1/tag?repo=again&tag=t{number}")
            engine.request("DELETE", f"/images/again:t{number}")
        sessions = host.count("sessions")
        host.until(lambda: host.count("sessions") >= sessions + 2, "two more sessions")
        assert host.ears.words() == ["listening"]


def test_a_restart_goes_on_where_the_last_run_ended(address: HostAddress, engine: Engine) -> None:
    renames = Renames(engine)
    with Listening(address) as host:
        renames.make(2)
        host.until(lambda: host.ears.names() == renames.names, "both renames")
        cursor = host.listener.cursor
    missed = renames.make(3)
    with Listening(address, cursor=cursor) as host:
        host.until_said("listening")
        host.until(lambda: host.ears.names() == missed, "what was missed")
        assert host.listener.cursor != cursor


@pytest.mark.parametrize("cursor", ["", "what", "0 - - -", "9" * 30 + " a b c", "1 container rename x"])
def test_a_cursor_that_leads_nowhere(cursor: str, address: HostAddress, engine: Engine) -> None:
    with Listening(address, cursor=cursor) as host:
        host.until_said("gap" if cursor.startswith("1 ") else "listening")
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names()[-1:] == renames.names, "the rename")


def test_an_engine_that_is_killed_and_comes_back(lab_tools: None, engine: Engine) -> None:
    with Engine(engine.build, name="killed") as other:
        load(other, [hold()])
        with Listening(HostAddress("pi5", other.url)) as host:
            other.docker("create", "--name", "before", "hold:1")
            host.until(lambda: host.ears.actions() == ["create"], "the first container")
            other.kill()
            other.start()
            other.docker("create", "--name", "meanwhile", "hold:1")
            host.until_said("listening", "gap")
            other.docker("create", "--name", "after", "hold:1")
            host.until(lambda: host.ears.events[-1]["Actor"]["Attributes"]["name"] == "after", "the last container")
            assert len(host.ears.actions()) == len(host.ears.events) <= 3


def test_an_engine_that_is_shut_down_and_comes_back(lab_tools: None, engine: Engine) -> None:
    with Engine(engine.build, name="service") as other:
        load(other, [hold()])
        other.docker("run", "--detach", "--restart", "always", "--name", "web", "hold:1")
        with Listening(HostAddress("pi5", other.url)) as host:
            other.shut_down()
            host.until(lambda: "die" in host.ears.actions(), "what happened while it shut down")
            other.start()
            host.until_said("listening", "gap")
            assert host.count("breaks") == 1


def test_an_engine_that_freezes(address: HostAddress, engine: Engine) -> None:
    impatient = HostAddress("pi5", engine.url, timeout=2)
    with Listening(impatient, replace(QUICK, patience=4.0)) as host:
        with frozen(engine):
            host.until_said("listening", "lost")
            assert isinstance(host.ears.error(), HostTimeout)
            assert host.ears.error().hint
            assert not host.listener.pulse.ok
            assert host.listener.pulse.error
        host.until_said("listening", "lost", "found", "listening", within=45)
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names() == renames.names, "the rename")


def test_an_engine_that_freezes_for_a_moment(engine: Engine) -> None:
    with Listening(HostAddress("pi5", engine.url, timeout=0.4), replace(QUICK, patience=60.0)) as host:

        def doubt() -> Pulse | None:
            pulse = host.listener.pulse
            return pulse if pulse.details["state"] == "doubtful" else None

        with frozen(engine):
            pulse = host.until(doubt, "doubt")
            assert pulse is not None
            assert pulse.ok
        host.until(lambda: host.listener.pulse.details["state"] == "well", "it is well again")
        assert host.ears.words() in (["listening"], ["listening", "gap"])


def test_nobody_there(tmp_path: Path) -> None:
    with Listening(HostAddress("pi5", f"unix://{tmp_path}/none"), QUICK) as host:
        host.until_said("lost")
        assert isinstance(host.ears.error(), HostRefused)


def test_an_address_that_is_none() -> None:
    with Listening(HostAddress("pi5", "gopher://pi5"), QUICK) as host:
        host.until_said("lost")
        assert "gopher" in host.ears.error().message


def test_another_engine_at_the_same_address(old_engine: Engine, new_engine: Engine) -> None:
    """Down and up again: each session agrees on the version anew."""
    with Relay(new_engine.socket) as relay, Listening(relay.address) as host:
        for engine in (old_engine, new_engine):
            relay.engine = engine.socket
            sessions = host.count("sessions")
            relay.cut()
            host.until(lambda seen=sessions: host.count("sessions") > seen, "another session")  # type: ignore[misc]  # a default for a bound name
            identity = engine.docker("create", "--name", "swapped", "hold:1")
            host.until(lambda seen=identity: host.ears.events[-1:] and host.ears.events[-1]["Actor"]["ID"] == seen, "it")  # type: ignore[misc]  # as above
            engine.docker("rm", "swapped")
            host.until(lambda: host.ears.actions()[-1] == "destroy", "its end")
            assert host.listener.pulse.details["api"] == ("1.41" if engine is old_engine else "1.51")
        asked = [urlsplit(line.split()[1]).path for line in relay.asked if "/events" in line]
        assert asked == ["/v1.51/events", "/v1.41/events", "/v1.51/events"]
        assert host.ears.words() == ["listening", "gap", "gap"]


def test_only_the_engines_own_time_is_sent(engine: Engine) -> None:
    with Relay(engine.socket) as relay, Listening(relay.address) as host:
        renames = Renames(engine)
        renames.make(1)
        host.until(lambda: host.ears.names() == renames.names, "the rename")
        relay.cut()
        host.until(lambda: host.count("sessions") == 2, "another session")
        first, second = (parse_qs(urlsplit(line.split()[1]).query) for line in relay.asked if "/events" in line)
        assert "until" not in first
        assert first["since"] == ["1.000000000"]
        event = host.ears.events[-1]
        seconds, nanoseconds = divmod(event["timeNano"] - 10**9, 10**9)
        assert second["since"] == [f"{seconds}.{nanoseconds:09d}"]
