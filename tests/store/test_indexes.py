"""No question reads a whole table that grows: each goes down an index, as SQLite's planner itself says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from anchorwatch.model.log import Wanted
from anchorwatch.model.options import Filters
from anchorwatch.store import (
    Reading,
    Store,
    checks,
    container_changes,
    containers,
    deliveries,
    drift_spans,
    drifts,
    events,
    hosts,
    moment,
    search,
    stacks,
    statistics,
    transitions,
)
from tests.store import make
from tests.store.make import BEGIN, KEY, after
from tests.store.places import Place
from tests.store.test_schema import filled

GROW = "container_states|transitions|drift_spans|checks|events|deliveries|container_versions|configurations"

QUESTIONS: dict[str, Callable[[Reading], object]] = {
    "at": lambda read: containers.at(read, after(1)),
    "at, one host": lambda read: containers.at(read, after(1), "pi5"),
    "containers now": lambda read: containers.current(read, "pi5"),
    "a container": lambda read: containers.history(read, "pi5", "mealie"),
    "hosts then": lambda read: hosts.at(read, after(1)),
    "stacks then": lambda read: stacks.at(read, after(1)),
    "drifts of a project": lambda read: drifts.of_project(read, KEY, ids=["x"]),
    "unresolved": drifts.unresolved,
    "a drift's life": lambda read: transitions.of_drift(read, make.drift().id),
    "newest": lambda read: transitions.newest(read, since=BEGIN, until=after(9)),
    "newest of a host": lambda read: transitions.newest(read, host="pi5"),
    "newest of a stack": lambda read: transitions.newest(read, stack=("pi5", "mealie"), since=BEGIN),
    "next page": lambda read: transitions.newest(read, before=make.appeared(make.drift(), id=7)),
    "last check": lambda read: checks.last(read, KEY),
    "last verdict": lambda read: checks.last_judged(read, KEY),
    "since when a host is so": lambda read: hosts.since(read, "pi5"),
    "since when a stack is so": lambda read: stacks.since(read, "pi5", "mealie"),
    "check then": lambda read: checks.at(read, KEY, after(1)),
    "events": lambda read: events.between(read, BEGIN, after(9)),
    "events of a host": lambda read: events.between(read, BEGIN, after(9), host="pi5"),
    "events of a project": lambda read: events.between(read, BEGIN, after(9), key=KEY),
    "outbox": lambda read: deliveries.waiting(read, after(9)),
    "recipients of what is due": lambda read: deliveries.lanes_due(read, after(9)),
    "when something is due": lambda read: deliveries.next_at(read, after(9)),
    "what a recipient waits for": lambda read: deliveries.unfinished(read, "mail", ""),
    "what a recipient was told": lambda read: deliveries.last_told(read, "mail", "", [1, 2]),
    "what a recipient was sent": lambda read: deliveries.sent_between(read, "mail", "", BEGIN, after(9)),
    "what was given up": lambda read: deliveries.unsaid(read, "mail", "", ", and said"),
    "a message": lambda read: deliveries.of_message(read, "message-1"),
    "transitions about the same": lambda read: transitions.about_the_same(read, [1, 2], since=BEGIN),
    "deliveries of a transition": lambda read: deliveries.of_transition(read, 1),
    "everything now": lambda read: moment.now(read, after(9)),
    "everything then": lambda read: moment.then(read, after(1), configurations=True),
    "everything then, one host": lambda read: moment.then(read, after(1), host="pi5"),
    "definitions then": lambda read: moment.definitions(read, after(1), {("pi5", "mealie")}),
    "the log": lambda read: searched(read, Wanted(since=BEGIN)),
    "the log of a host": lambda read: searched(read, Wanted(Filters(hosts=("pi5",)))),
    "the log of a stack": lambda read: searched(read, Wanted(Filters(stacks=(("pi5", "mealie"),)))),
    "the log of a path": lambda read: searched(read, Wanted(paths=("mem*",))),
    "the log of a cause": lambda read: searched(read, Wanted(causes=("commit",), since=BEGIN)),
    "the log of containers": lambda read: container_changes.page(read, search.scope(read, Wanted(since=BEGIN)), after(9)),
    "the log of commits": lambda read: search.commits(read, search.scope(read, Wanted(Filters(hosts=("pi5",)))), after(9)),
    "figures": lambda read: statistics.record(read, search.scope(read, Wanted()), BEGIN, after(9)),
    "a life": lambda read: search.life(read, make.drift()),
    "what a drift was": lambda read: drift_spans.of_drift(read, make.drift().id),
    "a drift's ID": lambda read: search.drifts_like(read, "3f"),
}


def searched(read: Reading, wanted: Wanted) -> object:
    return search.transitions(read, search.scope(read, wanted), messages=True)


@contextmanager
def statements() -> Iterator[list[tuple[str, Sequence[Any]]]]:
    """The statements that run meanwhile."""
    found: list[tuple[str, Sequence[Any]]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("question", QUESTIONS)
def test_goes_down_an_index(ready_sqlite_place: Place, question: str) -> None:
    filled(ready_sqlite_place)
    with Store.open_to_read(ready_sqlite_place.url) as store, store.read() as read, statements() as asked:
        QUESTIONS[question](read)
    selects = [(sql, parameters) for sql, parameters in asked if sql.startswith("SELECT")]
    assert selects
    with ready_sqlite_place.connection() as connection:
        plans = [row[3] for sql, parameters in selects for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert [step for step in plans if re.match(rf"SCAN ({GROW})\b(?!.* USING (COVERING )?INDEX)", step)] == []
