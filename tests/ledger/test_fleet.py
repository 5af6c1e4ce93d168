"""Hosts, stacks and a repo that come and go: one transition each way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from anchorwatch.ledger.fleet import record_host, record_repo, record_stacks
from anchorwatch.model.drifts import Transition, Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.timeline import HostSeen, StackSeen
from anchorwatch.store import Store, drifts, hosts, stacks, transitions
from tests.ledger.looks import look, told
from tests.ledger.test_record import DRIFT, keep
from tests.store.make import after, host, stack
from tests.store.places import Place

REFUSED = ErrorInfo("refused", "nobody listens", "is it up?")
GONE: dict[str, Any] = {"status": HostStatus.UNREACHABLE, "error": REFUSED, "engine_id": None}
FROZEN: dict[str, Any] = {"status": HostStatus.UNREACHABLE, "error": ErrorInfo("timeout", "no answer"), "engine_id": None}


def sees(store: Store, *seen: HostSeen) -> list[Transition]:
    with store.write() as write:
        return [one for each in seen if (one := record_host(write, each, Trigger.RESYNC)) is not None]


def test_a_host_that_goes_and_comes_back(store: Store) -> None:
    written = sees(store, host(after(0)), host(after(5)), host(after(10), **GONE), host(after(20), **FROZEN), host(after(3600)))
    assert told(written) == [("ok", "unreachable", "host unreachable"), ("unreachable", "ok", "host back")]
    assert [one.since_at for one in written] == [after(0), after(10)]
    assert written[0].cause == {"class": "refused", "message": "nobody listens", "hint": "is it up?"}
    with store.read() as read:
        assert told(transitions.newest(read, host="pi5")) == told(written[::-1])


def test_a_host_that_never_answered(store: Store) -> None:
    assert told(sees(store, host(after(0), **GONE), host(after(10), **GONE))) == [(None, "unreachable", "host unreachable")]


def test_a_host_that_permits_less(store: Store) -> None:
    limited: dict[str, Any] = {"status": HostStatus.LIMITED}
    assert told(sees(store, host(after(0)), host(after(1), **limited), host(after(2), **GONE), host(after(3), **limited))) == [
        ("ok", "limited", "host limited"),
        ("limited", "unreachable", "host unreachable"),
        ("unreachable", "limited", "host back"),
    ]


def test_what_is_pending_on_a_host_that_goes_stops_its_clock(store: Store) -> None:
    sees(store, host(after(0)))
    keep(store, look(1, DRIFT))
    sees(store, host(after(2), name="nas", **GONE))
    with store.read() as read:
        assert drifts.due(read, after(60)) != ()
    sees(store, host(after(10), **GONE))
    with store.read() as read:
        assert drifts.due(read, after(3600)) == ()
        (known,) = drifts.unresolved(read)
    assert known.opens_at is None
    assert keep(store, look(3600, DRIFT)).wake_at == after(3630)


def test_since_when_a_host_is_as_it_is(store: Store) -> None:
    newer: dict[str, Any] = {"engine_version": "29.0.0"}
    with store.read() as read:
        assert hosts.since(read, "pi5") is None
    sees(store, host(after(0)), host(after(5), **newer), host(after(6), name="nas"))
    with store.read() as read:
        assert (hosts.since(read, "pi5"), hosts.since(read, "nas")) == (after(0), after(6))
    sees(store, host(after(10), **GONE), host(after(20), **FROZEN), host(after(30), **FROZEN))
    with store.read() as read:
        assert hosts.since(read, "pi5") == after(10)
    (back,) = sees(store, host(after(40_000_000)))
    assert back.since_at == after(10)
    with store.read() as read:
        assert hosts.since(read, "pi5") == after(40_000_000)


READ: dict[str, Any] = {"definition": {"services": {}}}
BAD_YAML: dict[str, Any] = {"error": ErrorInfo("bad_yaml", "line 3")}
NO_FILE: dict[str, Any] = {"error": ErrorInfo("missing_file", "no .env")}


def says(store: Store, seconds: float, *seen: StackSeen) -> Sequence[Transition]:
    with store.write() as write:
        return record_stacks(write, seen, after(seconds), Trigger.COMMIT, complete=["pi5"])


def one(revision: str, name: str = "mealie", **more: Any) -> StackSeen:
    return StackSeen(stack(name), name, revision * 40, **more)


def test_a_stack_that_cannot_be_read_for_a_while(store: Store) -> None:
    looks = [READ, READ, BAD_YAML, NO_FILE, BAD_YAML, READ, READ]
    written = [
        change for n, more in enumerate(looks) for change in says(store, n, one(str(n), **more), one("a", "books", **READ))
    ]
    assert told(written) == [("readable", "unreadable", "stack unreadable"), ("unreadable", "readable", "stack readable again")]
    assert [(each.host, each.stack, each.at, each.since_at) for each in written] == [
        ("pi5", "mealie", after(2), after(0)),
        ("pi5", "mealie", after(5), after(2)),
    ]
    assert written[0].cause == {"class": "bad_yaml", "message": "line 3", "hint": None}
    with store.read() as read:
        assert told(transitions.newest(read, stack=("pi5", "mealie"))) == told(written[::-1])
        assert stacks.since(read, "pi5", "mealie") == after(5)
        assert stacks.since(read, "pi5", "books") == after(0)
        assert stacks.since(read, "pi5", "nothing") is None


def test_a_stack_that_never_could_be_read(store: Store) -> None:
    assert told(says(store, 0, one("0", **BAD_YAML))) == [(None, "unreadable", "stack unreadable")]
    assert told(says(store, 1, one("1", **BAD_YAML))) == []


def test_a_stack_that_is_gone_from_the_repo_is_none_that_can_be_read(store: Store) -> None:
    says(store, 0, one("0", **BAD_YAML))
    assert told(says(store, 1)) == []
    assert told(says(store, 2, one("2", **READ))) == []


def test_a_stack_whose_name_no_database_takes(store: Store) -> None:
    for seconds, count in ((0, 1), (1, 0)):
        assert len(says(store, seconds, one("0", "a\0" + "b" * 600, **BAD_YAML))) == count


@pytest.mark.parametrize("first", [None, BAD_YAML["error"]])
def test_a_repo_that_cannot_be_read_over_a_restart(first: ErrorInfo | None, place: Place) -> None:
    errors = [first, BAD_YAML["error"], NO_FILE["error"], None, None]
    written = []
    for seconds, error in enumerate(errors):
        with place.open() as store, store.write() as write:
            written.append(record_repo(write, error, after(seconds), Trigger.COMMIT))
    gone, back = (one for one in written if one is not None)
    assert told([gone, back]) == [
        ("readable" if first is None else None, "unreadable", "repo unreadable"),
        ("unreadable", "readable", "repo readable again"),
    ]
    since = 1 if first is None else 0
    assert (gone.at, gone.since_at) == (after(since), after(0) if first is None else None)
    assert (back.at, back.since_at, back.host, back.stack) == (after(3), after(since), None, None)
    assert gone.cause == {"class": "bad_yaml", "message": "line 3", "hint": None}
