"""For any days of a fleet: what the log says of every moment is what was so then, and its figures are those of the raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from anchorwatch.model.log import Wanted
from anchorwatch.model.options import Filters
from anchorwatch.model.report import StackStatus
from anchorwatch.model.statistics import Lane, Part, statistics
from anchorwatch.reports.standing import standing
from anchorwatch.store import Store, moment, search
from anchorwatch.store import statistics as rows
from anchorwatch.store.tables.columns import moment as time_of
from tests.store.days import PLACES, Days, Moment, Step, as_shown, days
from tests.store.make import BEGIN
from tests.store.places import Place

MICROSECOND = timedelta(microseconds=1)
EVERY = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def moments(lived: Days) -> Iterator[tuple[datetime, Moment]]:
    """Times of all sorts, each with what was so then: at each step, just before the next, and between."""
    for now, following in pairwise(lived.moments):
        if now.at < following.at:
            yield from ((at, now) for at in {now.at, following.at - MICROSECOND, now.at + (following.at - now.at) / 2})
    last = lived.moments[-1]
    yield from ((at, last) for at in (last.at, last.at + timedelta(seconds=2)))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_at_a_moment_is_what_was_so_then(kind: str, request: pytest.FixtureRequest) -> None:
    places = request.getfixturevalue(f"many_{kind}_places")

    @EVERY
    @given(days)
    def holds(steps: list[Step]) -> None:
        with places() as place, place.open() as store:
            lived = Days(store)
            lived.live(steps)
            for at, then in moments(lived):
                assert_was_so(store, at, then)

    holds()


def assert_was_so(store: Store, at: datetime, then: Moment) -> None:
    with store.read() as read:
        facts = moment.then(read, at, configurations=True)
    assert {one.id: as_shown(one) for one in facts.drifts} == {one.id: as_shown(one) for one in then.drifts}
    assert {one.seen.name: one.seen for one in facts.containers} == {one.name: one for one in then.containers.values()}
    told = standing(facts, Filters())
    assert told.watch.running is then.watched
    by_place = {(one.report.host, one.report.stack): one for one in told.stacks}
    assert set(by_place) == set(PLACES)
    for number, place in enumerate(PLACES):
        stack = by_place[place]
        seen = then.watched and place[0] in then.reachable and number in then.looked
        assert stack.report.status is (expected(number, then) if seen else StackStatus.UNKNOWN)
        assert (stack.doubt is None) is seen
        if seen:
            assert stack.report.unknown == then.remarks[number]
        if seen and number in then.found:  # a check at that moment would find the same
            found = {drift.finding for drift in told.drifts if (drift.finding.host, drift.finding.stack) == place}
            assert found == then.found[number]


def expected(number: int, then: Moment) -> StackStatus:
    """What the last look came to; a look that resolved nothing makes nothing green."""
    there = any((drift.finding.host, drift.finding.stack) == PLACES[number] for drift in then.drifts)
    return StackStatus.DRIFTED if there and then.looked[number] is StackStatus.IN_SYNC else then.looked[number]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_figures_are_those_of_the_raw_rows(kind: str, request: pytest.FixtureRequest) -> None:
    places = request.getfixturevalue(f"many_{kind}_places")

    @EVERY
    @given(days)
    def holds(steps: list[Step]) -> None:
        with places() as place, place.open() as store:
            lived = Days(store)
            lived.live(steps)
            whole = lived.now - BEGIN
            for since, until in ((BEGIN, lived.now), (BEGIN + whole / 3, lived.now), (BEGIN + whole / 4, BEGIN + whole * 0.7)):
                if since < until:
                    assert_figures(store, place, since, until)

    holds()


def assert_figures(store: Store, place: Place, since: datetime, until: datetime) -> None:
    with store.read() as read:
        found = statistics(rows.record(read, search.scope(read, Wanted()), since, until))
    raw = Raw(place, since, until)
    for lane in found.lanes:
        own = raw.episodes(lane.lane)
        assert (lane.figures.drifts, lane.figures.deployments, lane.figures.standing) == (
            sum(opened for _, opened, _ in own),
            sum(not opened and ended is not None for _, opened, ended in own),
            sum(opened and ended is None for _, opened, ended in own),
        )
        took = [(ended - began).total_seconds() for began, opened, ended in own if opened and ended is not None]
        assert lane.figures.longest_to_resolve == (max(took) if took else None)
        assert lane.figures.mean_to_resolve == (pytest.approx(sum(took) / len(took)) if took else None)
        lasted = {part: timedelta() for part in Part}
        for begin, end in pairwise(raw.edges):
            lasted[raw.part(lane.lane, begin + (end - begin) / 2, own)] += end - begin
        figures = lane.figures
        assert (figures.in_sync, figures.drifted, figures.unknown, figures.unwatched) == pytest.approx(
            tuple(lasted[part].total_seconds() for part in Part)
        )
        assert sum(one.total_seconds() for one in lasted.values()) == pytest.approx((until - since).total_seconds())
    assert found.fleet.drifts == sum(lane.figures.drifts for lane in found.lanes)


class Raw:
    """The figures once more, from plain SQL and by looking at each piece of time on its own."""

    def __init__(self, place: Place, since: datetime, until: datetime) -> None:
        def times(sql: str) -> list[tuple[object, ...]]:
            return place.rows(sql)

        self.since, self.until = since, until
        self.runs = [(_at(begin), _at(end)) for begin, end in times("SELECT started_at, ended_at FROM runs")]
        self.reach = [
            (host, _at(begin), _at(end))
            for host, begin, end in times(
                "SELECT h.name, valid_from, valid_to FROM reachability JOIN hosts h ON h.id = host_id"
                " WHERE status = 'unreachable'"
            )
        ]
        self.checks = [
            (host, stack, _at(at), status)
            for host, stack, at, status in times(
                "SELECT h.name, s.name, started_at, c.status FROM checks c JOIN projects p ON p.id = project_id"
                " JOIN hosts h ON h.id = p.host_id JOIN stacks s ON s.id = p.stack_id ORDER BY started_at, c.id"
            )
        ]
        self.told = [
            (host, stack, (drift, episode), _at(at), state, _at(began))
            for host, stack, drift, episode, at, state, began in times(
                "SELECT h.name, s.name, drift_id, episode, at, to_state, since_at FROM transitions t"
                " JOIN hosts h ON h.id = t.host_id JOIN stacks s ON s.id = t.stack_id WHERE subject = 'drift' ORDER BY at, t.id"
            )
        ]
        edges = {since, until, *(one[2] for one in self.checks), *(one[3] for one in self.told), *(one[5] for one in self.told)}
        for _, begin, end in [*(("", *one) for one in self.runs), *self.reach]:
            edges |= {begin, end}
        self.edges = sorted(one for one in edges if one is not None and since <= one <= until)

    def episodes(self, lane: Lane) -> list[tuple[datetime, bool, datetime | None]]:
        """When each that touches the time began, whether it ever opened, when it ended."""
        found: dict[object, tuple[datetime, bool, datetime | None]] = {}
        for host, stack, episode, at, state, began in self.told:
            if (host, stack) == lane and at is not None and began is not None and at < self.until:
                opened = state == "open" or (episode in found and found[episode][1])
                found[episode] = (began, opened, at if state == "resolved" else None)
        return [one for one in found.values() if one[2] is None or one[2] >= self.since]

    def part(self, lane: Lane, at: datetime, own: list[tuple[datetime, bool, datetime | None]]) -> Part:
        """What a moment was."""
        own_checks = [(begin, status) for host, stack, begin, status in self.checks if (host, stack) == lane]
        before = [status for begin, status in own_checks if begin is not None and begin <= at]
        if not before or not any(_holds(begin, end, at) for begin, end in self.runs):
            return Part.UNWATCHED
        if before[-1] == "unknown" or any(host == lane[0] and _holds(begin, end, at) for host, begin, end in self.reach):
            return Part.UNKNOWN
        return Part.DRIFTED if any(opened and _holds(begin, end, at) for begin, opened, end in own) else Part.IN_SYNC


def _at(number: object) -> datetime | None:
    return time_of(number) if isinstance(number, int) else None


def _holds(begin: datetime | None, end: datetime | None, at: datetime) -> bool:
    return begin is not None and begin <= at and (end is None or at < end)
