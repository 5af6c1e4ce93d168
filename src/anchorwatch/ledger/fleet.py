"""How hosts can be reached, remembered: one transition when that changes, and what is pending there stops its clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from anchorwatch.ledger.record import freeze
from anchorwatch.model.drifts import Reason, Subject, Transition, Trigger
from anchorwatch.model.report import HostStatus
from anchorwatch.model.timeline import HostSeen
from anchorwatch.store import Reading, Writing, hosts, transitions

_REASONS = {
    HostStatus.OK: Reason.HOST_BACK,
    HostStatus.LIMITED: Reason.HOST_LIMITED,
    HostStatus.UNREACHABLE: Reason.HOST_UNREACHABLE,
}


def record_host(write: Writing, seen: HostSeen, trigger: Trigger) -> Transition | None:
    """Remembers how a host could be reached, and freezes what is pending on one that could not.

    Returns the transition, if there is one: another way of being out of reach is none, nor is another version of the engine, nor
    that a host can be reached the first time.
    """
    before = hosts.current(write).get(seen.host)
    hosts.record(write, seen)
    if seen.status is HostStatus.UNREACHABLE:
        freeze(write, seen.host)
    was = before.seen.status if before is not None else None
    if was is seen.status or (was is None and seen.status is not HostStatus.UNREACHABLE):
        return None
    reason = _REASONS[seen.status]
    if was is HostStatus.UNREACHABLE:
        reason = Reason.HOST_BACK
    transition = Transition(
        subject=Subject.HOST,
        at=seen.at,
        from_state=was.value if was is not None else None,
        to_state=seen.status.value,
        reason=reason.value,
        host=seen.host,
        since_at=None if was is None else _since(write, seen.host, was, seen.at),
        trigger=trigger,
        cause={"class": seen.error.kind, "message": seen.error.message} if seen.error else None,
    )
    (written,) = transitions.add(write, [transition])
    return written


def _since(read: Reading, host: str, status: HostStatus, at: datetime) -> datetime | None:
    """Since when a host has been as it was until now: another error, or another version of its engine, begins nothing new."""
    back, longest = timedelta(hours=1), timedelta(days=1000)
    while True:
        spans = hosts.history(read, host, at - back, at + timedelta(microseconds=1))[:-1]
        others = [place for place, span in enumerate(spans) if span.seen.status is not status]
        if others or back > longest:
            same = spans[others[-1] + 1 :] if others else spans
            return same[0].span.valid_from if same else None
        back *= 16
