"""Compose's notation. Expected values are those of Go's documentation of `time.Duration` and of the Compose specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.compare.notation import address, duration, nanoseconds, show, size, size_in_bytes
from anchorwatch.compare.rules.cpu import nano_cpus
from anchorwatch.model.values import Secret

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1m30s", 90 * SECOND),
        ("1.5s", 1_500_000_000),
        ("500ms", 500_000_000),
        ("2h45m", 9_900 * SECOND),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("100ns", 100),
        ("0s", 0),
        ("0", 0),
        ("-1.5h", -5_400 * SECOND),
        (".5s", 500_000_000),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, ns: int) -> None:
    assert nanoseconds(text) == ns


@pytest.mark.parametrize("text", ["30", "s", "1m 30s", "1x", "ten", "1.2.3s", "--1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        nanoseconds(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (90 * SECOND, "1m30s"),
        (120 * SECOND, "2m0s"),
        (3_600 * SECOND, "1h0m0s"),
        (1_500_000_000, "1.5s"),
        (500_000_000, "500ms"),
        (1_100_000, "1.1ms"),
        (1_100, "1.1µs"),
        (2, "2ns"),
        (0, "0s"),
    ],
)
def test_durations_are_written_as_go_writes_them(ns: int, text: str) -> None:
    assert duration(ns) == text


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_a_written_duration_reads_back(ns: int) -> None:
    assert nanoseconds(duration(ns)) == ns


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (512 * 2**20, "512 MiB"),
        (2**30, "1 GiB"),
        (3 * 2**29, "1.5 GiB"),
        (64 * 2**10, "64 KiB"),
        (500_000_000, "500000000 B"),
        (1, "1 B"),
    ],
)
def test_sizes_are_written_exactly(amount: int, text: str) -> None:
    assert size(amount) == text


@pytest.mark.parametrize(
    ("value", "amount"),
    [("536870912", 2**29), (5, 5), ("64m", 2**26), ("1g", 2**30), ("2gb", 2**31), ("300k", 300 * 2**10), ("-1", -1), ("10B", 10)],
)
def test_sizes_are_read_as_the_specification_says(value: str | int, amount: int) -> None:
    assert size_in_bytes(value) == amount


def test_processors_are_counted_in_single_precision() -> None:
    # seen in containers that Compose 2.40 made
    assert nano_cpus("1.234567") == 1234567040
    assert nano_cpus(0.123456789) == 123456792
    assert nano_cpus("0.5") == 500_000_000


def test_addresses_have_one_spelling() -> None:
    assert address("[::0001]") == "::1"
    assert address("host-gateway") == "host-gateway"


@given(st.text(min_size=4))
def test_no_secret_is_shown(text: str) -> None:
    veiled = show({"a": [Secret("\x00\x01" + text)], "b": Secret("\x00\x01" + text)})
    assert veiled is not None
    assert "\\u0000\\u0001" not in veiled
