"""A check in the database, on SQLite and on PostgreSQL: all of it in one transaction, and the same again after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from anchorwatch.ledger.look import Look
from anchorwatch.ledger.record import Recorded, earlier, freeze, record
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, DriftState, Reason
from anchorwatch.model.report import StackStatus
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.store import Store, checks, containers, drifts, transitions
from tests.ledger.looks import PATIENCES, blind, look, told
from tests.store.make import KEY, after, container, finding
from tests.store.places import Place
from tests.store.test_indexes import statements

DRIFT = finding()
RUNNING = (container(), container("db"))


def check_of(one: Look, **more: Any) -> Check:
    status = StackStatus.UNKNOWN if one.findings is None else StackStatus.DRIFTED if one.findings else StackStatus.IN_SYNC
    given: dict[str, Any] = {"status": status, "took": 0.02, "findings": len(one.findings or ()), "revision": one.revision}
    given["started_at"] = one.at
    return Check(key=one.key, trigger=one.trigger, **(given | more))


def keep(store: Store, one: Look, seen: Sequence[ContainerSeen] | None = RUNNING) -> Recorded:
    with store.write() as write:
        return record(write, check_of(one), one, PATIENCES, None if one.findings is None else seen)


def life(store: Store) -> list[tuple[str | None, str, str]]:
    with store.read() as read:
        return told(transitions.of_drift(read, DRIFT.id))


def test_a_drift_from_its_beginning_to_its_end(store: Store) -> None:
    first = keep(store, look(0, DRIFT))
    assert first.wake_at == after(30)
    opened, ended = keep(store, look(30, DRIFT)), keep(store, look(60))
    assert life(store) == [
        (None, "pending", "appeared"),
        ("pending", "open", "grace over"),
        ("open", "resolved", "mended on the host"),
    ]
    assert [one.check for one in (*first.transitions, *opened.transitions, *ended.transitions)] == [
        first.number,
        opened.number,
        ended.number,
    ]
    with store.read() as read:
        known = drifts.get(read, DRIFT.id)
        assert known is not None
        assert (known.state, known.resolved_at, known.finding) == (DriftState.RESOLVED, after(60), DRIFT)
        assert drifts.unresolved(read) == ()
        assert checks.verdicts(read)[KEY].status is StackStatus.IN_SYNC


def test_a_new_episode_of_a_drift_that_was_resolved_long_ago(store: Store) -> None:
    for one in (look(0, DRIFT), look(10), look(3600, DRIFT)):
        keep(store, one)
    with store.read() as read:
        (known,) = drifts.of_project(read, KEY)
    assert (known.episode, known.appeared_at, known.resolved_at) == (2, after(3600), None)


def test_the_same_look_twice_writes_nothing_twice(store: Store) -> None:
    for seconds in (0, 30):
        keep(store, look(seconds, DRIFT))
        assert keep(store, look(seconds, DRIFT)).transitions == ()
    assert len(life(store)) == 2


def test_a_standing_drift_is_no_news_after_a_restart(place: Place) -> None:
    with place.open() as store:
        keep(store, look(0, DRIFT))
        keep(store, look(30, DRIFT))
    for start in range(1, 6):
        with place.open() as store:
            with store.write() as write:
                freeze(write)
            assert keep(store, look(100 * start, DRIFT, baseline=True)).transitions == ()


def test_what_is_pending_at_a_restart_begins_its_grace_anew(place: Place) -> None:
    with place.open() as store:
        keep(store, look(0, DRIFT))
    with place.open() as store:
        with store.write() as write:
            freeze(write)
        with store.read() as read:
            assert drifts.due(read, after(7200)) == ()
        assert keep(store, look(7200, DRIFT)).wake_at == after(7230)
    assert len(life_at(place)) == 1


def life_at(place: Place) -> list[tuple[str | None, str, str]]:
    with place.open() as store:
        return life(store)


def test_what_is_not_kept_was_not_written(store: Store) -> None:
    with store.write() as write:
        record(write, check_of(look(0, DRIFT)), look(0, DRIFT), PATIENCES, RUNNING)
        write.session.rollback()
    with store.read() as read:
        assert (drifts.get(read, DRIFT.id), checks.last(read, KEY), containers.current(read)) == (None, None, ())


def test_a_container_that_changes_begins_the_grace_anew(store: Store) -> None:
    keep(store, look(0, DRIFT))
    assert keep(store, look(20, DRIFT), (container(), container("db", engine_id="db-2"))).wake_at == after(50)
    assert keep(store, look(40, DRIFT), (container(), container("db", engine_id="db-2"))).wake_at == after(50)


def test_a_health_check_that_fails_does_not(store: Store) -> None:
    keep(store, look(0, DRIFT), (container(health="healthy"),))
    assert keep(store, look(20, DRIFT), (container(health="unhealthy"),)).wake_at == after(30)


def test_a_deploy_that_waits_for_a_container_to_be_healthy(store: Store) -> None:
    """`depends_on: {condition: service_healthy}`: nothing happens for minutes, and the last containers are not started yet."""
    starting = (container("db", health="starting"), container(state="created"))
    one = keep(store, look(0, DRIFT), starting)
    while one.wake_at is not None and one.wake_at < after(240):
        one = keep(store, look((one.wake_at - after(0)).total_seconds(), DRIFT), starting)
    healthy = (container("db", health="healthy"), container(state="created"))
    assert keep(store, look(241, DRIFT), healthy).wake_at == after(271)
    keep(store, look(242), (container("db", health="healthy"), container()))
    assert life(store)[-1] == ("pending", "resolved", "passed")


def test_unknown_is_remembered_as_such(store: Store) -> None:
    keep(store, look(0, DRIFT))
    keep(store, look(30, DRIFT))
    assert keep(store, blind(60)).transitions == ()
    with store.read() as read:
        assert checks.verdicts(read)[KEY].status is StackStatus.UNKNOWN
        assert [drift.state for drift in drifts.unresolved(read)] == [DriftState.OPEN]
        assert len(containers.current(read)) == 2


def test_the_revision_that_a_container_was_last_in_sync_with(store: Store) -> None:
    with store.read() as read:
        assert not earlier(read, KEY).looked
    keep(store, look(0, revision="0" * 40))
    keep(store, look(10, DRIFT, revision="1" * 40))
    with store.read() as read:
        before = earlier(read, KEY)
    assert (before.synced, before.revision, before.looked) == ({"mealie": "0" * 40, "db": "1" * 40}, "1" * 40, True)
    keep(store, blind(20, revision="2" * 40))
    with store.read() as read:
        assert earlier(read, KEY).revision == "1" * 40, "the last one that was judged: nobody saw what came after"
    keep(store, look(30, settled=False, revision="2" * 40))
    with store.read() as read:
        assert earlier(read, KEY).synced == before.synced


def test_the_last_verdict_is_older_than_the_last_check(store: Store) -> None:
    with store.read() as read:
        assert checks.last_judged(read, KEY) is None
    for one in (look(0, DRIFT), blind(10), blind(20, revision="2" * 40)):
        keep(store, one)
    with store.read() as read:
        found = checks.last_judged(read, KEY)
        assert found is not None
        assert (found.check.started_at, found.check.status) == (after(0), StackStatus.DRIFTED)
    keep(store, look(30))
    with store.read() as read:
        assert checks.last_judged(read, KEY) == checks.last(read, KEY)


def test_a_text_that_no_database_takes_is_not_new_every_time(store: Store) -> None:
    strange = replace(DRIFT, observed="a\0b\udc80", message="it is a\0b\udc80")
    keep(store, look(0, strange))
    keep(store, look(30, strange))
    assert keep(store, look(60, strange)).transitions == ()


def test_a_project_whose_name_is_longer_than_any_index_takes(store: Store) -> None:
    key = ProjectKey("pi5", "p" * 3000)
    found = replace(DRIFT, project=key.project)
    for seconds, count in ((0, 1), (30, 1), (60, 0)):
        one = replace(look(seconds, found), key=key)
        with store.write() as write:
            assert len(record(write, check_of(one), one, PATIENCES, ()).transitions) == count


def test_checks_that_come_to_the_same_are_one_row(store: Store) -> None:
    numbers = [keep(store, look(seconds)).number for seconds in range(0, 50, 10)]
    assert len(set(numbers)) == 2  # the first one brought the containers
    assert keep(store, look(60, DRIFT)).number not in numbers


def test_a_check_of_many_containers_asks_no_more_than_one_of_few(store: Store) -> None:
    asked = []
    for count in (3, 60):
        seen = [container(f"web{number}") for number in range(count)]
        for seconds in (0, 10):
            keep(store, look(count * 100 + seconds), seen)
        with statements() as found:
            keep(store, look(count * 100 + 20), seen)
        asked.append([sql.split()[0] for sql, _ in found])
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (look(0, DRIFT), {"started_at": after(1)}),
        (look(0, DRIFT), {"status": StackStatus.UNKNOWN}),
        (blind(0), {"status": StackStatus.IN_SYNC}),
    ],
)
def test_a_check_and_a_look_that_do_not_agree(store: Store, one: Look, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mealie"), store.write() as write:
        record(write, check_of(one, **wrong), one, PATIENCES)


def test_reasons_are_words_that_the_database_takes(store: Store) -> None:
    keep(store, look(0, DRIFT, baseline=True))
    assert life(store) == [(None, "open", Reason.ALREADY_THERE.value)]
