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
import threading
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
_TRYING = threading.Lock()


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


def walls(program: str = "", folder: str = "") -> tuple[Wall, ...]:
    """The walls that can be put up here, each of them tried. `program` must be executable and `folder` reachable behind them."""
    probe = _probe(program, folder)
    found = [_tried(name, command, probe) for name, command in _wanted()]
    if os.geteuid() != 0:
        found.append(Wall("unprivileged account", missing="only root can change the account that a program runs as"))
    return tuple(found)


def before(program: str, folder: str) -> tuple[str, ...]:
    """The words to put before a command so that it runs behind every wall that stands."""
    with _TRYING:  # or everybody who starts at the same time would try
        return _before(program, folder)


@lru_cache(maxsize=8)
def _before(program: str, folder: str) -> tuple[str, ...]:
    probe = _probe(program, folder)
    together = tuple(word for _, command in _wanted() for word in (shutil.which(command[0]) or command[0], *command[1:]))
    if _tried("all of them", together, probe).stands:  # mostly, and in a third of the time
        return together
    return tuple(word for wall in walls(program, folder) if wall.stands for word in wall.command)


def _wanted() -> list[tuple[str, tuple[str, ...]]]:
    root = os.geteuid() == 0
    wanted: list[tuple[str, tuple[str, ...]]] = [
        ("no network", ("unshare", "--net") if root else ("unshare", "--user", "--map-current-user", "--net")),
        ("limits", ("prlimit", f"--data={MEMORY}", f"--cpu={CPU_SECONDS}", f"--fsize={OUTPUT}", "--core=0", "--nofile=256")),
    ]
    if root:
        account = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all")
        wanted.append(("unprivileged account", ("setpriv", *account)))
    return wanted


def _probe(program: str, folder: str) -> list[str]:
    return ["test", *(["-x", program, "-a"] if program else []), *(["-x", folder, "-a"] if folder else []), "-d", "/"]


def _tried(name: str, command: tuple[str, ...], probe: list[str]) -> Wall:
    found = shutil.which(command[0])
    if found is None:
        return Wall(name, missing=f"the program {command[0]} is not there (package util-linux)")
    whole = (found, *command[1:])
    try:
        answer = subprocess.run([*whole, *probe], capture_output=True, text=True, timeout=_TRY_DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Wall(name, missing=f"{command[0]} cannot be started: {error}")
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines()
        return Wall(name, missing=f"refused here: {said[-1] if said else 'Compose could not be reached behind it'}")
    return Wall(name, whole)
