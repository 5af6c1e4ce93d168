"""Moments and lengths of time, as people say them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Not `strftime`, which speaks the locale's language in the middle of an English sentence."""


def moment(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """`23 Nov 03:41 UTC`; with the year where it is another one than now. `zone` None is the watcher's own."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {_MONTHS[local.month - 1]}{year} {local:%H:%M} {local.tzname() or ''}".rstrip()


def lasted(time: timedelta) -> str:
    """`40 s`, `12 min`, `2 h 5 min`, `3 d 4 h`: the two greatest units, rounded down."""
    seconds = max(0, int(time.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return _two(seconds // _HOUR, "h", seconds % _HOUR // _MINUTE, "min")
    return _two(seconds // _DAY, "d", seconds % _DAY // _HOUR, "h")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first:,} {unit} {second} {smaller}" if second else f"{first:,} {unit}"
