"""What `watch` does once its command line is known: it serves until it is told to stop.

A service that runs for months is not to carry Typer with it (13 MB): a plainly written command line goes past it, to here.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.watch.service import Service

_M_ARENA_MAX = -8  # malloc.h

QUIET = ("alembic", "apprise", "asyncio", "urllib3", "watchfiles")
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


class _StoppedEarly(BaseException):
    """Somebody wants it to end before it has begun: whatever was under way is left, and processes of its own are ended."""


class _Orders:
    """What signals ask for, at any moment from the first one on. One that comes before the service runs and wants it to end
    ends the start."""

    def __init__(self) -> None:
        self._service: Service | None = None
        self.stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def obey(self, service: Service) -> None:
        """From now on they are the service's."""
        self._service = service
        if self.stopped:  # where Python swallowed what was raised
            service.stop()

    def _stop(self, *_: object) -> None:
        first, self.stopped = not self.stopped, True
        if self._service is not None:
            self._service.stop()
        elif first:
            raise _StoppedEarly

    def _reload(self, *_: object) -> None:
        if self._service is not None:  # else it will read what is there now
            self._service.reload()


def serve(config: str | None) -> int:
    """Runs the service until SIGTERM or Ctrl-C. Returns the exit code; raises where it could not do its work."""
    try:
        return _serve(config, _Orders())
    except _StoppedEarly:
        return 0


def _serve(config: str | None, orders: _Orders) -> int:
    _few_arenas()
    from anchorwatch.app.watch import service

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for noisy in QUIET:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with service(None if config is None else Path(config)) as made:
        orders.obey(made)
        made.run()
    return 0
