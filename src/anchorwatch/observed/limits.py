"""How long an answer may take and how big it may be, held against the clock and not against each single `recv`.

A timeout of a socket starts anew with every byte, so a server that sends one byte a second would never be given up.
`LimitedSocket` asks `Limits` before every read how many seconds are left, of this answer and of the whole snapshot.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from anchorwatch.errors import HostBadAnswer, HostTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes. A list of a thousand containers has 1.3 MB."""


class Limits:
    """The seconds and bytes that one conversation with an engine may still cost. Not for several threads at once."""

    ended = False
    """Whether another thread has given the conversation up: see `EndableLimits`."""

    def __init__(self, where: str, answer_within: float, all_within: float) -> None:
        self._where = where
        self._answer_within = answer_within
        self._all_within = all_within
        self._all_until = self._answer_until = time.monotonic() + all_within
        self._bytes = LARGEST_ANSWER

    def begin(self) -> None:
        """A snapshot begins now."""
        self._all_until = self._answer_until = time.monotonic() + self._all_within

    def begin_answer(self) -> None:
        """A question is asked now. Raises `HostTimeout` when the snapshot's deadline has passed."""
        now = time.monotonic()
        self._answer_until = min(now + self._answer_within, self._all_until)
        self._bytes = LARGEST_ANSWER
        self.seconds()

    def seconds(self) -> float:
        """The seconds left for the present answer, more than none. Raises `HostTimeout` when there are none left."""
        left = self._answer_until - time.monotonic()
        if left <= 0:
            raise self.timed_out()
        return left

    def spend(self, count: int) -> None:
        """`count` bytes came in. Raises `HostBadAnswer` when they are too many."""
        self._bytes -= count
        if self._bytes < 0:
            raise HostBadAnswer(
                f"{self._where} sent an answer of more than {LARGEST_ANSWER // 1024 // 1024} MiB",
                hint="is it a Docker Engine that listens there?",
            )

    def hold(self, sock: socket.socket) -> None:
        """A line has made `sock`, and is about to connect it or has it connected: see `EndableLimits`."""

    def let_go(self) -> None:
        """The connection is over: what was held is given up."""

    def given_up(self) -> HostTimeout:
        """The error for what was ended by another thread."""
        return HostTimeout(f"{self._where} was given up", hint="nobody waits for its answer any more; it can be asked again")

    def timed_out(self) -> HostTimeout:
        """The error for the limit of time that was reached."""
        if time.monotonic() >= self._all_until:
            return HostTimeout(
                f"{self._where} was not read within {self._all_within:g} s",
                hint="is the host overloaded, or the network slow? `deadline` in the host's config gives it more time",
            )
        return self._no_answer()

    def _no_answer(self) -> HostTimeout:
        return HostTimeout(
            f"no answer from {self._where} within {round(self._answer_within, 2):g} s",
            hint="does `docker info` answer on the host? It may be overloaded or its Docker Engine hang; "
            "`timeout` in the host's config gives it more time",
        )


class EndableLimits(Limits):
    """Limits that any thread may end at once, whatever the conversation is waiting for. They stay ended."""

    def __init__(self, where: str, answer_within: float, all_within: float) -> None:
        super().__init__(where, answer_within, all_within)
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self.ended = False

    def hold(self, sock: socket.socket) -> None:
        """From now on `end` ends `sock`: by a descriptor of its own, for TLS takes the socket over while it shakes hands."""
        with self._lock:
            self._let_go()
            self._held = socket.socket(fileno=os.dup(sock.fileno()))
            if self.ended:
                self._shut()

    def seconds(self) -> float:
        """As in `Limits`; none are left once they have ended."""
        if self.ended:
            raise self.given_up()
        return super().seconds()

    def timed_out(self) -> HostTimeout:
        """The error for the limit of time that was reached: there is one only, for all that is asked together."""
        return self._no_answer()

    def end(self) -> None:
        """Ends what is under way, and everything after it. From any thread."""
        with self._lock:
            self.ended = True
            self._shut()

    def let_go(self) -> None:
        """The conversation is over: what was held is given up."""
        with self._lock:
            self._let_go()

    def _shut(self) -> None:
        if self._held is not None:
            with contextlib.suppress(OSError):  # it was not connected yet, or is not any more
                self._held.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


class SnapshotLimits(EndableLimits):
    """Limits of one snapshot after the other: any thread may end the one that is under way, and the next one begins anew."""

    timed_out = Limits.timed_out

    def begin(self) -> None:
        """A snapshot begins now, whatever became of the one before."""
        with self._lock:
            self.ended = False
        super().begin()


class LimitedSocket(socket.socket):
    """A socket that reads within `limits`. Made from the file descriptor of another one: `LimitedSocket(fileno=…)`."""

    limits: Limits | None = None

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """As `socket.recv_into`; raises `HostTimeout` and `HostBadAnswer` beyond the limits."""
        return limited_read(self, self.limits, lambda: super(LimitedSocket, self).recv_into(buffer, nbytes, flags))


def limited_read(sock: socket.socket, limits: Limits | None, read: Callable[[], int]) -> int:
    """`read()` from `sock` within `limits`: what `LimitedSocket` and its TLS twin share."""
    if limits is None:
        return read()
    sock.settimeout(limits.seconds())
    try:
        count = read()
    except TimeoutError:
        raise limits.timed_out() from None
    if not count and limits.ended:  # else a body that ends with its connection would seem to be whole
        raise limits.given_up()
    limits.spend(count)
    return count
