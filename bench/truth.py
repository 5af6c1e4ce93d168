"""The long run of the truth suite: random services and the kitchen sinks, deployed by real Compose on real engines.

    python -m bench.truth                                   500 containers on each of the four plain combinations, and the sinks
    python -m bench.truth --engine old --compose oldest --containers 2000 --first-seed 1
    python -m bench.truth --unusual                         engines with a daemon.json or a store of their own
    python -m bench.truth --miss                            every leaf of every sink changed, in the file and in the container

Needs root (the lab's engines). Prints the seed of everything that is wrong, and ends with 1 if anything is. At most 60 containers
are there at once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.truth import sites
from tests.truth.changes import Sink, sink
from tests.truth.deployment import DeploymentFailed, Site
from tests.truth.judging import but_created, compared, judged, line, resolved, snapshot
from tests.truth.random_projects import random_project
from tests.truth.test_no_false_alarm import CANNOT_START
from tests.truth.test_no_miss import wrong

from anchorwatch.errors import StackError

NEWEST_ONLY = ("newest", "created")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["old", "middle", "newest"], help="one engine instead of the oldest and the newest")
    parser.add_argument("--compose", choices=["oldest", "newest"], help="one Compose instead of both")
    parser.add_argument("--containers", type=int, default=500, help="random containers on each combination (default: 500)")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--unusual", action="store_true", help="engines with settings or stores of their own")
    parser.add_argument("--miss", action="store_true", help="the changes of the kitchen sinks instead of false alarms")
    options = parser.parse_args(argv)
    chosen = sites.UNUSUAL if options.unusual else sites.PLAIN
    if options.engine == "middle":
        chosen = tuple(sites.Combination("middle", compose) for compose in ("newest", "oldest"))
    elif options.engine:
        chosen = tuple(one for one in chosen if one.engine == options.engine)
    chosen = tuple(one for one in chosen if options.compose in {None, one.compose})
    problems = 0
    for combination in chosen:
        with prepared(combination) as site:
            if options.miss:
                problems += misses(site, combination)
            else:
                problems += alarms(site, combination, options.containers, options.first_seed) + started(site, combination)
    print(f"{problems} wrong", flush=True)
    return 1 if problems else 0


@contextmanager
def prepared(combination: sites.Combination) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="truth-") as folder, sites.engine_of(combination) as engine:
        yield sites.site(engine, combination.compose, Path(folder))


def alarms(site: Site, combination: sites.Combination, containers: int, seed: int) -> int:
    """Random projects until that many containers were compared; how many findings and notes there were."""
    compared_so_far = problems = refused = unknown = 0
    began_at, first = time.monotonic(), seed
    while compared_so_far < containers:
        text = random_project(seed, site.around)
        try:
            with site.deployed(text) as folder:
                found = judged(site, resolved(site, folder))
                compared_so_far += len(site.containers(text.name))
                said = [line(one) for one in but_created(found.findings)] + [str(note) for note in found.notes]
                unknown += len(found.unknown)
        except DeploymentFailed as problem:
            refused += 1
            said = []
            print(f"  seed {seed}: not deployed: {str(problem)[-200:]}", flush=True)
        except StackError as problem:
            said = [f"not resolved: {problem.message}"]
        for one in said:
            print(f"  seed {seed}: {one}", flush=True)
        problems += len(said)
        seed += 1
    took = time.monotonic() - began_at
    print(
        f"{combination}: {compared_so_far} random containers (seeds {first}-{seed - 1}, {refused} refused by the engine), "
        f"{problems} false alarms, {unknown} unknown keys, {took:.0f} s", flush=True,
    )  # fmt: skip
    return problems


def sinks_for(site: Site) -> Iterator[Sink]:
    yield sink("everywhere")
    if site.api >= (1, 49) and site.compose_version >= (2, 36):
        yield from map(sink, NEWEST_ONLY)


def started(site: Site, combination: sites.Combination) -> int:
    """The kitchen sinks, started as far as they can be."""
    problems = 0
    left_out = CANNOT_START.get(combination.engine, set())
    for one in sinks_for(site):
        with site.deployed(one.text()) as folder:
            project = resolved(site, folder)
            if one.name != "created":
                site.start(folder, sorted(project.services.keys() - left_out))
            found = judged(site, project)
            count = len(site.containers(project.name))
        findings = but_created(found.findings) if one.name == "created" or left_out else found.findings
        said = [line(finding) for finding in findings] + [str(note) for note in found.notes]
        for text in said:
            print(f"  sink {one.name}: {text}", flush=True)
        print(f"{combination}: sink {one.name}, {count} containers, {len(said)} false alarms", flush=True)
        problems += len(said)
    return problems


def misses(site: Site, combination: sites.Combination) -> int:
    """Every change of every sink: in the file, then in the container."""
    problems = 0
    for one in sinks_for(site):
        changes = [change for change in one.changes if change.since <= site.compose_version]
        made = [change for change in changes if change.created]
        said: list[str] = []
        with site.deployed(one.text()) as folder:
            seen = snapshot(site)
            for lot in one.rounds(changes):
                site.write(one.text(lot))
                said += wrong(site, lot, compared([resolved(site, folder)], seen).stacks[0], "finds")
        project = resolved(site, site.write(one.text()))
        for lot in one.rounds(made):
            try:
                with site.deployed(one.text(lot)):
                    said += wrong(site, lot, compared([project], snapshot(site)).stacks[0], "made")
            except DeploymentFailed as problem:
                said.append(f"not deployed: {str(problem)[-300:]}: {'; '.join(map(str, lot))}")
        for text in said:
            print(f"  {text}", flush=True)
        print(
            f"{combination}: sink {one.name}, {len(changes)} changes of the file, {len(made)} of containers: {len(said)} wrong",
            flush=True,
        )
        problems += len(said)
    return problems


if __name__ == "__main__":
    sys.exit(main())
