"""A socket proxy between anchorwatch and a real engine: lets through what it is told to, and answers 403 to the rest."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nForbidden\n"
_DATE = re.compile(rb"\r\nDate: ([^\r]+)", re.IGNORECASE)


@dataclass
class RefusingProxy:
    """Listens on a port of this machine; a request to a path in which `refused` is found gets 403. A context manager.

    `ahead` is by how many seconds the engine's clock is to look ahead.
    """

    engine: Path
    refused: str = r"^$"
    ahead: float = 0.0
    asked: list[str] = field(default_factory=list)
    """Method and path of each request, without version and query."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            path = re.sub(r"^/v1\.\d+", "", target.partition("?")[0])
            self.asked.append(f"{method} {path}")
            if re.search(self.refused, path):
                client.sendall(_FORBIDDEN)
                return
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(str(self.engine))
                engine.sendall(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                threading.Thread(target=_until_closed, args=(client, engine), daemon=True).start()
                first = True
                while data := engine.recv(65536):
                    client.sendall(self._shifted(data) if first else data)
                    first = False

    def _shifted(self, data: bytes) -> bytes:
        found = _DATE.search(data)
        if not self.ahead or found is None:
            return data
        date = format_datetime(parsedate_to_datetime(found[1].decode()) + timedelta(seconds=self.ahead), usegmt=True)
        return data[: found.start(1)] + date.encode() + data[found.end(1) :]


def _until_closed(client: socket.socket, engine: socket.socket) -> None:
    """A stream ends when who listens to it goes."""
    with contextlib.suppress(OSError):
        while client.recv(65536):
            pass
        engine.shutdown(socket.SHUT_RDWR)
