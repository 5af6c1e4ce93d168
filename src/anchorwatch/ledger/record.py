"""One check, remembered: containers, drifts, transitions and the check itself, in the caller's transaction. All of it or nothing.

    with store.read() as read:
        before = earlier(read, key)                    # to tell which side moved, while nobody waits for the lock
    with store.write() as write:
        recorded = record(write, check, look, patiences, containers)
        …                                              # promise deliveries for recorded.transitions
    queue.wake(key, recorded.wake_at, …)

`freeze` is for when nobody could look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from anchorwatch.ledger.decide import decide
from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.ledger.side import Earlier
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, DriftState, Transition
from anchorwatch.model.report import StackStatus
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.store import Reading, Writing, checks, containers, drift_spans, drifts, transitions
from anchorwatch.store.containers import Change
from anchorwatch.store.tables.columns import label


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a check."""

    number: int
    """The check's, which its transitions refer to."""
    transitions: tuple[Transition, ...]
    """With the IDs that they were given."""
    wake_at: datetime | None
    """When the key is to be looked at again though nothing happens."""


def earlier(read: Reading, key: ProjectKey) -> Earlier:
    """What is known of a key before its next check, for `ledger.side`."""
    judged = checks.last_judged(read, key)
    looked = judged is not None or checks.last(read, key) is not None
    return Earlier(containers.last_in_sync(read, key.host), None if judged is None else judged.check.revision, looked)


def record(
    write: Writing, check: Check, look: Look, patiences: Patiences, seen: Sequence[ContainerSeen] | None = None
) -> Recorded:
    """Decides what a check comes to, and writes it.

    `seen` is every container that carries the project's label (of a key without a project: that carries none); None where they
    could not be asked. Raises `ValueError` where `check` and `look` are not about the same.
    """
    if (check.key, check.started_at, check.trigger) != (look.key, look.at, look.trigger):
        raise ValueError(f"the check of {check.key} at {check.started_at} and the look at {look.key} are not the same")
    if (check.status is StackStatus.UNKNOWN) is not (look.findings is None):
        raise ValueError(f"{check.key} is {check.status}, and its findings say otherwise")
    changes = () if seen is None else containers.record(write, look.key.host, look.at, seen, project=look.key.project)
    if seen is not None and (any(map(_matters, changes)) or any(one.health == "starting" for one in seen)):
        look = replace(look, moving=True)
    look = _as_stored(look)
    known = drifts.of_project(write, look.key, ids=[finding.id for finding in look.findings or ()])
    decision = decide(known, look, patiences)
    number = checks.record(write, check, eventful=bool(decision.transitions or changes))
    drifts.save(write, decision.drifts)
    drift_spans.record(write, decision.drifts, look.at)
    written = transitions.add(write, [replace(one, check=number) for one in decision.transitions])
    if look.settled and seen is not None:
        _mark_in_sync(write, look, seen)
    return Recorded(number, tuple(written), decision.wake_at)


def freeze(write: Writing, host: str | None = None) -> None:
    """Stops the clock of what is pending, on one host or on all: nobody has watched, or the clock itself has jumped.

    Each gets the grace of its host from when it is seen again. Do so at every start, when a host is out of reach, and when the
    time of day has moved otherwise than time has passed.
    """
    pending = (drift for drift in drifts.unresolved(write, host) if drift.state is DriftState.PENDING)
    drifts.save(write, [replace(drift, opens_at=None) for drift in pending if drift.opens_at is not None])


def _matters(change: Change) -> bool:
    """Whether it may be part of a deploy. A health check that fails and recovers is none; one that ends a start is."""
    if change.before is None or change.now is None or change.before.health == "starting":
        return True
    return replace(change.before, health=None) != replace(change.now, health=None)


def _as_stored(look: Look) -> Look:
    """With findings as they come back from the database, so that a text it cannot hold does not look new every time."""
    return replace(
        look,
        key=ProjectKey(label(look.key.host), label(look.key.project)),
        findings=None if look.findings is None else tuple(map(drifts.as_stored, look.findings)),
        ignored=tuple(map(drifts.as_stored, look.ignored)),
    )


def _mark_in_sync(write: Writing, look: Look, seen: Sequence[ContainerSeen]) -> None:
    if look.findings is None or look.revision is None:
        return
    drifted = {finding.container for finding in look.findings}
    containers.mark_in_sync(write, look.key.host, [one.name for one in seen if one.name not in drifted], look.revision, look.at)
