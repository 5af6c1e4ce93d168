"""What goes into the database comes out again, as it was and when it was; on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import gc
import random
import weakref
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from anchorwatch.model.desired import PROJECT_DIR, ProjectKey
from anchorwatch.model.drifts import Acceptance, Delivery, DeliveryState, DriftState, Side, Subject, Transition, Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.timeline import Commit, EventSeen, Span, StackSeen
from anchorwatch.model.values import Secret, Template, Unknown
from anchorwatch.store import (
    Store,
    checks,
    commits,
    containers,
    cursors,
    deliveries,
    drifts,
    events,
    hosts,
    moment,
    runs,
    stacks,
    transitions,
)
from tests.store import make
from tests.store.make import BEGIN, KEY, NO_PROJECT, after
from tests.store.places import Place

TICK = timedelta(microseconds=1)


def test_a_host_that_goes_away_and_comes_back(store: Store) -> None:
    gone = make.host(
        after(10), status=HostStatus.UNREACHABLE, engine_id=None, engine_version=None, error=ErrorInfo("timeout", "no answer")
    )
    with store.write() as write:
        assert hosts.record(write, make.host()) is None
        assert hosts.record(write, make.host(after(5))) is None
        before = hosts.record(write, gone)
        hosts.record(write, replace(gone, at=after(15)))
        hosts.record(write, make.host(after(20)))
    assert before is not None
    assert (before.seen.status, before.span, before.seen_at) == (HostStatus.OK, Span(BEGIN, after(10)), after(5))
    with store.read() as read:
        assert hosts.at(read, BEGIN - TICK) == {}
        assert hosts.at(read, after(19))["pi5"].seen == gone
        assert hosts.at(read, after(19))["pi5"].seen_at == after(15)
        assert hosts.current(read)["pi5"].span == Span(after(20))
        assert [one.seen.status.value for one in hosts.history(read, "pi5", after(1), after(11))] == ["ok", "unreachable"]
        assert hosts.engine_of(read, "pi5") == "ENGINE-1"


def test_another_engine_at_the_address_is_seen_and_not_taken(store: Store) -> None:
    with store.write() as write:
        hosts.record(write, make.host())
        assert hosts.record(write, make.host(after(1), engine_id="ENGINE-2")) is not None
        assert hosts.engine_of(write, "pi5") == "ENGINE-1"
        hosts.take_engine(write, "pi5", "ENGINE-2", after(2))
    with store.read() as read:
        assert hosts.engine_of(read, "pi5") == "ENGINE-2"
        assert hosts.current(read)["pi5"].seen.engine_id == "ENGINE-2"


def test_where_the_engine_was_seen_last(store: Store) -> None:
    elsewhere = make.host(after(2), address="tcp://nas:2375", status=HostStatus.UNREACHABLE, engine_id=None)
    with store.write() as write:
        assert hosts.answered_at(write, "pi5") is None
        hosts.record(write, make.host(address="unix:///first"))
        hosts.record(write, make.host(after(1), address="unix:///second"))
        hosts.record(write, elsewhere)
        hosts.record(write, make.host(after(3), address="tcp://nas:2375", engine_id="ENGINE-2"))
    with store.read() as read:
        assert hosts.answered_at(read, "pi5") == "unix:///second"


def test_a_stack_over_time(store: Store) -> None:
    first = StackSeen(make.stack(), "mealie", "a" * 40, {"services": {"mealie": {"mem_limit": "512m"}}})
    broken = StackSeen(make.stack(), "mealie", "b" * 40, None, ErrorInfo("bad_yaml", "line 3", "mend it"))
    with store.write() as write:
        stacks.record(write, [first], BEGIN, complete=["pi5"])
        stacks.record(write, [first], after(1), complete=["pi5"])
        stacks.record(write, [broken], after(2), complete=["pi5"])
        stacks.record(write, [], after(3), complete=["proxmox"])
        stacks.record(write, [], after(4), complete=["pi5"])
    with store.read() as read:
        assert stacks.current(read) == ()
        (then,) = stacks.at(read, after(1))
        assert (then.stack, then.path, then.revision, then.span) == (
            "mealie",
            "pi5/mealie/compose.yml",
            "a" * 40,
            Span(BEGIN, after(2)),
        )
        (later,) = stacks.at(read, after(3.5))
        assert (later.error, later.span) == (broken.error, Span(after(2), after(4)))
        assert stacks.definition(read, "pi5", "mealie", revision="a" * 40) == first.definition
        assert stacks.definition(read, "pi5", "mealie", revision="b" * 40) is None
        assert stacks.definition(read, "pi5", "mealie", at=after(1)) == first.definition


def test_commits(store: Store) -> None:
    one = Commit("a" * 40, BEGIN, "Ada", "less memory", None)
    two = Commit("b" * 40, after(60), "Ada", "more again", "a" * 40)
    with store.write() as write:
        commits.record(write, one, [("pi5", "mealie"), ("pi5", "mealie"), ("proxmox", "media")], after(1))
        commits.record(write, two, [("pi5", "mealie")], after(61))
        commits.record(write, one, [("pi5", "mealie")], after(62))
    with store.read() as read:
        assert commits.of_stack(read, "pi5", "mealie") == (two, one)
        assert commits.of_stack(read, "proxmox", "media") == (one,)
        assert commits.get(read, "b" * 40) == two
        assert commits.get(read, "c" * 40) is None


def test_a_container_over_time(store: Store) -> None:
    first = make.container()
    updated = make.container(configuration={"HostConfig": {"Memory": 1073741824}})
    anew = make.container(engine_id="mealie-2")
    with store.write() as write:
        assert containers.record(write, "pi5", BEGIN, [first]) == (containers.Change(None, first),)
        assert containers.record(write, "pi5", after(1), [first]) == ()
        assert containers.record(write, "pi5", after(2), [updated]) == (containers.Change(first, updated),)
        assert containers.record(write, "pi5", after(3), []) == (containers.Change(updated, None),)
        assert containers.record(write, "pi5", after(4), [anew]) == (containers.Change(None, anew),)
    with store.read() as read:
        assert [(one.seen, one.span) for one in containers.history(read, "pi5", "mealie")] == [
            (first, Span(BEGIN, after(2))),
            (updated, Span(after(2), after(3))),
            (anew, Span(after(4))),
        ]
        assert [one.seen for one in containers.at(read, after(2.5))] == [updated]
        assert containers.at(read, after(3.5)) == ()
        assert containers.at(read, BEGIN - TICK) == ()
        assert [one.seen for one in containers.current(read, "pi5")] == [anew]


def test_each_configuration_is_kept_once(ready_place: Place) -> None:
    with ready_place.open() as store, store.write() as write:
        for second in range(20):
            state = "running" if second % 2 else "exited"
            containers.record(write, "pi5", after(second), [make.container(state=state), make.container("other", state=state)])
    assert ready_place.rows("SELECT count(*) FROM configurations") == [(1,)]
    assert ready_place.rows("SELECT count(*) FROM container_versions") == [(2,)]
    assert ready_place.rows("SELECT count(*) FROM container_states") == [(40,)]


def test_the_look_of_one_project_says_nothing_of_the_others(store: Store) -> None:
    loose = make.container("watchtower", project=None, service=None)
    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [make.container(), make.container("jellyfin", project="media"), loose])
        containers.record(write, "pi5", after(1), [], project="mealie")
    with store.read() as read:
        assert {one.seen.name for one in containers.current(read)} == {"jellyfin", "watchtower"}
    with store.write() as write:
        containers.record(write, "pi5", after(2), [], project=NO_PROJECT)
    with store.read() as read:
        assert {one.seen.name for one in containers.current(read)} == {"jellyfin"}


def test_a_name_that_moves_to_another_project(store: Store) -> None:
    moved = make.container(project="kitchen", engine_id="mealie-9")
    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [make.container()])
        containers.record(write, "pi5", after(1), [moved], project="kitchen")
        containers.record(write, "pi5", after(2), [], project="mealie")
    with store.read() as read:
        assert [one.seen for one in containers.current(read)] == [moved]


def test_two_containers_of_one_name_in_one_look(store: Store) -> None:
    """It was renamed while the engine was asked."""
    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [make.container(), make.container(engine_id="mealie-2")])
    with store.read() as read:
        assert [one.seen.engine_id for one in containers.current(read)] == ["mealie-1"]


@pytest.mark.parametrize("second", [0.0, -3600.0])
def test_a_clock_that_stands_still_or_goes_back(store: Store, second: float) -> None:
    states = ["running", "exited", "running"]
    with store.write() as write:
        for number, state in enumerate(states):
            moment = after(second if number else 0)
            containers.record(write, "pi5", moment, [make.container(state=state)])
            hosts.record(write, make.host(moment, engine_version=str(number)))
            stacks.record(write, [StackSeen(make.stack(), "mealie", str(number))], moment)
    with store.read() as read:
        found = containers.history(read, "pi5", "mealie")
        assert [(one.seen.state, one.span) for one in found] == [
            ("running", Span(BEGIN, BEGIN + TICK)),
            ("exited", Span(BEGIN + TICK, BEGIN + 2 * TICK)),
            ("running", Span(BEGIN + 2 * TICK)),
        ]
        assert len(hosts.history(read, "pi5", BEGIN, after(9))) == 3
        assert [one.revision for one in stacks.current(read)] == ["2"]


def test_the_revision_that_a_container_was_last_in_sync_with(store: Store) -> None:
    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [make.container(), make.container("db")])
        containers.mark_in_sync(write, "pi5", ["mealie", "db", "nobody"], "a" * 40, BEGIN)
        containers.mark_in_sync(write, "pi5", ["mealie"], "b" * 40, after(1))
        containers.record(write, "pi5", after(2), [make.container(engine_id="anew"), make.container("db")])
    with store.read() as read:
        assert containers.last_in_sync(read, "pi5") == {"mealie": "b" * 40, "db": "a" * 40}
        assert containers.last_in_sync(read, "proxmox") == {}


def test_no_secret_gets_into_a_document(ready_place: Place) -> None:
    configuration = {
        "Env": {"PASSWORD": Secret("canary-1"), "EMPTY": None},
        "Cmd": ["--token", Template(("x=", Secret("canary-2"), Unknown("Y")))],
        "Mounts": {f"{PROJECT_DIR}/data": {"RW": True}},
        "bytes": "caf\udce9",
    }
    with ready_place.open() as store:
        with store.write() as write:
            containers.record(write, "pi5", BEGIN, [make.container(configuration=configuration)])
            assert containers.record(write, "pi5", after(1), [make.container(configuration=configuration)]) == ()
        with store.read() as read:
            (found,) = containers.current(read)
    assert found.seen.configuration == {
        "Env": {"PASSWORD": {"secret": Secret("canary-1").fingerprint}, "EMPTY": None},
        "Cmd": ["--token", {"parts": ["x=", {"secret": Secret("canary-2").fingerprint}, {"unknown": "Y"}]}],
        "Mounts": {f"{PROJECT_DIR}/data": {"RW": True}},
        "bytes": "caf\udce9",
    }
    assert "canary" not in str(ready_place.rows("SELECT body FROM configurations"))


def test_a_secret_that_changes_is_a_change(store: Store) -> None:
    def with_password(text: str) -> dict[str, object]:
        return {"Env": {"PASSWORD": Secret(text)}}

    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [make.container(configuration=with_password("one"))])
        assert len(containers.record(write, "pi5", after(1), [make.container(configuration=with_password("two"))])) == 1
        assert len(containers.record(write, "pi5", after(2), [make.container(configuration=with_password("two"))])) == 0


def test_checks_that_come_to_the_same_share_a_row(ready_place: Place) -> None:
    with ready_place.open() as store:
        with store.write() as write:
            numbers = [checks.record(write, make.check(after(300 * n), took=0.01 * n), eventful=False) for n in range(4)]
        with store.read() as read:
            run = checks.last(read, KEY)
    assert run is not None
    assert (len(set(numbers)), run.times, run.check.started_at, run.last_at) == (1, 4, BEGIN, after(900))
    assert run.check == make.check(took=0.03)


@pytest.mark.parametrize(
    "other",
    [
        {"status": StackStatus.DRIFTED, "findings": 1},
        {"trigger": Trigger.COMMIT},
        {"reason": "die mealie"},
        {"revision": "b" * 40},
        {"unknown": 1},
        {"containers": 2},
        {"error": ErrorInfo("timeout", "no answer")},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_check_that_comes_to_something_else_has_a_row_of_its_own(store: Store, other: dict[str, Any]) -> None:
    with store.write() as write:
        first = checks.record(write, make.check(), eventful=False)
        second = checks.record(write, make.check(after(1), **other), eventful=False)
        third = checks.record(write, make.check(after(2)), eventful=False)
    assert len({first, second, third}) == 3


def test_an_eventful_check_stands_alone(store: Store) -> None:
    with store.write() as write:
        numbers = [checks.record(write, make.check(after(n)), eventful=n == 1) for n in range(4)]
    assert [numbers.index(number) for number in numbers] == [0, 1, 2, 2]


def test_a_check_from_before_the_last_one_stands_alone(store: Store) -> None:
    """The clock was put back: what was said of the time in between stays as it was."""
    with store.write() as write:
        numbers = [checks.record(write, make.check(after(second)), eventful=False) for second in (0, 300, 100)]
    assert len(set(numbers)) == 2
    with store.read() as read:
        run = checks.get(read, numbers[0])
    assert run is not None
    assert (run.times, run.last_at) == (2, after(300))


def test_checks_of_two_runs_are_told_apart(store: Store) -> None:
    with store.write() as write:
        first = checks.record(write, make.check(run=runs.begin(write, "1.0", BEGIN)), eventful=False)
        second = checks.record(write, make.check(after(9), run=runs.begin(write, "1.0", after(8))), eventful=False)
    assert first != second
    with store.read() as read:
        then = checks.at(read, KEY, after(5))
        assert then is not None
        assert (then.id, checks.at(read, KEY, BEGIN - TICK)) == (first, None)
        assert checks.get(read, first) == then


def test_the_verdict_and_since_when(store: Store) -> None:
    drifted: dict[str, Any] = {"status": StackStatus.DRIFTED, "findings": 1}
    with store.write() as write:
        checks.record(write, make.check(), eventful=False)
        checks.record(write, make.check(after(1), **drifted), eventful=True)
        checks.record(write, make.check(after(2), **drifted), eventful=False)
        checks.record(write, make.check(after(3), ProjectKey("pi5", NO_PROJECT)), eventful=False)
    with store.read() as read:
        assert checks.verdicts(read) == {
            KEY: checks.Verdict(StackStatus.DRIFTED, after(1), after(2)),
            ProjectKey("pi5", NO_PROJECT): checks.Verdict(StackStatus.IN_SYNC, after(3), after(3)),
        }


def test_the_life_of_a_drift(store: Store) -> None:
    pending = make.drift()
    opened = replace(
        pending, state=DriftState.OPEN, opened_at=after(30), opens_at=None, side=Side.HOST, cause={"event": "update"}
    )
    resolved = replace(
        opened, state=DriftState.RESOLVED, resolved_at=after(90), acceptance=Acceptance(after(40), "1 GiB", after(9999), "ok")
    )
    with store.write() as write:
        number = checks.record(write, make.check(), eventful=True)
        drifts.save(write, [pending])
        (first,) = transitions.add(write, [make.appeared(pending, number)])
        assert drifts.of_project(write, KEY) == (pending,)
        assert drifts.due(write, after(29)) == ()
        assert drifts.due(write, after(30)) == (KEY,)
        drifts.save(write, [opened])
        opening = make.appeared(
            opened, number, at=after(30), from_state="pending", reason="grace over", side=Side.HOST, cause={"a": [1]}
        )
        (second,) = transitions.add(write, [opening])
        assert drifts.unresolved(write, "pi5") == (opened,)
        drifts.save(write, [resolved])
    assert second == replace(opening, id=second.id)
    assert first.id is not None
    assert second.id is not None
    assert first.id < second.id
    with store.read() as read:
        assert drifts.of_project(read, KEY) == ()
        assert drifts.of_project(read, KEY, ids=[pending.id, "nothing"]) == (resolved,)
        assert drifts.unresolved(read) == ()
        assert drifts.get(read, pending.id) == resolved
        assert drifts.get(read, "nothing") is None
        assert transitions.of_drift(read, pending.id) == (first, second)


def test_a_drift_that_belongs_to_no_stack(store: Store) -> None:
    loose = make.drift(make.finding(None, stack=None, project=None, service=None, container="watchtower", desired=None))
    with store.write() as write:
        drifts.save(write, [loose, make.drift()])
        transitions.add(write, [make.appeared(loose)])
    with store.read() as read:
        assert drifts.of_project(read, ProjectKey("pi5", NO_PROJECT)) == (loose,)
        assert [one.stack for one in transitions.of_drift(read, loose.id)] == [None]


def test_transitions_page_by_page(store: Store) -> None:
    changes = [
        make.drift(make.finding(f"environment.{n}", stack="mealie" if n % 2 else "media"), at=after(n // 3)) for n in range(20)
    ]
    gone = Transition(Subject.HOST, after(3), "ok", "unreachable", "host unreachable", host="proxmox", since_at=BEGIN)
    with store.write() as write:
        drifts.save(write, changes)
        written = transitions.add(write, [*(make.appeared(one) for one in changes), gone])
    in_order = sorted(written, key=lambda one: (one.at, one.id or 0), reverse=True)
    with store.read() as read:
        pages, last = [], None
        while page := transitions.newest(read, limit=7, before=last):
            pages.append(len(page))
            assert list(page) == in_order[sum(pages[:-1]) : sum(pages)]
            last = page[-1]
        assert pages == [7, 7, 7]
        assert transitions.newest(read, host="proxmox") == tuple(one for one in in_order if one.host == "proxmox")
        assert len(transitions.newest(read, stack=("pi5", "mealie"))) == 10
        assert transitions.newest(read, stack=("pi5", "nothing")) == ()
        assert {one.at for one in transitions.newest(read, since=after(2), until=after(4))} == {after(2), after(3)}


def test_events_are_kept_once(store: Store) -> None:
    die = EventSeen("pi5", BEGIN, "die", "mealie-1", "mealie", "mealie", "mealie", {"exitCode": "137"})
    start = EventSeen("pi5", BEGIN, "start", "mealie-1", "mealie", None)
    with store.write() as write:
        assert events.add(write, [die, start]) == 2
        assert events.add(write, [die, start, replace(die, at=after(1))]) == 1
    with store.read() as read:
        assert events.between(read, BEGIN, after(1)) == (die, start)
        assert events.between(read, BEGIN, after(2), key=KEY) == (die, replace(die, at=after(1)))
        assert events.between(read, BEGIN, after(2), host="proxmox") == ()


def test_cursors_and_settings(store: Store) -> None:
    with store.write() as write:
        cursors.put(write, "docker:pi5", "1", BEGIN)
        cursors.put(write, "docker:pi5", "2", after(1))
        cursors.remember(write, "baseline", {"rules": 1}, BEGIN)
        cursors.remember(write, "baseline", {"rules": [2, None]}, after(1))
    with store.read() as read:
        assert cursors.get(read, "docker:pi5") == cursors.Cursor("2", after(1))
        assert cursors.get(read, "docker:proxmox") is None
        assert cursors.setting(read, "baseline") == {"rules": [2, None]}
        assert cursors.setting(read, "nothing") is None


def test_a_run_that_was_killed_ended_when_it_was_last_alive(store: Store) -> None:
    with store.write() as write:
        killed = runs.begin(write, "1.0", BEGIN)
        runs.alive(write, killed, after(60))
        stopped = runs.begin(write, "1.0", after(100))
        runs.end(write, stopped, after(160))
        runs.begin(write, "1.1", after(200))
    with store.read() as read:
        watched = runs.between(read, BEGIN, after(999))
        assert watched == (Span(BEGIN, after(60)), Span(after(100), after(160)), Span(after(200)))
        assert runs.between(read, after(61), after(99)) == ()


def delivery(transition: int, **more: Any) -> Delivery:
    return Delivery(transition, "mail", BEGIN, **more)


def test_the_outbox(store: Store) -> None:
    with store.write() as write:
        drifts.save(write, [make.drift()])
        (told,) = transitions.add(write, [make.appeared(make.drift())])
        assert told.id is not None
        promised = deliveries.promise(
            write,
            [delivery(told.id), delivery(told.id, recipient="b"), delivery(told.id, occasion="reminder 1", next_at=after(60))],
        )
        assert deliveries.promise(write, [delivery(told.id)]) == ()
    ids = [one.id for one in promised if one.id is not None]
    with store.write() as write:
        assert [one.id for one in deliveries.waiting(write, BEGIN)] == ids[:2]
        assert deliveries.claim(write, ids[:2], "message-1", after(1)) == frozenset(ids[:2])
        assert deliveries.claim(write, ids, "message-2", after(1)) == {ids[2]}
        assert deliveries.waiting(write, after(999)) == ()
    with store.write() as write:
        deliveries.settle(write, ids[:1], DeliveryState.SENT, after(2))
        assert deliveries.take_back(write, after(3)) == 2
        assert deliveries.claim(write, [ids[1]], "another", after(4)) == frozenset()
        assert deliveries.claim(write, ids[:2], "message-1", after(4)) == {ids[1]}
        deliveries.settle(write, ids[:2], DeliveryState.RETRY, after(5), next_at=after(65), error="451")
    with store.read() as read:
        sent, again, reminder = deliveries.of_transition(read, told.id)
    assert (sent.state, sent.done_at, sent.error, sent.attempt) == (DeliveryState.SENT, after(2), None, 1)
    assert (again.state, again.message, again.attempt, again.next_at) == (DeliveryState.RETRY, "message-1", 2, after(65))
    assert (reminder.state, reminder.message, reminder.occasion) == (DeliveryState.RETRY, "message-2", "reminder 1")


def fail_halfway(store: Store) -> None:
    with store.write() as write:
        hosts.record(write, make.host())
        drifts.save(write, [make.drift()])
        raise ZeroDivisionError


def test_what_fails_halfway_was_never_there(ready_place: Place) -> None:
    with ready_place.open() as store:
        with pytest.raises(ZeroDivisionError):
            fail_halfway(store)
        with store.read() as read:
            assert (hosts.current(read), drifts.unresolved(read)) == ({}, ())
        with store.write() as write:
            hosts.record(write, make.host())
    assert ready_place.rows("SELECT count(*) FROM hosts") == [(1,)]


def test_hostile_texts(store: Store) -> None:
    nasty = "nul\0 lone\udce9 emoji🐋 quote' -- \n\r\t \x1b[31m \\x00 " + random.Random(1).randbytes(30_000).hex()
    found = make.finding(
        nasty, message=nasty, desired=nasty, observed=nasty, service=nasty, container=nasty, project=nasty, stack=nasty
    )
    with store.write() as write:
        containers.record(write, nasty, BEGIN, [make.container(nasty, project=nasty, service=nasty, state=nasty)])
        assert containers.record(write, nasty, after(1), [make.container(nasty, project=nasty, service=nasty, state=nasty)]) == ()
    with store.read() as read:
        assert len(containers.at(read, BEGIN, nasty)) == 1
    kept = drifts.as_stored(found)
    assert drifts.as_stored(kept) == kept
    with store.write() as write:
        drifts.save(write, [make.drift(found)])
        drifts.save(write, [make.drift(kept)])
        assert drifts.of_project(write, ProjectKey("pi5", nasty), ids=[kept.id]) == (make.drift(kept),)
        assert drifts.get(write, kept.id) == make.drift(kept)
        hosts.record(write, make.host(name=nasty))
        cursors.put(write, nasty, nasty, BEGIN)
        cursors.put(write, nasty, "1", BEGIN)
        events.add(write, [EventSeen("pi5", BEGIN, nasty, nasty, nasty, nasty, nasty, {nasty: nasty})] * 2)
    with store.read() as read:
        assert len(events.between(read, BEGIN, after(1))) == 1


def test_times_keep_the_microsecond_and_lose_the_zone(store: Store) -> None:
    elsewhere = BEGIN.astimezone(timezone(timedelta(hours=5, minutes=45)))
    with store.write() as write:
        hosts.record(write, make.host(elsewhere))
    with store.read() as read:
        found = hosts.current(read)["pi5"].span.valid_from
    assert found == BEGIN
    assert found.microsecond == 123456
    assert found.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="no time zone"), store.write() as write:
        hosts.record(write, make.host(BEGIN.replace(tzinfo=None)))


def test_what_a_container_was_takes_no_memory(store: Store) -> None:
    """Each resync reads every configuration anew, for months."""

    class Document(dict[str, Any]):
        """One that tells when it is gone."""

    def look(number: int) -> weakref.ref[Document]:
        document = Document({"HostConfig": {"Memory": 536870912}})
        with store.write() as write:
            containers.record(write, "pi5", after(number), [make.container(configuration=document)])
        return weakref.ref(document)

    seen = [look(number) for number in range(3)]
    gc.collect()
    assert [one() is None for one in seen[:-1]] == [True, True]


def test_a_nul_anywhere_keeps_no_moment_from_being_read(store: Store) -> None:
    """PostgreSQL's own functions for JSON refuse a document that has one."""
    seen = make.container(configuration={"Config": {"Image": "mealie:v1"}, "Labels": {"a\0b": "\0"}})
    with store.write() as write:
        containers.record(write, "pi5", BEGIN, [seen])
    with store.read() as read:
        (found,) = moment.then(read, after(1)).containers
        (whole,) = moment.then(read, after(1), configurations=True).containers
    assert found.seen.configuration == {"Config": {"Image": "mealie:v1"}}
    assert whole.seen.configuration == seen.configuration
