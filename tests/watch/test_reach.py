"""A host that is silent is lost within 75 s, and one that is back within 20 s never was. Whatever the dice say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.watch.docker_events import Pace
from anchorwatch.watch.reach import Reach, State

QUIET = Pace().quiet[1]
"""Seconds for which a stream may be quiet before anybody asks."""
REAPING = 3.0
"""Seconds that ending an ssh may take."""


def lost_after(timeout: float, fails_after: float, dice: list[float], came_back: float = float("inf")) -> float | None:
    """Seconds from the beginning of a silence until the host is lost; None where it was found again at `came_back`.

    Each attempt fails after `fails_after` seconds, or when its time is over.
    """
    reach, now = Reach(0.0).well(0.0), QUIET
    for roll in dice * 50:
        began, within = now, reach.within(timeout, now)
        if now >= came_back:
            return None
        now += min(within, fails_after)
        reach = reach.failed(began, now)
        if reach.state is State.LOST:
            return now
        now += reach.wait(roll, now)
    raise AssertionError("it is neither lost nor found")


@settings(max_examples=300)
@given(
    st.floats(0.5, 300), st.floats(0.001, 400), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=9)
)  # fmt: skip
def test_a_silent_host_is_lost_within_75_seconds(timeout: float, fails_after: float, dice: list[float]) -> None:
    after = lost_after(timeout, fails_after, dice)
    assert after is not None
    assert QUIET + 20 < after <= 75 - REAPING


@settings(max_examples=300)
@given(st.floats(0, 20), st.floats(0.001, 2), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=9))
def test_a_break_that_heals_within_20_seconds_is_none(healed: float, fails_after: float, dice: list[float]) -> None:
    assert lost_after(10, fails_after, dice, QUIET + healed) is None


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1000))
def test_a_host_that_never_answered_is_lost_as_well(dice: float, began: float) -> None:
    reach, now = Reach(began), began
    while reach.state is not State.LOST:
        reach = reach.failed(now, now)
        now += reach.wait(dice, now)
        assert now - began < 60.001  # 60 is never reached, but for how floats are rounded
    assert reach.since - began >= 30


def test_it_is_said_once() -> None:
    reach = Reach(0.0).failed(0, 0).failed(40, 40)
    assert reach.state is State.LOST
    again = reach.failed(100, 100)
    assert (again.state, again.since) == (State.LOST, 40)
    assert again.well(110).state is State.WELL
    assert again.well(110).well(120).since == 110


def test_what_had_worked_is_tried_again_at_once_and_what_had_not_is_not() -> None:
    assert Reach(0.0).well(0).failed(10, 10).wait(0.5, 10) == 0.0
    assert Reach(0.0).well(0).failed(0.1, 0.1).wait(0.5, 0.1) > 0.8
    assert Reach(0.0).failed(0, 0).wait(0.5, 0) > 0.8


def test_one_that_answers_and_ends_again_and_again_is_asked_ever_more_rarely() -> None:
    reach, now, waits = Reach(0.0), 0.0, []
    for _ in range(8):
        reach = reach.well(now).failed(now, now)
        waits.append(reach.wait(0.0, now))
        now += waits[-1]
    assert waits == [0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0, 15.0]
    assert reach.state is State.DOUBTFUL


def test_a_lost_host_has_all_the_time_of_its_config() -> None:
    reach = Reach(0.0).failed(0, 0).failed(40, 40)
    assert reach.within(120, 50) == 120
