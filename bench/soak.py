"""A long soak in short: for some minutes something goes wrong every few seconds, by a seed, and in the end all must be right.

    python -m bench.soak [--minutes 10] [--seed 1]

Over the example fleet (a new engine over its unix socket, an old one over ssh): containers are stopped, started, changed, made by
hand and made anew; commits come, and are amended; engines are frozen, killed and started again; the ssh daemon is frozen, and
started anew; the watcher reads its config again, is ended and is killed. When everything has healed: what is recorded equals a
fresh `anchorwatch check`, and threads, files, processes and memory are where they were.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lab import images
from lab.errors import LabError
from lab.homelab import Homelab, git
from lab.waiting import eventually
from lab.watcher import Watcher

from anchorwatch.store import Store, drifts

SETTINGS = "watch: {grace: 2s, rollout: 4s, resync: 60s}\n"


class Soak:
    """Everything that may go wrong, by name. Each thing leaves the world so that it can heal."""

    def __init__(self, homelab: Homelab, watcher: Watcher, dice: random.Random) -> None:
        self.homelab, self.watcher, self.dice = homelab, watcher, dice
        self.faults: dict[str, Callable[[], None]] = {
            "stop a container": lambda: self._docker("stop", "--time", "1", self._container()),
            "start all": self._start_all,
            "update": lambda: self._docker(
                "update", "--memory", f"{self.dice.randint(64, 900)}m", "--memory-swap", "2g", self._container()
            ),
            "restart policy": lambda: self._docker("update", "--restart", self.dice.choice(["no", "always"]), self._container()),
            "run by hand": lambda: self._docker("run", "-d", "--name", f"hand-{self.dice.randint(0, 9**9)}", "hold:1"),
            "deploy": lambda: self.homelab.deploy(*self.dice.choice([(), ("--force-recreate",)]), stacks=[self._stack()]),
            "commit": self._commit,
            "amend": lambda: self._git(
                "commit", "--quiet", "--amend", "--allow-empty", "--message", f"amended {self.dice.random()}"
            ),
            "freeze an engine": self._freeze,
            "kill an engine": self._kill,
            "freeze sshd": self._freeze_ssh,
            "restart sshd": self._restart_ssh,
            "reload": lambda: self.watcher.send(signal.SIGHUP),
            "kill the watcher": self._kill_watcher,
            "end the watcher": self._end_watcher,
        }
        self.engine = homelab.proxmox

    def turn(self) -> str:
        """Does one thing."""
        self.engine = self.dice.choice(self.homelab.engines)
        name = self.dice.choice(list(self.faults))
        try:
            self.faults[name]()
        except LabError:
            return f"{name} (failed)"
        return name

    def _docker(self, *words: str) -> None:
        self.engine.docker(*words)

    def _container(self) -> str:
        return self.dice.choice(self.engine.docker("ps", "--all", "--format", "{{.Names}}").split())

    def _start_all(self) -> None:
        stopped = self.engine.docker("ps", "--all", "--filter", "status=exited", "--format", "{{.Names}}").split()
        if stopped:
            self.engine.docker("start", *stopped)

    def _stack(self) -> Path:
        return self.dice.choice(self.homelab.stacks(self.engine))

    def _commit(self) -> None:
        path = self._stack() / "docker-compose.yml"
        text = path.read_text()
        before, after = self.dice.choice(
            [("unless-stopped", "always"), ("always", "unless-stopped"), ("services:", "# a note\nservices:")]
        )
        path.write_text(text.replace(before, after))
        self._git("commit", "--quiet", "--all", "--allow-empty", "--message", f"change {self.dice.random()}")

    def _git(self, *words: str) -> None:
        git(self.homelab.repo, *words)

    def _freeze(self) -> None:
        self.engine.freeze()
        time.sleep(self.dice.uniform(1, 12))
        self.engine.thaw()

    def _kill(self) -> None:
        self.engine.kill()
        time.sleep(self.dice.uniform(0, 3))
        self.engine.start()
        self._start_all()

    def _freeze_ssh(self) -> None:
        self.homelab.pi5_ssh.freeze()
        time.sleep(self.dice.uniform(1, 12))
        self.homelab.pi5_ssh.thaw()

    def _restart_ssh(self) -> None:
        self.homelab.pi5_ssh.stop()
        time.sleep(self.dice.uniform(0, 2))
        self.homelab.pi5_ssh.start()

    def _kill_watcher(self) -> None:
        self.watcher.kill()
        self.watcher.start()

    def _end_watcher(self) -> None:
        began = time.monotonic()
        code = self.watcher.stop()
        took = time.monotonic() - began
        if code != 0 or took > 10:
            raise SystemExit(f"the watcher ended with {code} after {took:.1f} s")
        self.watcher.start()


def main() -> None:
    """Soaks, waits for all to heal, judges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder,
        Homelab(Path(folder) / "homelab") as homelab,
        Watcher(homelab.config, Path(folder) / "watch", SETTINGS) as watcher,
    ):
        for engine in homelab.engines:
            images.load(engine, [images.hold("hold:1")])
        watcher.wait_until_well()
        soak, done, until = (
            Soak(homelab, watcher, random.Random(options.seed)),
            Counter[str](),
            time.monotonic() + options.minutes * 60,
        )
        while time.monotonic() < until:
            name = soak.turn()
            done[name] += 1
            print(f"{time.monotonic() - until + options.minutes * 60:6.1f} s  {soak.engine.name:8} {name}", flush=True)
            time.sleep(soak.dice.uniform(0.5, 8))
        homelab.thaw()
        for engine in homelab.engines:
            soak.engine = engine
            soak._start_all()
        watcher.wait_until_well(120)
        began = time.monotonic()
        eventually(lambda: _recorded(watcher.database) == _found(watcher), within=120, every=1, what="the record to be right")
        print(f"\n{sum(done.values())} things went wrong: {dict(done.most_common())}")
        took, drifted = time.monotonic() - began, len(_recorded(watcher.database))
        print(f"right {took:.1f} s after the last of it: {drifted} drifts, as a check finds")
        print(f"the watcher: {_state(watcher)}")
        watcher.stop()
        watcher.start()
        watcher.wait_until_well(120)
        time.sleep(10)
        print(f"a new one:   {_state(watcher)}")


def _state(watcher: Watcher) -> str:
    process = Path(f"/proc/{watcher.pid}")
    threads, files = len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))
    listed = subprocess.run(
        ["ps", "--ppid", str(watcher.pid), "-o", "stat="], capture_output=True, text=True, check=False
    ).stdout.split()
    dead = sum(one.startswith("Z") for one in listed)
    return f"{watcher.resident() / 1e6:.0f} MB, {threads} threads, {files} files, {len(listed)} children, {dead} zombies"


def _found(watcher: Watcher) -> set[str]:
    argv = [sys.executable, "-m", "anchorwatch.cli", "check", "--config", str(watcher.config), "--format", "json"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(watcher.folder / "check")}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    return {one["id"] for one in json.loads(done.stdout)["drift"]}


def _recorded(url: str) -> set[str]:
    with Store.open_to_read(url) as store, store.read() as read:
        return {one.id for one in drifts.unresolved(read)}


if __name__ == "__main__":
    main()
