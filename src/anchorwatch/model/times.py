"""Moments as people write and read them: local time in, local time out, and nothing guessed where clocks are put back or forward.

A zone is a `tzinfo`, or None for the zone of this machine as its C library knows it. Pure, but for asking the C library for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from anchorwatch.errors import UsageError

FORMS = "write it like 2026-11-20T03:00, '2026-11-20 03:00', 7d, 36h, yesterday or 'yesterday 03:00'"

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGO = re.compile(r"(?:[0-9]{1,6}[wdhms])+", re.ASCII)
_PIECE = re.compile(r"([0-9]+)([wdhms])", re.ASCII)
_DAYS = {"today": 0, "yesterday": 1}
_CLOCK = re.compile(r"([0-2]?[0-9]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)


def read_moment(text: str, now: datetime, zone: tzinfo | None) -> datetime:
    """The moment that `text` means, in UTC.

    ISO 8601 (a time without an offset is local; a date is its first moment); `7d`, `36h`, `1h30m`: so long before `now`, a day
    being 24 hours; `now`; `today`, `yesterday` (their first moments), alone or with a time of day; a time of day alone is
    today's.

    Raises `UsageError`, also for a local time that there was twice, or never, because the clocks were changed.
    """
    said = text.strip()
    if said == "now":
        return now.astimezone(UTC)
    if _AGO.fullmatch(said):
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _PIECE.findall(said))
        return _before(text, now, seconds)
    today = now.astimezone(zone).date()
    day, _, clock = said.partition(" ")
    if day in _DAYS:
        return _local(text, today - timedelta(days=_DAYS[day]), _time_of_day(text, clock) if clock else None, zone)
    if _CLOCK.fullmatch(said):
        return _local(text, today, _time_of_day(text, said), zone)
    return _iso(text, said, zone)


def local_zone(environ: Mapping[str, str]) -> tzinfo | None:
    """The zone that `TZ` names, where it is one of the IANA database; else None: the machine's own."""
    from zoneinfo import ZoneInfo

    name = environ.get("TZ", "").removeprefix(":")
    if not name or name.startswith("/"):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # `TZ` may also spell a zone out: CET-1CEST,M3.5.0,M10.5.0/3
        return None


def shown(moment: datetime, zone: tzinfo | None, *, seconds: bool = True) -> str:
    """`2026-11-22 03:12:41 CET`: local time with its zone, so that the two o'clocks of autumn differ."""
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}" if seconds else f"{local:%Y-%m-%d %H:%M} {zone_name(local)}"


def timestamp(moment: datetime) -> str:
    """As every JSON of ours has it: ISO 8601 in UTC, with milliseconds and `Z`. Raises `ValueError` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def zone_name(local: datetime) -> str:
    """`CET`; `+05:30` for a zone without letters."""
    name = local.tzname() or ""
    if name.isalpha():
        return name
    offset = local.strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def lasted(seconds: float) -> str:
    """A duration in its two largest units, never longer than it was: `3d 4h`, `12m 5s`, `41s`."""
    rest = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0s"


def ago(moment: datetime, now: datetime) -> str:
    """`3d 4h ago`; `just now` below a second, and for what a clock that was set back puts into the future."""
    seconds = (now - moment).total_seconds()
    return f"{lasted(seconds)} ago" if seconds >= 1 else "just now"


def _before(text: str, now: datetime, seconds: int) -> datetime:
    try:
        return now.astimezone(UTC) - timedelta(seconds=seconds)
    except OverflowError as error:
        raise UsageError(f"{text!r} is too long ago", hint=FORMS) from error


def _iso(text: str, said: str, zone: tzinfo | None) -> datetime:
    try:
        if len(said) <= 10:
            return _local(text, date.fromisoformat(said), None, zone)
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time", hint=FORMS) from error
    if found.tzinfo is not None:
        return _in_range(text, found)
    return _local(text, found.date(), found.time(), zone)


def _time_of_day(text: str, clock: str) -> time:
    found = _CLOCK.fullmatch(clock.strip())
    if found is None or int(found[1]) > 23:
        raise UsageError(f"{text!r} is no time", hint=FORMS)
    return time(int(found[1]), int(found[2]), int(found[3] or 0))


def _local(text: str, day: date, clock: time | None, zone: tzinfo | None) -> datetime:
    """A local time as a moment. Where clocks go forward at midnight, that one is missing: then the day begins when they did."""
    naive = datetime.combine(day, clock or time())
    first, second = (_in_range(text, _attached(naive.replace(fold=fold), zone)) for fold in (0, 1))
    if first == second:
        return first
    if first < second:  # twice: the clocks were put back
        if clock is None:
            return first
        offsets = " or ".join(f"{naive.isoformat()}{_offset(one, zone)}" for one in (first, second))
        raise UsageError(f"{text!r} was twice: the clocks were put back", hint=f"write {offsets}")
    if clock is None:
        return first  # with fold=0 a missing time is read by the offset from before the change (PEP 495)
    raise UsageError(f"{text!r} never was: the clocks were put forward over it", hint=FORMS)


def _attached(naive: datetime, zone: tzinfo | None) -> datetime:
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)


def _offset(moment: datetime, zone: tzinfo | None) -> str:
    offset = moment.astimezone(zone).strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def _in_range(text: str, moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(f"{text!r} is out of range", hint=FORMS) from error
