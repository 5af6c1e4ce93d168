"""Durations and sizes: what they mean, what is refused, and that writing and reading are each other's inverse."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.config.quantities import DURATION_PATTERN, SIZE_PATTERN, duration, duration_text, size, size_text
from anchorwatch.config.wrong import WrongValue

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("0.25s", 0.25),
        ("400d", 34_560_000),
        ("2w", 1_209_600),
        ("1m1ms", 60.001),
    ],
)
def test_durations_mean_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "30 s",
        "s",
        "1h30",
        "-5s",
        "5 parsecs",
        "1M",
        "٣s",
        "5sx",
        "x5s",
        "1e3s",
        "1.s",
        ".5s",
        "1,5h",
        "∞",
        "0.1ms",
        "1.0005s",
        "40000d",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(WrongValue):
        duration(text)


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 5000), min_size=1))
def test_a_duration_is_the_sum_of_its_parts(parts: dict[str, int]) -> None:
    text = "".join(f"{count}{unit}" for unit, count in parts.items())
    expected = sum((timedelta(**{UNITS[unit]: count}) for unit, count in parts.items()), timedelta())
    if expected > timedelta(days=36600):
        with pytest.raises(WrongValue):
            duration(text)
    else:
        assert duration(text) == pytest.approx(expected.total_seconds(), abs=1e-6)
        assert re.match(DURATION_PATTERN, text)


@given(st.integers(0, 36500 * 86_400_000))
def test_a_duration_that_was_written_reads_as_itself(milliseconds: int) -> None:
    assert duration(duration_text(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.5, "500ms"), (5400, "1h30m"), (86_400, "1d"), (90_061.001, "1d1h1m1s1ms")]
)
def test_a_duration_is_written_with_its_largest_units_first(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0B", 0),
        ("500MB", 500_000_000),
        ("2GB", 2_000_000_000),
        ("2 gb", 2_000_000_000),
        ("1GiB", 1_073_741_824),
        ("1.5kB", 1500),
        ("0.5KiB", 512),
        ("3TB", 3_000_000_000_000),
    ],
)
def test_sizes_mean_bytes(text: str, amount: int) -> None:
    assert size(text) == amount
    assert re.match(SIZE_PATTERN, text)


@pytest.mark.parametrize("text", ["", "2", "2G", "GB", "-2GB", "2  GB", "2GBx", "0.1B", "1.5B", "2PB", "٢GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(WrongValue):
        size(text)


@given(st.integers(0, 10**15))
def test_a_size_that_was_written_reads_as_itself(amount: int) -> None:
    assert size(size_text(amount)) == amount


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (duration, size):
        with suppress(WrongValue):
            assert read(text) >= 0
