"""Ends what the database is reading once nobody waits for it any more: Ctrl-C, or a reader of standard output that has gone away.

While a query runs, this process is inside the database's library, where Python handles no signal and writes nothing. So a thread
waits beside it, for the signal (which C code writes into a pipe) and for the reader's end of the output.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator

AGAIN = 0.05
"""Seconds after which it is said again: between two questions there is nothing to end."""


class Left:
    """Whether the reader of standard output has gone away."""

    gone = False


@contextlib.contextmanager
def leaving(cancel: Callable[[], None]) -> Iterator[Left]:
    """Calls `cancel`, in a thread of its own, as soon as nobody waits any more. For the main thread.

    What it ends by that is no failure: within, `StoreCancelled` turns into `KeyboardInterrupt`, or into nothing where the reader
    has gone away.
    """
    from anchorwatch.errors import StoreCancelled

    left = Left()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    ended, end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    thread = threading.Thread(target=_wait, args=(woken, ended, cancel, left), name="leaving", daemon=True)
    thread.start()
    try:
        yield left
    except StoreCancelled:
        if not left.gone:
            raise KeyboardInterrupt from None
    finally:
        signal.set_wakeup_fd(before)
        os.write(end, b".")
        thread.join()
        for file in (woken, wake, ended, end):
            os.close(file)


def _wait(woken: int, ended: int, cancel: Callable[[], None], left: Left) -> None:
    watched = select.poll()
    watched.register(woken, select.POLLIN)
    watched.register(ended, select.POLLIN)
    out = _output()
    if out is not None:
        watched.register(out, 0)  # that nobody reads on is told unasked: POLLERR
    over = False
    while True:
        for file, what in watched.poll(AGAIN * 1000 if over else None):
            if file == ended:
                return
            if file == woken:
                over = over or signal.SIGINT in os.read(woken, 512)
            elif what & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                left.gone = over = True
                watched.unregister(file)
        if over:
            with contextlib.suppress(Exception):  # it may be closing just now; it is said again
                cancel()


def _output() -> int | None:
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return None
