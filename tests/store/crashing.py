"""A child process that is killed by SIGKILL: at a point that is counted, or whenever its parent likes.

A *point* is a statement that is about to run, a transaction that is about to commit, or a file in the state folder that is about
to be opened, renamed or removed. A child that is told to die at point n dies just before the n-th of them, so running it with
n = 1, 2, 3… until it survives kills it everywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import Engine, event

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.store.crash_scenes"])

_FILES = {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect", "os.truncate", "os.chmod"}


class Points:
    """Counts, and kills this process at the point it was told."""

    def __init__(self, die_at: int | None, folder: str) -> None:
        self.passed = 0
        self._die_at = die_at
        self._folder = folder
        event.listen(Engine, "before_cursor_execute", self.one)
        event.listen(Engine, "commit", self.one)
        sys.addaudithook(self._file)

    def one(self, *_: Any) -> None:
        """A point."""
        self.passed += 1
        if self.passed == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _file(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in _FILES and any(self._folder in str(argument) for argument in arguments[:2]):
            self.one()


def _run(scene: Callable[..., None], arguments: tuple[Any, ...], die_at: int | None, folder: str, pipe: Connection) -> None:
    points = Points(die_at, folder)
    scene(*arguments, pipe.send)
    pipe.send(("passed", points.passed))


class Child:
    """A scene that runs in a process of its own. What it says is in `said`."""

    def __init__(self, scene: Callable[..., None], *arguments: Any, folder: str, die_at: int | None = None) -> None:
        self._pipe, theirs = CONTEXT.Pipe(duplex=False)
        self.process = CONTEXT.Process(target=_run, args=(scene, arguments, die_at, folder, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.said: list[Any] = []

    def hear(self, number: int) -> None:
        """Listens until it has said so many things, or is gone."""
        while len(self.said) < number:
            try:
                self.said.append(self._pipe.recv())
            except EOFError:
                return

    def ended(self, within: float = 60.0) -> int:
        """Its exit code, once it is gone and everything it said was heard."""
        self.hear(sys.maxsize)
        self.process.join(within)
        code = self.process.exitcode
        assert code is not None, "the child does not end"
        return code

    def kill(self, after: float) -> None:
        """Kills it, if it still runs when so many seconds are over."""
        self.process.join(after)
        self.process.kill()


def killed_everywhere(scene: Callable[..., None], *arguments: Any, folder: str, step: int = 1) -> Iterator[Child]:
    """The scene, killed at each point in turn (or each `step`-th), until it survives. The caller looks at what is left."""
    die_at = 1
    while True:
        child = Child(scene, *arguments, folder=folder, die_at=die_at)
        code = child.ended()
        assert code in {0, -signal.SIGKILL}, f"the child failed by itself at point {die_at}: {child.said}"
        yield child
        if code == 0:
            return
        die_at += step
