"""How fast the pure comparison is: services against their containers, on one core, no engine asked.

    python -m bench.compare_core [--services 1000] [--runs 5]

Deploys the kitchen sink once on an engine of the lab (root), and multiplies what was read: each copy is a project of its own with
containers of its own. Measured are the comparison of everything, of everything where one container in ten has drifted, and of
pairs that did not change since the last time (a `Memo` recognises them).
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tests.truth import sites
from tests.truth.changes import sink
from tests.truth.judging import resolved, snapshot

from anchorwatch.compare import Memo, compare_host
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.observed import LABEL, Container, Snapshot
from anchorwatch.model.settings import Policy


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(argv)
    project, seen = deployed()
    projects, many = multiplied(project, seen, options.services)
    drifted = replace(many, containers=tuple(_changed(one) if n % 10 == 0 else one for n, one in enumerate(many.containers)))
    pairs = sum(len(one.services) for one in projects)
    found = sum(len(one.findings) for one in compare_host(projects, (), many, Policy()).stacks)
    print(f"{pairs} services, {len(many.containers)} containers in {len(projects)} projects; {found} findings")
    report("all compared", pairs, options.runs, lambda: compare_host(projects, (), many, Policy()))
    report("one container in ten drifted", pairs, options.runs, lambda: compare_host(projects, (), drifted, Policy()))
    memo = Memo()
    compare_host(projects, (), many, Policy(), memo)
    report("unchanged, recognised", pairs, options.runs, lambda: compare_host(projects, (), many, Policy(), memo))
    again = replace(many, containers=tuple(replace(one) for one in many.containers))
    report("unchanged, read again", pairs, options.runs, lambda: compare_host(projects, (), again, Policy(), memo))
    return 0


def deployed() -> tuple[DesiredProject, Snapshot]:
    """The kitchen sink, resolved, and what an engine shows of it."""
    combination = sites.PLAIN[0]
    with tempfile.TemporaryDirectory() as folder, sites.engine_of(combination) as engine:
        site = sites.site(engine, combination.compose, Path(folder))
        text = sink("everywhere").text()
        with site.deployed(text) as place:
            site.start(place, sorted(sink("everywhere").model["services"]))
            return resolved(site, place), snapshot(site)


def multiplied(project: DesiredProject, seen: Snapshot, services: int) -> tuple[list[DesiredProject], Snapshot]:
    """As many copies of the project, under names of their own, as give that many services, and one host that runs them all."""
    projects, containers, networks, volumes = [], [], [], []
    for number in range(max(1, services // len(project.services))):
        name = f"{project.name}{number}"
        names = {f"{project.name}_": f"{name}_", f"{project.name}-": f"{name}-"}
        names |= {one.id[:12]: f"{number:08x}{one.id[8:12]}" for one in seen.containers}
        pattern = re.compile("|".join(map(re.escape, names)))

        def renamed(value: Any, pattern: re.Pattern[str] = pattern, names: Mapping[str, str] = names) -> Any:
            if isinstance(value, str):
                return pattern.sub(lambda found: names[found[0]], value)
            if isinstance(value, Mapping):
                return {renamed(key): renamed(entry) for key, entry in value.items()}
            return [renamed(entry) for entry in value] if isinstance(value, list | tuple) else value

        projects.append(
            replace(
                project,
                name=name,
                stack=replace(project.stack, name=name),
                networks=renamed(project.networks),
                volumes=renamed(project.volumes),
            )
        )
        for one in seen.containers:
            whole = {member.name: renamed(getattr(one, member.name)) for member in fields(one)}
            whole["labels"] = {key: name if key == LABEL + "project" else text for key, text in whole["labels"].items()}
            containers.append(Container(**whole))
        networks += [replace(one, name=renamed(one.name)) for one in seen.networks]
        volumes += [replace(one, name=renamed(one.name)) for one in seen.volumes]
    return projects, replace(seen, containers=tuple(containers), networks=tuple(networks), volumes=tuple(volumes))


def _changed(container: Container) -> Container:
    return replace(container, host_config={**container.host_config, "Memory": 12_345_678})


def report(what: str, pairs: int, runs: int, work: Callable[[], object]) -> None:
    """The median of some runs, in milliseconds and in services a second."""
    times = []
    for _ in range(runs):
        began_at = time.process_time()
        work()
        times.append(time.process_time() - began_at)
    median = statistics.median(times)
    print(f"{what:32} {median * 1000:8.0f} ms {pairs / median:10.0f} services/s   (median of {runs}, processor time)")


if __name__ == "__main__":
    sys.exit(main())
