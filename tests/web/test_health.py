"""When the service counts as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from anchorwatch.model.health import LOG_AT_MOST, TURN_WITHIN, Due, Health, HostFigures, Lateness, Pulse, judged
from anchorwatch.model.report import ErrorInfo, HostStatus

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WELL = Health(
    AT,
    pulses=(Pulse("docker:pi5", ok=True, since_at=AT), Pulse("repo", ok=True, since_at=AT)),
    due=(Due("host:pi5", 10, 660, Lateness.STALE), Due("worker:pi5", 90, 90, Lateness.STUCK)),
    queue_waiting=300,
    queue_overdue=TURN_WITHIN,
    database_log_bytes=LOG_AT_MOST,
)
SILENT = ErrorInfo("timeout", "no answer from ssh://admin@pi5 within 10 s")


def test_all_well() -> None:
    verdict = judged(WELL)
    assert (verdict.well, verdict.alive, verdict.troubles) == (True, True, ())


@pytest.mark.parametrize(
    ("health", "shown", "alive"),
    [
        (replace(WELL, pulses=(Pulse("docker:pi5", ok=False, error=SILENT),)), "docker: timeout", True),
        (replace(WELL, pulses=(Pulse("docker:pi5", ok=False),)), "docker: starting", True),
        (replace(WELL, pulses=(Pulse("docker:pi5", ok=False, since_at=AT),)), "docker: not well", True),
        (replace(WELL, hosts=(HostFigures("pi5", HostStatus.OK), HostFigures("nas"))), "host: starting", True),
        (replace(WELL, hosts=(HostFigures("nas", HostStatus.UNREACHABLE),)), "host: unreachable", True),
        (replace(WELL, due=(Due("host:pi5", 661, 660, Lateness.STALE),)), "host: stale", True),
        (replace(WELL, due=(Due("worker:pi5", 91, 90, Lateness.STUCK),)), "worker: stuck", False),
        (replace(WELL, queue_overdue=TURN_WITHIN + 1), "queue: stuck", False),
        (replace(WELL, database=ErrorInfo("store_full", "no room")), "database: store_full", True),
        (replace(WELL, database_log_bytes=LOG_AT_MOST + 1), "database: long log", True),
    ],
)
def test_what_is_wrong(health: Health, shown: str, alive: bool) -> None:
    verdict = judged(health)
    assert [trouble.shown for trouble in verdict.troubles] == [shown]
    assert (verdict.well, verdict.alive) == (False, alive)


def test_a_host_that_cannot_be_heard_but_is_polled_is_well() -> None:
    deaf = Pulse("docker:pi5", ok=True, since_at=AT, error=ErrorInfo("forbidden", "GET /events is not permitted"))
    assert judged(replace(WELL, pulses=(deaf,))).well


def test_everything_that_is_wrong_is_named() -> None:
    health = replace(
        WELL,
        pulses=(Pulse("docker:pi5", ok=False, error=SILENT), Pulse("repo", ok=False, error=ErrorInfo("git", "…"))),
        database=ErrorInfo("store_full", "no room"),
        queue_overdue=TURN_WITHIN + 1,
    )
    assert {trouble.part for trouble in judged(health).troubles} == {"docker:pi5", "repo", "queue", "database"}
