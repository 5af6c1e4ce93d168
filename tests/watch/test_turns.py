"""Whose turn it is, in virtual time: seconds are numbers here."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Trigger
from anchorwatch.watch.turns import GRACE_OVER, Cause, Turns, Work

A, B = ProjectKey("pi5", "a"), ProjectKey("pi5", "b")
DIE = Cause(Trigger.DOCKER_EVENT, "die web")
RESYNC = Cause(Trigger.RESYNC, "resync")


def take(turns: Turns, now: float) -> Work:
    work = turns.take(now)
    assert work is not None
    return work


def test_the_first_event_is_looked_at_at_once_and_the_burst_when_it_is_quiet() -> None:
    turns = Turns()
    turns.event(A, DIE, 10.0)
    first = take(turns, 10.0)
    assert (first.key, first.settled, first.reason) == (A, False, "die web")
    turns.done(A, None)
    assert (turns.take(10.4), turns.next_at()) == (None, 10.5)
    turns.event(A, DIE, 10.4)
    assert (turns.take(10.89), turns.next_at()) == (None, 10.9)
    settled = take(turns, 10.9)
    assert (settled.settled, settled.reason) == (True, "die web and 1 more")
    turns.done(A, None)
    assert (turns.take(99.0), turns.next_at()) == (None, None)


def test_a_look_that_had_to_come_late_is_followed_by_a_quiet_one() -> None:
    turns = Turns()
    turns.event(A, DIE, 0.0)
    turns.event(A, DIE, 7.0)
    late = turns.take(7.001)  # every worker was busy, and the last event is a moment old
    assert late is not None
    assert late.settled
    turns.done(A, None)
    assert turns.take(7.4) is None
    quiet = turns.take(7.5)
    assert quiet is not None
    assert quiet.settled
    turns.done(A, None)
    assert turns.next_at() is None


def test_a_burst_that_does_not_end_is_looked_at_every_three_seconds() -> None:
    turns = Turns()
    looks = []
    for tick in range(101):
        now = tick / 10
        turns.event(A, DIE, now)
        if (work := turns.take(now)) is not None:
            looks.append((now, work.settled))
            turns.done(A, None)
    assert looks == [(0.0, False), (3.0, True), (6.0, True), (9.0, True)]


def test_one_in_flight_a_key_and_keys_in_the_order_of_their_turn() -> None:
    turns = Turns()
    turns.event(B, DIE, 1.0)
    turns.event(A, DIE, 2.0)
    assert [take(turns, 2.0).key, take(turns, 2.0).key] == [B, A]
    assert (turns.take(50.0), turns.next_at(), turns.flying) == (None, None, {B: 2.0, A: 2.0})
    turns.done(A, None)
    assert take(turns, 50.0).key == A


def test_what_happens_during_a_look_is_looked_at_after_it() -> None:
    turns = Turns()
    turns.ask(A, RESYNC, 0.0)
    assert take(turns, 0.0).settled
    turns.event(A, DIE, 0.1)
    assert (turns.take(30.0), turns.next_at()) == (None, None)
    turns.done(A, None)
    assert take(turns, 0.2).settled is False
    turns.done(A, None)
    assert take(turns, 0.6).settled is True


def test_whoever_asks_gets_one_settled_look() -> None:
    turns = Turns()
    turns.ask(A, RESYNC, 0.0)
    turns.ask(A, RESYNC, 0.1)
    assert take(turns, 0.1).settled
    turns.done(A, None)
    assert turns.next_at() is None


def test_a_commit_in_a_burst_is_looked_at_at_once_and_settled_with_it() -> None:
    turns = Turns()
    turns.event(A, DIE, 0.0)
    assert not take(turns, 0.0).settled
    turns.done(A, None)
    turns.ask(A, Cause(Trigger.COMMIT, "commit 4f0c"), 0.2)
    assert not take(turns, 0.2).settled
    turns.done(A, None)
    assert (turns.take(0.4), take(turns, 0.5).settled) == (None, True)


def test_an_event_after_an_ask_that_nobody_has_taken() -> None:
    turns = Turns()
    turns.ask(A, RESYNC, 0.0)
    turns.event(A, DIE, 0.3)
    assert not take(turns, 0.3).settled
    turns.done(A, None)
    assert take(turns, 0.8).settled


def test_late_workers_look_once() -> None:
    turns = Turns()
    turns.event(A, DIE, 0.0)
    work = take(turns, 7.0)
    assert (work.settled, work.late) == (True, 7.0)
    turns.done(A, None)
    assert turns.next_at() is None


def test_a_failure_is_tried_again_and_nothing_hurries_it() -> None:
    turns = Turns()
    turns.event(A, DIE, 0.0)
    take(turns, 0.0)
    assert turns.failed(A, 0.1, 0.0) == 0.9
    turns.event(A, DIE, 0.2)
    assert (turns.take(0.8), turns.next_at()) == (None, 0.9)
    again = take(turns, 0.9)
    assert (again.attempt, again.settled) == (1, True)
    assert turns.failed(A, 1.0, 0.0) == 2.6
    last = take(turns, 2.6)
    assert (last.attempt, last.settled, last.cause) == (2, True, DIE)
    turns.done(A, None)
    turns.event(A, DIE, 3.0)
    assert take(turns, 3.0).attempt == 0


def test_a_clock_wakes_a_key_and_the_latest_word_counts() -> None:
    turns = Turns()
    turns.wake(A, 30.0)
    turns.wake(A, 20.0)
    assert (turns.take(19.9), turns.next_at(), turns.waiting) == (None, 20.0, frozenset())
    work = take(turns, 20.0)
    assert (work.settled, work.cause) == (True, GRACE_OVER)
    turns.done(A, 50.0)
    turns.wake(A, None)
    assert turns.next_at() is None


def test_a_burst_does_what_the_clock_would_have_asked_for() -> None:
    turns = Turns()
    turns.wake(A, 0.2)
    turns.event(A, DIE, 0.1)
    assert not take(turns, 0.1).settled
    turns.done(A, 0.2)
    assert (turns.take(0.3), turns.next_at()) == (None, 0.6)
    assert take(turns, 0.6).settled
    turns.done(A, None)
    assert turns.next_at() is None


def test_a_forgotten_key_is_left_alone() -> None:
    turns = Turns()
    turns.event(A, DIE, 0.0)
    turns.wake(B, 5.0)
    turns.forget([A, B])
    assert turns.next_at() is None


@dataclass
class Due:
    """What was promised for a key: a look that begins after its last event, and before the deadline."""

    first_at: int
    last_at: int
    asked_only: bool


class Day(RuleBasedStateMachine):
    """Times are eighths of a second, so that floats are exact. A worker takes whatever is due after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = Turns()
        self.now = 0
        self.owed: dict[ProjectKey, Due] = {}
        self.flying: dict[ProjectKey, Work] = {}
        self.held: dict[ProjectKey, float] = {}

    @rule(eighths=st.sampled_from([1, 2, 4, 8, 24, 80, 400]))
    def time_passes(self, eighths: int) -> None:
        self.now += eighths

    @rule(key=st.sampled_from([A, B]), times=st.integers(1, 3))
    def events(self, key: ProjectKey, times: int) -> None:
        for _ in range(times):
            self.turns.event(key, DIE, self.now / 8)
        due = self.owed.setdefault(key, Due(self.now, self.now, asked_only=False))
        due.last_at, due.asked_only = self.now, False

    @rule(key=st.sampled_from([A, B]))
    def somebody_asks(self, key: ProjectKey) -> None:
        self.turns.ask(key, RESYNC, self.now / 8)
        self.owed.setdefault(key, Due(self.now, self.now, asked_only=True))

    @rule()
    def a_worker_takes(self) -> None:
        while (work := self.turns.take(self.now / 8)) is not None:
            assert work.key not in self.flying
            assert self.now / 8 >= self.held.get(work.key, 0)
            self.flying[work.key] = work
            if work.settled and (due := self.owed.pop(work.key, None)) is not None:
                quiet, long = self.now - due.last_at >= 4, self.now - due.first_at >= 24
                assert quiet or long or due.asked_only

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), wake=st.none() | st.integers(0, 400))
    def a_worker_is_done(self, data: st.DataObject, wake: int | None) -> None:
        key = data.draw(st.sampled_from(sorted(self.flying)))
        self.turns.done(key, None if wake is None else (self.now + wake) / 8)
        del self.flying[key]
        self.held.pop(key, None)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def a_worker_fails(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.flying)))
        self.held[key] = self.turns.failed(key, self.now / 8, 0.5)
        assert 0.8 <= self.held[key] - self.now / 8 <= 30
        self.flying.pop(key)
        self.owed.setdefault(key, Due(self.now, self.now, asked_only=True))

    @rule()
    def workers_catch_up(self) -> None:
        """Everything that is owed is looked at in the end, settled, and soon."""
        self.now += 31 * 8
        for key in list(self.flying):
            self.turns.done(key, None)
            self.held.pop(key, None)
        self.flying.clear()
        for _ in range(8):
            self.a_worker_takes()
            for key in list(self.flying):
                self.turns.done(key, None)
                self.held.pop(key, None)
            self.flying.clear()
        assert self.owed == {}
        assert self.turns.waiting == frozenset()

    @invariant()
    def what_is_owed_is_known(self) -> None:
        assert self.turns.waiting >= self.owed.keys()
        assert self.turns.flying.keys() == self.flying.keys()


Day.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestDay = Day.TestCase
