"""Hosts that the config names no more: what was drifted there is nobody's concern from now on, and says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from anchorwatch.model.drifts import DriftState, Reason, Subject, Transition, Trigger
from anchorwatch.store import Writing, cursors, drift_spans, drifts, hosts, transitions


def part_with(write: Writing, watched: Collection[str], at: datetime) -> int:
    """Resolves what is pending or open on hosts other than `watched`. Nobody is told. Returns how many drifts that were."""
    for name in hosts.current(write):
        if name not in watched:
            cursors.remember(write, f"baseline:{name}", {}, at)  # should it come back, nobody knows how it fared meanwhile
    left = [drift for drift in drifts.unresolved(write) if drift.finding.host not in watched]
    over = [replace(one, state=DriftState.RESOLVED, resolved_at=at, opens_at=None) for one in left]
    drifts.save(write, over)
    drift_spans.record(write, over, at)
    transitions.add(
        write,
        [
            Transition(
                subject=Subject.DRIFT,
                at=at,
                from_state=one.state.value,
                to_state=DriftState.RESOLVED.value,
                reason=Reason.UNWATCHED.value,
                host=one.finding.host,
                stack=one.finding.stack,
                drift=one.id,
                since_at=one.appeared_at,
                episode=one.episode,
                severity=one.finding.severity,
                desired=one.finding.desired,
                observed=one.finding.observed,
                side=one.side,
                trigger=Trigger.MANUAL,
                cause=one.cause,
            )
            for one in left
        ],
    )
    return len(left)
