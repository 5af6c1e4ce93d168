"""What the service costs while nothing happens: memory and processor over some minutes, 21 containers health-checked every 5 s.

    python -m bench.idle [--minutes 5]

The example fleet on two engines (unix socket and ssh), each container with a health check every 5 s. Measured from the outside
(`/proc/PID`), alone and with its child processes, after the first minute.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import yaml
from lab.homelab import Homelab, git
from lab.waiting import eventually
from lab.watcher import Watcher

HEALTHCHECK = {"test": ["CMD", "true"], "interval": "5s", "timeout": "3s", "retries": 3}


class Healthy(Homelab):
    """The example fleet, each container with a health check every 5 s."""

    def _make_repo(self) -> None:
        super()._make_repo()
        for path in self.repo.glob("*/*/docker-compose.yml"):
            document = yaml.safe_load(path.read_text())
            for service in document["services"].values():
                service["healthcheck"] = HEALTHCHECK
            path.write_text(yaml.safe_dump(document, sort_keys=False))
        git(self.repo, "commit", "--quiet", "--all", "--message", "Health checks")
        self._commit = git(self.repo, "rev-parse", "HEAD").strip()


def main() -> None:
    """Measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with (
        tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder,
        Healthy(Path(folder) / "homelab") as homelab,
        Watcher(homelab.config, Path(folder) / "watch") as watcher,
    ):
        watcher.wait_until_well()
        eventually(lambda: "ok" in watcher.log.read_text(), within=30)
        print(
            f"{sum(len(engine.running()) for engine in homelab.engines)} containers; the first minute is not counted", flush=True
        )
        time.sleep(60)
        before, alone, began, most = watcher.processor(), watcher.processor(alone=True), time.monotonic(), 0
        while time.monotonic() - began < minutes * 60:
            most = max(most, watcher.resident())
            time.sleep(1)
        used, alone, took = watcher.processor() - before, watcher.processor(alone=True) - alone, time.monotonic() - began
        print(f"processor: {alone:.2f} s in {took:.0f} s, {100 * alone / took:.2f}% of a core")
        print(f"with the processes that it starts (git, ssh): {used:.2f} s, {100 * used / took:.2f}%")
        print(f"memory: {watcher.resident() / 1e6:.1f} MB resident at the end, {most / 1e6:.1f} MB at most")


if __name__ == "__main__":
    main()
