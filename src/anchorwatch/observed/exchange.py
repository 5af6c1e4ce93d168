"""HTTP with an engine on one connection: one question after the other, of which the last may be answered without end.

Why not `transport`: a stream of events has to be read with a timeout and read on after it, and `http.client` below it loses its
place in a chunk when a read times out. h11 parses, and waits for nothing.

What it guarantees: nothing but GET and HEAD can be asked; every wait ends within the limits, and at once when they are ended by
another thread; every failure is a `HostError`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import Literal
from urllib.parse import urlsplit

import h11

from anchorwatch import __version__
from anchorwatch.errors import HostError, HostRefused
from anchorwatch.observed import failures
from anchorwatch.observed.limits import EndableLimits
from anchorwatch.observed.lines import Line

_PIECE = 65536
_MOMENT = 0.001
"""Seconds: no wait at all would make the socket a non-blocking one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole."""

    status: int
    headers: dict[str, str]
    """By their names in small letters."""
    body: bytes = b""


class Exchange:
    """One connection, opened when it is needed; for one thread at a time."""

    def __init__(self, line: Line, limits: EndableLimits) -> None:
        self._line = line
        self._limits = limits
        place = urlsplit(line.url)
        self._host, self._before = place.netloc, place.path.rstrip("/")
        self._sock: socket.socket | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._at_end = False

    def get(self, path: str) -> Reply:
        """The answer to a GET, whatever its status. Raises `HostError`."""
        return self._ask("GET", path)

    def head(self, path: str) -> Reply:
        """The answer to a HEAD, whatever its status. Raises `HostError`."""
        return self._ask("HEAD", path)

    def stream(self, path: str) -> Reply:
        """The answer to a GET, its body yet to be `read` if its status is 200. Raises `HostError`."""
        self._limits.begin_answer()
        reply = self._begun("GET", path)
        return reply if reply.status == 200 else self._whole(reply)

    def read(self, within: float) -> bytes:
        """What comes next of the streamed body; nothing if it takes more than `within` seconds. Raises `HostError` at its end."""
        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Data):
                    return bytes(event.data)
                if event is not h11.NEED_DATA or self._sock is None:
                    raise ConnectionResetError("it has ended")
                try:
                    self._sock.settimeout(max(within, _MOMENT))
                    data = self._sock.recv(_PIECE)
                except TimeoutError:
                    return b""
                self._take(data)
        except h11.RemoteProtocolError as problem:
            raise self._ended(ConnectionResetError() if self._at_end else HTTPException(str(problem))) from problem
        except OSError as problem:
            raise self._ended(problem) from problem

    def close(self) -> None:
        """Ends the connection, and the line with it. It may be used again."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self._limits.let_go()
        self._line.close()

    def _ask(self, method: Literal["GET", "HEAD"], path: str) -> Reply:
        self._limits.begin_answer()
        return self._whole(self._begun(method, path))

    def _begun(self, method: Literal["GET", "HEAD"], path: str) -> Reply:
        """The head of the answer. Asked again where a kept connection turns out to have ended before."""
        kept = self._sock is not None and self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        try:
            if kept:
                self._http.start_next_cycle()
            else:
                self._connect()
            return self._response(method, path)
        except ConnectionError as problem:
            if kept:
                self.close()
                return self._begun(method, path)
            raise self._failure(problem) from problem
        except OSError as problem:
            raise self._failure(problem) from problem
        except h11.RemoteProtocolError as problem:
            raise self._failure(HTTPException(str(problem))) from problem

    def _connect(self) -> None:
        self.close()
        self._http = h11.Connection(h11.CLIENT)
        self._at_end = False
        try:
            self._sock = self._line.open(self._limits)
        except OSError as problem:  # no socket at all could be made
            raise failures.connecting(problem, self._line.where) from problem

    def _response(self, method: str, path: str) -> Reply:
        assert self._sock is not None  # noqa: S101 - for the type checker: _connect has set it
        headers = [("Host", self._host), ("User-Agent", f"anchorwatch/{__version__}"), ("Accept-Encoding", "identity")]
        request = h11.Request(method=method, target=self._before + path, headers=headers)
        question = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        self._sock.settimeout(self._limits.seconds())
        with contextlib.suppress(ConnectionError):  # read on: the other side may have said why before it closed
            self._sock.sendall(question)
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                named = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                return Reply(event.status_code, named)
            if event is h11.NEED_DATA:
                self._receive()
                if self._at_end:
                    raise ConnectionResetError("it closed the connection")
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionResetError("it closed the connection")

    def _whole(self, reply: Reply) -> Reply:
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise failures.not_an_engine(self._line.where, "it is compressed, though that was not asked for")
        try:
            return Reply(reply.status, reply.headers, b"".join(self._pieces()))
        except (OSError, h11.RemoteProtocolError) as problem:
            raise self._line.why_broken(problem) or failures.broken_off(self._line.where) from problem

    def _pieces(self) -> Iterator[bytes]:
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif event is h11.NEED_DATA:
                self._receive()
            else:
                return

    def _receive(self) -> None:
        assert self._sock is not None  # noqa: S101 - for the type checker: whoever receives has connected
        self._sock.settimeout(self._limits.seconds())
        try:
            data = self._sock.recv(_PIECE)
        except TimeoutError:
            raise self._limits.timed_out() from None
        self._limits.spend(len(data))
        self._take(data)

    def _take(self, data: bytes) -> None:
        self._at_end = not data
        self._http.receive_data(data)

    def _failure(self, problem: Exception) -> HostError:
        if self._limits.ended:
            return self._limits.timed_out()
        return self._line.why_broken(problem) or failures.answering(problem, self._line.where)

    def _ended(self, problem: Exception) -> HostError:
        if self._limits.ended:
            return self._limits.timed_out()
        if isinstance(problem, HTTPException):
            return self._line.why_broken(problem) or failures.answering(problem, self._line.where)
        return self._line.why_broken(problem) or HostRefused(
            f"{self._line.where} ended the stream of its events",
            hint="did its Docker Engine stop, or does a proxy cut connections? It is opened again by itself",
        )
