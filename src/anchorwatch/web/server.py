"""A small HTTP server in a thread of its own: uvicorn's protocol over h11, on a TCP address or on a unix socket.

What it guarantees: `start` returns when it answers, or raises; `stop` returns within its time, whatever a request is doing. A
connection carries one request and is closed after `answer_within` seconds at the latest, so neither slow nor idle clients hold
anything, and there are never more than `CONNECTIONS` of them. On a unix socket only the user that runs the service and root are
heard. An application that fails answers 500, and of its failure only the place is logged: its text may hold a secret.

uvicorn's own `Server` is not used: it wakes ten times a second to look at the clock, and waits for requests for as long as they
take. Ours sleeps until somebody asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import threading
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from uvicorn.server import ServerState

CONNECTIONS = 64
"""At once; what comes on top is closed unheard."""
ANSWER_WITHIN = 15.0
"""Seconds for a request and its answer; forges wait 10 s."""
_LONGEST_HEAD = 16 * 1024
_CREDENTIALS = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user, group."""

log = logging.getLogger(__name__)


class Server:
    """One ASGI application, served. `where` is a host and port (0: any free one), or the path of a unix socket."""

    def __init__(
        self,
        app: ASGIApp,
        where: tuple[str, int] | Path,
        *,
        answer_within: float = ANSWER_WITHIN,
        died: Callable[[BaseException | None], None] = lambda _: None,
    ) -> None:
        """`died` is told, in its thread, where that ends though nobody has stopped it."""
        self._app = _guarded(app)
        self._died = died
        self._stopping = False
        self._where = where
        self._answer_within = answer_within
        self.port = 0
        """The port that it listens on, once it was started on one."""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._grace = 0.0

    def start(self) -> None:
        """Answers from now on. Raises `ListenError` where the address cannot be had."""
        if isinstance(self._where, Path):
            sock = _on_path(self._where)
        else:
            sock = _on_port(*self._where)
            self.port = int(sock.getsockname()[1])
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(sock, ready), name="web", daemon=True)
        self._thread.start()
        ready.wait()
        if self._ended is None:
            raise ListenError("the web server could not be started", hint="the log says why")

    def stop(self, within: float = 1.0) -> None:
        """Takes no more requests, lets those under way end, and returns after `within` seconds at the latest."""
        if self._thread is None or self._loop is None or self._ended is None:
            return
        self._grace, self._stopping = within / 2, True
        with contextlib.suppress(RuntimeError):  # its loop has ended by itself
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(within)
        if isinstance(self._where, Path):
            self._where.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Whether its thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, sock: socket.socket, ready: threading.Event) -> None:
        problem: BaseException | None = None
        try:
            asyncio.run(self._serve(sock, ready))
        except BaseException as error:  # whatever it is: a thread that ends silently is one that nobody misses
            problem = error
            log.critical("the web server ended: %s at %s", type(error).__name__, _place(error))
        finally:
            sock.close()
            begun = ready.is_set()
            ready.set()
        if begun and not self._stopping:
            self._died(problem)

    async def _serve(self, sock: socket.socket, ready: threading.Event) -> None:
        from uvicorn.server import ServerState

        self._loop, state = asyncio.get_running_loop(), ServerState()
        server = await self._loop.create_server(_connections(self._app, state, self._answer_within), sock=sock)
        self._ended = asyncio.Event()
        ready.set()
        await self._ended.wait()
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=self._grace)


def _connections(app: ASGIApp, state: ServerState, answer_within: float) -> Callable[[], asyncio.Protocol]:
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol

    config = Config(
        app,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    config.load()

    class Connection(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
            if len(state.connections) >= CONNECTIONS or not _welcome(transport.get_extra_info("socket")):
                transport.abort()
                return
            super().connection_made(transport)
            self._end = self.loop.call_later(answer_within, transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.transport is not None:  # else it was never let in
                self._end.cancel()
                super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            state.default_headers = [(b"date", formatdate(usegmt=True).encode()), (b"connection", b"close")]
            super().data_received(data)

    return lambda: Connection(config, state, {})


def _welcome(sock: socket.socket) -> bool:
    """On a unix socket: whether it is the user that runs the service, or root, who has connected."""
    if sock.family != socket.AF_UNIX:
        return True
    _, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return user in {0, os.geteuid()}


def _on_port(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ListenError(
            f"the service cannot listen on {where}: {error.strerror or error}",
            hint="does another program listen there? `watch: {listen: …}` in the config names another address",
        ) from error


def free(host: str, port: int) -> None:
    """Raises `ListenError` where a server could not listen there now."""
    _on_port(host, port).close()


def _on_path(path: Path) -> socket.socket:
    """A socket of mode 0600 at `path`, in place of one that was left there: whoever calls holds the lock of what it stands for.

    It is made under another name and moved, so nobody ever sees it with other rights. The folder is gone to by its number,
    because the name of a socket holds 107 bytes at most (unix(7)).
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            made = Path(f"/proc/self/fd/{folder}/.{os.getpid()}.sock")
            made.unlink(missing_ok=True)
            sock.bind(str(made))
            made.chmod(0o600)
            made.rename(path)
        finally:
            os.close(folder)
        sock.listen()
    except OSError as error:
        sock.close()
        raise ListenError(
            f"the service cannot make its socket {path}: {error.strerror or error}",
            hint="look at the rights of the folder: commands reach the running service through this socket",
        ) from error
    return sock


def _guarded(app: ASGIApp) -> ASGIApp:
    """`app`, whose failure is an answer, and logged by its place alone."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, sending)
        except Exception as error:
            log.error("a request to %s failed: %s at %s", scope.get("path"), type(error).__name__, _place(error))
            if not begun:
                headers = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 500, "headers": headers})
                await send({"type": "http.response.body", "body": b'{"error": "a bug in anchorwatch: see its log"}\n'})

    return guarded


def _place(error: BaseException) -> str:
    place, trace = "?", error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
