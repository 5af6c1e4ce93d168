"""Runs the program as a shell would: in a process of its own, with or without a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

ANCHORWATCH = (sys.executable, "-m", "anchorwatch.cli")
DEADLINE = 30.0
"""Seconds after which a test gives up waiting for the program."""


def environment(**more: str) -> dict[str, str]:
    """This process's, without what would change how the program looks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANCHORWATCH")}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM"):
        kept.pop(name, None)
    return {**kept, "TERM": "xterm-256color", **more}


def run(
    *words: str, env: Mapping[str, str] | None = None, cwd: str | os.PathLike[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The program with `words`, without a terminal."""
    return subprocess.run(
        [*ANCHORWATCH, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**(env or {})),
        cwd=cwd,
        timeout=DEADLINE,
        check=False,
    )


@dataclass
class OnTerminal:
    """A program whose standard input, output and error are one terminal. A context manager."""

    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    seen: str = ""

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        modes = termios.tcgetattr(theirs)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        self._process = subprocess.Popen(
            self.command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**self.env), close_fds=True
        )
        os.close(theirs)
        return self

    def enter(self, lines: int = 1) -> None:
        """Presses Enter."""
        os.write(self._ours, b"\n" * lines)

    def interrupt(self) -> None:
        """Does what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def wait_for(self, text: str) -> None:
        """Reads until `text` has been shown."""
        until = time.monotonic() + DEADLINE
        while text not in self.seen:
            if not self._read(until - time.monotonic()):
                raise AssertionError(f"{text!r} was never shown, but {self.seen!r}")

    def wait(self) -> int:
        """Reads until the program ends. Returns its exit code."""
        until = time.monotonic() + DEADLINE
        while self._read(until - time.monotonic()):
            pass
        return self._process.wait(max(0.1, until - time.monotonic()))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)

    def _read(self, within: float) -> bool:
        if within <= 0 or not select.select([self._ours], [], [], within)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux answers EIO once the other end is closed
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)
