"""A storm: containers created, started, stopped and removed as fast as an engine can, while the service watches.

    python -m bench.storm [--containers 1000] [--engine newest]

Half of them are left behind, so that there is something to be right about. Said: whether what the service has recorded in the end
equals a fresh `anchorwatch check`; how long it took after the last event; how much memory it needed; and what an operation of the
engine (`docker rename`, through its API) took with the service and without.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import images
from lab.compose import Compose
from lab.engines import Engine
from lab.homelab import git
from lab.waiting import eventually
from lab.watcher import Watcher

from anchorwatch.store import Store, drifts

CONFIG = """\
compose: {compose}
repo: {{path: {repo}, branch: main}}
hosts:
  storm: {{docker: "{docker}", stacks: ["storm/*"]}}
database: sqlite:///{folder}/x.db
secrets_key: {folder}/x.key
"""
COMPOSE = "services: {web: {image: 'hold:1', container_name: web}}\n"


class Api:
    """The engine's own interface, one connection a thread."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._own = threading.local()

    def __call__(self, method: str, path: str, body: object = None) -> bytes:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self._path)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return bytes(answer.read())


def main() -> None:
    """Brings an engine up, makes a storm without and with the service, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--engine", default="newest", choices=["old", "middle", "newest"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as made, Engine(options.engine, name="storm") as engine:
        folder = Path(made)
        images.load(engine, [images.hold("hold:1")])
        _make_repo(folder / "repo")
        api = Api(engine.socket)
        config = folder / "base.yml"
        config.write_text(
            CONFIG.format(repo=folder / "repo", docker=engine.url, folder=folder, compose=Compose("newest").program)
        )
        api("POST", "/containers/create?name=probe", {"Image": "hold:1"})
        quiet = _probe(api)
        with Watcher(config, folder / "watch", "watch: {grace: 2s}\n") as watcher:
            watcher.wait_until_well()
            watched = _probe(api)
            before, most, done = watcher.resident(), [0], threading.Event()
            meter = threading.Thread(target=_meter, args=(watcher, most, done))
            meter.start()
            took, during = _storm(api, options.containers)
            ended = time.monotonic()
            wanted = _drifts_now(watcher.config, folder)
            eventually(lambda: _recorded(watcher.database) == wanted, within=300, every=0.5, what="the record to be right")
            settled = time.monotonic() - ended
            done.set()
            meter.join()
            print(f"{options.containers} containers in {took:.1f} s; {len(wanted)} drifts recorded, as a check finds")
            print(f"right {settled:.1f} s after the last event (a check of the same host in between)")
            print(f"memory: {before / 1e6:.1f} MB before, {most[0] / 1e6:.1f} MB at most")
            print(f"rename, median: {quiet:.2f} ms alone, {watched:.2f} ms watched, {during:.2f} ms in the storm")
            print(f"healthy: {watcher.told()}")


def _make_repo(repo: Path) -> None:
    (repo / "storm" / "web").mkdir(parents=True)
    (repo / "storm" / "web" / "compose.yml").write_text(COMPOSE)
    git(repo, "init", "--quiet", "--initial-branch=main")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "One stack")


def _storm(api: Api, count: int) -> tuple[float, float]:
    """Seconds it took, and the median of a rename meanwhile in ms."""
    names = [f"s{number}" for number in range(count)]

    def one(name: str) -> None:
        api("POST", f"/containers/create?name={name}", {"Image": "hold:1"})
        api("POST", f"/containers/{name}/start")
        if int(name[1:]) % 2:
            api("POST", f"/containers/{name}/kill")
            api("DELETE", f"/containers/{name}?force=1")

    began, renames = time.monotonic(), []
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(one, name) for name in names]
        while not all(job.done() for job in work):
            renames.append(_rename(api))
            time.sleep(0.2)
        for job in work:
            job.result()
    return time.monotonic() - began, statistics.median(renames)


def _rename(api: Api) -> float:
    began = time.perf_counter()
    api("POST", "/containers/probe/rename?name=probe-x")
    api("POST", "/containers/probe-x/rename?name=probe")
    return (time.perf_counter() - began) * 500


def _probe(api: Api) -> float:
    return statistics.median(_rename(api) for _ in range(50))


def _meter(watcher: Watcher, most: list[int], done: threading.Event) -> None:
    while not done.wait(0.2):
        most[0] = max(most[0], watcher.resident())


def _drifts_now(config: Path, folder: Path) -> set[str]:
    """What a fresh check finds."""
    argv = [sys.executable, "-m", "anchorwatch.cli", "check", "--config", str(config), "--format", "json"]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env={**os.environ, "XDG_CACHE_HOME": str(folder / "c")}
    )
    return {one["id"] for one in json.loads(done.stdout)["drift"]}


def _recorded(url: str) -> set[str]:
    with Store.open_to_read(url) as store, store.read() as read:
        return {one.id for one in drifts.unresolved(read)}


if __name__ == "__main__":
    main()
