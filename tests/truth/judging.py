"""Asks anchorwatch's rooms what they say of a deployed project: resolve, look, compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.model.desired import PROJECT_DIR, DesiredProject, DesiredService, Stack
from anchorwatch.model.findings import Comparison, Finding
from anchorwatch.model.numbers import Literal
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.address import HostAddress
from anchorwatch.model.settings import Policy
from anchorwatch.observed import observe
from tests.truth.deployment import Site

HOST = "truth"


def undoubled(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {undoubled(key): undoubled(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [undoubled(entry) for entry in value]
    return value


def resolved(site: Site, folder: Path, *, env: dict[str, str] | None = None) -> DesiredProject:
    """What `docker compose config` makes of the folder."""
    text = site.run(folder, "--profile", "*", "config", "--format", "json", env=env)
    active = set(site.run(folder, "config", "--services", env=env).split())
    raw = json.loads(site.run(folder, "--profile", "*", "config", "--no-interpolate", "--format", "json", env=env))
    model = undoubled(json.loads(text, parse_float=Literal))

    def moved(path: str) -> str:
        return PROJECT_DIR + path.removeprefix(str(folder)) if path == str(folder) or path.startswith(f"{folder}/") else path

    services = {}
    for name, config in model["services"].items():
        for volume in config.get("volumes", ()):
            if volume["type"] == "bind":
                volume["source"] = moved(volume["source"])
        files = raw["services"][name].get("label_file") or ()
        files = [files] if isinstance(files, str) else files
        services[name] = DesiredService(name, config, enabled=name in active, label_files=tuple(moved(file) for file in files))
    for kind in ("configs", "secrets"):
        for entry in (model.get(kind) or {}).values():
            if entry.get("file"):
                entry["file"] = moved(entry["file"])
    return DesiredProject(
        Stack(HOST, folder.name, folder.name, (f"{folder.name}/compose.yaml",)), model["name"], None, services,
        model.get("networks") or {}, model.get("volumes") or {}, model.get("configs") or {}, model.get("secrets") or {},
        compose_version=".".join(map(str, site.compose_version)),
    )  # fmt: skip


def snapshot(site: Site, images: Iterable[str] = ()) -> Snapshot:
    """What the engine shows now."""
    return observe(HostAddress(HOST, site.docker), images_for=tuple(images))


def compared(projects: Sequence[DesiredProject], seen: Snapshot, policy: Policy = Policy()) -> HostComparison:
    """What the comparison says of these stacks."""
    return compare_host(projects, (), seen, policy)


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
