"""What one recipient is told now, what waits, and what it never hears of. Pure: the same view at one time gives the same plan.

Everything that waits for the recipient is laid together, thing by thing (`fold`); what is left passes the gates, each of which
has a name (`Fate`): accepted, silenced, host out of reach, an earlier message about the same, flapping, digest, quiet hours. What
has passed is put into messages: one a host and window, one summary, one digest, one of what was held back, one reminder. Good
news of a host waits, once its grace is over, as long as more of it follows within a window. One message at a time; the rest stays
due, and is planned again when that one has arrived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from anchorwatch.model.drifts import DeliveryState, DriftState, Reason, Subject
from anchorwatch.model.findings import Severity
from anchorwatch.model.messages import Occasion
from anchorwatch.model.silences import Silence
from anchorwatch.notify.fates import Fate
from anchorwatch.notify.fold import Folded, Key, Told, Turns, Waiting, fold
from anchorwatch.notify.hours import next_digest, quiet_until
from anchorwatch.notify.route import REMINDER, SUMMARY, SUMMARY_AFTER, SUMMARY_WITHIN, WINDOW, breaks_through, is_bad, severity
from anchorwatch.notify.telling import Lane

BACKLOG_AFTER = timedelta(minutes=10)
"""What should have gone out so long ago goes out together: the destination, or anchorwatch, was away."""
LOOK_AGAIN = timedelta(minutes=10)
"""What waits for a host to come back is looked at this often, and at once when it does."""
GATHERED_WITHIN = timedelta(seconds=60)
"""For so long at most does good news of a host wait for more of it."""
MOST_ITEMS = 200
"""What one message tells of at most; the least severe are left out, and counted."""

_GATHERED = frozenset({Fate.MAY_COME_BACK, Fate.HOST_AWAY})
"""Nobody has to hear at once of what waits for these: it is gathered by host."""
_TOGETHER = frozenset({Fate.QUIET, Fate.RATE})
_PASSED_DIGEST = frozenset({Fate.DIGEST, *_TOGETHER})


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a recipient's plan rests on."""

    lane: Lane
    waiting: tuple[Waiting, ...]
    """What it has not been told, and no message carries yet, in the order in which it was promised."""
    told: Mapping[Key, Told] = field(default_factory=dict)
    turns: Mapping[Key, Turns] = field(default_factory=dict)
    away: Collection[str] = frozenset()
    """Hosts that are out of reach."""
    silences: Sequence[Silence] = ()
    """Those in force."""
    free_at: datetime | None = None
    """When the rate limit lets the next message through; None: now."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes into one message."""

    occasion: Occasion
    items: tuple[Waiting, ...]
    calmed: bool = False
    """They were flapping, and are calm."""
    left_out: tuple[int, ...] = ()
    """Deliveries that do not fit in."""
    along: tuple[int, ...] = ()
    """Deliveries that are told with the items: the ends of acceptances (`fold.Folded.over`)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for one recipient. Everything that is not named stays as it is."""

    parcel: Parcel | None = None
    held: tuple[tuple[int, Fate, datetime], ...] = ()
    """Deliveries that wait: the ID, what for, and when to look again."""
    skipped: tuple[tuple[int, Fate], ...] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """News that has passed every gate."""

    news: Waiting
    folded: Folded
    due: bool
    """False: its window is still open, or more good news follows; it goes along with what is due."""


def plan(view: View, now: datetime) -> Plan:
    """The recipient's plan at `now`."""
    held: list[tuple[int, Fate, datetime]] = []
    skipped: list[tuple[int, Fate]] = []
    ready: list[_Ready] = []
    gathered = _gathered(view.waiting)

    def is_due(one: Waiting) -> bool:
        until = gathered.get(one.transition.host) if _is_gathered(one) else None
        return _is_ripe(one, now) and (until is None or until <= now)

    for queue in _queues(view.waiting):
        due = any(is_due(one) for one in queue)
        if not due and not _goes_along(queue[-1], now):
            continue
        folded = _folded(queue, view, now)
        if due:
            skipped += folded.skipped
            folded = replace(folded, skipped=())
        news = folded.news
        if news is None or not (is_due(news) or _goes_along(news, now)):
            continue
        gate = _gate(news, folded.wait_until, view, now)
        if gate is None:
            ready.append(_Ready(news, folded, is_due(news)))
        elif is_due(news):
            if isinstance(gate, Fate):
                skipped += [(number, gate) for number in folded.ids]
            else:
                held += [(number, *gate) for number in folded.ids]
    parcels = _parcels(ready, view, now)
    if parcels and view.free_at is not None:
        held += [(number, Fate.RATE, view.free_at) for one in ready if one.due for number in one.folded.ids]
        return Plan(None, tuple(held), tuple(skipped))
    first = min(parcels, key=lambda parcel: parcel.items[0].id, default=None)
    if first is not None:
        carried = {*(one.id for one in first.items), *first.left_out}
        skipped += [pair for one in ready if one.news.id in carried for pair in one.folded.skipped]
    return Plan(first, tuple(held), tuple(skipped))


def _queues(waiting: Sequence[Waiting]) -> Iterator[Sequence[Waiting]]:
    """What waits about each thing; reminders of it by themselves, because they are no news of it."""
    queues: dict[tuple[Key, bool], list[Waiting]] = {}
    for one in waiting:
        queues.setdefault((one.about, _reminds(one)), []).append(one)
    return iter(queues.values())


def _folded(queue: Sequence[Waiting], view: View, now: datetime) -> Folded:
    key, destination = queue[-1].about, view.lane.destination
    told = view.told.get(key)
    if _reminds(queue[-1]):
        *earlier, last = queue
        over = last.drift is None or last.drift.state is not DriftState.OPEN or told is None or not told.bad
        skipped = tuple((one.id, Fate.OVERTAKEN) for one in earlier)
        return Folded(None, (*skipped, (last.id, Fate.GONE))) if over else Folded(last, skipped)
    turns = view.turns.get(key, Turns())
    return fold(queue, told, turns, now, appeared="appeared" in destination.on, flaps=destination.digest is None)


def _gate(news: Waiting, calm_at: datetime | None, view: View, now: datetime) -> tuple[Fate, datetime] | Fate | None:
    """What stands between a piece of news and the recipient: a reason to wait and until when, a reason for never, or nothing.

    `calm_at` is when it will be calm, where it is flapping and that is to be waited for.
    """
    destination = view.lane.destination
    transition, drift, told = news.transition, news.drift, view.told.get(news.about)
    if not is_bad(transition) and "resolved" not in destination.on:
        return Fate.NOT_ASKED_FOR
    accepted = None if drift is None else drift.acceptance
    if is_bad(transition) and accepted is not None and (accepted.until is None or now < accepted.until):
        return Fate.ACCEPTED
    finding = None if drift is None else drift.finding
    mute = [one.until_at for one in view.silences if one.matcher.fits(transition.host, transition.stack, finding)]
    if mute:
        return Fate.SILENCED, max(mute)
    if transition.subject is not Subject.HOST and transition.host in view.away:
        return Fate.HOST_AWAY, now + LOOK_AGAIN
    back_at = _back_at(news, view)
    if back_at is not None and back_at > now:
        return Fate.HOST_AWAY, back_at
    if told is not None and told.at is None and not _reminds(news):
        return Fate.AFTER_ANOTHER, max(told.again_at or now, now + timedelta(seconds=1))
    if calm_at is not None:
        return Fate.FLAPPING, calm_at
    if _sums_up(news):
        until = _summary_until(view.waiting, now)
        if until is not None and news.delivery.reason == Fate.SUMMARY:
            return Fate.SUMMARY, until
    if breaks_through(transition, view.lane):
        return None
    if destination.digest is not None and not _sums_up(news) and news.delivery.reason not in _PASSED_DIGEST:
        return Fate.DIGEST, next_digest(destination.digest, now)
    quiet = quiet_until(destination.quiet_hours, now)
    return None if quiet is None else (Fate.QUIET, quiet)


def _back_at(news: Waiting, view: View) -> datetime | None:
    """When the recipient, who believes the host of `news` away, is to hear that it is back. What is critical does not wait."""
    if news.transition.subject is Subject.HOST or (is_bad(news.transition) and severity(news.transition) >= Severity.CRITICAL):
        return None
    for one in view.waiting:
        of_host = one.transition.subject is Subject.HOST and one.transition.host == news.transition.host
        told = view.told.get(one.about) if of_host else None
        if told is not None and is_bad(told.transition) and one.delivery.reason == Fate.MAY_COME_BACK:
            return one.delivery.next_at
    return None


def _summary_until(waiting: Sequence[Waiting], now: datetime) -> datetime | None:
    """How long a summary still waits for what is found after it was begun; None: no longer."""
    begun = [one.delivery.created_at for one in waiting if one.delivery.reason == Fate.SUMMARY]
    until = min(max(begun) + SUMMARY_AFTER, min(begun) + SUMMARY_WITHIN) if begun else now
    return until if until > now else None


def _parcels(ready: Sequence[_Ready], view: View, now: datetime) -> list[Parcel]:
    """The messages that what is ready makes. What is only in its window goes along with what is due."""
    by_kind: dict[tuple[Occasion, str], list[_Ready]] = {}
    for one in ready:
        by_kind.setdefault(_message(one, view), []).append(one)
    late = [key for key, some in by_kind.items() if key[0] is Occasion.NEWS and any(_is_late(one.news, now) for one in some)]
    if len(late) > 1 or any(one.news.delivery.reason == Fate.RATE for key in late for one in by_kind[key]):
        together = [one for key in late for one in by_kind.pop(key)]
        by_kind.setdefault((Occasion.BACKLOG, ""), []).extend(together)
    return [_parcel(occasion, some) for (occasion, _), some in by_kind.items() if any(one.due for one in some)]


def _message(one: _Ready, view: View) -> tuple[Occasion, str]:
    """Which message it goes into: one for each occasion, and of news one for each host."""
    place = one.news.transition.host or ""
    if _reminds(one.news):
        return Occasion.REMINDER, ""
    if one.folded.calmed:
        return Occasion.FLAPPING, f"{place}, calm"
    if one.folded.times:
        return Occasion.FLAPPING, place
    if _sums_up(one.news):
        return Occasion.SUMMARY, ""
    if view.lane.destination.digest is not None and one.news.delivery.reason in _PASSED_DIGEST:
        return Occasion.DIGEST, ""
    return Occasion.NEWS, place


def _is_late(news: Waiting, now: datetime) -> bool:
    """Whether it was held back with others, or should have gone out long ago."""
    waited = news.delivery.next_at is not None and now - news.delivery.next_at >= BACKLOG_AFTER
    return waited or news.delivery.reason in _TOGETHER


def _parcel(occasion: Occasion, ready: Sequence[_Ready]) -> Parcel:
    """At most so many items, the most severe; in the order in which they were promised."""
    worst = sorted((one.news for one in ready), key=lambda one: (-severity(one.transition), not is_bad(one.transition), one.id))
    kept = sorted(worst[:MOST_ITEMS], key=lambda one: one.id)
    overs = {one.news.id: one.folded.over.id for one in ready if one.folded.over is not None}
    left_out = [number for one in worst[MOST_ITEMS:] for number in (one.id, overs.pop(one.id, None)) if number is not None]
    return Parcel(occasion, tuple(kept), any(one.folded.calmed for one in ready), tuple(left_out), tuple(overs.values()))


def _is_ripe(one: Waiting, now: datetime) -> bool:
    """Whether what it was to wait for at least is over."""
    return one.delivery.next_at is None or one.delivery.next_at <= now


def _goes_along(one: Waiting, now: datetime) -> bool:
    """Whether it may go out with what is due, though it is not."""
    in_window = one.delivery.state is DeliveryState.PENDING and one.delivery.reason is None
    return in_window or (one.delivery.reason in _GATHERED and _is_ripe(one, now))


def _is_gathered(one: Waiting) -> bool:
    """What is bad and critical, and was held back for its host's sake, has waited long enough."""
    urgent = is_bad(one.transition) and severity(one.transition) >= Severity.CRITICAL
    return one.delivery.reason in _GATHERED and not urgent


def _gathered(waiting: Sequence[Waiting]) -> Mapping[str | None, datetime]:
    """Until when good news of each host waits for more of it: until none is followed by another one within a window."""
    times: dict[str | None, list[datetime]] = {}
    for one in waiting:
        if _is_gathered(one) and one.delivery.next_at is not None:
            times.setdefault(one.transition.host, []).append(one.delivery.next_at)
    found = {}
    for host, moments in times.items():
        begin, *more = sorted(moments)
        end = begin
        for moment in more:
            if moment - end > WINDOW:
                break
            end = moment
        found[host] = min(end, begin + GATHERED_WITHIN)
    return found


def _reminds(one: Waiting) -> bool:
    return one.delivery.occasion.startswith(REMINDER)


def _sums_up(one: Waiting) -> bool:
    return one.transition.reason == Reason.ALREADY_THERE or one.delivery.occasion == SUMMARY
