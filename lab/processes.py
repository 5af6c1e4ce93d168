"""Processes of this machine, seen through /proc: whether one lives, and one made to stand still."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from lab.waiting import eventually


def lives(pid: int) -> bool:
    """Whether there is such a process, other than one that has ended and that nobody has waited for."""
    return _state(Path(f"/proc/{pid}")) not in ("", "Z", "X")


def freeze(pid: int) -> None:
    """Stops the process as a debugger would, until SIGCONT; returns when each of its threads stands still.

    kill(2) returns before that: until it is seen by the other threads, they go on and may answer one request
    more. Raises LabError if they do not stop.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: _stands(pid), within=30, what=f"process {pid} standing still", every=0.001)


def _stands(pid: int) -> bool:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return True
    return all(_state(thread) in ("", "T", "Z", "X") for thread in threads)


def _state(folder: Path) -> str:
    """The letter of proc(5)'s `stat`; nothing for one that is gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
