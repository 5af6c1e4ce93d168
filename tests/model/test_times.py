"""Moments as people write them: local time, honest about the two nights of the year when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anchorwatch.errors import UsageError
from anchorwatch.model.times import ago, lasted, local_zone, read_moment, shown

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)


def read(text: str, zone: ZoneInfo = BERLIN, now: datetime = NOW) -> str:
    return read_moment(text, now, zone).isoformat()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T03:00:00Z", "2026-11-20T03:00:00+00:00"),
        ("2026-11-20T03:00:00+05:30", "2026-11-19T21:30:00+00:00"),
        ("2026-11-20 03:00", "2026-11-20T02:00:00+00:00"),
        ("2026-07-20 03:00", "2026-07-20T01:00:00+00:00"),
        ("2026-11-20", "2026-11-19T23:00:00+00:00"),
        ("2026-11-20T03:00:00.123456Z", "2026-11-20T03:00:00.123456+00:00"),
        ("7d", "2026-11-16T04:30:00+00:00"),
        ("36h", "2026-11-21T16:30:00+00:00"),
        ("1h30m", "2026-11-23T03:00:00+00:00"),
        ("yesterday", "2026-11-21T23:00:00+00:00"),
        ("yesterday 03:00", "2026-11-22T02:00:00+00:00"),
        ("today", "2026-11-22T23:00:00+00:00"),
        ("03:00", "2026-11-23T02:00:00+00:00"),
        ("now", "2026-11-23T04:30:00+00:00"),
    ],
)
def test_what_people_write(text: str, moment: str) -> None:
    assert read(text) == moment


NO_TIMES = ("", "soon", "7", "7y", "2026-13-01", "25:00", "yesterday 3", "2026-11-20T", "-7d", "99999999d", "٧d")


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        read(text)
    assert wrong.value.hint


def test_a_day_is_24_hours_also_when_the_clocks_are_changed() -> None:
    monday = datetime(2026, 10, 26, 12, tzinfo=BERLIN)
    assert read_moment("2d", monday, BERLIN).astimezone(BERLIN).hour == 13


def test_a_local_time_that_was_twice_is_refused_with_both() -> None:
    with pytest.raises(UsageError, match="was twice") as wrong:
        read("2026-10-25 02:30")
    assert wrong.value.hint == "write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00"
    first, second = read("2026-10-25T02:30:00+02:00"), read("2026-10-25T02:30:00+01:00")
    assert (first, second) == ("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00")


def test_a_local_time_that_never_was_is_refused() -> None:
    with pytest.raises(UsageError, match="never was"):
        read("2026-03-29 02:30")


def test_a_day_that_begins_at_one_o_clock() -> None:
    """São Paulo, 2018: at midnight clocks went to 01:00."""
    assert read("2018-11-04", ZoneInfo("America/Sao_Paulo")) == "2018-11-04T03:00:00+00:00"


def test_a_day_that_begins_twice() -> None:
    """Havana, 2026-11-01: at 01:00 clocks went back to midnight."""
    assert read("2026-11-01", ZoneInfo("America/Havana")) == "2026-11-01T04:00:00+00:00"


ZONES = st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kolkata"])


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)), ZONES)
def test_what_is_shown_reads_as_what_it_was(naive: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    moment = naive.replace(microsecond=0, tzinfo=UTC)
    local = moment.astimezone(zone)
    assert read_moment(local.isoformat(), NOW, zone) == moment
    plain = local.replace(tzinfo=None, fold=0)
    assume(plain.replace(tzinfo=zone).utcoffset() == plain.replace(tzinfo=zone, fold=1).utcoffset())
    assert read_moment(shown(moment, zone).rpartition(" ")[0], NOW, zone) == moment


def test_the_two_o_clocks_of_autumn_look_different() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert shown(first, BERLIN) == "2026-10-25 02:30:00 CEST"
    assert shown(first + timedelta(hours=1), BERLIN) == "2026-10-25 02:30:00 CET"
    assert shown(first, ZoneInfo("Asia/Kathmandu")) == "2026-10-25 06:15:00 +05:45"


def test_the_zone_of_the_environment() -> None:
    assert local_zone({"TZ": "Europe/Berlin"}) == BERLIN
    assert local_zone({}) is None
    assert local_zone({"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (41.9, "41s"), (725, "12m 5s"), (3600, "1h"), (3601, "1h"), (93784, "1d 2h"), (86400 * 400, "400d"), (-5, "0s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert lasted(seconds) == text


def test_ago() -> None:
    assert ago(NOW - timedelta(hours=3, minutes=5), NOW) == "3h 5m ago"
    assert ago(NOW + timedelta(seconds=5), NOW) == "just now"
