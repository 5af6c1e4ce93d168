"""What the history comes to: how often, how long, how regularly, and what share of the time was in sync. Pure.

The time of a stack has four parts, which add up to the whole: nobody watched; somebody did, and could not tell (host out of
reach, stack unreadable); drifted; in sync. What was drifted while nobody could tell does not count as drifted, nor as in sync.

A drift that went away while it was pending was a deployment: it is counted as one, and is no time in drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from anchorwatch.model.drifts import DriftState
from anchorwatch.model.timeline import Span

Lane: TypeAlias = tuple[str, str | None]
"""A host and a stack; None for what belongs to no stack there."""


class Part(StrEnum):
    """What a piece of time was."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    UNKNOWN = "unknown"
    UNWATCHED = "unwatched"


@dataclass(frozen=True, slots=True)
class Standing:
    """An episode that had begun before the time in question, and is not over, or comes back in it."""

    drift: int
    lane: Lane
    episode: int
    appeared_at: datetime
    open: bool
    """Whether it had outlived its grace."""


@dataclass(frozen=True, slots=True)
class Step:
    """A drift changed state."""

    drift: int
    lane: Lane
    episode: int
    at: datetime
    to_state: str
    since_at: datetime | None
    """When the episode began."""


@dataclass(frozen=True, slots=True)
class Record:
    """The rows that statistics are made of, in time."""

    since: datetime
    until: datetime
    lanes: Sequence[Lane]
    """Those that there were."""
    standing: Sequence[Standing]
    steps: Sequence[Step]
    watched: Sequence[Span]
    """When the service ran."""
    unreachable: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    """When each host was out of reach."""
    unknown: Mapping[Lane, Sequence[Span]] = field(default_factory=dict)
    """When nothing of a stack could be judged."""
    looked_from: Mapping[Lane, datetime] = field(default_factory=dict)
    """When each was first looked at; before that, nobody watched it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of time, and what it was."""

    begin: datetime
    end: datetime
    part: Part


@dataclass(frozen=True, slots=True)
class Figures:
    """What the time in question came to, of one stack or of all. Durations in seconds."""

    drifts: int = 0
    """How many there were, those that had begun before included."""
    appeared: int = 0
    """How many of them began in that time."""
    deployments: int = 0
    """What went away while it was pending."""
    standing: int = 0
    """How many were open at the end."""
    resolved: int = 0
    mean_to_resolve: float | None = None
    """From when it appeared, of those that were resolved in that time; None where there is none."""
    longest_to_resolve: float | None = None
    in_sync: float = 0.0
    drifted: float = 0.0
    unknown: float = 0.0
    unwatched: float = 0.0

    @property
    def share_in_sync(self) -> float | None:
        """Of the time in which somebody could tell: 0 to 1; None where nobody ever could."""
        told = self.in_sync + self.drifted
        return self.in_sync / told if told > 0 else None


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A drift that has come more than once."""

    drift: int
    lane: Lane
    times: tuple[datetime, ...]
    """When it appeared, in order."""


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """One stack."""

    lane: Lane
    figures: Figures
    pieces: tuple[Piece, ...]
    """Its time, in order, without gaps."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the history between two moments comes to."""

    since: datetime
    until: datetime
    fleet: Figures
    """All stacks together: counts are sums, and so are times."""
    lanes: tuple[LaneFigures, ...]
    recurrences: tuple[Recurrence, ...]
    """The most frequent first."""

    @property
    def of_a_stack(self) -> Figures:
        """`fleet`, with the times of a stack on average: like those of each stack they add up to the time in question."""
        number = max(len(self.lanes), 1)
        whole = self.fleet
        return replace(
            whole,
            in_sync=whole.in_sync / number,
            drifted=whole.drifted / number,
            unknown=whole.unknown / number,
            unwatched=whole.unwatched / number,
        )


@dataclass(frozen=True, slots=True)
class Episode:
    """One stay of a drift."""

    drift: int
    lane: Lane
    number: int
    appeared_at: datetime
    opened: bool = False
    """Whether it outlived its grace."""
    resolved_at: datetime | None = None


def statistics(record: Record) -> Statistics:
    """The figures of a record."""
    found = episodes(record)
    by_lane: dict[Lane, list[Episode]] = {lane: [] for lane in record.lanes}
    for episode in found:
        by_lane.setdefault(episode.lane, []).append(episode)
    lanes = tuple(
        _lane(lane, own, record) for lane, own in sorted(by_lane.items(), key=lambda one: (one[0][0], one[0][1] or "\uffff"))
    )
    times: dict[tuple[int, Lane], list[datetime]] = {}
    for episode in found:
        if episode.opened and episode.appeared_at >= record.since:
            times.setdefault((episode.drift, episode.lane), []).append(episode.appeared_at)
    again = [Recurrence(drift, lane, tuple(sorted(own))) for (drift, lane), own in times.items() if len(own) > 1]
    again.sort(key=lambda one: (-len(one.times), one.drift))
    return Statistics(record.since, record.until, _all(found, lanes, record), lanes, tuple(again))


def episodes(record: Record) -> Sequence[Episode]:
    """Every stay of a drift that touches the time in question. One that came back within its grace is one stay."""
    now: dict[tuple[int, int], Episode] = {
        (one.drift, one.episode): Episode(one.drift, one.lane, one.episode, one.appeared_at, one.open) for one in record.standing
    }
    for step in record.steps:
        key = step.drift, step.episode
        before = now.get(key)
        appeared_at = step.since_at or (step.at if before is None else before.appeared_at)
        opened = (before is not None and before.opened) or step.to_state == DriftState.OPEN
        ended = step.at if step.to_state == DriftState.RESOLVED else None
        now[key] = Episode(step.drift, step.lane, step.episode, appeared_at, opened, ended)
    return list(now.values())


def pieces(begin: datetime, end: datetime, spans: Mapping[Part, Iterable[tuple[datetime, datetime]]]) -> tuple[Piece, ...]:
    """The time from `begin` to `end` cut where something changes; where spans overlap, the part that stands first in
    `PRECEDENCE` counts, and where there is none it was in sync."""
    edges: list[tuple[datetime, Part, int]] = []
    for part, own in spans.items():
        for start, stop in own:
            start, stop = max(start, begin), min(stop, end)  # noqa: PLW2901 - clipped
            if start < stop:
                edges += [(start, part, 1), (stop, part, -1)]
    edges.sort(key=lambda edge: edge[0])
    depth = dict.fromkeys(PRECEDENCE, 0)
    found: list[Piece] = []
    at = begin
    for moment, part, change in [*edges, (end, Part.IN_SYNC, 0)]:
        if moment > at:
            what = next((one for one in PRECEDENCE if depth[one]), Part.IN_SYNC)
            if found and found[-1].part is what:
                found[-1] = Piece(found[-1].begin, moment, what)
            else:
                found.append(Piece(at, moment, what))
            at = moment
        if change:
            depth[part] += change
    return tuple(found)


PRECEDENCE = (Part.UNWATCHED, Part.UNKNOWN, Part.DRIFTED)


def gaps(begin: datetime, end: datetime, spans: Iterable[Span]) -> list[tuple[datetime, datetime]]:
    """The time from `begin` to `end` that no span covers."""
    found, at = [], begin
    for span in sorted(spans, key=lambda one: one.valid_from):
        if span.valid_from > at:
            found.append((at, min(span.valid_from, end)))
        at = max(at, span.valid_to or end)
        if at >= end:
            break
    if at < end:
        found.append((at, end))
    return [(start, stop) for start, stop in found if start < stop]


def _lane(lane: Lane, own: Sequence[Episode], record: Record) -> LaneFigures:
    since, until = record.since, record.until
    unwatched = gaps(since, until, record.watched)
    looked = record.looked_from.get(lane)
    if lane[1] is not None or looked is not None:
        unwatched.append((since, until if looked is None else max(since, min(looked, until))))
    blind = [*record.unreachable.get(lane[0], ()), *record.unknown.get(lane, ())]
    found = pieces(
        since,
        until,
        {
            Part.UNWATCHED: unwatched,
            Part.UNKNOWN: [(one.valid_from, one.valid_to or until) for one in blind],
            Part.DRIFTED: [(one.appeared_at, one.resolved_at or until) for one in own if one.opened],
        },
    )
    return LaneFigures(lane, _figures(own, found, since), found)


def _all(found: Sequence[Episode], lanes: Sequence[LaneFigures], record: Record) -> Figures:
    return _figures(found, [piece for lane in lanes for piece in lane.pieces], record.since)


def _figures(own: Sequence[Episode], time: Iterable[Piece], since: datetime) -> Figures:
    drifts = [one for one in own if one.opened]
    took = [(one.resolved_at - one.appeared_at).total_seconds() for one in drifts if one.resolved_at is not None]
    lasted = dict.fromkeys(Part, timedelta())
    for piece in time:
        lasted[piece.part] += piece.end - piece.begin
    return Figures(
        drifts=len(drifts),
        appeared=sum(one.appeared_at >= since for one in drifts),
        deployments=sum(not one.opened and one.resolved_at is not None for one in own),
        standing=sum(one.resolved_at is None for one in drifts),
        resolved=len(took),
        mean_to_resolve=sum(took) / len(took) if took else None,
        longest_to_resolve=max(took, default=None),
        in_sync=lasted[Part.IN_SYNC].total_seconds(),
        drifted=lasted[Part.DRIFTED].total_seconds(),
        unknown=lasted[Part.UNKNOWN].total_seconds(),
        unwatched=lasted[Part.UNWATCHED].total_seconds(),
    )
