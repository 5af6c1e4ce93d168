"""What the history comes to, as text and as JSON: how often, how long, how regularly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from anchorwatch.model.drifts import Drift
from anchorwatch.model.statistics import Figures, Lane, Recurrence, Statistics
from anchorwatch.model.times import lasted, shown, timestamp
from anchorwatch.reports.build import VERSION, drift_object, text
from anchorwatch.reports.clean import shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count, place

MOST = 20
"""How many recurring drifts are named in a text."""

_HEAD = (
    ("in sync", 9), ("drifts", 7), ("in drift", 9), ("to resolve", 10), ("longest", 9), ("not known", 9), ("unwatched", 9),
)  # fmt: skip
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MOSTLY = 0.6
"""The share of the times that makes a habit."""


def stats_lines(found: Statistics, drifts: Mapping[int, Drift], zone: tzinfo | None, width: int | None = None) -> Iterator[Line]:
    """A line a stack, one for all, and what keeps coming back. `drifts` are those that recur, by their numbers.

    Where names and figures do not fit beside one another in `width`, each name gets a line of its own.
    """
    yield ((Style.NAME, f"{shown(found.since, zone)} – {shown(found.until, zone)}"),)
    yield EMPTY
    rows = [(_name(lane.lane), lane.figures) for lane in found.lanes]
    column = min(max([len(name) for name, _ in rows] + [len("all stacks")]), 48)
    head = "".join(f"  {title:>{room}}" for title, room in _HEAD)
    below = width is not None and 2 + column + len(head) > width
    yield ((Style.QUIET, f"  {'':<{0 if below else column}}{head}"),)
    for name, figures in [*rows, ("all stacks", found.of_a_stack)]:
        share = figures.share_in_sync
        style = Style.UNSURE if share is None else Style.WARNING if figures.standing else Style.PLAIN
        if below:
            yield ((Style.NAME, f"  {shorten(name, 48)}"),)
        yield (
            (Style.NAME, "  " if below else f"  {shorten(name, 48):<{column}}"),
            (style, f"  {percent(share):>9}"),
            (Style.PLAIN, f"  {figures.drifts:>7,}  {_time(figures.drifted):>9}"),
            (Style.PLAIN, f"  {_maybe(figures.mean_to_resolve):>10}  {_maybe(figures.longest_to_resolve):>9}"),
            (Style.QUIET, f"  {_time(figures.unknown):>9}  {_time(figures.unwatched):>9}"),
        )
    if found.recurrences:
        yield EMPTY
        yield ((Style.NAME, "Keeps coming back"),)
        for one in found.recurrences[:MOST]:
            drift = drifts.get(one.drift)
            if drift is not None:
                what = drift.finding.path or drift.finding.kind.value
                yield (
                    (Style.WARNING, "  ↻ "),
                    (Style.NAME, shorten(f"{place(drift.finding)} {what}")),
                    (Style.PLAIN, f"  {pattern(one.times, zone)}"),
                    (Style.QUIET, f"  last {shown(one.times[-1], zone)} · {drift.id}"),
                )
        if len(found.recurrences) > MOST:
            yield ((Style.QUIET, f"  and {len(found.recurrences) - MOST:,} more"),)
    yield EMPTY
    yield ((Style.PLAIN, sentence(found.fleet)),)
    yield (
        (
            Style.QUIET,
            "in sync: of the time in which somebody watched and could tell. What went away within its grace is no drift.",
        ),
    )
    if len(rows) > 1:
        yield ((Style.QUIET, "all stacks: how many there were together, and the times of a stack on average"),)


def sentence(figures: Figures) -> str:
    """The figures in a sentence."""
    parts = [f"{count(figures.drifts, 'drift')}, {figures.appeared:,} of them new, {figures.standing:,} still there"]
    parts += [f"{count(figures.deployments, 'deployment')}"] if figures.deployments else []
    return "; ".join(parts)


def stats_document(found: Statistics, drifts: Mapping[int, Drift]) -> dict[str, Any]:
    """The object of `history --stats --format json`. Durations in seconds."""
    return {
        "version": VERSION,
        "since": timestamp(found.since),
        "until": timestamp(found.until),
        "fleet": _figures(found.of_a_stack),
        "stacks": [{"host": text(lane.lane[0]), "stack": text(lane.lane[1]), **_figures(lane.figures)} for lane in found.lanes],
        "recurrences": [_recurrence(one, drifts[one.drift]) for one in found.recurrences if one.drift in drifts],
    }


def pattern(times: Sequence[datetime], zone: tzinfo | None) -> str:
    """`6 times, mostly Tuesdays at 03:00`: by local time, as far as there is a habit in it."""
    locals_ = [time.astimezone(zone) for time in times]
    said = f"{len(times):,} times"
    if len(times) < 3:
        return said
    day = _habit([local.weekday() for local in locals_])
    half = _habit([(local.hour * 60 + local.minute + 15) // 30 % 48 for local in locals_])
    words = [_DAYS[day]] if day is not None else []
    words += [f"at {half // 2:02}:{half % 2 * 30:02}"] if half is not None else []
    return f"{said}, mostly {' '.join(words)}" if words else said


def percent(share: float | None) -> str:
    """`99.9 %`, never rounded up to a hundred."""
    if share is None:
        return "–"
    if share == 1:
        return "100 %"
    return f"{min(int(share * 1000) / 10, 99.9):.1f} %"


def _habit(values: Sequence[int]) -> int | None:
    (value, often), *_ = Counter(values).most_common(1)
    return value if often >= _MOSTLY * len(values) else None


def _name(lane: Lane) -> str:
    return f"{lane[0]}/{lane[1]}" if lane[1] is not None else f"{lane[0]} (in no stack)"


def _time(seconds: float) -> str:
    return lasted(seconds) if seconds >= 1 else "–"


def _maybe(seconds: float | None) -> str:
    return "–" if seconds is None else lasted(seconds)


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "drifts": figures.drifts,
        "appeared": figures.appeared,
        "standing": figures.standing,
        "resolved": figures.resolved,
        "deployments": figures.deployments,
        "mean_to_resolve": figures.mean_to_resolve,
        "longest_to_resolve": figures.longest_to_resolve,
        "seconds": {
            "in_sync": figures.in_sync,
            "drifted": figures.drifted,
            "unknown": figures.unknown,
            "unwatched": figures.unwatched,
        },
        "share_in_sync": figures.share_in_sync,
    }


def _recurrence(one: Recurrence, drift: Drift) -> dict[str, Any]:
    return {"times": [timestamp(time) for time in one.times], "count": len(one.times), "drift": drift_object(drift.finding)}
