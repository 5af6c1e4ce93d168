"""How the service is: gathered from its parts, judged elsewhere (`model.health.judged`)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from anchorwatch.errors import StoreError
from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import DeliveryState, DriftState, Trigger
from anchorwatch.model.findings import Severity
from anchorwatch.model.health import Due, Health, HostFigures, Lateness, Pulse, Tallies
from anchorwatch.model.report import ErrorInfo, StackStatus
from anchorwatch.store import Store, checks, deliveries, drifts
from anchorwatch.watch.fleet import FleetWatch
from anchorwatch.watch.host import HostWatch


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service consists of."""

    started_at: datetime
    store: Store
    fleet: FleetWatch
    messages: Pulse
    chores: Mapping[str, ErrorInfo]
    """What is wrong with the database, by the chore that found it."""
    resync: float
    turned: Sequence[Due] = ()
    """When the service's own threads last showed that they live."""
    destinations: Collection[str] = ()
    """Those that messages go to, by name."""
    finished: Mapping[tuple[str, DeliveryState], int] = field(default_factory=dict)
    """What the messages since the start have come to, by destination."""


def health(parts: Parts) -> Health:
    """How they all are, now. Asks no host and waits for nobody but the database."""
    database, size, log = _database(parts)
    return replace(
        vitals(parts),
        database=database,
        database_bytes=size,
        database_log_bytes=log,
        hosts=_figures(parts),
        tallies=_tallies(parts),
    )


def vitals(parts: Parts) -> Health:
    """Of `health` what tells whether the parts themselves live. Waits for nobody."""
    fleet, now = parts.fleet, time.monotonic()
    flying = [seconds for host in fleet.hosts.values() for seconds in host.queue.flying().values()]
    return Health(
        started_at=parts.started_at,
        pulses=(*_pulses(fleet), parts.messages),
        due=(
            *parts.turned,
            *_listeners(fleet, now),
            *(one for host in fleet.hosts.values() for one in due(host, now, parts.resync)),
        ),
        queue_waiting=sum(host.queue.waiting() for host in fleet.hosts.values()),
        queue_overdue=max((host.queue.overdue() for host in fleet.hosts.values() if not host.queue.flying()), default=0.0),
        queue_flying_longest=max(flying, default=0.0),
    )


def _pulses(fleet: FleetWatch) -> Iterator[Pulse]:
    yield fleet.repo.pulse
    for listener in fleet.listeners.values():
        yield listener.pulse
    for host in fleet.hosts.values():
        yield _checks(host)


def _checks(host: HostWatch) -> Pulse:
    trouble, over_at = host.trouble, host.first_look.over_at
    details = {"missed_by_events": host.counted.missed}
    return Pulse(f"check:{host.name}", trouble is None and over_at is not None, over_at, error=trouble, details=details)


def _listeners(fleet: FleetWatch, now: float) -> Iterator[Due]:
    yield Due("repo", now - fleet.repo.turned_at, fleet.repo.turn_within, Lateness.STUCK)
    for name, listener in fleet.listeners.items():
        yield Due(f"docker:{name}", now - listener.turned_at, listener.turn_within, Lateness.STUCK)


def due(host: HostWatch, now: float, resync: float) -> list[Due]:
    """What has to happen on one host again and again."""
    found = [Due(f"worker:{host.name}", now - host.turned_at, host.turn_within, Lateness.STUCK)]
    if host.looked_at is not None:
        found.append(Due(f"host:{host.name}", now - host.looked_at, 2 * resync + 60.0, Lateness.STALE))
    return found


def _database(parts: Parts) -> tuple[ErrorInfo | None, int, int]:
    trouble = next(iter(tuple(parts.chores.values())), parts.fleet.repo_trouble)  # a copy: chores are done meanwhile
    try:
        size = parts.store.size()
    except StoreError as error:
        return ErrorInfo.of(error), 0, 0
    return trouble, size.total, size.log


def _figures(parts: Parts) -> tuple[HostFigures, ...]:
    stacks: dict[str, Counter[StackStatus]] = {}
    found: Mapping[str, Mapping[tuple[DriftState, Severity], int]] = {}
    desired = parts.fleet.desired
    with suppress(StoreError):  # `_database` says so
        with parts.store.read() as read:
            found, verdicts = drifts.counts(read), checks.verdicts(read)
        for project in () if desired is None else desired.projects:
            verdict = verdicts.get(ProjectKey(project.stack.host, project.name))
            status = StackStatus.UNKNOWN if verdict is None else verdict.status
            stacks.setdefault(project.stack.host, Counter())[status] += 1
        for broken in () if desired is None else desired.broken:
            stacks.setdefault(broken.stack.host, Counter())[StackStatus.UNKNOWN] += 1
    return tuple(
        HostFigures(host.name, host.status, host.running, stacks.get(host.name, {}), found.get(host.name, {}))
        for host in parts.fleet.hosts.values()
    )


def _waiting(parts: Parts) -> Mapping[str, int]:
    found = dict.fromkeys(parts.destinations, 0)
    try:
        with parts.store.read() as read:
            for (destination, _), number in deliveries.counts(read, deliveries.WAITING).items():
                found[destination] = found.get(destination, 0) + number
    except StoreError:  # `_database` says so
        return {}
    return found


def _tallies(parts: Parts) -> Tallies:
    fleet = parts.fleet
    made: dict[Trigger, int] = {}
    for host in fleet.hosts.values():
        for trigger, count in dict(host.counted.checks).items():  # a copy: its worker counts meanwhile
            made[trigger] = made.get(trigger, 0) + count
    return Tallies(
        checks=made,
        checks_failed=sum(host.counted.failed for host in fleet.hosts.values()),
        check_seconds=sum(host.counted.seconds for host in fleet.hosts.values()),
        messages=parts.finished,
        messages_waiting=_waiting(parts),
    )
