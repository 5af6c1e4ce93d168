"""Asks anchorwatch's rooms what they say of a deployed project: resolve, look, compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.state import read_state
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import Comparison, Finding
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.settings import HostLayout, Policy, StackValues
from anchorwatch.observed import observe
from tests.truth.deployment import Site

HOST = "truth"


def resolved(site: Site, folder: Path) -> DesiredProject:
    """What anchorwatch reads in the project's folder, with the Compose that deploys it. Raises StackError."""
    layout = HostLayout(HOST, (folder.name,), values=StackValues(env=site.outside(folder)))
    state = read_state(open_folder(folder.parent), [layout], compose=lambda: find_compose(str(site.compose)), environ={})
    for broken in state.broken:
        raise broken.error
    (project,) = state.projects
    return project


def snapshot(site: Site, images: Iterable[str] = ()) -> Snapshot:
    """What the engine shows now."""
    return observe(HostAddress(HOST, site.docker), images_for=tuple(images))


def compared(projects: Sequence[DesiredProject], seen: Snapshot) -> HostComparison:
    """What the comparison says of these stacks."""
    return compare_host(projects, (), seen, Policy())


def judged(site: Site, project: DesiredProject) -> Comparison:
    """What it says of one stack on the engine now."""
    return compared([project], snapshot(site)).stacks[0]


CREATED_ONLY = "created"
"""What `missing` shows of a container that was made and never started."""


def but_created(findings: Iterable[Finding]) -> list[Finding]:
    """Without the ones that say that a container was created and does not run, which is how this suite deploys most of them."""
    return [finding for finding in findings if not (finding.kind == "missing" and finding.observed == CREATED_ONLY)]


def line(finding: Finding) -> str:
    """One finding, for the message of a failed test."""
    return f"{finding.kind} {finding.service} {finding.path}: {finding.desired!r} / {finding.observed!r} ({finding.message})"
