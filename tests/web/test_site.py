"""`/healthz`, `/livez` and `/metrics`, asked over a real socket."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from anchorwatch import __version__
from anchorwatch.model.drifts import DeliveryState, DriftState, Trigger
from anchorwatch.model.findings import Severity
from anchorwatch.model.health import Due, Health, HostFigures, Lateness, Pulse, Tallies
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.web.metrics import FIGURES
from anchorwatch.web.site import FRESH, PATIENCE, site
from tests.web.asking import Site, served

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WELL = Health(
    AT,
    pulses=(Pulse("docker:pi5", ok=True, heard_at=AT, details={"events": 12, "api": "1.51"}), Pulse("repo", ok=True)),
    due=(Due("host:pi5", 12.5, 660.0, Lateness.STALE),),
    queue_waiting=3,
    queue_overdue=0.5,
    queue_flying_longest=1.25,
    database_bytes=4096,
    database_log_bytes=1024,
    hosts=(
        HostFigures(
            "pi5",
            HostStatus.LIMITED,
            containers=7,
            stacks={StackStatus.IN_SYNC: 4, StackStatus.DRIFTED: 1},
            drifts={(DriftState.OPEN, Severity.WARNING): 2},
        ),
        HostFigures('pro"x\nmox', HostStatus.OK),
    ),
    tallies=Tallies(
        checks={Trigger.DOCKER_EVENT: 40, Trigger.RESYNC: 2},
        checks_failed=1,
        check_seconds=3.5,
        messages={("chat", DeliveryState.SENT): 5},
        messages_waiting={"chat": 0},
    ),
)
ILL = replace(
    WELL,
    pulses=(Pulse("docker:pi5", ok=False, error=ErrorInfo("timeout", "no answer from ssh://admin@pi5", "is it up?")),),
)


def page(health: Callable[[], Health]) -> ASGIApp:
    return site(health, now=lambda: AT, webhook=None, nudge=lambda: None)


def test_well() -> None:
    with served(page(lambda: WELL)) as found:
        for path in ("/healthz", "/livez"):
            answer = found.ask("GET", path)
            assert (answer.status, answer.json) == (200, {"status": "ok"})
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["cache-control"] == "no-store"
            head = found.ask("HEAD", path)
            assert (head.status, head.body) == (200, b"")


def test_out_of_reach_is_degraded_and_alive_and_names_no_host() -> None:
    with served(page(lambda: ILL)) as found:
        answer = found.ask("GET", "/healthz")
        assert (answer.status, answer.json) == (503, {"status": "degraded", "because": ["docker: timeout"]})
        assert found.ask("GET", "/livez").status == 200


def test_stuck_is_not_alive() -> None:
    with served(page(lambda: replace(ILL, queue_overdue=1000.0))) as found:
        assert found.ask("GET", "/livez").json == {"status": "degraded", "because": ["queue: stuck"]}
        assert found.ask("GET", "/healthz").json["because"] == ["docker: timeout", "queue: stuck"]


def test_a_service_that_does_not_say_how_it_is_is_stuck() -> None:
    go_on = threading.Event()

    def hangs() -> Health:
        go_on.wait(30)
        return WELL

    with served(page(hangs)) as found:
        begun = time.monotonic()
        answer = found.ask("GET", "/healthz")
        assert time.monotonic() - begun < PATIENCE + 3
        go_on.set()
        assert (answer.status, answer.json) == (503, {"status": "degraded", "because": ["service: stuck"]})
        assert found.ask("GET", "/healthz").status == 200


def test_a_flood_of_questions_asks_the_service_now_and_then() -> None:
    asked: list[float] = []

    def health() -> Health:
        asked.append(time.monotonic())
        return WELL

    with served(page(health)) as found, ThreadPoolExecutor(8) as pool:
        begun = time.monotonic()
        answers = list(pool.map(lambda _: found.ask("GET", "/healthz").status, range(100)))
        took = time.monotonic() - begun
    assert answers == [200] * 100
    assert len(asked) <= took / FRESH + 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/healthz", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/healthz/", 404),
        ("POST", "/hooks/git", 404),
        ("GET", "/do/x", 404),
    ],
)
def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    with served(page(lambda: WELL)) as found:
        assert found.ask(method, path).status == status


def scraped(found: Site) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """As Prometheus reads it, by its own parser."""
    answer = found.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.body.decode())
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def test_the_figures() -> None:
    with served(page(lambda: WELL)) as found:
        figures = scraped(found)
    ours = {key: value for key, value in figures.items() if key[0].startswith("anchorwatch_")}
    pi5, odd = (("host", "pi5"),), (("host", 'pro"x\nmox'),)
    assert ours == {
        ("anchorwatch_info", (("version", __version__),)): 1,
        ("anchorwatch_healthy", ()): 1,
        ("anchorwatch_alive", ()): 1,
        ("anchorwatch_start_time_seconds", ()): AT.timestamp(),
        ("anchorwatch_part_ok", (("part", "docker:pi5"),)): 1,
        ("anchorwatch_part_ok", (("part", "repo"),)): 1,
        ("anchorwatch_part_heard_timestamp_seconds", (("part", "docker:pi5"),)): AT.timestamp(),
        ("anchorwatch_part_detail", (("detail", "events"), ("part", "docker:pi5"))): 12,
        ("anchorwatch_due_seconds", (("part", "host:pi5"),)): 12.5,
        ("anchorwatch_due_within_seconds", (("part", "host:pi5"),)): 660,
        ("anchorwatch_host_up", pi5): 1,
        ("anchorwatch_host_up", odd): 1,
        ("anchorwatch_host_limited", pi5): 1,
        ("anchorwatch_host_limited", odd): 0,
        ("anchorwatch_containers", pi5): 7,
        ("anchorwatch_containers", odd): 0,
        ("anchorwatch_stacks", (("host", "pi5"), ("status", "in_sync"))): 4,
        ("anchorwatch_stacks", (("host", "pi5"), ("status", "drifted"))): 1,
        ("anchorwatch_drifts", (("host", "pi5"), ("severity", "warning"), ("state", "open"))): 2,
        ("anchorwatch_queue_waiting", ()): 3,
        ("anchorwatch_queue_overdue_seconds", ()): 0.5,
        ("anchorwatch_check_longest_seconds", ()): 1.25,
        ("anchorwatch_checks_total", (("trigger", "docker-event"),)): 40,
        ("anchorwatch_checks_total", (("trigger", "resync"),)): 2,
        ("anchorwatch_check_failures_total", ()): 1,
        ("anchorwatch_check_seconds_total", ()): 3.5,
        ("anchorwatch_database_ok", ()): 1,
        ("anchorwatch_database_bytes", ()): 4096,
        ("anchorwatch_database_log_bytes", ()): 1024,
        ("anchorwatch_messages_total", (("destination", "chat"), ("state", "sent"))): 5,
        ("anchorwatch_messages_waiting", (("destination", "chat"),)): 0,
    }
    assert figures[("process_resident_memory_bytes", ())] > 10e6


def test_the_figures_of_an_ill_one() -> None:
    ill = replace(
        ILL,
        database=ErrorInfo("store_full", "no room"),
        queue_overdue=1000.0,
        hosts=(HostFigures("gone", HostStatus.UNREACHABLE),),
    )
    with served(page(lambda: ill)) as found:
        figures = scraped(found)
    assert figures[("anchorwatch_host_up", (("host", "gone"),))] == 0
    assert [figures[(name, ())] for name in ("anchorwatch_healthy", "anchorwatch_alive", "anchorwatch_database_ok")] == [0, 0, 0]


def test_every_figure_is_in_the_docs_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")
    rows = re.findall(r"^\| `(anchorwatch_\w+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert rows == [(one.name, ", ".join(f"`{label}`" for label in one.labels) or "–", one.says) for one in FIGURES]
    mentioned = set(re.findall(r"\banchorwatch_[a-z_]+\b", text))
    assert mentioned == {figure.name for figure in FIGURES}
