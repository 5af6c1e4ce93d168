"""A server that answers as it is told to: for what no real engine can be made to say or do.

`FakeEngine` listens on a unix socket or a TCP port of loopback, one thread a connection, until its `with` block ends.
What it is told is a function from the request's path to an answer: `bytes` (sent as they are), or an iterable of them
(sent piece by piece, so they may drip), in which `HANG_UP` ends the connection.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

HANG_UP = b""
"""Instead of a piece of an answer: the server closes the connection."""

Answer = bytes | Iterable[bytes]
Teller = Callable[[str], Answer]


class FakeEngine:
    """Found at `docker`; what it was asked is in `requests` (method and path) and `heads` (lines of headers)."""

    def __init__(self, tell: Teller, *, path: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.tell = tell
        self._tls = tls
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        if path is not None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self.docker = f"unix://{path}"
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.docker = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._listener.listen()

    def __enter__(self) -> FakeEngine:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        for sock in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join(5)

    def drip(self, data: bytes, every: float) -> Iterator[bytes]:
        """`data` byte by byte, one `every` so many seconds, until the server is over."""
        for byte in data:
            if self._over.wait(every):
                return
            yield bytes([byte])

    def silence(self) -> Iterator[bytes]:
        """Nothing, until the server is over."""
        self._over.wait()
        return iter(())

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock, sock.makefile("rb") as received:
                while line := received.readline():
                    while (header := received.readline()) not in {b"\r\n", b""}:
                        self.heads.append(header)
                    method, path, _ = line.decode().split(" ", 2)
                    self.requests.append((method, path))
                    answer = self.tell(path)
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        if piece == HANG_UP:
                            return
                        sock.sendall(piece)
        except OSError:
            return


def http(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer(document: Any, status: str = "200 OK") -> bytes:
    """A whole answer of JSON."""
    return http(json.dumps(document).encode(), status, {"Content-Type": "application/json"})


FORBIDDEN = http(b"<html><body><h1>403 Forbidden</h1></body></html>", "403 Forbidden", {"Content-Type": "text/html"})
"""As HAProxy, and so Tecnativa's docker-socket-proxy, says it."""
NOT_FOUND = answer({"message": "no such thing"}, "404 Not Found")
VERSION = {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24"}


def row(identity: str, name: str, state: str = "running", project: str | None = None) -> dict[str, Any]:
    """A container in the list."""
    labels = {} if project is None else {"com.docker.compose.project": project}
    return {"Id": identity, "Names": [f"/{name}"], "State": state, "Labels": labels}


def inspection(identity: str, name: str, state: str = "running", **more: Any) -> dict[str, Any]:
    """A container by itself."""
    return {"Id": identity, "Name": f"/{name}", "State": {"Status": state}, "Image": "sha256:1", **more}


def told(answers: Mapping[str, Answer]) -> Teller:
    """A healthy engine without containers that answers some paths (without version and query) as told here."""
    healthy = {
        "/version": answer(VERSION),
        "/info": answer({"ID": "fake"}),
        "/containers/json": answer([]),
        "/networks": answer([]),
        "/volumes": answer({"Volumes": None, "Warnings": None}),
    }
    known: dict[str, Answer] = {**healthy, **answers}
    return lambda path: known.get(re.sub(r"^/v\d\.\d+|\?.*", "", path), NOT_FOUND)
