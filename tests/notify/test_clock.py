"""The time of day is set while people are to be told: nobody waits for a time that was wrong, and nothing is given up for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from anchorwatch.ledger.jump import jumped
from anchorwatch.model.messages import Arrival, Outcome
from anchorwatch.model.service import RateLimit
from anchorwatch.notify.fold import CALM_AFTER, Turns
from anchorwatch.store import Store, runs
from tests.notify.world import ARRIVED, World, destination, findings, lanes
from tests.store.make import BEGIN, after, finding

DRIFT = finding()
FAR = finding(host="nas", stack="db", project="db", service="db", container="db")
YEAR = 365 * 86_400.0


def ahead(store: Store, **more: Any) -> World:
    """A world whose clock stands a year ahead, and which has been told of a drift."""
    world = World(store, lanes(destination(**more)), now=YEAR)
    world.drift(YEAR + 100, DRIFT)
    world.until(YEAR + 200)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"]
    return world


def set_right(world: World) -> None:
    """It is set back to the beginning."""
    with world.store.write() as write:
        run = runs.begin(write, "1", world.clock())
        jumped(write, run, -timedelta(seconds=world.now), BEGIN, BEGIN)
    world.now = 0.0


def test_who_is_told_at_most_so_much_an_hour_is_told(file_store: Store) -> None:
    world = ahead(file_store, rate_limit=RateLimit(1, 3600))
    set_right(world)
    world.drift(100, FAR)
    world.until(200)
    assert [one.what for one in world.sent[1:]] == ["news: open nas/db"]


def test_who_asks_for_reminders_is_reminded(file_store: Store) -> None:
    world = ahead(file_store, remind_every=86_400.0)
    set_right(world)
    world.until(2.5 * 86_400)
    assert [one.what for one in world.sent[1:]] == ["reminder: open pi5/mealie"] * 3
    assert world.sent[-1].at <= 2.5 * 86_400


def test_a_summary_that_was_begun_ahead_goes_out(file_store: Store) -> None:
    world = World(file_store, now=YEAR)
    world.look(YEAR, *findings(3), baseline=True)
    set_right(world)
    assert world.until(100) == ["summary: " + ", ".join(["open pi5/mealie"] * 3)]


def test_what_comes_and_goes_is_calm_when_it_is_left_alone() -> None:
    restless = Turns((BEGIN, after(60), after(120)), after(YEAR))
    assert restless.flapping(after(180))
    assert restless.calm_at(after(180)) == after(180) + CALM_AFTER


@pytest.mark.parametrize("attempts", [1, 5])
def test_a_day_that_passed_at_once_gives_up_nothing(file_store: Store, attempts: int) -> None:
    """The machine boots in the past, and nothing can be sent until it hears the time."""
    world = World(file_store)
    world.answer = lambda url, message: Outcome(Arrival.FAILED, "the certificate is not yet valid")
    world.drift(100, DRIFT)
    world.until({1: 110, 5: 400}[attempts])
    world.now += YEAR
    world.until(world.now + 10)
    world.answer = lambda url, message: ARRIVED
    world.until(world.now + 3600)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"]
