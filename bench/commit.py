"""How long a commit takes to become the desired state, in a repo of many stacks of which it touches one.

    python -m bench.commit [--stacks 50] [--commits 20] [--compose PROGRAM]

From the moment at which git has made the commit:

    seen           the listener learns of it (file events, then git)
    state          the new desired state is there: listed, the stacks found, the one that changed resolved, all of them dated
    floor          one run of Compose over that stack's files, behind the same walls, laid out beforehand

and what following costs while nothing happens: CPU time of this process and of what it starts, file descriptors, threads, memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from anchorwatch.desired.compose import find_compose, run
from anchorwatch.desired.export import export_folder, lay_out
from anchorwatch.desired.reader import DesiredReader, Sources
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.settings import HostLayout, RepoSource, StackValues
from anchorwatch.model.timeline import Push
from anchorwatch.watch.git_commits import GitListener
from bench.resolve import OUTSIDE, make_repo

GIT = ["git", "-c", "user.name=b", "-c", "user.email=b@b"]


class Timed(DesiredReader):
    """Notes when it is asked what."""

    seen_at = 0.0

    def read(self, revision: str | None = None) -> DesiredState:
        """The state, with the time at which its commit was known."""
        self.seen_at = time.perf_counter()
        return super().read(revision)


class Ears:
    """Notes when the state is there."""

    def __init__(self) -> None:
        self.heard = threading.Event()
        self.at = 0.0
        self.state: DesiredState | None = None

    def committed(self, before: DesiredState | None, after: DesiredState, push: Push) -> None:
        """A new state."""
        del before, push
        self.at, self.state = time.perf_counter(), after
        self.heard.set()

    def blind(self, error: Exception) -> None:
        """No state."""
        sys.exit(f"blind: {error}")

    def sees(self) -> None:
        """Nothing to note."""


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stacks", type=int, default=50)
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds to follow a repo in which nothing happens")
    parser.add_argument("--compose", help="the program to use; else the one that `docker compose` would start")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "repo"
        make_repo(folder, arguments.stacks)
        per_stack = {f"stack{number:03}": StackValues(env=OUTSIDE) for number in range(0, arguments.stacks, 10)}
        layout = HostLayout("host", ("host/*",), per_stack=per_stack)
        sources = Sources(RepoSource(str(folder)), Path(scratch), "host", (layout,), compose=arguments.compose)
        reader, ears = Timed(sources, {**os.environ, "XDG_CACHE_HOME": f"{scratch}/cache"}), Ears()
        listener = GitListener(reader, ears)
        thread = threading.Thread(target=listener.run, args=(threading.Event(),))
        thread.start()
        try:
            ears.heard.wait(300)
            for what, stack in (("values from Git only", 3), ("with values from outside Git", 10)):
                measure(what, folder, stack, arguments.commits, reader, ears, arguments.compose)
            idle(arguments.idle)
        finally:
            listener.close()
            thread.join()


def measure(what: str, folder: Path, number: int, commits: int, reader: Timed, ears: Ears, compose: str | None) -> None:
    """Commits to one stack, one after the other."""
    floor = floor_of(folder, number, compose)
    seen, state, floors, processor = [], [], [], []
    for count in range(commits):
        (folder / "host" / f"stack{number:03}" / "app.env").write_text(f"LEVEL=level{count}\n")
        subprocess.run([*GIT, "commit", "--quiet", "-am", f"level {count}"], cwd=folder, check=True)
        ears.heard.clear()
        begun, used = time.perf_counter(), time.process_time()
        if not ears.heard.wait(30):
            sys.exit("the commit was not seen")
        processor.append(time.process_time() - used)
        seen.append(reader.seen_at - begun)
        state.append(ears.at - reader.seen_at)
        project = next(one for one in ears.state.projects if one.stack.name == f"stack{number:03}") if ears.state else None
        if project is None or f"level{count}" not in repr(project.services["app"].config["environment"]["LEVEL"].reveal()):
            sys.exit("not the state of that commit")
        floors.append(floor())
    print(f"{what}: one of {len(ears.state.projects) if ears.state else 0} stacks touched, {commits} commits")
    for name, values in (("commit -> seen", seen), ("seen -> state", state), ("floor: Compose", floors), ("own CPU", processor)):
        values.sort()
        print(
            f"  {name:15}  p50 {statistics.median(values) * 1000:6.1f} ms   "
            f"min {values[0] * 1000:6.1f}   max {values[-1] * 1000:6.1f}"
        )
    ratios = statistics.median(one / other for one, other in zip(state, floors, strict=True))
    print(f"  seen -> state / floor: {ratios:.2f}")


def floor_of(folder: Path, number: int, path: str | None) -> Callable[[], float]:
    """Seconds of one run of Compose over a stack."""
    compose = find_compose(path)
    stack = f"host/stack{number:03}"
    texts = {f"{stack}/{name}": (folder / stack / name).read_text() for name in ("compose.yml", ".env", "app.env")}
    values = {"PORT": "80", "DATA": "/srv", "MEM": "1g", **OUTSIDE}

    def once() -> float:
        with export_folder("repo") as root:
            lay_out(root, texts)
            begun = time.perf_counter()
            words = ["-f", f"{root}/{stack}/compose.yml", "config", "--format", "json"]
            if run(compose, words, folder=root / stack, home="/root", values=values).out is None:
                sys.exit("Compose failed")
            return time.perf_counter() - begun

    return once


def idle(seconds: float) -> None:
    """What it costs to follow a repo in which nothing happens."""
    if not seconds:
        return

    def used() -> float:
        return sum(os.times()[:4])

    before, descriptors = used(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    time.sleep(seconds)
    spent = used() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"idle: {spent / seconds * 60 * 1000:.0f} ms of CPU a minute ({spent / seconds * 100:.3f} % of a core), "
        f"{descriptors} -> {len(os.listdir('/proc/self/fd'))} file descriptors, "  # noqa: PTH208
        f"{threading.active_count()} threads, peak {peak} MB"
    )


if __name__ == "__main__":
    main()
