"""What a recipient still has to hear of one thing (a drift, a host), after everything that it has not heard yet is laid together.

Pure. However much has happened, at most the last of it is told, and only if it is not what the recipient believes anyway:

- appeared and resolved, and neither was told: nothing is;
- resolved and back, and only the drift was told: nothing is;
- "resolved" goes to nobody who was not told "appeared";
- that an acceptance is over is heard in any case: where more has happened since, together with the last of it;
- what comes and goes (three times within an hour) is told once as flapping, instead of as news, and once when it has been calm
  for a quarter of an hour, whatever it is then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from anchorwatch.model.drifts import ACCEPTED, Delivery, Drift, Reason, Subject, Transition
from anchorwatch.model.findings import Kind
from anchorwatch.notify.fates import Fate
from anchorwatch.notify.route import WINDOW, is_bad

FLAPPING_TIMES = 3
"""So often has something to come, or to change…"""
FLAPPING_WITHIN = timedelta(hours=1)
"""…within this, to be called flapping…"""
CALM_AFTER = timedelta(minutes=15)
"""…and has to be left alone for so long to be called calm."""

TURNING = frozenset(
    {
        Reason.GRACE_OVER,
        Reason.CAME_BACK,
        Reason.VALUE_CHANGED,
        Reason.HOST_UNREACHABLE,
        Reason.HOST_LIMITED,
        Reason.STACK_UNREADABLE,
        Reason.REPO_UNREADABLE,
    }
)
"""The reasons that count: each is once more that somebody would have been told of something bad."""

Key = tuple[str, ...]
"""What a transition is about."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is still to be made."""

    delivery: Delivery
    transition: Transition
    drift: Drift | None = None
    """As it is now."""

    @property
    def id(self) -> int:
        """The delivery's."""
        return self.delivery.id or 0

    @property
    def about(self) -> Key:
        """What it is about."""
        return about(self.transition)


@dataclass(frozen=True, slots=True)
class Told:
    """What a recipient believes of something: the last that it was told, or is being told."""

    transition: Transition
    at: datetime | None = None
    """When it arrived; None while it is under way."""
    again_at: datetime | None = None
    """When it is tried again, where it is under way."""
    occasion: str = "news"

    @property
    def bad(self) -> bool:
        """Whether the recipient believes that it is drifted, or out of sight."""
        return is_bad(self.transition)


@dataclass(frozen=True, slots=True)
class Turns:
    """How restless something has been lately."""

    at: tuple[datetime, ...] = ()
    """When it came or changed (`TURNING`); what goes into one message anyway counts once."""
    last_at: datetime | None = None
    """When anything happened to it."""

    @classmethod
    def of(cls, transitions: Sequence[Transition], drift: Drift | None = None) -> Turns:
        """The turns among `transitions`, which are all of the same. Another word for how a container is missing is none."""
        counted = TURNING if drift is None or _has_values(drift) else TURNING - {Reason.VALUE_CHANGED}
        times = tuple(one.at for one in transitions if one.reason in counted)
        return cls(_apart(times), max((one.at for one in transitions), default=None))

    def lately(self, now: datetime) -> int:
        """How often within the last hour."""
        return sum(now - FLAPPING_WITHIN < at <= now for at in self.at)

    def flapping(self, now: datetime) -> bool:
        """Whether it comes and goes."""
        return self.lately(now) >= FLAPPING_TIMES and now < self.calm_at(now)

    def calm_at(self, now: datetime) -> datetime:
        """When it will be calm, if nothing more happens. What a clock that stood ahead wrote has happened by now."""
        return min(self.last_at or now, now) + CALM_AFTER


@dataclass(frozen=True, slots=True)
class Folded:
    """What comes of everything that waits about one thing."""

    news: Waiting | None
    """What is to be told; None: nothing."""
    skipped: tuple[tuple[int, Fate], ...] = ()
    """What never will be, by the deliveries' IDs, with the reason."""
    wait_until: datetime | None = None
    """`news` is flapping, and waits until it is calm."""
    times: int = 0
    """It is told as flapping: how often it came."""
    calmed: bool = False
    """It was held back as flapping, and is calm."""
    over: Waiting | None = None
    """What says that an acceptance is over, where `news` does not: it goes wherever `news` goes."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The deliveries that wait, and go out, together."""
        return tuple(one.id for one in (self.over, self.news) if one is not None)


def _apart(times: Iterable[datetime]) -> tuple[datetime, ...]:
    """Those that are not so near to the one before that both go into one message."""
    kept: list[datetime] = []
    for at in times:
        if not kept or at - kept[-1] >= WINDOW:
            kept.append(at)
    return tuple(kept)


def about(transition: Transition) -> Key:
    """What a transition is about: the same for all that may cancel each other out."""
    match transition.subject:
        case Subject.DRIFT:
            return transition.subject.value, transition.drift or ""
        case Subject.HOST:
            return transition.subject.value, transition.host or ""
        case Subject.STACK:
            return transition.subject.value, transition.host or "", transition.stack or ""
        case Subject.REPO:
            return (transition.subject.value,)


def fold(queue: Sequence[Waiting], told: Told | None, turns: Turns, now: datetime, *, appeared: bool, flaps: bool) -> Folded:
    """Lays together what waits about one thing, in the order in which it was promised; there is at least one.

    `appeared`: whether the recipient asks to be told of what appears. `flaps`: whether flapping is told as such (a digest lays
    together anyway).
    """
    *earlier, last = queue
    over = _over(earlier, last)
    if over is not None:
        earlier.remove(over)
    believes = told is not None and told.bad
    flapping = flaps and turns.flapping(now)
    if believes and flapping:
        return Folded(last, _all(earlier, Fate.FLAPPING), wait_until=turns.calm_at(now), over=over)
    if believes and any(one.delivery.reason == Fate.FLAPPING for one in queue):
        return Folded(last, _all(earlier, Fate.FLAPPING), calmed=True, over=over)
    if not is_bad(last.transition):
        if believes or not appeared:
            return Folded(last, _all(earlier, Fate.OVERTAKEN))
        never = Fate.GONE if any(is_bad(one.transition) for one in queue) else Fate.NEVER_TOLD
        return Folded(None, _all(queue, never))
    if believes and told is not None and over is None and not _new(told.transition, last):
        another_word = last.transition.reason == Reason.VALUE_CHANGED and last.drift is not None and not _has_values(last.drift)
        return Folded(None, _all(queue, Fate.ANOTHER_WORD if another_word else Fate.BACK))
    return Folded(last, _all(earlier, Fate.OVERTAKEN), times=turns.lately(now) if flapping else 0, over=over)


def _over(earlier: Sequence[Waiting], last: Waiting) -> Waiting | None:
    """What of `earlier` says that an acceptance of what is told with `last` is over, and would not be said by `last`."""
    now = last.transition
    if not is_bad(now) or _ends_acceptance(now):
        return None
    ends = (one for one in reversed(earlier) if _ends_acceptance(one.transition))
    return next((one for one in ends if is_bad(one.transition) and one.transition.episode == now.episode), None)


def _ends_acceptance(transition: Transition) -> bool:
    return ACCEPTED in (transition.cause or {})


def _new(told: Transition, last: Waiting) -> bool:
    """Whether it is something else than the recipient believes, who was told of it as of something bad."""
    now = last.transition
    if _ends_acceptance(now) or (told.episode, told.to_state) != (now.episode, now.to_state):
        return True
    if last.drift is not None and not _has_values(last.drift):
        return told.desired != now.desired
    return (told.desired, told.observed) != (now.desired, now.observed)


def _has_values(drift: Drift) -> bool:
    """Whether another word for what is seen is another value; for what is missing, or foreign, it is not."""
    return drift.finding.kind is Kind.CHANGED


def _all(queue: Sequence[Waiting], fate: Fate) -> tuple[tuple[int, Fate], ...]:
    return tuple((one.id, fate) for one in queue)
