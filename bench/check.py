"""How long a whole check takes, beside what a user would run instead, in one run and in turn.

    python -m bench.check [--runs 10]

Over the example fleet, both hosts over ssh (the script knows no other way):

    check, warm    anchorwatch check, stacks resolved before and nothing changed since
    check, cold    the same with an empty cache: Compose resolves every stack
    script         bench/seed_check.sh: names in the repo against `docker ps` over ssh
    dry run        `docker compose up -d --dry-run`, stack by stack, over the engines' own sockets

Whole processes, wall-clock time, medians; ratios are taken within each round, so that a busy moment hits both sides.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.homelab import Choices, Homelab
from lab.places import CHECKOUT

PROGRAM = [sys.executable, "-m", "anchorwatch.cli", "check"]


def main() -> None:
    """Brings the fleet up, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with (
        tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder,
        Homelab(Path(folder) / "homelab", Choices(ssh_both=True)) as homelab,
    ):
        ways = _ways(homelab, Path(folder) / "cache")
        rounds = [{name: _timed(run) for name, run in ways.items()} for _ in range(runs + 1)][1:]
    for name in ways:
        times = sorted(one[name] for one in rounds)
        print(f"{name:12}  median {statistics.median(times):.3f} s   min {times[0]:.3f}   max {times[-1]:.3f}")
    for name in ("check, warm", "check, cold"):
        for other in ("script", "dry run"):
            ratio = statistics.median(one[name] / one[other] for one in rounds)
            print(f"{name} / {other}: {ratio:.2f}")


def _ways(homelab: Homelab, cache: Path) -> dict[str, Callable[[], None]]:
    environment = {**os.environ, "PATH": f"{homelab.compose.folder}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(cache)}
    check = [*PROGRAM, "--config", str(homelab.config)]
    script = {
        **environment,
        "REPO": str(homelab.repo),
        "HOSTS": "proxmox pi5",
        "SSH_OPTIONS": f"-F {homelab.ssh_config}",
    }

    def warm() -> None:
        _run(check, environment)

    def cold() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        _run(check, environment)

    def by_script() -> None:
        _run([str(CHECKOUT / "bench" / "seed_check.sh")], script)

    def dry_run() -> None:
        for engine in homelab.engines:
            own = {**environment, "DOCKER_HOST": engine.url}
            for stack in homelab.stacks(engine):
                _run([str(homelab.compose.program), "up", "-d", "--dry-run"], own, stack)

    return {"check, cold": cold, "check, warm": warm, "script": by_script, "dry run": dry_run}


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> None:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}")


def _timed(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
