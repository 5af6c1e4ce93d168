"""How long the log takes to answer after years of a fleet, and how many bytes a transition takes.

    .venv/bin/python -m bench.fleet_history sqlite:////tmp/years.db          # a million transitions; --large: ten million
    .venv/bin/python -m bench.history sqlite:////tmp/years.db [--times 200]
    .venv/bin/python -m bench.history --postgresql [--transitions 1000000]   # a server of its own, filled first

A query is timed from the question to the values in Python, on a connection that is open, after some that do not count. Moments,
hosts, stacks and drifts differ from time to time and come from one seed. On a machine that does other things too, the time on its
processors says more. A whole process is the command line, from its start to its end.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics as figures
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import text
from tests.store.server import Server

from anchorwatch.model.log import Wanted
from anchorwatch.model.options import Filters
from anchorwatch.model.statistics import statistics
from anchorwatch.reports.standing import standing
from anchorwatch.store import Store, drift_spans, moment, search
from anchorwatch.store import statistics as rows
from anchorwatch.store.tables.columns import moment as time_of
from bench.fleet_history import LARGE, Size, generate

LUCK = random.Random(1)


class Questions:
    """The questions of the verbs, each about something else every time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.read() as read:
            run = read.session.execute
            first, last = run(text("SELECT min(at), max(at) FROM transitions")).one()
            self.begin, self.end = time_of(first), time_of(last)
            self.hosts = [name for (name,) in run(text("SELECT name FROM hosts"))]
            named = text("SELECT h.name, s.name FROM stacks s JOIN hosts h ON h.id = host_id")
            self.stacks = [(host, stack) for host, stack in run(named)]
            self.drifts = [name for (name,) in run(text("SELECT name FROM drifts ORDER BY id LIMIT 5000"))]

    def history(self, wanted: Wanted) -> None:
        with self.store.read() as read:
            found = search.transitions(read, search.scope(read, wanted), limit=100)
        assert found

    def history_of_all(self) -> None:
        self.history(Wanted(since=self.end - timedelta(days=7)))

    def history_of_stack(self) -> None:
        self.history(Wanted(Filters(stacks=(LUCK.choice(self.stacks),)), since=self.end - timedelta(days=30)))

    def history_of_path(self) -> None:
        self.history(Wanted(paths=(f"labels.*.{LUCK.randrange(10)}",), since=self.end - timedelta(days=30)))

    def some_moment(self) -> datetime:
        return self.begin + (self.end - self.begin) * LUCK.random()

    def at(self) -> None:
        with self.store.read() as read:
            facts = moment.then(read, self.some_moment())
        assert standing(facts, Filters()).hosts

    def at_on_a_stack(self) -> None:
        at, (host, stack) = self.some_moment(), LUCK.choice(self.stacks)
        with self.store.read() as read:
            facts = moment.then(read, at, host=host, configurations=True)
            facts = replace(facts, definitions=moment.definitions(read, at, {(host, stack)}))
        assert standing(facts, Filters(stacks=((host, stack),))).hosts

    def status(self) -> None:
        with self.store.read() as read:
            facts = moment.now(read, self.end)
            facts = replace(facts, definitions=moment.definitions(read, None, set(self.stacks)))
        assert standing(facts, Filters(), stale_after=timedelta(days=99)).stacks

    def show(self) -> None:
        with self.store.read() as read:
            (drift,) = search.drifts_like(read, LUCK.choice(self.drifts))
            search.life(read, drift)
            drift_spans.of_drift(read, drift.id, limit=100)
            search.around(read, drift, drift.appeared_at - timedelta(minutes=10), drift.appeared_at - timedelta(days=7), self.end)

    def stats(self) -> None:
        until = min(self.end, self.some_moment() + timedelta(days=60))
        with self.store.read() as read:
            scope = search.scope(read, Wanted())
            found = statistics(rows.record(read, scope, until - timedelta(days=30), until))
            rows.places(read, [one.drift for one in found.recurrences[:200]])


def measure(store: Store, times: int) -> None:
    """Prints a row a question."""
    ask = Questions(store)
    print("| question | p50 ms | p99 ms | of it CPU, p50 ms |\n|---|---:|---:|---:|")
    questions: dict[str, Callable[[], None]] = {
        "`history --since 7d`": ask.history_of_all,
        "`history --since 30d`, one stack": ask.history_of_stack,
        "`history --since 30d --path 'labels.*.3'`": ask.history_of_path,
        "`at TIME`, the whole fleet": ask.at,
        "`at TIME`, one stack with its configurations": ask.at_on_a_stack,
        "`status`": ask.status,
        "`show ID`": ask.show,
        "`history --stats`, 30 days": ask.stats,
    }
    for name, question in questions.items():
        took, busy = [], []
        for _ in range(max(3, times // 4 if "stats" in name else times) + 3):
            begun, own = time.perf_counter(), time.process_time()
            question()
            took.append((time.perf_counter() - begun) * 1000)
            busy.append((time.process_time() - own) * 1000)
        took = sorted(took[3:])
        print(
            f"| {name} | {figures.median(took):.1f} | {took[int(len(took) * 0.99) - 1]:.1f} | {figures.median(busy[3:]):.1f} |",
            flush=True,
        )


def whole_processes(url: str, end: datetime, drift: str) -> None:
    """Prints what the command line takes."""
    print("\n| command | s |\n|---|---:|")
    since = (end - timedelta(days=7)).isoformat()
    for words in (
        ["history", "--since", since],
        ["at", (end - timedelta(days=99)).isoformat()],
        ["status"],
        ["show", drift],
        ["history", "--stats", "--since", (end - timedelta(days=30)).isoformat()],
    ):
        took = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "anchorwatch.cli", *words],
                env={**os.environ, "ANCHORWATCH_DATABASE": url},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            took.append(time.perf_counter() - begun)
        print(
            f"| `{' '.join(words[:2] if words[0] != 'history' else words[:1] + words[1:2])} …` | {figures.median(took):.2f} |",
            flush=True,
        )


def bytes_a_row(store: Store) -> None:
    """Prints what the tables take, with their indexes."""
    sqlite = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
    server = "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
    on_file = store.opened.version.startswith("SQLite")
    print("\n| table | rows | bytes a row |\n|---|---:|---:|")
    with store.read() as read:
        sizes = {name: int(size) for name, size in read.session.execute(text(sqlite if on_file else server))}
        for table in ("transitions", "drift_spans", "container_states", "checks", "deliveries", "events"):
            (count,) = read.session.execute(text(f"SELECT count(*) FROM {table}")).one()
            print(f"| `{table}` | {count:,} | {sizes[table] / count:.0f} |")
    print(f"\n{sum(sizes.values()) / 1e6:,.0f} MB in all")


@contextmanager
def _place(given: argparse.Namespace) -> Iterator[str]:
    if not given.postgresql:
        yield given.url
        return
    with Server() as server:
        url = server.url(server.new_database())
        begun = time.monotonic()
        generate(url, LARGE if given.large else Size(given.transitions))
        print(f"filled in {time.monotonic() - begun:.0f} s\n", flush=True)
        yield url


def main() -> None:
    """Measures one database."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("url", nargs="?")
    arguments.add_argument("--postgresql", action="store_true")
    arguments.add_argument("--transitions", type=int, default=Size.transitions)
    arguments.add_argument("--large", action="store_true")
    arguments.add_argument("--times", type=int, default=200)
    given = arguments.parse_args()
    with _place(given) as url:
        with Store.open_to_read(url) as store:
            print(f"{store.opened.version}\n")
            measure(store, given.times)
            bytes_a_row(store)
            ask = Questions(store)
            end, drift = ask.end, ask.drifts[7]
        whole_processes(url, end, drift)


if __name__ == "__main__":
    main()
