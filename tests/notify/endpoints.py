"""Services to send to: real HTTP endpoints and a real mail server on loopback, which do what their users name."""

from __future__ import annotations

import asyncio
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Web:
    """An HTTP server: the first part of the path says what it does."""

    port: int
    over: threading.Event
    requests: list[Request] = field(default_factory=list)

    def url(self, what: str, scheme: str = "json") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{what}"


@contextmanager
def web() -> Iterator[Web]:
    """Answers until the block ends; whatever hangs then is let go."""
    state = Web(0, threading.Event())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._take(b"")

        def do_POST(self) -> None:
            self._take(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

        def _take(self, body: bytes) -> None:
            state.requests.append(Request(self.command, self.path, dict(self.headers.items()), body))
            what = self.path.strip("/").split("/")[0].split("?")[0]
            match what:
                case "hang":
                    state.over.wait(60)
                    self.close_connection = True
                case "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                    while not state.over.wait(0.2):
                        try:
                            self.wfile.write(b".")
                        except OSError:
                            break
                    self.close_connection = True
                case "drop":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                case "moved":
                    self._answer(302, b"", {"Location": f"http://127.0.0.1:{state.port}/ok"})
                case "slack":
                    self._answer(200, b"ok", {"Content-Type": "text/plain"})
                case "busy":
                    self._answer(429, b'{"message": "slow down"}', {"Retry-After": "17"})
                case "busier":
                    self._answer(429, b'{"ok": false, "parameters": {"retry_after": 23}}', {})
                case "markdown-400":
                    marked = b"**" in body
                    self._answer(400 if marked else 200, b'{"message": "cannot parse entities"}' if marked else b"{}", {})
                case "echo-400":
                    self._answer(400, body, {"Content-Type": "text/plain"})
                case number if number.isdigit():
                    self._answer(int(number), b'{"message": "no such webhook"}', {})
                case _:
                    self._answer(200, b"{}", {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name for it
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Who was killed does not read his answer."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Post:
    """A mail server, and the mails it took."""

    port: int = 0
    mails: list[tuple[tuple[str, ...], EmailMessage]] = field(default_factory=list)
    """Recipients of the envelope, and the mail."""

    def url(self, *to: str, more: str = "") -> str:
        return f"mailto://127.0.0.1:{self.port}?from=watch@example.org&to={','.join(to)}&mode=insecure{more}"


class _Taking:
    def __init__(self, post: Post, over: threading.Event) -> None:
        self.post, self.over = post, over

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such user here"
        if address.startswith("grey"):
            return "451 4.7.1 greylisted, come back in a minute"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to = envelope.rcpt_tos[0]
        if to.startswith("full"):
            return "552 5.2.2 mailbox full"
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.post.mails.append((tuple(envelope.rcpt_tos), mail))
        if to.startswith("hang"):
            while not self.over.is_set():
                await asyncio.sleep(0.05)
        if to.startswith(("drop", "hang")):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "421 gone"
        return "250 taken"


@contextmanager
def post() -> Iterator[Post]:
    """A mail server: what stands before the @ says what becomes of a mail."""
    state, over = Post(), threading.Event()
    controller = _AnyPort(_Taking(state, over), hostname="127.0.0.1", port=0)
    controller.start()
    state.port = controller.port
    try:
        yield state
    finally:
        over.set()
        controller.stop()


class _AnyPort(Controller):
    """On a port that the system chooses; the original would knock at port 0."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # aiosmtpd's own


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
