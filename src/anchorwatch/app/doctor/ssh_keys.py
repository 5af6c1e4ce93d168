"""Private keys: what keeps ssh from using one without asking anybody."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from anchorwatch.model.trial import Outcome, Trial

_ASK_WITHIN = 10.0
"""Seconds."""


def ssh_key(key: Path, part: str, name: str | None) -> Iterator[Trial]:
    """What is wrong with the key for that part; nothing where nothing is."""
    hint = "`ssh-keygen -t ed25519 -N ''` makes a key of its own for anchorwatch (docs/hosts.md)"
    try:
        with key.open("rb") as file:
            begins = file.read(64)
    except OSError as error:
        yield Trial(part, name, Outcome.BAD, f"the ssh key {key} cannot be read: {error.strerror}", hint)
        return
    if begins.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        yield Trial(part, name, Outcome.BAD, f"{key} is the public half of a key", "name the file without .pub")
        return
    if key.stat().st_mode & 0o077 and key.stat().st_uid == os.geteuid():
        yield Trial(part, name, Outcome.BAD, f"others may read the ssh key {key}, so ssh does not use it", f"chmod 600 {key}")
        return
    asked = _ask(["ssh-keygen", "-y", "-P", "", "-f", str(key)])
    if asked is not None and "incorrect passphrase" in asked:
        yield Trial(part, name, Outcome.BAD, f"the ssh key {key} has a passphrase, and nobody is there to type it", hint)


def _ask(command: list[str]) -> str | None:
    """What a program says to standard error; None where it cannot be started."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_ASK_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stderr
