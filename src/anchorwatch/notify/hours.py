"""When a digest is due, and when quiet hours end. Pure; in the time zone of the watcher, or the one that is named."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from anchorwatch.model.service import Digest, QuietHours


def next_digest(digest: Digest, after: datetime, zone: tzinfo | None = None) -> datetime:
    """The first time after `after` at which a digest is due; an hourly one at the full hour. `zone` None is the local one.

    Where the clocks go forward over that time of day, it is as much later as they do; where they go back, it is the first of the
    two.
    """
    local = after.astimezone(zone)
    if digest.every == "hourly":
        return (local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).astimezone(after.tzinfo)
    days = 7 if digest.every == "weekly" else 1
    ahead = 0 if digest.weekday is None else (digest.weekday - local.weekday()) % 7
    found = _at(local, ahead, digest.at or time(), zone)
    if found <= after:
        found = _at(local, ahead + days, digest.at or time(), zone)
    return found.astimezone(after.tzinfo)


def quiet_until(quiet: QuietHours | None, at: datetime) -> datetime | None:
    """When the quiet hours end that `at` lies in; None outside of them. The minute they end with is not quiet any more."""
    if quiet is None:
        return None
    zone = ZoneInfo(quiet.zone) if quiet.zone is not None else None
    local = at.astimezone(zone)
    now = local.time()
    over_midnight = quiet.end <= quiet.begin
    inside = (now >= quiet.begin or now < quiet.end) if over_midnight else quiet.begin <= now < quiet.end
    if not inside:
        return None
    end = _at(local, 1 if over_midnight and now >= quiet.begin else 0, quiet.end, zone).astimezone(at.tzinfo)
    return end if end > at else None


def _at(local: datetime, days: int, clock: time, zone: tzinfo | None) -> datetime:
    """That time of day, so many days after the day of `local`."""
    naive = datetime.combine(local.date() + timedelta(days=days), clock)
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)
