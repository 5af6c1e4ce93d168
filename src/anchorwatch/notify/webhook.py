"""A bundle as JSON, for webhooks: the drift objects of the outside contract, and what happened to each. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from anchorwatch.model.clean import encodable
from anchorwatch.model.drifts import ACCEPTED, Drift, Subject
from anchorwatch.model.messages import Bundle, Item
from anchorwatch.model.secrecy import redact
from anchorwatch.model.times import timestamp
from anchorwatch.model.values import JsonObject
from anchorwatch.notify.letter import Letter, Tone
from anchorwatch.notify.subject import is_good, severity_of

MOST = 200
"""Items in one message; `left_out` counts the rest."""


def fields(bundle: Bundle, letter: Letter) -> dict[str, Any]:
    """Plain JSON; names and values as they are, so that programs can compare them."""
    return {
        "version": 1,
        "id": bundle.id,
        "destination": bundle.destination,
        "occasion": bundle.occasion.value,
        "at": _time(bundle.at),
        "title": letter.title,
        "severity": "info" if letter.tone is Tone.GOOD else letter.tone.value,
        "resolved": letter.tone is Tone.GOOD,
        "repeat": bundle.repeat,
        "left_out": bundle.left_out + max(0, len(bundle.items) - MOST),
        "lost": bundle.lost,
        "link": letter.link,
        "items": [_item(item) for item in bundle.items[:MOST]],
    }


def _item(item: Item) -> dict[str, Any]:
    transition = item.transition
    told: dict[str, Any] = {
        "subject": transition.subject.value,
        "at": _time(transition.at),
        "since": _time(transition.since_at),
        "from": transition.from_state,
        "to": transition.to_state,
        "reason": str(transition.reason),
        "good": is_good(item),
        "severity": str(severity_of(item)),
        "host": _text(transition.host),
        "stack": _text(transition.stack),
        "side": transition.side.value if transition.side else None,
        "cause": _texts(_cause(item)),
        "drift": None if item.drift is None else drift_object(item.drift),
    }
    if transition.since_at is not None and is_good(item):
        told["lasted"] = (transition.at - transition.since_at).total_seconds()
    if item.commits_behind is not None:
        told["commits_behind"] = item.commits_behind
    if transition.subject is Subject.HOST:
        told["frozen"] = item.frozen
    if item.times:
        told["times"] = item.times
    return told


def _cause(item: Item) -> JsonObject | None:
    """With what was accepted until now, wherever that was written down."""
    cause, over = item.transition.cause, item.over
    return cause if over is None or over.cause is None else {**(cause or {}), ACCEPTED: over.cause[ACCEPTED]}


def drift_object(drift: Drift) -> dict[str, Any]:
    """The drift object of the outside contract, with its life."""
    finding = drift.finding
    return {
        "id": finding.id,
        "host": _text(finding.host),
        "stack": _text(finding.stack),
        "project": _text(finding.project),
        "service": _text(finding.service),
        "container": _text(finding.container),
        "kind": finding.kind.value,
        "path": _text(finding.path),
        "desired": _text(finding.desired),
        "observed": _text(finding.observed),
        "severity": str(finding.severity),
        "message": _text(finding.message),
        "fix": _text(finding.fix),
        "state": drift.state.value,
        "appeared_at": _time(drift.appeared_at),
        "resolved_at": _time(drift.resolved_at),
        "side": drift.side.value,
        "cause": _texts(drift.cause),
        "accepted_until": _time(drift.acceptance.until) if drift.acceptance else None,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)


def _text(text: str | None) -> str | None:
    return None if text is None else encodable(text)


def _texts(value: Any) -> Any:
    """What other programs and people wrote: error messages, subjects of commits."""
    if isinstance(value, str):
        return encodable(redact(value))
    if isinstance(value, dict):
        return {str(key): _texts(each) for key, each in value.items()}
    return [_texts(each) for each in value] if isinstance(value, list | tuple) else value
