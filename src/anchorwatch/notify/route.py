"""What is news, and for whom. Pure: a transition and the config give each recipient's delivery, or the reason why there is none.

Good news (a drift resolved, a host back) goes to whoever was told the bad news, whatever is configured now: that is decided when
it goes out (`calm`), because only then it is known who was told. So here it is promised to all that ask for `appeared` or for
`resolved`: it also ends the bad news that still waits for somebody who does not ask for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from anchorwatch.model.drifts import Delivery, DeliveryState, DriftState, Reason, Subject, Transition
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.notify.fates import Fate
from anchorwatch.notify.hours import next_digest
from anchorwatch.notify.telling import Lane

WINDOW = timedelta(seconds=5)
"""What happens on one host within this goes into one message; good news waits for so long at least."""
SUMMARY_AFTER = timedelta(seconds=60)
"""A summary waits until nothing more has been found for so long…"""
SUMMARY_WITHIN = timedelta(minutes=10)
"""…and for so long at most."""

SUMMARY = "summary"
"""The occasion of a delivery that is part of a summary without being news: what stands when a destination is new."""
REMINDER = "reminder"
"""With a number behind it: the occasion of a delivery that reminds of what was told before."""

_WELL = frozenset({DriftState.RESOLVED.value, "ok", "in_sync", "drifted", "readable"})
"""The states that something bad can end in, of drifts, hosts, stacks and the repo."""


def no_news(transition: Transition) -> Fate | None:
    """Why a transition is told to nobody, which can be seen from itself alone; None for news."""
    if transition.subject is not Subject.DRIFT:
        return None
    if transition.to_state == DriftState.PENDING:
        return Fate.PENDING
    if transition.reason == Reason.UNWATCHED:
        return Fate.UNWATCHED
    if transition.to_state == DriftState.RESOLVED and transition.from_state != DriftState.OPEN:
        return Fate.DEPLOYMENT
    return None


def is_bad(transition: Transition) -> bool:
    """Whether a transition that is news is bad news: something has drifted, or is out of sight."""
    return transition.to_state not in _WELL and transition.reason != Reason.HOST_BACK


def severity(transition: Transition) -> Severity:
    """How bad. Nothing on a host that is out of reach can be judged; a stack or the repo that cannot be read is less of that."""
    if transition.severity is not None:
        return transition.severity
    return Severity.CRITICAL if transition.subject is Subject.HOST and transition.to_state == "unreachable" else Severity.WARNING


def breaks_through(transition: Transition, lane: Lane) -> bool:
    """Whether neither a digest nor quiet hours hold it back."""
    return lane.destination.critical_at_once and is_bad(transition) and severity(transition) is Severity.CRITICAL


def unwanted(transition: Transition, finding: Finding | None, lane: Lane) -> Fate | None:
    """Why a recipient does not want to hear of a transition; None if it does. `finding` is the drift's, where that is known."""
    destination, bad = lane.destination, is_bad(transition)
    if not bad and "appeared" in destination.on:
        return None
    if ("appeared" if bad else "resolved") not in destination.on:
        return Fate.NOT_ASKED_FOR
    if severity(transition) < destination.min_severity:
        return Fate.MINOR
    fits = any(one.fits(transition.host, transition.stack, finding) for one in destination.only)
    return Fate.ELSEWHERE if destination.only and not fits else None


def promised(transition: Transition, finding: Finding | None, lane: Lane, calm: timedelta, at: datetime) -> Delivery:
    """The delivery of a transition that is news. `calm` is how long good news waits to see whether it lasts."""
    fate = unwanted(transition, finding, lane)
    if fate is not None:
        return _delivery(transition, lane, at, DeliveryState.SKIPPED, fate, None)
    if transition.reason == Reason.ALREADY_THERE:
        return _delivery(transition, lane, at, DeliveryState.HELD, Fate.SUMMARY, at + SUMMARY_AFTER)
    digest = lane.destination.digest
    if digest is not None and not breaks_through(transition, lane):
        return _delivery(transition, lane, at, DeliveryState.HELD, Fate.DIGEST, next_digest(digest, at))
    if not is_bad(transition):
        return _delivery(transition, lane, at, DeliveryState.HELD, Fate.MAY_COME_BACK, at + max(calm, WINDOW))
    return _delivery(transition, lane, at, DeliveryState.PENDING, None, at + WINDOW)


def _delivery(
    transition: Transition, lane: Lane, at: datetime, state: DeliveryState, fate: Fate | None, next_at: datetime | None
) -> Delivery:
    if transition.id is None:
        raise ValueError("a transition is promised once it has been written")
    return Delivery(
        transition=transition.id,
        destination=lane.destination.name,
        recipient=lane.recipient,
        created_at=at,
        state=state,
        reason=fate,
        next_at=next_at,
        done_at=at if state is DeliveryState.SKIPPED else None,
    )
