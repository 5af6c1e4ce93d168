"""What `watch` does once its command line is known: it serves until it is told to stop.

A service that runs for months is not to carry Typer with it (13 MB): a plainly written command line goes past it, to here.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_M_ARENA_MAX = -8  # malloc.h

QUIET = ("alembic", "apprise", "asyncio", "docker", "git", "urllib3", "watchfiles")
"""Libraries that would fill the log with what is none of the reader's business."""


def plain_watch(words: Sequence[str]) -> tuple[str | None] | None:
    """The config file of the command line after `watch`; None where it is not plainly right: that is for Typer to read."""
    match words:
        case []:
            return (None,)
        case ["--config", file] if not file.startswith("-"):
            return (file,)
        case [word] if word.startswith("--config=") and len(word) > len("--config="):
            return (word.removeprefix("--config="),)
        case _:
            return None


def _few_arenas() -> None:
    """glibc gives each thread a heap of its own, and most of each stays empty: two for all are enough here, and save 5 MB."""
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has no such thing, and no such heaps
        mallopt(_M_ARENA_MAX, 2)


def serve(config: str | None) -> int:
    """Runs the service until SIGTERM or Ctrl-C. Returns the exit code; raises where it could not do its work."""
    _few_arenas()
    from anchorwatch.app.watch import service

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for noisy in QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with service(None if config is None else Path(config)) as made:
        signal.signal(signal.SIGTERM, lambda *_: made.stop())
        signal.signal(signal.SIGINT, lambda *_: made.stop())
        signal.signal(signal.SIGHUP, lambda *_: made.reload())
        made.run()
    return 0
