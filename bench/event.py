"""How long it takes from an event of an engine to the drift in the database, beside the least that it could take.

    python -m bench.event [--updates 200] [--engine old newest]

A host with 21 containers in two stacks, watched by `anchorwatch watch` in a process of its own. `docker update` changes the
memory limit of one of them, and changes it back: a drift that appears, and one that passes. From the time that the engine gives
the event:

    recorded       the transition and all that belongs to it (events, containers, drift, check) can be read by another process
    floor          nothing but: the event has come, one inspection, one row committed (the same engine's version, the same disk)

in turn, one after the other. The database is asked every 0.3 ms, so what is recorded is seen a little later than it is there.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from lab import images
from lab.compose import Compose
from lab.engines import Engine
from lab.homelab import git
from lab.waiting import eventually
from lab.watcher import Watcher

from bench.storm import Api

CONFIG = """\
compose: {compose}
repo: {{path: {repo}, branch: main}}
hosts:
  ship: {{docker: "{docker}", stacks: ["ship/*"]}}
"""
SETTINGS = "watch: {settle: 100ms, grace: 2s}\n"
LIMIT = 64 * 2**20
EVERY = 0.0003
Role = Literal["old", "middle", "newest"]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--engine", nargs="+", default=["old", "newest"], choices=get_args(Role))
    options = parser.parse_args()
    for role in options.engine:
        measure(role, options.updates)


def measure(role: Role, updates: int) -> None:
    """One version of the engine: one that is watched, and one for the floor."""
    with (
        tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as made,
        Engine(role, name="ship") as engine,
        Engine(role, name="floor") as bare,
    ):
        folder = Path(made)
        config = deployed(folder, engine, Compose("newest" if role == "newest" else "oldest"))
        images.load(bare, [images.hold("hold:1")])
        bare.docker("run", "--detach", "--name", "web", "--memory", str(LIMIT), "hold:1")
        with Watcher(config, folder / "watch", SETTINGS) as watcher, Floor(bare, folder / "floor.db") as floor:
            watcher.wait_until_well()
            record = Record(folder / "watch" / "state" / "anchorwatch.db")
            eventually(lambda: record.settled(2), within=60, what="both stacks to be in sync")
            api = Api(engine.socket)
            rounds = [(recorded(api, record, number), floor.once(number)) for number in range(updates + 5)][5:]
            resident = watcher.resident()
        ours, least = [one for one, _ in rounds], [one for _, one in rounds]
        print(f"Docker {engine.version}, 21 containers, {updates} updates, milliseconds from the engine's event")
        for name, times in (("recorded", [one.seen for one in ours]), ("floor", least)):
            print(f"  {name:10} p50 {at(times, 0.5):7.2f}   p99 {at(times, 0.99):7.2f}   max {max(times) * 1000:7.2f}")
        for share in (0.5, 0.99):
            print(f"  recorded / floor at p{share * 100:.0f}: {at([one.seen for one in ours], share) / at(least, share):.2f}")
        parts = [("until it is looked at", [one.looked for one in ours]), ("looking and comparing", [one.took for one in ours])]
        parts.append(("writing, and being read", [one.seen - one.looked - one.took for one in ours]))
        print("  of it, p50: " + ", ".join(f"{name} {at(times, 0.5):.2f}" for name, times in parts))
        print(f"  memory of the service: {resident / 1e6:.1f} MB", flush=True)


def at(times: Sequence[float], share: float) -> float:
    """That quantile, in milliseconds."""
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1] * 1000


def deployed(folder: Path, engine: Engine, compose: Compose) -> Path:
    """Two stacks, 3 containers and 18, in a repo and on the engine; the config that says so."""
    stacks = []
    for name, count in (("shop", 3), ("rest", 18)):
        stack = folder / "repo" / "ship" / name
        stack.mkdir(parents=True)
        service = {"image": "hold:1", "mem_limit": LIMIT, "environment": {f"KEY_{n}": f"value {n}" for n in range(20)}}
        document = {"name": name, "services": {f"{name}{number}": service for number in range(count)}}
        (stack / "compose.yml").write_text(json.dumps(document))
        stacks.append(stack)
    repo = folder / "repo"
    git(repo, "init", "--quiet", "--initial-branch=main")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Two stacks")
    images.tag_for(engine, compose, *stacks)
    for stack in stacks:
        compose.up(stack, engine)
    config = folder / "base.yml"
    config.write_text(CONFIG.format(repo=repo, docker=engine.url, compose=compose.program))
    return config


class Seen:
    """When, in seconds from the engine's event, one change was looked at and seen in the database; how long looking took."""

    def __init__(self, event: int, looked: int, took: int, seen: float) -> None:
        self.looked = (looked - event) / 1e6
        self.took = took / 1e6
        self.seen = seen - event / 1e6


class Record:
    """The service's database, as another process reads it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)

    def settled(self, projects: int) -> bool:
        """Whether so many projects are in sync."""
        found = self._connection.execute("SELECT count(*) FROM projects WHERE status = 'in_sync' AND name <> ''")
        return bool(found.fetchone()[0] == projects)

    def newest(self) -> int:
        """The number of the newest transition."""
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM transitions").fetchone()[0])

    def wait(self, after: int, state: str) -> tuple[int, float]:
        """The number of the first transition after that one, which leads to `state`, and the time at which it could be read."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = self._connection.execute("SELECT id, to_state FROM transitions WHERE id > ? ORDER BY id", [after]).fetchone()
            if found:
                if found[1] != state:
                    sys.exit(f"{found[1]} where {state} was expected")
                return int(found[0]), time.time()
            time.sleep(EVERY)
        sys.exit("the change was not recorded")

    def times(self, transition: int) -> tuple[int, int, int]:
        """In microseconds: when the engine said so, when it was looked at, how long looking took."""
        event = self._connection.execute("SELECT max(at) FROM events WHERE action = 'update'").fetchone()[0]
        query = "SELECT checks.started_at, took FROM transitions JOIN checks ON checks.id = check_id WHERE transitions.id = ?"
        looked, took = self._connection.execute(query, [transition]).fetchone()
        return int(event), int(looked), int(took)


def recorded(api: Api, record: Record, number: int) -> Seen:
    """One change, and back: waits for both."""
    before = record.newest()
    update(api, "shop-shop1-1", LIMIT + (number + 1) * 4096)
    found, seen = record.wait(before, "pending")
    times = record.times(found)
    update(api, "shop-shop1-1", LIMIT)
    record.wait(found, "resolved")
    return Seen(*times, seen)


def update(api: Api, name: str, limit: int) -> None:
    """As `docker update --memory` does."""
    answer = json.loads(api("POST", f"/containers/{name}/update", {"Memory": limit}))
    if answer.get("Warnings") is None and "message" in answer:
        sys.exit(str(answer["message"]))


class Floor:
    """The least that can be done: hear of it, look at it, write a row."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._api = Api(engine.socket)
        self._look = Api(engine.socket)
        self._engine = engine
        self._database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, at INTEGER, body TEXT)")

    def __enter__(self) -> Floor:
        self._undo = contextlib.ExitStack()
        self._events = self._undo.enter_context(self._stream())
        self._look("GET", "/containers/web/json")
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()
        self._database.close()

    def once(self, number: int) -> float:
        """Seconds from one event to its row."""
        update(self._api, "web", LIMIT + (number % 2 + 1) * 4096)
        event = json.loads(self._events.readline())
        document = json.loads(self._look("GET", f"/containers/{event['Actor']['ID']}/json"))
        self._database.execute("INSERT INTO seen (at, body) VALUES (?, ?)", [event["timeNano"], document["HostConfig"]["Memory"]])
        return time.time() - int(event["timeNano"]) / 1e9

    @contextlib.contextmanager
    def _stream(self) -> Iterator[Any]:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self._engine.socket))
        connection.request("GET", "/events?filters=%7B%22event%22%3A%5B%22update%22%5D%7D")
        yield connection.getresponse()
        connection.close()


if __name__ == "__main__":
    main()
