"""Every leaf of the kitchen sinks, changed: the finding is exactly its path, and nothing else is said.

Once in the file, while the container stays as it was deployed, and once in the container, while the file stays. What must be
found is written down in the tables beside the sinks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from lab.compose import Compose

from anchorwatch.model.findings import Comparison
from tests.compare.spec_schema import embedded_schema
from tests.truth.changes import PROJECT, Change, Sink, leaves, sink
from tests.truth.deployment import Site
from tests.truth.judging import but_created, compared, resolved, snapshot

SINKS = ("everywhere", "newest", "created")
KEPT = {"keeper", "weights"}
"""Not in the tables: the one that holds on to the networks and volumes of the others; what the lab's kernel drops."""
NOT_IN_A_SINK = {
    "cpu_rt_period": "the engine refuses it where the kernel has no real-time groups",
    "cpu_rt_runtime": "the engine refuses it where the kernel has no real-time groups",
    "models": "needs Docker's model runner",
    "provider": "makes no container",
    "pull_refresh_after": "needs a registry",
    "storage_opt": "the engine refuses it on the lab's file system",
}
COMMON: set[tuple[str | int, ...]] = {("image",), ("networks",)}
"""What every service has, and is changed for some."""
TOP_LEVEL = ("networks", "volumes")
NOT_CHANGED = {("networks", "outside"), ("volumes", "elsewhere"), ("networks", "back", "name"), ("volumes", "named", "name")}
"""Names and external resources: see test_resources."""


def wrong(site: Site, changes: Sequence[Change], found: Comparison, expected: str) -> list[str]:
    """What should have been said of these changes and was not, and the other way round."""
    said: dict[str, set[str]] = {}
    for finding in but_created(found.findings):
        said.setdefault(finding.service or PROJECT, set()).add(finding.path or str(finding.kind))
    noted = {note.service for note in found.notes}
    problems = []
    for change in changes:
        want: frozenset[str] = getattr(change, expected)
        have = said.pop(change.service, set())
        if have != want:
            problems.append(f"{change}: {sorted(have)} instead of {sorted(want)}")
        elif not want and change.service != PROJECT and (change.service in noted) != change.noted(site.compose_version):
            problems.append(f"{change}: note instead of none, or none instead of a note")
    return problems + [f"{service}: nobody touched {sorted(paths)}" for service, paths in said.items()]


def unchanged(one: Sink) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The leaves that no change in the table is made to, or to what they are part of."""
    covered = {(change.service, change.at) for change in one.changes} | {(PROJECT, at) for at in NOT_CHANGED}
    services = {name: config for name, config in one.model["services"].items() if name not in KEPT}
    places = [(name, leaf) for name, config in services.items() for leaf in leaves(config) if leaf not in COMMON]
    top = {section: {key: entry for key, entry in one.model.get(section, {}).items() if entry} for section in TOP_LEVEL}
    places += [(PROJECT, leaf) for section, entries in top.items() for leaf in leaves(entries, (section,)) if entries]
    for service, leaf in places:
        if not any((service, leaf[:length]) in covered for length in range(1, len(leaf) + 1)):
            yield service, leaf


@pytest.mark.parametrize("name", SINKS)
def test_the_table_changes_every_leaf(name: str) -> None:
    assert list(unchanged(sink(name))) == []


def test_every_key_of_the_specification_is_in_a_sink(newest_compose: Compose) -> None:
    keys = set(embedded_schema(newest_compose.program)["definitions"]["service"]["properties"])
    used = {key for name in SINKS for service in sink(name).model["services"].values() for key in service}
    assert keys - used == set(NOT_IN_A_SINK)


def test_a_change_in_the_file_is_found_where_it_is(far_site: Site) -> None:
    one = sink("everywhere")
    problems: list[str] = []
    with far_site.deployed(one.text()) as folder:
        seen = snapshot(far_site)
        for lot in one.rounds([change for change in one.changes if change.since <= far_site.compose_version]):
            far_site.write(one.text(lot))
            problems += wrong(far_site, lot, compared([resolved(far_site, folder)], seen).stacks[0], "finds")
    assert problems == []


@pytest.mark.parametrize("name", ["newest", "created"])
def test_so_is_one_that_only_newer_engines_know(newest_site: Site, name: str) -> None:
    one = sink(name)
    problems: list[str] = []
    with newest_site.deployed(one.text()) as folder:
        seen = snapshot(newest_site)
        for lot in one.rounds(one.changes):
            newest_site.write(one.text(lot))
            problems += wrong(newest_site, lot, compared([resolved(newest_site, folder)], seen).stacks[0], "finds")
    assert problems == []


@pytest.mark.parametrize("part", [0, 1])
def test_a_container_made_otherwise_is_found_where_it_differs(far_site: Site, part: int) -> None:
    """Two rounds of some twenty, each with one changed leaf of every service; `bench/truth.py` deploys them all."""
    one = sink("everywhere")
    changes = [change for change in one.changes if change.created and change.since <= far_site.compose_version]
    lot = list(one.rounds(changes))[part]
    folder = far_site.write(one.text())
    project = resolved(far_site, folder)
    with far_site.deployed(one.text(lot)):
        found = compared([project], snapshot(far_site)).stacks[0]
    assert wrong(far_site, lot, found, "made") == []


def test_what_the_kernel_may_lack_is_not_judged(newest_site: Site) -> None:
    one = sink("created")
    lighter = Change("weights", ("blkio_config", "weight"), 200)
    with newest_site.deployed(one.text()) as folder:
        untouched = compared([resolved(newest_site, folder)], snapshot(newest_site)).stacks[0]
        newest_site.write(one.text([lighter]))
        changed = compared([resolved(newest_site, folder)], snapshot(newest_site)).stacks[0]
    assert list(untouched.unknown) == [], "the hash says that the file is the one that was deployed"
    assert [(entry.service, entry.path) for entry in changed.unknown] == [
        ("weights", "blkio_config.weight"),
        ("weights", "blkio_config.weight_device"),
    ]
    assert but_created(changed.findings) == []


def test_a_secret_value_that_changed_is_found_and_not_shown(newest_site: Site) -> None:
    one = sink("everywhere")
    (change,) = (change for change in one.changes if change.at == ("environment", "DB_PASSWORD"))
    with newest_site.deployed(one.text()) as folder:
        newest_site.write(one.text([change]))
        found = compared([resolved(newest_site, folder)], snapshot(newest_site)).stacks[0]
    (finding,) = but_created(found.findings)
    shown = json.dumps([finding.desired, finding.observed, finding.message])
    assert finding.path == "environment.DB_PASSWORD"
    assert "hunter" not in shown
    assert finding.desired != finding.observed
