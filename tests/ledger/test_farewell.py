"""Hosts that are not watched any more: their drifts end, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

from anchorwatch.ledger.farewell import part_with
from anchorwatch.ledger.record import record
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, DriftState, Trigger
from anchorwatch.model.report import StackStatus
from anchorwatch.store import Store, drifts, transitions
from tests.ledger.looks import PATIENCES, look
from tests.store.make import after, finding


def test_only_those_of_hosts_that_are_not_watched(store: Store) -> None:
    there = finding()
    gone = replace(there, host="attic")
    for one in (there, gone):
        key = ProjectKey(one.host, one.project or "")
        seen = replace(look(0, one), key=key)
        check = Check(key, Trigger.DOCKER_EVENT, seen.at, 0.0, StackStatus.DRIFTED, findings=1)
        with store.write() as write:
            record(write, check, seen, PATIENCES)
    with store.write() as write:
        assert part_with(write, [there.host], after(60)) == 1
        assert part_with(write, [there.host], after(61)) == 0
    with store.read() as read:
        assert [one.id for one in drifts.unresolved(read)] == [there.id]
        ended = drifts.get(read, gone.id)
        assert ended is not None
        assert (ended.state, ended.resolved_at) == (DriftState.RESOLVED, after(60))
        assert transitions.of_drift(read, gone.id)[-1].reason == "not watched any more"
