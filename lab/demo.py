"""The demo: a fleet in order, four drifts made by hand, and what anchorwatch says before and after."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

from lab import images
from lab.errors import LabError
from lab.homelab import Homelab
from lab.places import CHECKOUT, lab_folder

if TYPE_CHECKING:
    from lab.engines import Engine

# host, and what somebody does there on a late evening
DRIFTS = (
    ("proxmox", "docker stop sonarr"),
    ("proxmox", "docker run -d --name it-tools corentinth/it-tools:latest"),
    ("pi5", "docker update --memory 1g --memory-swap 2g mealie"),
    ("proxmox", "docker update --restart no vaultwarden"),
)


def make_drifts(homelab: Homelab) -> None:
    """Stops one container, starts one by hand, changes the memory of one and the restart policy of another."""
    images.load(homelab.proxmox, [images.like("corentinth/it-tools:latest")])
    for host, command in DRIFTS:
        _on(homelab, host).docker(*shlex.split(command)[1:])


def demo() -> None:
    """Shows it, in a homelab of its own. Raises LabError if a check did not say what it must."""
    program = _anchorwatch()
    print("Starting two Docker hosts and deploying examples/homelab on them …", flush=True)
    with Homelab(lab_folder() / f"demo-{os.getpid()}") as homelab:
        print(*homelab.status(), "", sep="\n")
        clean = _check(program, homelab)
        print("\nSomebody works on the servers by hand:\n")
        for host, command in DRIFTS:
            print(f"    {host}$ {command}")
        make_drifts(homelab)
        print(flush=True)
        drifted = _check(program, homelab)
    if (clean, drifted) != (0, len(DRIFTS)):
        raise LabError(f"anchorwatch gave the exit codes {clean} and {drifted}, not 0 and {len(DRIFTS)}")
    print(f"\nExit codes: {clean} when all was in order, then {drifted}, the number of drifts.")


def _check(program: str, homelab: Homelab) -> int:
    argv = [program, "check", "--config", str(homelab.config)]
    print(f"$ anchorwatch check --config {homelab.config}", flush=True)
    return subprocess.run(argv, check=False).returncode


def _on(homelab: Homelab, host: str) -> Engine:
    return next(engine for engine in homelab.engines if engine.name == host)


def _anchorwatch() -> str:
    installed = CHECKOUT / ".venv" / "bin" / "anchorwatch"
    found = str(installed) if installed.exists() else shutil.which("anchorwatch")
    if not found:
        raise LabError("anchorwatch is not installed yet: `make setup` does it")
    return found
