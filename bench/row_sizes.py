"""How many bytes a row of the state database takes, and how large the database of a small fleet is after a year.

    .venv/bin/python -m bench.row_sizes [rows] [--url postgresql+psycopg://…]

Writes rows as the service does (through the store, with texts as long as real ones) into an SQLite database in a temporary
folder, and asks SQLite how many pages each table and its indexes take (https://sqlite.org/dbstat.html). A row that points to
another one counts without it. The year is that of docs/database.md: what happens how often is in `YEAR`, to be read and
disputed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from anchorwatch.model.desired import ProjectKey, Stack
from anchorwatch.model.drifts import Check, Delivery, DeliveryState, Drift, DriftState, Side, Subject, Transition, Trigger
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.timeline import Commit, ContainerSeen, EventSeen, HostSeen, StackSeen
from anchorwatch.model.values import JsonObject, Secret
from anchorwatch.store import (
    Store,
    Writing,
    checks,
    commits,
    containers,
    deliveries,
    drift_spans,
    drifts,
    events,
    hosts,
    runs,
    stacks,
    transitions,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_deploys = 12 * 52  # every stack once a week
_recreated = _deploys * 21 / 12
_crash_loops = 12 * 120  # once a month one container restarts for an hour, at last every minute: two states each
_reboots = 12 * 21  # each host once a month
_flaps = 2 * 365  # a healthcheck that fails twice a day, somewhere
_by_hand = 104  # twice a week somebody changes something on a host
_cut_off = 104  # each host is out of reach once a week
_occasions = _deploys * 6 + _crash_loops + _reboots * 2 + _by_hand * 3 + _cut_off * 6

YEAR: Mapping[str, float] = {
    "checks": _occasions * 2,  # each of them, and the quiet time after it
    "commits": _deploys,
    "commit_stacks": _deploys,
    "stack_revisions": _deploys,
    "configurations": _deploys + _recreated,
    "container_versions": _recreated + _by_hand,
    "container_states": _recreated * 3 + _crash_loops + _reboots * 3 + _flaps * 2 + _by_hand,
    "events": _recreated * 6 + _crash_loops * 2 + _reboots * 4 + _flaps * 2 + _by_hand,
    "drifts": _by_hand + _deploys,
    "drift_spans": _by_hand + _deploys * 2,
    "transitions": _deploys * 2 * 2 + _by_hand * 3 + _cut_off * 2 + 12 * 6,
    "deliveries": (_by_hand * 2 + _cut_off * 2 + 12 * 2) * 2,  # to two destinations; a deploy tells nobody
    "reachability": _cut_off * 2,
    "runs": 52,
}
"""Rows that a year adds."""


def measure(store: Store, rows: int) -> dict[str, float]:
    """Bytes a row, by table, its indexes included."""
    before = _bytes(store)
    for part in range(0, rows, 500):
        with store.write() as write:
            _write(write, range(part, min(part + 500, rows)))
    store.reclaim(whole=True)
    after = _bytes(store)
    return {name: (after[name] - before[name]) / _count(store, name) for name in YEAR}


def _write(write: Writing, numbers: range) -> None:
    """A row of each table a number, as if everything that can happen happened to one stack after the other."""
    for number in numbers:
        at = BEGIN + timedelta(minutes=number, microseconds=number * 7919 % 10**6)
        luck = random.Random(number)
        name, revision = f"service-{number % 21}", hashlib.sha1(str(number).encode()).hexdigest()
        key = ProjectKey("proxmox", f"stack-{number % 12}")
        stack = Stack(key.host, key.project, f"proxmox/{key.project}", (f"proxmox/{key.project}/compose.yml",))
        commit = Commit(revision, at, "Ada Lovelace", f"{key.project}: image to 1.{number}.0 (#{number})")
        check = Check(key, Trigger.DOCKER_EVENT, at, 0.031, StackStatus.DRIFTED, f"die {name}", revision, 1, 0, 0, 2)
        event = EventSeen(key.host, at, "die", _id(luck), name, key.project, name, {"exitCode": "137", "image": IMAGE})
        run = runs.begin(write, "1.0.0", at)
        hosts.record(write, _host(at, reachable=bool(number % 2)))
        commits.record(write, commit, [(stack.host, stack.name)], at)
        stacks.record(write, [StackSeen(stack, key.project, revision, {"services": {name: configuration(luck)}})], at)
        containers.record(write, key.host, at, [_container(name, key.project, luck)])
        checked = checks.record(write, replace(check, run=run), eventful=True)
        events.add(write, [event])
        drift = _drift(key, name, number, at, revision)
        drifts.save(write, [drift])
        for state in (DriftState.OPEN, DriftState.RESOLVED):
            over = at + timedelta(minutes=9) if state is DriftState.RESOLVED else None
            drift_spans.record(write, [replace(drift, state=state, resolved_at=over)], at)
        for told in transitions.add(write, [_transition(drift, at, checked)]):
            deliveries.promise(write, [_delivery(told, luck)])


def configuration(luck: random.Random) -> JsonObject:
    """As long as that of a container with 12 variables, 14 labels, and a HostConfig as Docker 28 gives it."""
    return {
        "Config": {
            "Hostname": _id(luck)[:12],
            "User": "1000:1000",
            "WorkingDir": "/app",
            "Cmd": ["serve", "--port", "8080"],
            "Image": IMAGE,
            "Healthcheck": {"Test": ["CMD-SHELL", "curl -fs localhost:8080/health"], "Interval": 30 * 10**9, "Retries": 3},
        },
        "Env": {f"SERVICE_VARIABLE_{n}": Secret(f"value {luck.random()}") for n in range(12)},
        "Labels": {
            **{f"com.docker.compose.label-{n}": f"{luck.random()}" for n in range(9)},
            **{f"traefik.http.routers.{n}.rule": Secret(f"{luck.random()}") for n in range(5)},
        },
        "HostConfig": {
            **dict.fromkeys(_ZERO.split(), 0),
            **dict.fromkeys(_NULL.split()),
            **dict.fromkeys(_EMPTY.split(), ""),
            "Binds": ["/opt/stacks/service/data:/data:rw"],
            "NetworkMode": "service_default",
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "PortBindings": {"8080/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            "MaskedPaths": _MASKED.split(),
            "ReadonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "Runtime": "runc",
            "IpcMode": "private",
        },
        "Mounts": {
            "/data": {"Type": "bind", "Source": "/opt/stacks/service/data", "Mode": "rw", "RW": True, "Propagation": "rprivate"}
        },
        "Networks": {"service_default": {"Aliases": ["service-1", "service"]}},
    }


IMAGE = "ghcr.io/example/service:1.2"
_ZERO = """
    CpuPeriod CpuQuota CpuShares CpuCount CpuPercent BlkioWeight Memory MemoryReservation MemorySwap NanoCpus OomScoreAdj ShmSize
    IOMaximumIOps IOMaximumBandwidth CpuRealtimePeriod CpuRealtimeRuntime"""
_NULL = """
    CapAdd CapDrop BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps BlkioWeightDevice Devices Dns
    DeviceCgroupRules DeviceRequests DnsOptions DnsSearch ExtraHosts GroupAdd Links OomKillDisable PidsLimit SecurityOpt Tmpfs
    StorageOpt Ulimits VolumesFrom MemorySwappiness"""
_EMPTY = "CgroupParent Cgroup ContainerIDFile CpusetCpus CpusetMems PidMode UTSMode UsernsMode VolumeDriver Isolation"
_MASKED = """
    /proc/asound /proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug
    /proc/scsi /sys/firmware /sys/devices/virtual/powercap"""


def _host(at: datetime, *, reachable: bool) -> HostSeen:
    if reachable:
        engine = "7TRN:IPZB:QYBB:VPBQ:UMPP:KARE:6ZNR:XE6T:7EWV:PKF4:ZOJD:TPYS"
        return HostSeen("proxmox", "ssh://admin@proxmox", at, HostStatus.OK, None, engine, "28.5.2")
    error = ErrorInfo("timeout", "proxmox does not answer within 10 s", "look whether it is up")
    return HostSeen("proxmox", "ssh://admin@proxmox", at, HostStatus.UNREACHABLE, error)


def _container(name: str, project: str, luck: random.Random) -> ContainerSeen:
    return ContainerSeen(
        name=f"{project}-{name}-1",
        engine_id=_id(luck),
        image_id=f"sha256:{_id(luck)}",
        state="running",
        health="healthy",
        created_at=BEGIN,
        started_at=BEGIN,
        project=project,
        service=name,
        configuration=configuration(luck),
    )


def _drift(key: ProjectKey, name: str, number: int, at: datetime, revision: str) -> Drift:
    found = Finding(
        host=key.host,
        kind=Kind.CHANGED,
        message="memory limit is 1 GiB, Git says 512 MiB",
        stack=key.project,
        project=key.project,
        service=name,
        container=f"{key.project}-{name}-1",
        path=f"deploy.resources.limits.memory.{number}",
        desired="512 MiB",
        observed="1 GiB",
        fix=f"docker compose -f /opt/stacks/{key.project}/compose.yml up -d --force-recreate {name}",
    )
    cause = {"event": "update", "at": at.isoformat(), "confidence": "certain"}
    return Drift(
        found,
        DriftState.RESOLVED,
        appeared_at=at,
        changed_at=at,
        opened_at=at,
        resolved_at=at,
        side=Side.HOST,
        revision=revision,
        cause=cause,
    )


def _transition(drift: Drift, at: datetime, check: int) -> Transition:
    return Transition(
        Subject.DRIFT,
        at,
        "pending",
        "open",
        "grace over",
        host=drift.finding.host,
        stack=drift.finding.stack,
        drift=drift.id,
        since_at=at,
        severity=Severity.WARNING,
        desired="512 MiB",
        observed="1 GiB",
        side=Side.HOST,
        trigger=Trigger.DOCKER_EVENT,
        check=check,
    )


def _delivery(told: Transition, luck: random.Random) -> Delivery:
    return Delivery(
        told.id or 0,
        "mail",
        told.at,
        "admin@example.org",
        state=DeliveryState.SENT,
        attempt=1,
        claimed_at=told.at,
        done_at=told.at,
        message=_id(luck)[:32],
    )


def _id(luck: random.Random) -> str:
    return luck.randbytes(32).hex()


def _bytes(store: Store) -> dict[str, int]:
    """What each table takes, with its indexes."""
    sqlite = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
    server = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
    with store.read() as read:
        sql = sqlite if store.opened.version.startswith("SQLite") else server
        return {name: int(size) for name, size in read.session.execute(text(sql))}


def _count(store: Store, table: str) -> int:
    with store.read() as read:
        return int(read.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@contextlib.contextmanager
def _store(url: str | None) -> Iterator[Store]:
    """An empty one, in a temporary folder where no other is named."""
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder:
        place = url or f"sqlite:///{folder}/anchorwatch.db"
        with Store.open(place, at=BEGIN, who="bench.row_sizes") as store:
            yield store


def main() -> None:
    """Prints the table of docs/database.md."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("rows", type=int, nargs="?", default=1000)
    arguments.add_argument("--url", help="an empty PostgreSQL database to measure instead; what is written stays in it")
    given = arguments.parse_args()
    with _store(given.url) as store:
        sizes = measure(store, given.rows)
        print(f"{given.rows:,} rows a table, {store.opened.version}\n")
    print("| table | bytes a row | rows a year | MB a year |\n|---|---:|---:|---:|")
    for name, count in sorted(YEAR.items(), key=lambda one: -one[1] * sizes[one[0]]):
        print(f"| `{name}` | {sizes[name]:,.0f} | {count:,.0f} | {count * sizes[name] / 1e6:.1f} |")
    total = sum(count * sizes[name] for name, count in YEAR.items())
    print(f"| all | | {sum(YEAR.values()):,.0f} | {total / 1e6:.0f} |")


if __name__ == "__main__":
    main()
