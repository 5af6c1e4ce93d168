"""What `watch` does once its command line is known: it serves until it is told to stop.

A service that runs for months is not to carry Typer with it (13 MB): a plainly written command line goes past it, to here.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.watch.service import Service

_M_ARENA_MAX = -8  # malloc.h
_ENDING = (signal.SIGTERM, signal.SIGINT)
_CODES = 128
"""Added to an exit code, it is the number of no signal."""
ENDS_WITHIN = 8.0
"""Seconds that the process may take to end, all told: Docker kills it after ten, on however busy a machine."""
_BY_FORCE = "what was under way did not end within %.1f s, and is given up: it is undone, and done again after the next start"

log = logging.getLogger(__name__)

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


class _LastResort:
    """Ends the process where it does not end by itself in time: whatever waits for a database or a disk that stands still may be
    waited for in turn, and no supervisor starts anew what has not ended.

    It knows of a signal at once, through a pipe that C code writes into: Python's own handlers wait for the main thread, and that
    may wait for SQLite.
    """

    def __init__(self) -> None:
        self._woken, self._wake = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDING, signal.SIGHUP))  # they are the main thread's
        threading.Thread(target=self._wait, name="last resort", daemon=True).start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __call__(self, code: int) -> None:
        """Any thread: it ends from now on, with `code` at the latest in `ENDS_WITHIN` seconds."""
        os.write(self._wake, bytes([_CODES + code]))

    def _wait(self) -> None:
        code: int | None = None
        while code is None:
            told = os.read(self._woken, 512)
            code = next((0 if one in _ENDING else one - _CODES for one in told if one in _ENDING or one >= _CODES), None)
        time.sleep(ENDS_WITHIN)
        said = threading.Thread(target=log.critical, args=(_BY_FORCE, ENDS_WITHIN), daemon=True)
        said.start()  # apart: the log may be what hangs
        said.join(0.2)
        os._exit(code)


class _StoppedEarly(BaseException):
    """Somebody wants it to end before it has begun: whatever was under way is left, and processes of its own are ended."""


class _Orders:
    """What signals ask for, at any moment from the first one on. One that comes before the service runs and wants it to end
    ends the start."""

    def __init__(self) -> None:
        self._service: Service | None = None
        self.stopped = False
        self.ends = _LastResort()
        for number in _ENDING:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def obey(self, service: Service) -> None:
        """From now on they are the service's."""
        self._service = service
        if self.stopped:  # where Python swallowed what was raised
            service.stop()

    def _stop(self, *_: object) -> None:
        if self.stopped:
            return
        self.stopped = True
        if self._service is None:
            raise _StoppedEarly
        self._service.stop()

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
    with service(None if config is None else Path(config), orders.ends) as made:
        orders.obey(made)
        made.run()
    return 0
