"""What keeps Compose in while it reads files that nobody vouches for.

Compose never gets a file that `inputs` did not read and write anew, so these walls stand against what we overlooked: no
network (a namespace of its own), an account that owns nothing (where we are root), and limits on memory, time, output and open
files. Each is a small program of util-linux put before Compose's; what the kernel or the container refuses is left out, and
`doctor` says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache

MEMORY = 1_000_000_000
"""Bytes of memory that can be written to. Compose takes 50 MB of it, and fails below 150 MB.

Not a limit on addresses: Go and the C library reserve those by the gigabyte, the more the busier the machine is, so that with
1.5 GB of them one run in twelve failed.
"""
CPU_SECONDS = 20
OUTPUT = 16_000_000
"""Bytes that Compose may print, or write anywhere at all."""
NOBODY = 65534

_TRY_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall: its name for people, the words to put before the command, and why it is not there."""

    name: str
    command: tuple[str, ...] = ()
    missing: str = ""

    @property
    def stands(self) -> bool:
        """Whether Compose runs behind it."""
        return not self.missing


@lru_cache(maxsize=8)
def walls(program: str = "", folder: str = "") -> tuple[Wall, ...]:
    """The walls that can be put up here, tried once. `program` must be executable and `folder` reachable behind them."""
    root = os.geteuid() == 0
    network = ("unshare", "--net", "--") if root else ("unshare", "--user", "--map-current-user", "--net", "--")
    limits = ("prlimit", f"--data={MEMORY}", f"--cpu={CPU_SECONDS}", f"--fsize={OUTPUT}", "--core=0", "--nofile=256", "--")
    account = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--")
    probe = ["test", *(["-x", program, "-a"] if program else []), *(["-x", folder, "-a"] if folder else []), "-d", "/"]
    found = [
        _tried("no network", network, ["test", "-d", "/"]),
        _tried("limits", limits, ["test", "-d", "/"]),
    ]
    if root:
        found.append(_tried("unprivileged account", account, probe))
    else:
        found.append(Wall("unprivileged account", missing="only root can change the account that a program runs as"))
    return tuple(found)


def before(program: str, folder: str) -> tuple[str, ...]:
    """The words to put before a command so that it runs behind every wall that stands."""
    return tuple(word for wall in walls(program, folder) if wall.stands for word in wall.command)


def _tried(name: str, command: tuple[str, ...], probe: list[str]) -> Wall:
    found = shutil.which(command[0])
    if found is None:
        return Wall(name, missing=f"the program {command[0]} is not there (package util-linux)")
    whole = (found, *(word for word in command[1:] if word != "--"))
    try:
        answer = subprocess.run([*whole, *probe], capture_output=True, text=True, timeout=_TRY_DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Wall(name, missing=f"{command[0]} cannot be started: {error}")
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines()
        return Wall(name, missing=f"refused here: {said[-1] if said else 'Compose could not be reached behind it'}")
    return Wall(name, whole)
