"""The log for scripts and spreadsheets: an entry as a JSON object, or as a line of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anchorwatch.model.drifts import Delivery
from anchorwatch.model.log import CommitArrived, ContainerChange, Entry, Told, WatchChanged
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.times import timestamp
from anchorwatch.reports.build import VERSION, text
from anchorwatch.reports.clean import clean
from anchorwatch.reports.json import dumps
from anchorwatch.reports.log import image_of, text_of, verb
from anchorwatch.reports.moment import cause_object, stamp
from anchorwatch.reports.status import cause_text

COLUMNS = (
    "at", "entry", "subject", "host", "stack", "service", "container", "kind", "path", "severity", "from", "to", "reason",
    "desired", "observed", "side", "cause", "drift", "episode", "text", "deliveries",
)  # fmt: skip
"""Of the CSV."""


def entry_object(entry: Entry) -> dict[str, Any]:
    """An entry of `history --format json`; `entry` says which sort it is."""
    match entry:
        case Told():
            return _told_object(entry)
        case CommitArrived(at=at, commit=commit, stacks=stacks):
            return {
                "at": timestamp(at),
                "entry": "commit",
                "revision": commit.revision,
                "committed_at": timestamp(commit.committed_at),
                "author": text(commit.author),
                "subject": text(commit.subject),
                "stacks": [text("/".join(one)) for one in stacks],
            }
        case WatchChanged(at=at, began=began, version=version, killed=killed):
            return {"at": timestamp(at), "entry": "watch", "began": began, "killed": killed, "version": text(version)}
        case ContainerChange(at=at, host=host, stack=stack, before=before, now=now):
            known = now or before
            return {
                "at": timestamp(at),
                "entry": "container",
                "host": text(host),
                "stack": text(stack),
                "service": None if known is None else text(known.seen.service),
                "container": None if known is None else text(known.seen.name),
                "change": verb(entry),
                "text": text_of(entry),
                "before": None if before is None else _seen_object(before.seen),
                "now": None if now is None else _seen_object(now.seen),
            }


def json_pieces(entries: Iterable[Entry], more: Callable[[], bool]) -> Iterator[str]:
    """The object of `history --format json`, piece by piece. `more` is asked at the end: are there entries beyond these?"""
    yield f'{{\n  "version": {VERSION},\n  "entries": ['
    before = "\n    "
    for entry in entries:
        yield before + dumps(entry_object(entry)).rstrip("\n").replace("\n", "\n    ")
        before = ",\n    "
    yield f'\n  ],\n  "more": {"true" if more() else "false"}\n}}\n'


def csv_header() -> str:
    """The first line of the CSV."""
    return _csv_line(COLUMNS)


def csv_line(entry: Entry) -> str:
    """An entry as a line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    row: dict[str, Any] = {"at": timestamp(entry.at), "text": text_of(entry), "entry": entry_object(entry)["entry"]}
    match entry:
        case Told(transition=transition, finding=finding, deliveries=deliveries):
            row |= {
                "subject": transition.subject.value,
                "host": transition.host,
                "stack": transition.stack,
                "severity": None if transition.severity is None else str(transition.severity),
                "from": transition.from_state,
                "to": transition.to_state,
                "reason": transition.reason,
                "desired": transition.desired,
                "observed": transition.observed,
                "side": None if transition.side is None else transition.side.value,
                "cause": cause_text(transition.cause),
                "drift": transition.drift,
                "episode": transition.episode,
                "deliveries": "; ".join(f"{one.destination}: {one.state.value}" for one in deliveries),
            }
            if finding is not None:
                row |= {
                    "service": finding.service,
                    "container": finding.container,
                    "kind": finding.kind.value,
                    "path": finding.path,
                }
        case ContainerChange(host=host, stack=stack, before=before, now=now):
            known = now or before
            row |= {"host": host, "stack": stack, "to": verb(entry)}
            row |= {} if known is None else {"service": known.seen.service, "container": known.seen.name}
        case CommitArrived(commit=commit, stacks=stacks):
            row |= {"subject": commit.revision, "stack": ", ".join("/".join(one) for one in stacks)}
        case WatchChanged(began=began):
            row |= {"to": "began" if began else "ended"}
    return _csv_line(row.get(column) for column in COLUMNS)


def _told_object(told: Told) -> dict[str, Any]:
    transition, finding = told.transition, told.finding
    return {
        "at": timestamp(transition.at),
        "entry": transition.subject.value,
        "host": text(transition.host),
        "stack": text(transition.stack),
        "project": None if finding is None else text(finding.project),
        "service": None if finding is None else text(finding.service),
        "container": None if finding is None else text(finding.container),
        "drift": transition.drift,
        "kind": None if finding is None else finding.kind.value,
        "path": None if finding is None else text(finding.path),
        "severity": None if transition.severity is None else str(transition.severity),
        "from": transition.from_state,
        "to": transition.to_state,
        "reason": transition.reason,
        "desired": text(transition.desired),
        "observed": text(transition.observed),
        "side": None if transition.side is None else transition.side.value,
        "trigger": None if transition.trigger is None else transition.trigger.value,
        "cause": cause_object(transition.cause),
        "since_at": stamp(transition.since_at),
        "episode": transition.episode,
        "deliveries": [delivery_object(one) for one in told.deliveries],
    }


def delivery_object(delivery: Delivery) -> dict[str, Any]:
    """A message, as JSON."""
    return {
        "destination": text(delivery.destination),
        "recipient": text(delivery.recipient),
        "occasion": text(delivery.occasion),
        "state": delivery.state.value,
        "reason": text(delivery.reason),
        "attempt": delivery.attempt,
        "created_at": timestamp(delivery.created_at),
        "next_at": stamp(delivery.next_at),
        "done_at": stamp(delivery.done_at),
        "message": text(delivery.message),
        "error": text(delivery.error),
    }


def _seen_object(seen: ContainerSeen) -> dict[str, Any]:
    return {
        "state": text(seen.state),
        "exit_code": seen.exit_code,
        "health": text(seen.health),
        "oom_killed": seen.oom_killed,
        "restart_count": seen.restart_count,
        "engine_id": text(seen.engine_id),
        "image_id": text(seen.image_id),
        "image": text(image_of(seen)),
        "started_at": stamp(seen.started_at),
    }


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: Any) -> str:
    cell = "" if value is None else clean(str(value))
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
