"""What is done again and again, in virtual time."""

from __future__ import annotations

import random
import threading

import pytest

from anchorwatch.errors import ServiceFailed, StoreFull, StoreLost
from anchorwatch.watch.chores import JITTER, Chore, Chores


class Done:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.now = 0.0
        self.problem: Exception | None = None

    def __call__(self) -> None:
        self.times.append(self.now)
        if self.problem is not None:
            raise self.problem


def play(chores: Chores, done: Done, until: float) -> None:
    while done.now < until:
        done.now += max(0.001, chores.turn(done.now))


def test_each_is_done_in_its_time() -> None:
    done, often = Done(), []
    chores = Chores([Chore("a", 10.0, done), Chore("b", 3.0, lambda: often.append(done.now))], 0.0, lambda: 0.0)
    play(chores, done, 31)
    assert done.times == pytest.approx([10, 20, 30])
    assert often == pytest.approx([3 * number for number in range(1, 11)])


def test_chance_makes_it_a_little_earlier_and_never_later() -> None:
    done = Done()
    play(Chores([Chore("a", 100.0, done)], 0.0, lambda: 0.999), done, 95)
    assert len(done.times) == 1
    assert 100 * (1 - JITTER) <= done.times[0] <= 100


def test_what_is_due_together_stays_together() -> None:
    """Each time that the service wakes costs."""
    done, other, dice = Done(), [], random.Random(1)
    chores = Chores([Chore("a", 10.0, done), Chore("b", 10.0, lambda: other.append(done.now))], 0.0, dice.random)
    play(chores, done, 100)
    assert len(done.times) >= 10
    assert done.times == other


def test_a_full_disk_is_said_until_it_works_again() -> None:
    done = Done()
    chores = Chores([Chore("alive", 10.0, done)], 0.0, lambda: 0.0)
    done.problem = StoreFull("no room", hint="make some")
    play(chores, done, 15)
    assert chores.trouble["alive"].kind == "store_full"
    done.problem = None
    play(chores, done, 25)
    assert chores.trouble == {}


def test_a_lost_database_ends_it() -> None:
    done = Done()
    done.problem = StoreLost("gone")
    with pytest.raises(StoreLost):
        play(Chores([Chore("alive", 10.0, done)], 0.0, lambda: 0.0), done, 15)


def test_a_mistake_in_one_costs_no_other_anything() -> None:
    done, often = Done(), []
    done.problem = RuntimeError("dictionary changed size during iteration")
    chores = Chores([Chore("a", 10.0, done), Chore("b", 10.0, lambda: often.append(done.now))], 0.0, lambda: 0.0)
    play(chores, done, 25)
    assert chores.trouble["a"].kind == "internal"
    assert len(often) == 2


def test_what_takes_long_keeps_nobody_waiting() -> None:
    done, let_go = Done(), threading.Event()
    begun: list[float] = []

    def takes_long() -> None:
        begun.append(done.now)
        let_go.wait(30)

    chores = Chores([Chore("upkeep", 10.0, takes_long, first=1.0, apart=True), Chore("b", 5.0, done)], 0.0, lambda: 0.0)
    play(chores, done, 32)
    assert begun == [1.0]  # and no second one beside it
    assert len(done.times) == 6
    let_go.set()


def test_a_part_that_hangs_ends_it() -> None:
    done = Done()
    done.problem = ServiceFailed("repo hung for 120 s")
    with pytest.raises(ServiceFailed):
        play(Chores([Chore("watchdog", 10.0, done)], 0.0, lambda: 0.0), done, 15)
