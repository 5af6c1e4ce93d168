"""What the service has done by a process of its own, because it takes much memory once and is never needed again.

Judging a config takes pydantic (24 MB with all its models), migrating a database takes Alembic (15 MB). A service that runs for
months on a Raspberry Pi is not to carry them.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchorwatch.errors import ConfigError, Mistake, ServiceFailed, StoreError
from anchorwatch.model.service import ServiceSettings

if TYPE_CHECKING:
    from anchorwatch.config.config import Config


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
    argv = [sys.executable, "-c", program, *(() if file is None else (str(file),))]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise ServiceFailed(
            f"the config could not be read: no process can be started for it: {error.strerror}",
            hint="has this machine run out of memory, or of processes?",
        ) from error
    if done.returncode:
        raise ServiceFailed(
            "the config could not be read: the process that reads it ended", hint="what it said stands before this"
        )
    found: Config | tuple[tuple[Mistake, ...], str | None] = pickle.loads(done.stdout)  # noqa: S301 - our own child's
    if isinstance(found, tuple):
        mistakes, hint = found
        raise ConfigError(mistakes, hint=hint)
    return found


def answer() -> None:
    """The other process: writes the config, or its mistakes, to standard output."""
    from anchorwatch.config import load

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
            subprocess.run([sys.executable, "-m", "anchorwatch.cli", *words], capture_output=True, check=False)
