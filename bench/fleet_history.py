"""Years of a fleet, written into a state database: the rows that the service would have written, in bulk.

    .venv/bin/python -m bench.fleet_history sqlite:////tmp/years.db [--transitions 1000000] [--large]

The schema is the real one (the store makes it), the rows are what the ledger writes for the same life; a test holds a small one
against what the store itself reads. Everything comes from one seed. `--large` lets the same five years happen ten times, one
after the other.

The fleet: hosts with ten stacks of two services each, watched by runs of a month. Something happens in some stack every few
minutes: six times in ten a drift (seen, open after 30 s, resolved after minutes or days), four times a deployment (a commit, a
new container, drift that passes within its grace). Each host is out of reach once a week.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import itertools
import json
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg

from anchorwatch.model.findings import Finding, Kind
from anchorwatch.store import Store
from anchorwatch.store.documents import hash_of, text_of
from anchorwatch.store.drift_spans import LONGEST, SHORTEST
from anchorwatch.store.tables import metadata
from bench.row_sizes import configuration

END = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = 10**6
DAY = 86_400 * SECOND
STACKS, SERVICES, PATHS = 10, 2, 30


@dataclass(frozen=True)
class Size:
    """How much there is to be."""

    transitions: int = 1_000_000
    hosts: int = 10
    years: int = 5
    times: int = 1
    """So often all of it happens, one time before the other."""

    @property
    def begin(self) -> int:
        """Microseconds since 1970."""
        return _end() - self.years * 365 * DAY


class Sink(Protocol):
    """Where rows go."""

    def write(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Appends rows."""

    def run(self, sql: str) -> None:
        """Does one statement."""

    def finish(self) -> None:
        """There are no more."""


@dataclass
class Rows:
    """Rows that wait to be written, by table."""

    sink: Sink
    waiting: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, **values: Any) -> None:
        """One row; columns that are not named are null."""
        names = self.columns.setdefault(table, [column.name for column in metadata.tables[table].columns])
        own = self.waiting.setdefault(table, [])
        own.append(tuple(values.get(name) for name in names))
        self.counts[table] = self.counts.get(table, 0) + 1
        if len(own) >= 20_000:
            self._write(table)

    def flush(self) -> None:
        """Writes everything that waits."""
        for table in metadata.sorted_tables:
            self._write(table.name)

    def _write(self, table: str) -> None:
        if self.waiting.get(table):
            self.sink.write(table, self.columns[table], self.waiting[table])
            self.waiting[table] = []


class SqliteSink:
    """A file; nothing of it has to outlive a crash."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -400000", "journal_mode = OFF"):
            self._connection.execute(f"PRAGMA {pragma}")

    def write(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.execute("BEGIN")
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        self._connection.execute("COMMIT")

    def run(self, sql: str) -> None:
        self._connection.execute(sql)

    def finish(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.close()


class PostgresqlSink:
    """A server's database: rows by COPY, references looked at by nobody meanwhile."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        self._connection.execute("SET session_replication_role = replica")

    def write(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def run(self, sql: str) -> None:
        self._connection.execute(sql.encode())

    def finish(self) -> None:
        self._connection.execute("VACUUM ANALYZE")
        self._connection.close()


def generate(url: str, size: Size) -> dict[str, int]:
    """Fills the new database behind `url`; returns how many rows each table has."""
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder:
        Store.open(url, at=END, who="bench.fleet_history", state_folder=Path(folder)).close()
    sink: Sink = SqliteSink(Path(url.removeprefix("sqlite:///"))) if url.startswith("sqlite") else PostgresqlSink(url)
    rows = Rows(sink)
    _Fleet(rows, size).live()
    rows.flush()
    for number in range(1, size.times):
        _happen_before(sink, number, _end() - size.begin)
    sink.finish()
    return {name: count * size.times for name, count in rows.counts.items()}


_AGAIN: dict[str, tuple[str, str, str]] = {
    "runs": ("id", "started_at alive_at", "id > 0"),
    "checks": ("id run_id", "started_at last_at", "id > 0"),
    "transitions": ("id check_id", "at since_at", "id > 0"),
    "deliveries": ("id transition_id", "created_at next_at claimed_at done_at", "id > 0"),
    "drift_spans": ("id", "valid_from valid_to open_from appeared_at", "id > 0 AND valid_to IS NOT NULL"),
    "container_versions": ("id", "created_at", "id > 0"),
    "container_states": ("id version_id", "valid_from started_at", "id > 0"),
    "events": ("id", "at", "id > 0"),
    "reachability": ("id", "valid_from valid_to seen_at", "id > 0 AND valid_to IS NOT NULL"),
    "stack_revisions": ("id", "valid_from", "id > 0"),
    "commits": ("id", "committed_at seen_at", "id > 0"),
    "commit_stacks": ("commit_id", "", "commit_id > 0"),
}
"""What happens again: the columns that number rows, those that are times, and which rows."""


def _happen_before(sink: Sink, number: int, earlier: int) -> None:
    """Everything once more, `number` times `earlier` microseconds before."""
    for table, (ids, times, which) in _AGAIN.items():
        columns = [column.name for column in metadata.tables[table].columns]
        values = {name: f"{name} - {number * 10_000_000}" for name in ids.split()}
        values |= {name: f"{name} - {number * earlier}" for name in times.split()}
        if table == "runs":
            values["ended_at"] = f"coalesce(ended_at, alive_at) - {number * earlier}"
        if table in {"container_states", "stack_revisions"}:
            values["valid_to"] = f"coalesce(valid_to, {_end()}) - {number * earlier}"
        if table == "commits":
            values["revision"] = f"'{'ghijklmnop'[number]}' || substr(revision, 2)"
        if table == "container_versions":
            values["engine_id"] = f"engine_id || '-{number}'"
        named = ", ".join(columns)
        chosen = ", ".join(values.get(name, name) for name in columns)
        sink.run(f"INSERT INTO {table} ({named}) SELECT {chosen} FROM {table} WHERE {which}")
    for table in ("hosts", "stacks", "containers"):
        sink.run(f"UPDATE {table} SET first_seen_at = first_seen_at - {earlier}")


LARGE = Size(times=10)


@dataclass
class _Container:
    number: int
    name: str
    service: str
    version: int = 0
    state: int = 0
    since: int = 0
    how: tuple[str, str | None] = ("running", "healthy")


@dataclass
class _Stack:
    number: int
    host: int
    project: int
    name: str
    containers: list[_Container]
    drifts: list[int]
    revision: str = ""
    revision_from: int = 0
    definition: int = 0
    checked: int = 0
    status: str = "in_sync"
    status_since: int = 0


class _Fleet:
    """Everything that lives, and what it leaves behind."""

    def __init__(self, rows: Rows, size: Size) -> None:
        self.rows, self.size, self.luck = rows, size, random.Random(7)
        self.later: list[tuple[int, int, dict[str, Any]]] = []
        self.numbers = itertools.count()
        self.transitions, self.checks, self.states = itertools.count(1), itertools.count(1), itertools.count(1)
        self.versions, self.spans, self.events = itertools.count(1), itertools.count(1), itertools.count(1)
        self.deliveries, self.commits, self.documents = itertools.count(1), itertools.count(1), itertools.count(1)
        self.revisions = itertools.count(1)
        self.told, self.run = 0, 0
        self.busy: dict[int, int] = {}
        self.drifts: dict[int, dict[str, Any]] = {}
        self.configurations = [self._document(configuration(self.luck)) for _ in range(400)]
        self.stacks: list[_Stack] = []
        self.cut_off: list[int] = []

    def live(self) -> None:
        """The whole time."""
        begin, end = self.size.begin, _end()
        self._settle(begin)
        of_hosts = 2 * self.size.hosts * 45 * self.size.years
        step = (end - begin) / ((self.size.transitions - of_hosts) / 2.58)
        next_run = begin
        for occasion in range(int((end - begin) / step)):
            now = begin + int((occasion + self.luck.random()) * step)
            if now >= next_run:
                self._next_run(now, min(now + 30 * DAY, end))
                next_run = now + 30 * DAY
            self._emit(now)
            stack = self.luck.choice(self.stacks)
            if self.luck.random() < 0.6:
                self._drift(stack, now)
            else:
                self._deploy(stack, now)
            if self.luck.random() < step / (7 * DAY) * self.size.hosts:
                self._cut_off(now)
        self._emit(end)
        self._end(end)

    def _settle(self, begin: int) -> None:
        rows = self.rows
        paths = [f"{key}.{n}" for key in ("environment.NAME", "labels.traefik", "deploy.resources.limits") for n in range(10)]
        for host in range(1, self.size.hosts + 1):
            name = f"host-{host:02}"
            rows.add("hosts", id=host, name=name, address=f"ssh://admin@{name}", engine_id=f"ENGINE-{host}", first_seen_at=begin)
            self.cut_off.append(begin)
            rows.add(
                "projects", id=100_000 + host, host_id=host, name="", status="in_sync", status_since_at=begin, checked_at=_end()
            )
            for _ in range(STACKS):
                number = len(self.stacks) + 1
                stack = f"stack-{number:03}"
                rows.add("stacks", id=number, host_id=host, name=stack, first_seen_at=begin)
                containers = []
                for service in range(SERVICES):
                    one = _Container(number * SERVICES + service, f"{stack}-service-{service}-1", f"service-{service}")
                    rows.add("containers", id=one.number, host_id=host, name=one.name, first_seen_at=begin)
                    containers.append(one)
                made = _Stack(number, host, number, stack, containers, [])
                for service, path in itertools.product(range(SERVICES), paths):
                    drift = len(self.drifts) + 1
                    made.drifts.append(drift)
                    self.drifts[drift] = {
                        "id": drift,
                        "name": Finding(
                            name, Kind.CHANGED, "", stack=stack, project=stack, service=f"service-{service}", path=path
                        ).id,
                        "project_id": number,
                        "stack_id": number,
                        "service": f"service-{service}",
                        "container": f"{stack}-service-{service}-1",
                        "number": 1,
                        "kind": "changed",
                        "path": path,
                        "severity": 1 if path.startswith("labels") else 2,
                        "episode": 0,
                    }
                self.stacks.append(made)
                self._commit(made, begin)
                for one in containers:
                    self._remake(made, one, begin)

    def _document(self, document: Any) -> int:
        text, number = text_of(document), next(self.documents)
        self.rows.add("configurations", id=number, hash=hash_of(text + str(number)), body=text)
        return number

    def _next_run(self, now: int, until: int) -> None:
        self.run += 1
        over = until < _end()
        self.rows.add("runs", id=self.run, started_at=now, alive_at=until, ended_at=until if over else None, version="1.0")

    def _check(self, stack: _Stack, now: int, status: str, *, eventful: bool) -> int:
        number = next(self.checks)
        self.rows.add(
            "checks",
            id=number, project_id=stack.project, run_id=self.run or None, trigger="docker-event", reason="update", started_at=now,
            last_at=now if eventful else now + 3600 * SECOND, times=1 if eventful else 12, took=25_000, revision=stack.revision,
            status=status, findings=int(status == "drifted"), unknown=0, ignored=0, containers=SERVICES, eventful=eventful,
        )  # fmt: skip
        stack.checked = now
        if stack.status != status:
            stack.status, stack.status_since = status, now
        return number

    def _drift(self, stack: _Stack, now: int) -> None:
        free = [one for one in self.luck.sample(stack.drifts, 5) if self.busy.get(one, 0) < now]
        if not free:
            return
        drift = self.drifts[free[0]]
        lasts = int(math.exp(self.luck.gauss(7.2, 1.6))) * SECOND + 60 * SECOND
        opens, gone = now + 30 * SECOND, now + lasts
        self.busy[drift["id"]] = gone + 60 * SECOND
        drift["episode"] += 1
        value = self.luck.randrange(1, 64)
        values = {"desired": f"{value * 32} MiB", "observed": f"{value * 64} MiB"}
        cause = _CAUSES[self.luck.randrange(len(_CAUSES))]
        life = {"drift": drift, "stack": stack, "since": now, "episode": drift["episode"], "cause": cause, **values}
        self._tell(now, life, None, "pending", "appeared", stack)
        self._tell(opens, life, "pending", "open", "grace over", stack)
        self._tell(gone, life, "open", "resolved", "mended on the host", stack)
        self._span(now, gone, opens, life)
        self._event(stack, now, "update")
        one = self.luck.choice(stack.containers)
        self._state(one, now, "exited", None)
        self._state(one, now + 2 * SECOND, "running", "starting")
        self._state(one, now + 20 * SECOND, "running", "healthy")

    def _deploy(self, stack: _Stack, now: int) -> None:
        self._commit(stack, now)
        one = self.luck.choice(stack.containers)
        drift = self.drifts[self.luck.choice(stack.drifts)]
        if self.busy.get(drift["id"], 0) < now:
            gone = now + 9 * SECOND
            self.busy[drift["id"]] = gone + 60 * SECOND
            drift["episode"] += 1
            life = {
                "drift": drift, "stack": stack, "since": now, "episode": drift["episode"], "cause": _CAUSES[0],
                "desired": "2", "observed": "1",
            }  # fmt: skip
            self._tell(now, life, None, "pending", "appeared", stack)
            self._tell(gone, life, "pending", "resolved", "passed", stack)
            self._span(now, gone, None, life)
        self._event(stack, now, "create")
        self._remake(stack, one, now + 2 * SECOND)
        self._state(one, now + 20 * SECOND, "running", "healthy")

    def _cut_off(self, now: int) -> None:
        host = self.luck.randrange(self.size.hosts)
        if now < self.cut_off[host] + DAY:
            return
        back = now + self.luck.randrange(60, 3600) * SECOND
        self._reach(host, self.cut_off[host], now, "ok")
        self._reach(host, now, back, "unreachable")
        self.cut_off[host] = back
        self._later(now, {"host": host + 1, "from": "ok", "to": "unreachable", "reason": "host unreachable"})
        self._later(back, {"host": host + 1, "from": "unreachable", "to": "ok", "reason": "host back"})

    def _reach(self, host: int, begin: int, end: int | None, status: str) -> None:
        error = {"error_class": "timeout", "error_message": "no answer within 10 s"} if status == "unreachable" else {}
        self.rows.add(
            "reachability",
            host_id=host + 1, id=next(self.numbers) + 1, valid_from=begin, valid_to=end, seen_at=end or _end(), status=status,
            address=f"ssh://admin@host-{host + 1:02}", engine_id=f"ENGINE-{host + 1}", engine_version="28.5.2", **error,
        )  # fmt: skip

    def _commit(self, stack: _Stack, now: int) -> None:
        number = next(self.commits)
        if stack.revision:
            self._revision(stack, now)
        else:
            stack.definition = self._document(_definition(stack))
        stack.revision, stack.revision_from = hashlib.sha1(f"commit {number}".encode()).hexdigest(), now
        self.rows.add(
            "commits",
            id=number, revision=stack.revision, committed_at=now - 60 * SECOND, seen_at=now, author="Ada Admin",
            subject="Raise the memory limit of a service",
        )  # fmt: skip
        self.rows.add("commit_stacks", stack_id=stack.number, commit_id=number)

    def _revision(self, stack: _Stack, until: int | None) -> None:
        self.rows.add(
            "stack_revisions",
            id=next(self.revisions), stack_id=stack.number, valid_from=stack.revision_from, valid_to=until,
            revision=stack.revision, path=f"host-{stack.host:02}/{stack.name}/compose.yml", project=stack.name,
            configuration_id=stack.definition,
        )  # fmt: skip

    def _remake(self, stack: _Stack, one: _Container, now: int) -> None:
        if one.state and now <= one.since:
            return
        version, engine = next(self.versions), f"{self.luck.getrandbits(256):064x}"
        self.rows.add(
            "container_versions",
            id=version, container_id=one.number, engine_id=engine, image_id=f"sha256:{engine}", created_at=now,
            project_id=stack.project, service=one.service, number=1,
            configuration_id=self.configurations[self.luck.randrange(len(self.configurations))],
        )  # fmt: skip
        self._close(one, now)
        one.version = version
        self._begin(one, now, "running", "starting")

    def _state(self, one: _Container, now: int, state: str, health: str | None) -> None:
        if now > one.since:
            self._close(one, now)
            self._begin(one, now, state, health)

    def _begin(self, one: _Container, now: int, state: str, health: str | None) -> None:
        one.state, one.since, one.how = next(self.states), now, (state, health)

    def _close(self, one: _Container, until: int | None) -> None:
        if one.state:
            self.rows.add(
                "container_states",
                id=one.state, container_id=one.number, version_id=one.version, valid_from=one.since, valid_to=until,
                state=one.how[0], exit_code=0, health=one.how[1], oom_killed=False, restart_count=0, started_at=one.since,
            )  # fmt: skip

    def _span(self, begin: int, end: int, opens: int | None, life: dict[str, Any]) -> None:
        drift, over = life["drift"], end < _end()
        drift |= {
            "message": f"{drift['path']} is {life['observed']}, Git says {life['desired']}",
            "desired": life["desired"], "observed": life["observed"], "appeared_at": begin, "changed_at": begin,
            "state": "resolved" if over else "open", "opened_at": opens, "resolved_at": end if over else None,
            "side": "host", "cause": life["cause"], "revision": life["stack"].revision,
            "fix": f"docker compose -p {life['stack'].name} up -d --force-recreate {drift['service']}",
        }  # fmt: skip
        rank = min(max(SHORTEST, ((end - begin).bit_length() + 1) // 2), LONGEST) if over else 0
        self.rows.add(
            "drift_spans",
            id=next(self.spans), drift_id=drift["id"], valid_from=begin, valid_to=end if over else None, rank=rank,
            open_from=opens, appeared_at=begin, episode=life["episode"], container=drift["container"],
            severity=drift["severity"], message=drift["message"], desired=life["desired"], observed=life["observed"],
            fix=drift["fix"], side="host", cause=life["cause"],
        )  # fmt: skip

    def _event(self, stack: _Stack, now: int, action: str) -> None:
        number = next(self.events)
        self.rows.add(
            "events",
            id=number, host_id=stack.host, project_id=stack.project, at=now, action=action, actor=f"{number:064x}",
            name=stack.containers[0].name, service="service-0", details='{"image":"ghcr.io/example/service:1.2"}',
        )  # fmt: skip

    def _tell(self, at: int, life: dict[str, Any], before: str | None, after: str, reason: str, stack: _Stack) -> None:
        if at < _end():
            self._later(at, {"life": life, "from": before, "to": after, "reason": reason, "stack": stack})

    def _later(self, at: int, what: dict[str, Any]) -> None:
        heapq.heappush(self.later, (at, next(self.numbers), what))

    def _emit(self, now: int) -> None:
        """What was to happen until now, in its order."""
        while self.later and self.later[0][0] <= now:
            at, _, what = heapq.heappop(self.later)
            number, life = next(self.transitions), what.get("life")
            self.told += 1
            if life is None:
                self.rows.add(
                    "transitions",
                    id=number, subject="host", host_id=what["host"], at=at, from_state=what["from"], to_state=what["to"],
                    reason=what["reason"], episode=1, trigger="docker-event",
                )  # fmt: skip
                continue
            stack, drift = what["stack"], life["drift"]
            check = self._check(stack, at, "in_sync" if what["to"] == "resolved" else "drifted", eventful=True)
            self.rows.add(
                "transitions",
                id=number, subject="drift", host_id=stack.host, stack_id=stack.number, drift_id=drift["id"], at=at,
                check_id=check, since_at=life["since"], from_state=what["from"], to_state=what["to"], reason=what["reason"],
                episode=life["episode"], severity=drift["severity"], desired=life["desired"], observed=life["observed"],
                side="host", trigger="docker-event", cause=life["cause"],
            )  # fmt: skip
            if what["reason"] in {"grace over", "mended on the host"}:
                self.rows.add(
                    "deliveries",
                    id=next(self.deliveries), transition_id=number, destination="mail", recipient="", occasion="news",
                    state="sent", attempt=1, created_at=at, done_at=at + SECOND, message=f"m{number}",
                )  # fmt: skip

    def _end(self, end: int) -> None:
        for stack in self.stacks:
            self._check(stack, end - 600 * SECOND, stack.status, eventful=False)
            self._revision(stack, None)
            self.rows.add(
                "projects",
                id=stack.project, host_id=stack.host, name=stack.name, stack_id=stack.number, status=stack.status,
                status_since_at=stack.status_since, checked_at=end,
            )  # fmt: skip
            for one in stack.containers:
                self._close(one, None)
        for host, since in enumerate(self.cut_off):
            self._reach(host, since, None, "ok")
        for drift in self.drifts.values():
            if drift["episode"]:
                self.rows.add("drifts", **drift)


def _definition(stack: _Stack) -> dict[str, Any]:
    service = {
        "image": "ghcr.io/example/service:1.2",
        "restart": "unless-stopped",
        "environment": {f"NAME_{n}": f"value {n}" for n in range(10)},
        "ports": [{"mode": "ingress", "target": 8080, "published": "8080", "protocol": "tcp"}],
    }
    return {
        "services": {one.service: service for one in stack.containers},
        "networks": {"default": {"name": f"{stack.name}_default"}},
    }


def _causes() -> Iterator[str]:
    for kind, text in (("commit", "commit 3f2a91c by Ada: raise the limit"), ("docker-update", "docker update on the host")):
        yield json.dumps(
            {"by": None, "commit": None, "confidence": "certain", "evidence": ["an event"], "kind": kind, "text": text},
            sort_keys=True,
            separators=(",", ":"),
        )


_CAUSES = tuple(_causes())


def _end() -> int:
    return int(END.timestamp()) * SECOND


def main() -> None:
    """Fills a database."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("url", help="a file that is not there yet, or an empty database")
    arguments.add_argument("--transitions", type=int, default=Size.transitions)
    arguments.add_argument("--large", action="store_true", help="ten million transitions: fifty years")
    given = arguments.parse_args()
    begun = time.monotonic()
    counts = generate(given.url, LARGE if given.large else Size(given.transitions))
    for table, count in sorted(counts.items(), key=lambda one: -one[1]):
        print(f"{table:>20} {count:>12,}")
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
