"""What listening to a host costs, and how soon an event is heard.

    python -m bench.listener [--events 200] [--seconds 60] [--engine old newest]

Per engine, over its unix socket and over ssh:

    latency    from the time that the engine gives a `rename` to the call of `Ears.heard`
    idle       processor time of this process, and of its ssh, beside 21 containers that are health-checked every 5 s
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import images
from lab.engines import Engine
from lab.ssh import SshHost
from lab.waiting import eventually

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress, SshOptions
from anchorwatch.model.values import JsonObject
from anchorwatch.watch.docker_events import DockerListener

CONTAINERS = 21
TICKS = os.sysconf("SC_CLK_TCK")


class Timing:
    """Ears: how long ago each rename was, in seconds."""

    def __init__(self) -> None:
        self.open = False
        self.ages: list[float] = []

    def listening(self, host: str, gap: bool) -> None:
        self.open = True

    def heard(self, host: str, event: JsonObject) -> None:
        if event["Action"] == "rename":
            self.ages.append((time.time_ns() - event["timeNano"]) / 1e9)

    def lost(self, host: str, error: HostError) -> None:
        raise error

    def deaf(self, host: str, error: HostError) -> None:
        raise error

    def found(self, host: str) -> None:
        pass


@contextmanager
def listening(address: HostAddress) -> Iterator[Timing]:
    """A listener that runs."""
    ears = Timing()
    listener = DockerListener(address, ears)
    thread = threading.Thread(target=listener.run, args=(threading.Event(),))
    thread.start()
    try:
        eventually(lambda: ears.open, within=30)
        yield ears
    finally:
        listener.close()
        thread.join()


def children() -> dict[int, float]:
    """The ssh processes of this one, and their processor time in seconds."""
    found: dict[int, float] = {}
    for task in Path("/proc/self/task").iterdir():
        for pid in map(int, (task / "children").read_text().split()):
            if b"dial-stdio" in Path(f"/proc/{pid}/cmdline").read_bytes():
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def latency(address: HostAddress, engine: Engine, count: int, name: str) -> None:
    """Prints how soon `count` renames were heard."""
    with listening(address) as ears:
        time.sleep(3)  # what was just before us is heard too, and late
        ears.ages.clear()
        for number in range(count):
            was, now = (name, f"{name}-again") if number % 2 == 0 else (f"{name}-again", name)
            engine.request("POST", f"/containers/{was}/rename?name={now}")
            time.sleep(0.01)
        eventually(lambda: len(ears.ages) >= count, within=30)
    ages = sorted(1000 * age for age in ears.ages)
    print(
        f"  latency   p50 {statistics.median(ages):.2f} ms   p99 {ages[int(0.99 * count)]:.2f}   max {ages[-1]:.2f}", flush=True
    )


def idle(address: HostAddress, seconds: float) -> None:
    """Prints what `seconds` of listening cost while nothing but health checks happens."""
    with listening(address):
        time.sleep(40)  # until somebody has been asked beside a quiet stream
        own, ssh, began = time.process_time(), children(), time.monotonic()
        time.sleep(seconds)
        took, own = time.monotonic() - began, time.process_time() - own
        beside = sum(children().values()) - sum(ssh.values())
    print(f"  idle      {100 * own / took:.3f}% of a core, its {len(ssh)} ssh {100 * beside / took:.3f}%", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--engine", nargs="+", choices=("old", "newest"), default=("old", "newest"))
    choices = parser.parse_args(argv)
    for role in choices.engine:
        with Engine(role, name="pi5") as engine, SshHost(engine) as host:
            images.load(engine, [images.hold()])
            checked = ("--health-cmd", "true", "--health-interval", "5s")
            for number in range(CONTAINERS):
                engine.docker("run", "--detach", "--name", f"c{number}", *checked, "hold:1")
            ssh = HostAddress("pi5", host.url, ssh=SshOptions(str(host.key), str(host.known_hosts)))
            for kind, address in (("unix", HostAddress("pi5", engine.url)), ("ssh", ssh)):
                print(f"{engine.version}, {kind}; load {os.getloadavg()[0]:.0f}", flush=True)
                latency(address, engine, choices.events, "c0")
                idle(address, choices.seconds)


if __name__ == "__main__":
    main()
