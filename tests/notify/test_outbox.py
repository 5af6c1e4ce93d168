"""Promises cost next to nothing where there is nothing to tell, and little where there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchorwatch.model.drifts import DriftState
from anchorwatch.model.findings import Kind
from anchorwatch.model.silences import Matcher
from anchorwatch.notify import outbox
from anchorwatch.notify.telling import Telling
from anchorwatch.store import Store, deliveries, drifts, transitions
from tests.notify.world import destination, lanes
from tests.store import make
from tests.store.make import BEGIN, finding
from tests.store.test_indexes import statements

MANY = lanes(*(destination(f"to {number}") for number in range(5)))
CHOOSY = lanes(destination(only=(Matcher(kind=Kind.MISSING),)), destination("all"))


def promised(store: Store, telling: Telling, state: DriftState, number: int = 3) -> tuple[int, int]:
    """How many statements the promise of so many transitions took, and how many deliveries there are then."""
    with store.write() as write:
        some = [replace(make.drift(finding(f"labels.{n}")), state=state) for n in range(number)]
        drifts.save(write, some)
        before = "pending" if state is DriftState.OPEN else None
        written = transitions.add(write, [make.appeared(one, from_state=before, reason="grace over") for one in some])
        with statements() as asked:
            outbox.promise(write, written, telling, BEGIN)
        return len(asked), sum(deliveries.counts(write).values())


def test_a_drift_that_begins_costs_nothing(store: Store) -> None:
    assert promised(store, MANY, DriftState.PENDING) == (0, 0)


def test_one_statement_promises_everything(store: Store) -> None:
    assert promised(store, MANY, DriftState.OPEN) == (1, 15)


def test_who_chooses_by_the_drift_costs_one_more(store: Store) -> None:
    assert promised(store, CHOOSY, DriftState.OPEN) == (2, 6)


def test_nobody_to_tell_costs_nothing(store: Store) -> None:
    assert promised(store, Telling(), DriftState.OPEN) == (0, 0)


def test_promised_twice_is_promised_once(store: Store) -> None:
    with store.write() as write:
        drift = replace(make.drift(), state=DriftState.OPEN)
        drifts.save(write, [drift])
        written = transitions.add(write, [make.appeared(drift, from_state="pending", reason="grace over")])
        for _ in range(2):
            outbox.promise(write, written, MANY, BEGIN)
        assert sum(deliveries.counts(write).values()) == 5


def test_what_was_not_written_cannot_be_promised(store: Store) -> None:
    with store.write() as write, pytest.raises(ValueError, match="once it has been written"):
        outbox.promise(write, [make.appeared(make.drift(), to_state="open")], MANY, BEGIN)


def test_many_at_once(store: Store) -> None:
    """Far more than one statement may hold values for."""
    assert promised(store, MANY, DriftState.OPEN, 800)[1] == 4000
