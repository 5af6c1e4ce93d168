"""Any sequence of looks at any world: what holds for the life of a drift all the same.

The world is three places, each of which differs or not; the oracle is not the ledger's own arithmetic, but what people were
promised about the transitions that it writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anchorwatch.ledger.decide import decide
from anchorwatch.ledger.look import Look
from anchorwatch.model.desired import UnknownValue
from anchorwatch.model.drifts import DriftState, Side, Transition
from tests.ledger.looks import PATIENCES, Book, blind, look
from tests.store.make import after, finding

PLACES = ("image", "mem_limit", "environment.TZ")
GRACE, ROLLOUT, LIMIT = 300, 6000, 9000
"""In tenths of a second, as all times here: sums of these are exact."""
LONG_AGO = -(10**9)


def tenths(at: datetime) -> int:
    return (at - after(0)) // timedelta(milliseconds=100)


@dataclass
class Place:
    """What the world says of one place, and what was done since it was last calm."""

    value: str | None = None
    side: Side = Side.HOST
    stirred_at: int = LONG_AGO
    """When anything was last seen that begins a grace anew."""


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.now = 0
        self.places = {path: Place() for path in PLACES}
        self.hidden: set[str] = set()
        self.moved = False
        self.frozen_at: dict[str, int] = {}
        self.revision = "a" * 40
        self.states: dict[str, str] = {}
        self.began: dict[tuple[str, int], int] = {}
        self.opened: dict[tuple[str, int], int] = {}

    @rule(tenths=st.sampled_from([1, 5, 30, 100, 290, 300, 310, 1200, 5990, 9000, 72000]))
    def time_passes(self, tenths: int) -> None:
        self.now += tenths

    @rule(path=st.sampled_from(PLACES), value=st.sampled_from([None, "1", "2"]), side=st.sampled_from(list(Side)))
    def something_happens(self, path: str, value: str | None, side: Side) -> None:
        self.places[path].value, self.places[path].side, self.moved = value, side, True

    @rule(path=st.sampled_from(PLACES))
    def a_value_cannot_be_judged(self, path: str) -> None:
        self.hidden ^= {path}

    @rule()
    def a_commit(self) -> None:
        self.revision = "b" * 40 if self.revision[0] == "a" else "a" * 40

    @rule()
    def nobody_can_look(self) -> None:
        self.looks(blind(self.now / 10, revision=self.revision))

    @rule(settled=st.booleans(), moving=st.booleans())
    def somebody_looks(self, settled: bool, moving: bool) -> None:
        self.looks(self.look(settled=settled, moving=moving or self.moved))

    @precondition(lambda self: self.book.wakes() is not None)
    @rule()
    def the_clock_wakes(self) -> None:
        wake_at = self.book.wakes()
        assert wake_at is not None
        self.now = max(self.now, tenths(wake_at))
        self.looks(self.look(settled=True, moving=self.moved))

    @rule()
    def everything_is_calm(self) -> None:
        """Every drift that is there opens in the end, every other one is resolved, and then nobody is woken any more."""
        self.hidden.clear()
        self.moved = False
        self.now += 5
        began = self.now
        self.looks(self.look(settled=True))
        for _ in range(len(PLACES) + 1):
            if (wake_at := self.book.wakes()) is not None:
                self.now = tenths(wake_at)
                self.looks(self.look(settled=True))
        assert self.book.wakes() is None
        assert self.now <= began + LIMIT
        for path, place in self.places.items():
            there = self.book.drifts.get(finding(path).id)
            if place.value is not None:
                assert there is not None
                assert there.state is DriftState.OPEN
            else:
                assert there is None or there.state is DriftState.RESOLVED

    def look(self, *, settled: bool, moving: bool = False) -> Look:
        there = [
            (finding(path, observed=place.value), place.side)
            for path, place in self.places.items()
            if place.value is not None and path not in self.hidden
        ]
        return look(
            self.now / 10,
            *(one for one, _ in there),
            settled=settled,
            moving=moving,
            revision=self.revision,
            sides={one.id: side for one, side in there},
            unknown=tuple(UnknownValue("mealie", path, "a variable is set nowhere") for path in sorted(self.hidden)),
        )

    def looks(self, one: Look) -> None:
        begin = len(self.book.written)
        self.book.sees(one)
        written = self.book.written[begin:]
        assert len({transition.drift for transition in written}) == len(written)
        for transition in written:
            self.promised(transition, one)
        again = decide(tuple(self.book.drifts.values()), one, PATIENCES)
        assert (again.drifts, again.transitions) == ((), ())
        if one.findings is None:
            assert written == []
            self.frozen_at |= {name: self.now for name, state in self.states.items() if state == "pending"}
            return
        self.moved = self.moved and not one.moving
        if one.moving:
            for place in self.places.values():
                place.stirred_at = self.now
        found = {each.id for each in one.findings}
        for path in PLACES:
            drift = self.book.drifts.get(finding(path).id)
            if finding(path).id in found:
                assert drift is not None
                assert drift.state is not DriftState.RESOLVED
            elif one.settled and path not in self.hidden:
                assert drift is None or drift.state is DriftState.RESOLVED

    def promised(self, transition: Transition, one: Look) -> None:
        assert transition.drift is not None
        assert transition.since_at is not None
        assert transition.from_state == self.states.get(transition.drift)
        self.states[transition.drift] = transition.to_state
        found = {each.id: each for each in one.findings or ()}
        episode = (transition.drift, transition.episode)
        since = tenths(transition.since_at)
        self.began.setdefault(episode, self.now)
        if transition.to_state == "resolved":
            assert one.settled
            assert transition.drift not in found
            assert transition.from_state in {"pending", "open"}
        else:
            assert transition.desired == found[transition.drift].desired
            assert transition.observed == found[transition.drift].observed
        if transition.to_state == "open":
            assert one.settled
        if transition.to_state == "open" and transition.from_state != "open" and episode not in self.opened:
            place = self.places[found[transition.drift].path or ""]
            patience = ROLLOUT if transition.side is Side.GIT else GRACE
            assert self.now - since >= GRACE
            assert self.now - self.frozen_at.get(transition.drift, LONG_AGO) >= GRACE
            assert self.now - self.began[episode] >= min(patience, LIMIT)
            assert self.now - place.stirred_at >= patience or self.now - since >= LIMIT
            self.opened[episode] = self.now

    @invariant()
    def times_are_in_order(self) -> None:
        for name, drift in self.book.drifts.items():
            assert drift.id == name
            assert drift.state.value == self.states[name]
            assert (drift.state is DriftState.RESOLVED) is (drift.resolved_at is not None)
            assert drift.opens_at is None or drift.state is DriftState.PENDING
            times = [drift.appeared_at, drift.opened_at or drift.appeared_at, drift.resolved_at or after(self.now / 10)]
            assert times == sorted(times)


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, report_multiple_bugs=False)
TestLife = Life.TestCase
