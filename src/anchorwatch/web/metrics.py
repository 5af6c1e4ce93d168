"""The service's figures in Prometheus' text format.

`FIGURES` is the whole list: `docs/monitoring.md` is held against it. Beside them are the standard `process_…` ones. Names of
hosts and destinations are labels; values of drifts are nowhere in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anchorwatch import __version__
from anchorwatch.model.health import Health, judged
from anchorwatch.model.report import HostStatus

__all__ = ["CONTENT_TYPE", "FIGURES", "Figure", "written"]

Row = tuple[tuple[str, ...], float]
"""The values of the labels, and the figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is called, what it says, and how it is read off the service's health."""

    name: str
    says: str
    labels: tuple[str, ...]
    rows: Callable[[Health], Iterable[Row]]
    counts: bool = False
    """It only grows, until the service is started anew; its name ends in `_total`."""


def _one(read: Callable[[Health], float]) -> Callable[[Health], Iterable[Row]]:
    return lambda health: [((), float(read(health)))]


FIGURES = (
    Figure("anchorwatch_info", "Always 1; the version is a label.", ("version",), lambda health: [((__version__,), 1.0)]),
    Figure("anchorwatch_healthy", "1 while `/healthz` says ok.", (), _one(lambda health: judged(health).well)),
    Figure("anchorwatch_alive", "1 while `/livez` says ok.", (), _one(lambda health: judged(health).alive)),
    Figure(
        "anchorwatch_start_time_seconds",
        "When the service was started (Unix time).",
        (),
        _one(lambda h: h.started_at.timestamp()),
    ),
    Figure(
        "anchorwatch_part_ok",
        "1 while a listener does what it is there for.",
        ("part",),
        lambda health: [((pulse.name,), float(pulse.ok)) for pulse in health.pulses],
    ),
    Figure(
        "anchorwatch_part_heard_timestamp_seconds",
        "When a listener last heard from what it listens to (Unix time); missing before the first time.",
        ("part",),
        lambda health: [((pulse.name,), pulse.heard_at.timestamp()) for pulse in health.pulses if pulse.heard_at is not None],
    ),
    Figure(
        "anchorwatch_part_detail",
        "What a listener counts of its own.",
        ("part", "detail"),
        lambda health: [
            ((pulse.name, name), float(value))
            for pulse in health.pulses
            for name, value in pulse.details.items()
            if isinstance(value, int | float)
        ],
    ),
    Figure(
        "anchorwatch_due_seconds",
        "How long ago something last happened that has to happen again and again: a thread's turn, a look at a host or the repo.",
        ("part",),
        lambda health: [((due.name,), due.ago) for due in health.due],
    ),
    Figure(
        "anchorwatch_due_within_seconds",
        "After how long that is late, and `/healthz` says so.",
        ("part",),
        lambda health: [((due.name,), due.within) for due in health.due],
    ),
    Figure(
        "anchorwatch_host_up",
        "1 while a host can be read, 0 while it is out of reach; missing before the first try.",
        ("host",),
        lambda health: [((h.name,), float(h.status is not HostStatus.UNREACHABLE)) for h in health.hosts if h.status is not None],
    ),
    Figure(
        "anchorwatch_host_limited",
        "1 while a host permits only some of the requests, so that less is checked.",
        ("host",),
        lambda health: [((h.name,), float(h.status is HostStatus.LIMITED)) for h in health.hosts if h.status is not None],
    ),
    Figure(
        "anchorwatch_containers",
        "Containers that run on a host.",
        ("host",),
        lambda health: [((h.name,), float(h.containers)) for h in health.hosts],
    ),
    Figure(
        "anchorwatch_stacks",
        "Stacks of a host, by their verdict: in_sync, drifted, unknown.",
        ("host", "status"),
        lambda health: [((h.name, status), float(count)) for h in health.hosts for status, count in h.stacks.items()],
    ),
    Figure(
        "anchorwatch_drifts",
        "Drifts of a host, by state (pending, open) and severity.",
        ("host", "state", "severity"),
        lambda health: [
            ((h.name, state, str(severity)), float(count)) for h in health.hosts for (state, severity), count in h.drifts.items()
        ],
    ),
    Figure("anchorwatch_queue_waiting", "Projects that are to be looked at.", (), _one(lambda health: health.queue_waiting)),
    Figure(
        "anchorwatch_queue_overdue_seconds",
        "How long the next of them has been waiting for a worker.",
        (),
        _one(lambda health: health.queue_overdue),
    ),
    Figure(
        "anchorwatch_check_longest_seconds",
        "How long the longest of the present checks has taken so far.",
        (),
        _one(lambda health: health.queue_flying_longest),
    ),
    Figure(
        "anchorwatch_checks_total",
        "Checks made, by what set them off.",
        ("trigger",),
        lambda health: [((trigger,), float(count)) for trigger, count in health.tallies.checks.items()],
        counts=True,
    ),
    Figure(
        "anchorwatch_check_failures_total",
        "Checks that came to nothing, and were tried again.",
        (),
        _one(lambda health: health.tallies.checks_failed),
        counts=True,
    ),
    Figure(
        "anchorwatch_check_seconds_total",
        "What all checks together have taken.",
        (),
        _one(lambda health: health.tallies.check_seconds),
        counts=True,
    ),
    Figure(
        "anchorwatch_database_ok", "1 while the state database can be used.", (), _one(lambda health: health.database is None)
    ),
    Figure("anchorwatch_database_bytes", "What the database takes.", (), _one(lambda health: health.database_bytes)),
    Figure(
        "anchorwatch_database_log_bytes", "What of it is the write-ahead log.", (), _one(lambda health: health.database_log_bytes)
    ),
    Figure(
        "anchorwatch_messages_total",
        "What was to be told to a destination (a drift, a host), by what became of it: sent, dead, skipped. "
        "What it does not ask for is not counted.",
        ("destination", "state"),
        lambda health: [((name, state), float(count)) for (name, state), count in health.tallies.messages.items()],
        counts=True,
    ),
    Figure(
        "anchorwatch_messages_waiting",
        "What is still to be told to a destination.",
        ("destination",),
        lambda health: [((name,), float(count)) for name, count in health.tallies.messages_waiting.items()],
    ),
)


def written(health: Health) -> bytes:
    """Everything that there is to scrape."""
    registry = CollectorRegistry()
    registry.register(_Figures(health))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        for figure in FIGURES:
            kind = CounterMetricFamily if figure.counts else GaugeMetricFamily
            family = kind(figure.name, figure.says, labels=figure.labels)
            for labels, value in figure.rows(self._health):
                family.add_metric(labels, value)
            yield family
