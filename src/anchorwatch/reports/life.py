"""One drift's whole life, as text and as JSON: the answer of `show`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any

from anchorwatch.model import wording
from anchorwatch.model.drifts import DriftState
from anchorwatch.model.log import Life
from anchorwatch.model.times import lasted, shown, timestamp
from anchorwatch.reports.build import VERSION, text
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count, place
from anchorwatch.reports.log import log_lines
from anchorwatch.reports.log_rows import entry_object
from anchorwatch.reports.moment import life_object, stamp
from anchorwatch.reports.status import cause_text, ordinal, side_text
from anchorwatch.reports.text import said

NEWEST = 50
"""How many transitions a text shows; the JSON has the newest hundred."""


def life_lines(life: Life, zone: tzinfo | None) -> Iterator[Line]:
    """What it is, how it is now, and everything that happened to it."""
    drift, finding = life.drift, life.drift.finding
    style = (
        Style.GOOD if drift.state is DriftState.RESOLVED else Style.QUIET if drift.state is DriftState.PENDING else Style.WARNING
    )
    yield ((Style.NAME, shorten(place(finding))), (Style.PLAIN, f"  {shorten(said(finding), 1000)}"))
    yield EMPTY
    for name, value in _facts(life, zone):
        yield ((Style.QUIET, f"  {name:<12}"), (style if name == "state" else Style.PLAIN, value))
    if finding.fix and drift.state is not DriftState.RESOLVED:
        yield ((Style.QUIET, f"  {'mend':<12}"), (Style.COMMAND, clean(finding.fix)))
    evidence = (drift.cause or {}).get("evidence") or ()
    yield from _section("Evidence", (((Style.PLAIN, f"  · {shorten(str(one))}"),) for one in evidence))
    newest = life.told[-NEWEST:]
    many = len(life.told) + life.earlier
    title = "What happened" + (f" (the newest {len(newest)} of {many:,})" if many > len(newest) else "")
    yield from _section(title, log_lines(reversed(newest), zone, whole=True))
    commits = (
        (
            (Style.QUIET, f"  {shown(commit.committed_at, zone)}  "),
            (Style.NAME, commit.revision[:12]),
            (Style.PLAIN, f"  {shorten(commit.author)}: {shorten(commit.subject)}"),
        )
        for commit in life.commits
    )
    yield from _section("Commits that touched the stack", commits)
    events = (
        (
            (Style.QUIET, f"  {shown(event.at, zone)}  "),
            (Style.NAME, shorten(event.action)),
            (
                Style.PLAIN,
                "  " + shorten(" ".join(one for one in (event.name or event.actor[:12], _details(event.details)) if one)),
            ),
        )
        for event in life.events
    )
    yield from _section("What the engine said", events)


def life_document(life: Life) -> dict[str, Any]:
    """The object of `show --format json`."""
    drift = life.drift
    acceptance = drift.acceptance
    return {
        "version": VERSION,
        "drift": life_object(drift),
        "episode": drift.episode,
        "opened_at": stamp(drift.opened_at),
        "revision": drift.revision,
        "accepted": None
        if acceptance is None
        else {"at": timestamp(acceptance.at), "until": stamp(acceptance.until), "reason": text(acceptance.reason)},
        "silenced_until": stamp(life.silenced_until),
        "values": [
            {
                "from": timestamp(begin),
                "to": stamp(end),
                "desired": text(then.finding.desired),
                "observed": text(then.finding.observed),
                "severity": str(then.finding.severity),
                "message": text(then.finding.message),
                "state": then.state.value,
            }
            for begin, end, then in life.values
        ],
        "history": [entry_object(told) for told in life.told],
        "earlier": life.earlier,
        "commits": [
            {
                "revision": commit.revision,
                "committed_at": timestamp(commit.committed_at),
                "author": text(commit.author),
                "subject": text(commit.subject),
            }
            for commit in life.commits
        ],
        "events": [
            {
                "at": timestamp(event.at),
                "action": text(event.action),
                "actor": text(event.actor),
                "name": text(event.name),
                "service": text(event.service),
                "details": {str(text(name)): text(value) for name, value in event.details.items()},
            }
            for event in life.events
        ],
    }


def _facts(life: Life, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    drift, finding = life.drift, life.drift.finding
    yield "id", drift.id
    yield "state", drift.state.value
    yield "severity", str(finding.severity)
    yield "kind", finding.kind.value
    if finding.path:
        yield "key", shorten(finding.path)
    yield "Git says", shorten(wording.value(finding.desired))
    yield "runs", shorten(wording.value(finding.observed))
    if finding.container:
        yield "container", shorten(finding.container)
    appeared = shown(drift.appeared_at, zone)
    yield "appeared", appeared + (f", for the {ordinal(life.before + 1)} time" if life.before else "")
    if drift.opened_at is not None:
        yield "open since", shown(drift.opened_at, zone)
    if drift.resolved_at is not None:
        after = lasted((drift.resolved_at - drift.appeared_at).total_seconds())
        yield "resolved", f"{shown(drift.resolved_at, zone)}, after {after}"
    yield "side", side_text(drift)
    yield "cause", cause_text(drift.cause) or "not known"
    if drift.revision:
        yield "revision", drift.revision[:12]
    if drift.acceptance is not None:
        until = drift.acceptance.until
        yield (
            "accepted",
            ("until it changes" if until is None else f"until {shown(until, zone)}")
            + (f": {shorten(drift.acceptance.reason)}" if drift.acceptance.reason else ""),
        )
    if life.silenced_until is not None:
        yield "silenced", f"until {shown(life.silenced_until, zone)}"
    messages = sum(len(told.deliveries) for told in life.told)
    yield "messages", count(messages, "delivery").replace("deliverys", "deliveries")


def _details(details: object) -> str:
    items = details.items() if isinstance(details, dict) else ()
    return ", ".join(f"{name}={value}" for name, value in items)


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if number == 0:
            yield EMPTY
            yield ((Style.NAME, title),)
        yield line
