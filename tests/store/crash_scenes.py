"""What the children of the crash tests do. They say what they have committed, and nothing before."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from anchorwatch.model.drifts import Delivery, DriftState
from anchorwatch.model.service import HistorySettings
from anchorwatch.store import Store, checks, containers, deliveries, drifts, retention, schema, transitions
from anchorwatch.store.opening import database_of, open_for_writing
from tests.store import make
from tests.store.make import KEY, after
from tests.store.places import Place

Say = Callable[[Any], None]


def open_it(place: Place, say: Say) -> None:
    """A start of the service."""
    with place.open() as store:
        say(("opened", store.opened.instance.uuid))


def upgrade_it(place: Place, folder: Path, say: Say) -> None:
    """A start of the next release."""
    database = database_of(place.url, place.folder)
    try:
        opened, writer = open_for_writing(database, "the next release", after(1), schema.History("9001", (folder,)))
        writer.dispose()
        say(("opened", opened.revision))
    finally:
        database.release()


def take_it_back(place: Place, folder: Path, say: Say) -> None:
    """Back to the release before."""
    database = database_of(place.url, place.folder)
    try:
        database.hold("the test", after(1))
        with database.migrating() as connection:
            schema.downgrade(connection, schema.HEAD, schema.History("9001", (folder,)))
    finally:
        database.writer().dispose()
        database.release()


def check_it(place: Place, number: int, say: Say) -> None:
    """One check that finds a drift, in one transaction."""
    with place.open() as store:
        write_check(store, number)
        say(("committed", number))


def check_for_ever(place: Place, begin: int, say: Say) -> None:
    """Checks, as fast as they go."""
    with place.open_after_a_kill() as store:
        for number in itertools.count(begin):
            write_check(store, number)
            say(("committed", number))


def prune_it(place: Place, say: Say) -> None:
    """Half of what there is goes."""
    with place.open() as store:
        done = retention.prune(store, HistorySettings(keep=50.0), after(100))
        say(("pruned", dict(done.rows)))


def back_it_up(place: Place, say: Say) -> None:
    """A copy."""
    with place.open() as store:
        say(("copied", str(store.back_up(after(1)))))


def write_check(store: Store, number: int) -> None:
    """What a check writes: the container that has changed, the check, the drift, its transition and the message promised."""
    at = after(number)
    with store.write() as write:
        containers.record(write, "pi5", at, [make.container(restart_count=number, configuration={"number": number % 10})])
        pending = any(drift.state is DriftState.PENDING for drift in drifts.of_project(write, KEY))
        state = DriftState.RESOLVED if pending else DriftState.PENDING
        check = checks.record(write, make.check(at, findings=number), eventful=True)
        drift = replace(make.drift(at=at), state=state, episode=number, resolved_at=at if state is DriftState.RESOLVED else None)
        drifts.save(write, [drift])
        told = transitions.add(write, [make.appeared(drift, check, at=at, episode=number)])
        deliveries.promise(write, [Delivery(one.id or 0, "mail", at) for one in told])


def numbers_are_whole(place: Place) -> int:
    """How many checks are there: 1, 2, 3… without a gap, each with everything that belongs to it. Raises `AssertionError`."""
    found = [row[0] for row in place.rows("SELECT findings FROM checks ORDER BY findings")]
    assert found == list(range(1, len(found) + 1))
    for sql in (
        "SELECT episode FROM transitions ORDER BY id",
        "SELECT restart_count FROM container_states ORDER BY valid_from",
        "SELECT findings FROM checks JOIN transitions ON check_id = checks.id"
        " JOIN deliveries ON transition_id = transitions.id ORDER BY findings",
    ):
        assert [row[0] for row in place.rows(sql)] == found, sql
    last = place.rows("SELECT episode, state FROM drifts")
    assert last == ([(len(found), "pending" if len(found) % 2 else "resolved")] if found else [])
    assert place.rows("SELECT count(*) FROM container_states WHERE valid_to IS NULL") == [(min(1, len(found)),)]
    return len(found)
