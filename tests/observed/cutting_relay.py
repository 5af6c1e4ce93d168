"""A relay between anchorwatch and a real engine that notes what is asked, and cuts the connection in the middle of the answer."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType


class CuttingRelay:
    """Listens on `path`; cuts its first connection after `cut_after` bytes from the engine, and lets all others be.

    The paths that were asked for, without version and query, are in `asked`.
    """

    def __init__(self, path: Path, engine: Path, cut_after: int | None = None) -> None:
        self.asked: list[str] = []
        self.docker = f"unix://{path}"
        self._engine = engine
        self._cut_after: int | None = cut_after
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> CuttingRelay:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
        for sock in self._open:
            sock.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                self._open += [client, engine]
                engine.connect(str(self._engine))
                cut_after, self._cut_after = self._cut_after, None
                self._start(self._pump, client, engine, None, True)
                self._start(self._pump, engine, client, cut_after)

    def _pump(self, source: socket.socket, sink: socket.socket, left: int | None, asks: bool = False) -> None:
        with contextlib.suppress(OSError):
            while (left is None or left > 0) and (data := source.recv(65536 if left is None else left)):
                if asks and (found := re.match(rb"[A-Z]+ (?:/v\d\.\d+)?([^ ?]+)", data)):
                    self.asked.append(found[1].decode())
                sink.sendall(data)
                left = None if left is None else left - len(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
