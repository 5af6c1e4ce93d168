"""What upkeep goes by: when an earlier run was last alive, and whether it is to end."""

from __future__ import annotations

from anchorwatch.model.service import HistorySettings
from anchorwatch.store import Store, checks, retention, runs
from tests.store.make import after, check


def test_when_the_run_before_was_last_alive(store: Store) -> None:
    with store.write() as write:
        first = runs.begin(write, "1", after(0))
        runs.alive(write, first, after(60))
    with store.write() as write:
        second = runs.begin(write, "1", after(10**9))  # by a clock that was set far ahead
        assert runs.last_sign(write, second) == after(60)
        assert runs.last_sign(write, first) is None


def test_a_prune_that_is_over_deletes_nothing_more(store: Store) -> None:
    with store.write() as write:
        for day in range(3):
            checks.record(write, check(after(day * 86400), revision=f"{day}" * 40), eventful=True)
    later, settings = after(500 * 86400), HistorySettings()
    assert retention.prune(store, settings, later, lambda: True).rows == {}
    assert retention.prune(store, settings, later).rows["checks"] >= 1
