"""What the service has done by a process of its own, because it takes much memory once and is never needed again.

Judging a config takes pydantic (24 MB with all its models), migrating a database takes Alembic (15 MB). A service that runs for
months on a Raspberry Pi is not to carry them.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchorwatch.errors import ConfigError, Mistake, ServiceFailed, StoreError
from anchorwatch.model.service import ServiceSettings

if TYPE_CHECKING:
    from anchorwatch.config.config import Config


READ_WITHIN = 60.0
"""Seconds that reading a config may take. It names files of secrets, too, and one on a disk that stands still takes for ever."""

_CALLS = (signal.SIGINT, signal.SIGTERM)
"""What may call away whoever waits for a process."""


_PYTHON = (sys.executable, "-P")
"""Without the working folder among the places that modules come from: that is often the repo, whose files nobody vouches for."""


@dataclass(frozen=True, slots=True)
class _Given:
    """`Config.service`, answered already."""

    settings: ServiceSettings

    def __call__(self) -> ServiceSettings:
        return self.settings


def load_config(file: Path | None) -> Config:
    """`config.load` with the environment of this process.

    Raises `ConfigError` with every mistake, `ServiceFailed` where the process that reads it cannot be had, or says nothing.
    """
    program = "from anchorwatch.app.apart import answer; answer()"
    argv = [*_PYTHON, "-c", program, *(() if file is None else (str(file),))]
    try:
        status, out = _run(argv)
    except OSError as error:
        raise ServiceFailed(
            f"the config could not be read: no process can be started for it: {error.strerror}",
            hint="has this machine run out of memory, or of processes?",
        ) from error
    if status == -signal.SIGALRM:
        raise ServiceFailed(
            f"the config could not be read within {READ_WITHIN:.0f} s",
            hint="does it, or a file that it names, lie on a disk or a server that does not answer?",
        )
    if status:
        raise ServiceFailed(
            "the config could not be read: the process that reads it ended", hint="what it said stands before this"
        )
    found: Config | tuple[tuple[Mistake, ...], str | None] = pickle.loads(out)  # noqa: S301 - our own child's
    if isinstance(found, tuple):
        mistakes, hint = found
        raise ConfigError(mistakes, hint=hint)
    return found


def _run(argv: Sequence[str]) -> tuple[int, bytes]:
    """How the process ended, and what it wrote. It is ended where a signal calls away whoever waits for it; at the start, while
    there is one thread only, even where that comes while it is being started."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _CALLS)
    process = None
    try:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # what came meanwhile is raised here
        out, _ = process.communicate()
    except BaseException:
        if process is not None:
            process.kill()
            process.communicate()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process.returncode, out


def answer() -> None:
    """The other process: writes the config, or its mistakes, to standard output."""
    signal.setitimer(signal.ITIMER_REAL, READ_WITHIN)  # nobody catches it: it never outlives that, whatever its parent does
    from anchorwatch.config import load

    signal.pthread_sigmask(signal.SIG_UNBLOCK, _CALLS)

    found: Any
    try:
        config = load(Path(sys.argv[1]) if sys.argv[1:] else None, os.environ)
        found = replace(config, service=_Given(config.service()))
    except ConfigError as error:
        found = error.mistakes, error.hint
    sys.stdout.buffer.write(pickle.dumps(found))


def upgrade_database(file: Path | None, config: Config) -> None:
    """Has the database made or upgraded, where that is needed. Whatever goes wrong is found, and said, when it is opened."""
    from anchorwatch.store import Store

    try:
        Store.open_to_read(config.database.reveal()).close()
    except StoreError:
        words = ["db", "upgrade", *(() if file is None else ("--config", str(file)))]
        with suppress(OSError):
            subprocess.run([*_PYTHON, "-m", "anchorwatch.cli", *words], capture_output=True, check=False)
