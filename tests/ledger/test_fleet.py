"""Hosts that come and go: one transition each way."""

from __future__ import annotations

from typing import Any

from anchorwatch.ledger.fleet import record_host
from anchorwatch.model.drifts import Transition, Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.timeline import HostSeen
from anchorwatch.store import Store, drifts, transitions
from tests.ledger.looks import look, told
from tests.ledger.test_record import DRIFT, keep
from tests.store.make import after, host

GONE: dict[str, Any] = {"status": HostStatus.UNREACHABLE, "error": ErrorInfo("refused", "nobody listens"), "engine_id": None}
FROZEN: dict[str, Any] = {"status": HostStatus.UNREACHABLE, "error": ErrorInfo("timeout", "no answer"), "engine_id": None}


def sees(store: Store, *seen: HostSeen) -> list[Transition]:
    with store.write() as write:
        return [one for each in seen if (one := record_host(write, each, Trigger.RESYNC)) is not None]


def test_a_host_that_goes_and_comes_back(store: Store) -> None:
    written = sees(store, host(after(0)), host(after(5)), host(after(10), **GONE), host(after(20), **FROZEN), host(after(3600)))
    assert told(written) == [("ok", "unreachable", "host unreachable"), ("unreachable", "ok", "host back")]
    assert [one.since_at for one in written] == [after(0), after(10)]
    assert written[0].cause == {"class": "refused", "message": "nobody listens"}
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
