"""The log as one self-contained page: figures, a timeline of every stack, and the entries day by day.

No script, nothing loaded, readable on a phone, in the dark and on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby

from anchorwatch.model.drifts import Drift
from anchorwatch.model.findings import Finding
from anchorwatch.model.log import Entry, Told, Wanted
from anchorwatch.model.statistics import LaneFigures, Part, Recurrence, Statistics
from anchorwatch.model.times import lasted, shown, timestamp, zone_name
from anchorwatch.reports.html import page
from anchorwatch.reports.lines import Style, place
from anchorwatch.reports.log import aside, delivery_text, look, subject, text_of, verb
from anchorwatch.reports.stats import pattern, percent, sentence

MOST_LANES = 80
"""Stacks that the timeline has room for; those in which the least happened are left out first."""

MOST_PIECES = 400
"""Pieces of one stack's time that can be told apart on a screen; shorter ones are drawn together."""

_STEPS = (
    timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(days=1), timedelta(days=2),
    timedelta(days=7), timedelta(days=30), timedelta(days=90), timedelta(days=365),
)  # fmt: skip
_WORDS = {
    Part.IN_SYNC: "in sync",
    Part.DRIFTED: "drifted",
    Part.UNKNOWN: "not known: host out of reach, or stack not readable",
    Part.UNWATCHED: "nobody watched",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a lane, in per cent of its width."""

    left: str
    width: str
    part: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis of time."""

    left: str
    text: str


def log_page(
    entries: Sequence[Entry],
    found: Statistics,
    drifts: Mapping[int, Drift],
    wanted: Wanted,
    now: datetime,
    zone: tzinfo | None,
    *,
    more: bool,
) -> str:
    """The whole page."""
    lanes = _chosen(found.lanes)
    return page(
        "history.html.j2",
        title=f"{shown(found.since, zone, seconds=False)} – {shown(found.until, zone, seconds=False)}",
        made=shown(now, zone),
        filters=_filters(wanted),
        sentence=sentence(found.fleet),
        figures=_figures(found),
        lanes=[(_name(lane), percent(lane.figures.share_in_sync), list(_bars(lane, found, zone))) for lane in lanes],
        left_out=len(found.lanes) - len(lanes),
        ticks=list(_ticks(found, zone)),
        legend=[(part.value, words) for part, words in _WORDS.items()],
        again=[_recurring(drifts[one.drift].finding, one, zone) for one in found.recurrences[:10] if one.drift in drifts],
        days=[
            (day, zone_name(own[0].at.astimezone(zone)), [_row(one, zone) for one in own]) for day, own in _days(entries, zone)
        ],
        more=more,
    )


def _figures(found: Statistics) -> list[tuple[str, str]]:
    fleet = found.fleet
    took = fleet.mean_to_resolve
    longest = fleet.longest_to_resolve
    return [
        (percent(fleet.share_in_sync), "in sync"),
        (f"{fleet.drifts:,}", "drift" if fleet.drifts == 1 else "drifts"),
        (f"{fleet.standing:,}", "still there"),
        ("–" if took is None else lasted(took), "to resolve, on average"),
        ("–" if longest is None else lasted(longest), "the longest"),
    ]


def _recurring(finding: Finding, one: Recurrence, zone: tzinfo | None) -> tuple[str, str, str]:
    return place(finding), finding.path or finding.kind.value, pattern(one.times, zone)


def _filters(wanted: Wanted) -> str:
    filters = wanted.filters
    places = [*filters.hosts, *("/".join(one) for one in filters.stacks), *wanted.services]
    said = [*places, *filters.kinds, *wanted.paths, *wanted.causes]
    return ", ".join(str(one) for one in said)


def _chosen(lanes: Sequence[LaneFigures]) -> Sequence[LaneFigures]:
    busy = sorted(lanes, key=lambda lane: (-lane.figures.drifted, -lane.figures.drifts, -lane.figures.unknown))[:MOST_LANES]
    return [lane for lane in lanes if lane in busy]


def _name(lane: LaneFigures) -> str:
    host, stack = lane.lane
    return f"{host}/{stack}" if stack is not None else f"{host} (in no stack)"


def _bars(lane: LaneFigures, found: Statistics, zone: tzinfo | None) -> Iterator[Bar]:
    whole = (found.until - found.since).total_seconds() or 1.0
    least = whole / MOST_PIECES
    drawn: list[tuple[float, float, Part, str]] = []
    for piece in lane.pieces:
        if piece.part is Part.IN_SYNC:
            continue
        begin = (piece.begin - found.since).total_seconds()
        length = (piece.end - piece.begin).total_seconds()
        title = f"{_WORDS[piece.part]}: {shown(piece.begin, zone, seconds=False)}, {lasted(length)}"
        if drawn and drawn[-1][2] is piece.part and begin - (drawn[-1][0] + drawn[-1][1]) < least:
            first = drawn[-1]
            drawn[-1] = (first[0], begin + length - first[0], first[2], first[3] + " …" * (not first[3].endswith("…")))
        else:
            drawn.append((begin, length, piece.part, title))
    for begin, length, part, title in drawn:
        yield Bar(f"{begin / whole:.4%}", f"{length / whole:.4%}", part.value, title)


def _ticks(found: Statistics, zone: tzinfo | None) -> Iterator[Tick]:
    """About six marks, at round times of the clock on the wall."""
    whole = found.until - found.since
    step = next((one for one in _STEPS if whole / one <= 7), _STEPS[-1])
    at = found.since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while at < found.until:
        if at >= found.since:
            text = f"{at:%H:%M}" if step < timedelta(days=1) and (at.hour or at.minute) else f"{at:%d %b}"
            yield Tick(f"{(at - found.since) / whole:.4%}", text)
        at = _next(at, step, zone)


def _next(at: datetime, step: timedelta, zone: tzinfo | None) -> datetime:
    if step < timedelta(days=1):
        return (at.astimezone(UTC) + step).astimezone(zone)
    naive = at.replace(tzinfo=None) + step
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)


def _days(entries: Sequence[Entry], zone: tzinfo | None) -> Iterator[tuple[date, list[Entry]]]:
    for day, own in groupby(entries, key=lambda entry: entry.at.astimezone(zone).date()):
        yield day, list(own)


def _row(entry: Entry, zone: tzinfo | None) -> dict[str, object]:
    style, mark = look(entry)
    return {
        "at": timestamp(entry.at),
        "time": f"{entry.at.astimezone(zone):%H:%M:%S}",
        "style": style.value or Style.QUIET.value,
        "mark": mark,
        "verb": verb(entry),
        "subject": subject(entry),
        "text": text_of(entry),
        "aside": aside(entry),
        "messages": [delivery_text(one, zone) for one in entry.deliveries] if isinstance(entry, Told) else [],
    }
