"""What a check could not judge, and its notes: a document that checks in a row share, because it seldom changes."""

from __future__ import annotations

from anchorwatch.model.desired import UnknownValue
from anchorwatch.model.drifts import Check
from anchorwatch.model.findings import Note
from anchorwatch.model.values import JsonObject


def document(check: Check) -> JsonObject | None:
    """The remarks of a check as they are stored; None where it has none."""
    if not check.unknown_values and not check.notes:
        return None
    return {
        "unknown": [[one.service, one.path, one.because] for one in check.unknown_values],
        "notes": [[one.service, one.path, one.message] for one in check.notes],
    }


def unknown_values(document: JsonObject | None) -> tuple[UnknownValue, ...]:
    """What could not be judged."""
    return () if document is None else tuple(UnknownValue(*entry) for entry in document["unknown"])


def notes(document: JsonObject | None) -> tuple[Note, ...]:
    """The notes."""
    return () if document is None else tuple(Note(*entry) for entry in document["notes"])
