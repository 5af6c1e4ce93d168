"""Between 0.8 s and 30 s, longer with each failure, and from the beginning again after two minutes of health."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.watch.backoff import Backoff, wait


def test_it_doubles_up_to_half_a_minute() -> None:
    assert [wait(failures, 0.0) for failures in range(1, 8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]
    assert wait(10**6, 0.999999) < 30.0


@settings(max_examples=100)
@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_it_is_never_shorter_or_longer_than_promised(failures: int, dice: float) -> None:
    assert 0.8 <= wait(failures, dice) <= 30.0
    assert wait(failures, dice) <= wait(failures + 1, dice)


def test_chance_spreads_those_who_failed_together() -> None:
    assert wait(8, 0.9) - wait(8, 0.1) > 10


def test_nothing_is_waited_for_while_all_is_well() -> None:
    assert Backoff().wait(0.5) == 0.0
    assert Backoff().failed(0.0).well(1.0).wait(0.5) == 0.0


def test_a_short_recovery_does_not_count() -> None:
    thrice = Backoff().failed(0.0).failed(1.0).failed(3.0)
    assert thrice.well(10.0).well(100.0).failed(129.0).failures == 4
    assert thrice.well(10.0).well(100.0).failed(130.0).failures == 1
