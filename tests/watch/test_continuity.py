"""Nothing that an engine tells is lost without a word, and nothing is news twice: held against a model of an engine's memory."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from anchorwatch.watch.continuity import LOOK_BACK, OVERLAP, Continuity, Mark

MEMORY = 256
SECOND = 10**9


def event(at: int, name: str = "a", action: str = "start") -> dict[str, Any]:
    return {"Type": "container", "Action": action, "Actor": {"ID": name, "Attributes": {}}, "timeNano": at}


class Engine(RuleBasedStateMachine):
    """An engine (its memory, its clock), the stream to it, and who listens. As moby `daemon/events/events.go` does it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 1_700_000_000 * SECOND
        self.now = 0.0
        self.memory: deque[dict[str, Any]] = deque(maxlen=MEMORY)
        self.connected = self.listened = False
        self.continuity = Continuity()
        self.heard: list[int] = []
        self.missed: set[int] = set()
        """What happened while nobody listened, and was neither heard nor told to be lost since."""

    @initialize(before=st.sampled_from([0, 1, 300]))
    def begin(self, before: int) -> None:
        for _ in range(before):
            self.happen(1)
        self.clock += 10 * SECOND

    @rule(count=st.sampled_from([1, 2, 3, 254, 255, 256, 257]), apart=st.sampled_from([1, 10**6, SECOND]))
    def happens(self, count: int, apart: int) -> None:
        for _ in range(count):
            self.happen(apart)

    def happen(self, apart: int) -> None:
        self.clock += apart
        one = event(self.clock)
        self.memory.append(one)
        if self.connected:
            self.take(one)
        elif self.listened:
            self.missed.add(self.clock)

    @rule()
    def noise(self) -> None:
        """Healthchecks: not asked for, but remembered."""
        self.clock += SECOND
        self.memory.extend([event(self.clock, action="exec_die")] * MEMORY)

    @rule()
    def breaks(self) -> None:
        self.connected = False

    @rule()
    def restarts(self) -> None:
        """The engine: it forgets."""
        self.connected = False
        self.memory.clear()

    @rule()
    def connects(self) -> None:
        if not self.connected:
            self.subscribe(whole=False)

    @rule()
    def is_exchanged(self) -> None:
        if self.connected:
            self.subscribe(whole=True)

    @rule()
    def is_torn(self) -> None:
        if self.connected:
            self.connected = False
            self.continuity.tear()

    @rule(passed=st.floats(0, 5))
    def time_passes(self, passed: float) -> None:
        self.now += passed
        self.clock += int(passed * SECOND)
        self.judge(self.continuity.due(self.now))

    def subscribe(self, *, whole: bool) -> None:
        at = self.clock // SECOND * SECOND
        since = self.continuity.since(at) or 0
        self.judge(self.continuity.opened(self.now, at, whole))
        replayed: list[dict[str, Any]] = []
        for one in reversed(self.memory):
            if one["timeNano"] < since:
                break
            replayed.insert(0, one)
        for one in replayed:
            if one["Action"] != "exec_die":
                self.take(one)
        self.connected = self.listened = True

    def take(self, one: dict[str, Any]) -> None:
        news, verdict = self.continuity.take(one)
        if news:
            self.heard.append(one["timeNano"])
        self.missed.discard(one["timeNano"])
        self.judge(verdict)

    def judge(self, gap: bool | None) -> None:
        if gap:
            self.missed.clear()

    @invariant()
    def what_is_lost_is_told(self) -> None:
        decided = self.connected and self.continuity.undecided(self.now) is None
        assert not (decided and self.missed)

    @invariant()
    def nothing_is_news_twice(self) -> None:
        assert len(self.heard) == len(set(self.heard))


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)


def follow(continuity: Continuity, *events: dict[str, Any]) -> list[int]:
    return [one["timeNano"] for one in events if continuity.take(one)[0]]


def test_the_last_event_comes_again() -> None:
    continuity = Continuity()
    assert continuity.opened(0, 50 * SECOND, whole=False) is False
    assert follow(continuity, event(60 * SECOND)) == [60 * SECOND]
    assert continuity.since(0) == 60 * SECOND - OVERLAP
    assert continuity.opened(1, None, whole=False) is None
    assert continuity.undecided(1.5) == 1.5
    assert continuity.take(event(60 * SECOND)) == (False, False)
    assert continuity.undecided(1.5) is None
    assert continuity.take(event(61 * SECOND)) == (True, None)


def test_another_one_comes_instead() -> None:
    continuity = Continuity(Mark(5, "container", "start", "a"))
    assert continuity.since(None) == 5
    assert continuity.opened(0, None, whole=False) is None
    assert continuity.take(event(6)) == (True, True)


def test_a_break_where_nothing_was_ever_seen() -> None:
    """The engine may have been restarted, and have forgotten what happened in between."""
    continuity = Continuity()
    assert continuity.opened(0, 100 * SECOND, whole=False) is False
    assert continuity.opened(10, 110 * SECOND, whole=True) is False
    assert continuity.opened(20, 120 * SECOND, whole=False) is True


def test_a_stream_that_is_exchanged_before_there_was_a_verdict() -> None:
    continuity = Continuity(Mark(5, "container", "start", "a"))
    assert continuity.opened(0, None, whole=False) is None
    assert continuity.opened(1, None, whole=True) is None
    assert continuity.due(3) is True


def test_nothing_comes() -> None:
    continuity = Continuity(Mark(5, "container", "start", "a"))
    assert continuity.opened(0, None, whole=False) is None
    assert continuity.due(1.9) is None
    assert continuity.due(2.0) is True
    assert continuity.due(2.1) is None


def test_what_was_before_us_is_no_news_but_something_to_go_on_from() -> None:
    continuity = Continuity()
    assert continuity.since(100 * SECOND) is None
    assert continuity.opened(0, 100 * SECOND, whole=False) is False
    assert follow(continuity, event(1), event(50 * SECOND), event(100 * SECOND - LOOK_BACK)) == [100 * SECOND - LOOK_BACK]
    assert continuity.last == Mark(100 * SECOND - LOOK_BACK, "container", "start", "a")


def test_a_clock_that_is_set_back_later_hides_nothing() -> None:
    continuity = Continuity()
    continuity.opened(0, 100 * SECOND, whole=False)
    assert continuity.due(3) is None
    assert follow(continuity, event(SECOND)) == [SECOND]


def test_two_that_were_handed_out_in_another_order_than_they_were_written_down() -> None:
    continuity = Continuity()
    continuity.opened(0, None, whole=False)
    follow(continuity, event(10 * SECOND), event(11 * SECOND, "late"))
    early = event(11 * SECOND - 5, "early")
    since = continuity.since(None)
    assert since is not None
    assert since <= 11 * SECOND - 5
    continuity.opened(0, None, whole=False)
    assert continuity.take(early) == (True, None)
    assert continuity.take(event(11 * SECOND, "late")) == (False, False)


def test_what_is_torn_goes_on_from_now_and_not_from_what_tore_it() -> None:
    continuity = Continuity()
    continuity.opened(0, None, whole=False)
    follow(continuity, event(10 * SECOND))
    continuity.tear()
    assert continuity.since(30 * SECOND) == 28 * SECOND
    assert continuity.opened(0, 30 * SECOND, whole=False) is True


def test_an_event_without_a_time_is_heard_and_nothing_else() -> None:
    continuity = Continuity()
    for odd in ({}, {"timeNano": None}, {"timeNano": True}, {"timeNano": -1}, {"timeNano": "1"}, {"Actor": 3}):
        assert continuity.take(odd) == (True, None)
    assert continuity.last is None


WORDS = st.text(max_size=20)


@given(st.integers(1, 2**62), WORDS, WORDS, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_mark_as_a_text(at: int, kind: str, action: str, identity: str) -> None:
    mark = Mark.of({"timeNano": at, "Type": kind, "Action": action, "Actor": {"ID": identity}})
    assert mark is not None
    assert Mark.parse(str(mark)) == mark


def test_no_command_line_is_kept() -> None:
    mark = Mark.of(event(1, action="exec_start: login --password hunter2"))
    assert str(mark) == "1 container exec_start a"


@given(st.text(max_size=40))
def test_any_other_text_is_no_mark(text: str) -> None:
    mark = Mark.parse(text)
    assert mark is None or str(mark) == text
