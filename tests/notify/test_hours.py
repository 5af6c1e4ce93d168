"""When a digest is due and when quiet hours end, in real time zones and over their changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.model.service import Digest, QuietHours
from anchorwatch.notify.hours import next_digest, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("digest", "now", "due"),
    [
        (Digest("hourly"), "2026-11-22 22:40", "2026-11-22 23:00"),
        (Digest("hourly"), "2026-11-22 23:00", "2026-11-23 00:00"),
        (Digest("daily", time(8)), "2026-11-22 06:59", "2026-11-22 07:00"),  # 08:00 in Berlin in winter
        (Digest("daily", time(8)), "2026-11-22 07:00", "2026-11-23 07:00"),
        (Digest("daily", time(8)), "2026-07-22 05:59", "2026-07-22 06:00"),
        (Digest("weekly", time(8, 30), 0), "2026-11-22 12:00", "2026-11-23 07:30"),  # from a Sunday
        (Digest("weekly", time(8, 30), 0), "2026-11-23 07:30", "2026-11-30 07:30"),
        (Digest("daily", time(2, 30)), "2026-10-24 12:00", "2026-10-25 00:30"),  # there is 02:30 twice: the first
        (Digest("daily", time(2, 30)), "2026-03-28 12:00", "2026-03-29 01:30"),  # there is none: 03:30, an hour later
    ],
)
def test_the_next_digest(digest: Digest, now: str, due: str) -> None:
    assert next_digest(digest, utc(now), BERLIN) == utc(due)


@pytest.mark.parametrize(
    ("begin", "end", "now", "until"),
    [
        (time(22), time(7), "2026-11-22 20:59", None),
        (time(22), time(7), "2026-11-22 21:00", "2026-11-23 06:00"),
        (time(22), time(7), "2026-11-23 05:59", "2026-11-23 06:00"),
        (time(22), time(7), "2026-11-23 06:00", None),
        (time(13), time(15), "2026-11-23 12:30", "2026-11-23 14:00"),
        (time(13), time(15), "2026-11-23 14:30", None),
        (time(22), time(7), "2026-10-24 22:00", "2026-10-25 06:00"),  # the night that has an hour more
    ],
)
def test_the_end_of_quiet_hours(begin: time, end: time, now: str, until: str | None) -> None:
    assert quiet_until(QuietHours(begin, end, "Europe/Berlin"), utc(now)) == (None if until is None else utc(until))


def test_no_quiet_hours_are_never_quiet() -> None:
    assert quiet_until(None, utc("2026-11-23 03:00")) is None


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    clock=st.times(),
    weekday=st.sampled_from([None, 0, 3, 6]),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_a_digest_is_always_ahead_and_never_far(at: datetime, clock: time, weekday: int | None, zone: str) -> None:
    now = at.replace(tzinfo=UTC)
    clock = clock.replace(second=0, microsecond=0)
    digest = Digest("daily" if weekday is None else "weekly", clock, weekday)
    due = next_digest(digest, now, ZoneInfo(zone))
    assert now < due <= now + timedelta(days=1 if weekday is None else 7, hours=2)


@given(at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), begin=st.times(), end=st.times())
def test_quiet_hours_end_ahead_and_outside_of_themselves(at: datetime, begin: time, end: time) -> None:
    now = at.replace(tzinfo=UTC)
    quiet = QuietHours(begin.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0), "UTC")
    until = quiet_until(quiet, now)
    if until is not None:
        assert now < until <= now + timedelta(days=1)
        assert quiet.begin == quiet.end or quiet_until(quiet, until) is None
