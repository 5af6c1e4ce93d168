"""A forge on loopback: git's own `http-backend` behind basic authentication, with or without TLS."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.desired.trees import CLEAN


@dataclass(slots=True)
class Forge:
    """What it serves, who is let in, and what it was asked."""

    root: Path
    user: str | None = None
    password: str | None = None
    port: int = 0
    scheme: str = "http"
    redirect: str | None = None
    """Where every request is sent on to."""
    credentials: list[str] = field(default_factory=list)
    """Every `user:password` that was sent here."""
    requests: int = 0
    """How many there were."""

    def url(self, path: str, *, userinfo: str = "") -> str:
        at = f"{userinfo}@" if userinfo else ""
        return f"{self.scheme}://{at}localhost:{self.port}/{path}"


@contextmanager
def forge(
    root: Path, *, user: str | None = None, password: str | None = None, certificate: tuple[Path, Path] | None = None
) -> Iterator[Forge]:
    """Serve the repositories below `root` while the block runs."""
    served = Forge(root, user, password)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = self.headers.get("Authorization", "")
            given = base64.b64decode(sent[6:]).decode() if sent.startswith("Basic ") else None
            served.requests += 1
            if given is not None:
                served.credentials.append(given)
            if served.redirect is not None:
                self.send_response(302)
                self.send_header("Location", served.redirect + self.path)
                self.end_headers()
                return
            if served.password is not None and given != f"{served.user}:{served.password}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                self.end_headers()
                return
            self.run_git(body)

        def run_git(self, body: bytes) -> None:
            address = urlsplit(self.path)
            environment = {
                **CLEAN,
                "GIT_PROJECT_ROOT": str(served.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": address.path,
                "QUERY_STRING": address.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": "127.0.0.1",
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=environment, check=False, capture_output=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            status = next((value.split(" ")[0] for name, value in headers if name == "Status"), "200")
            self.send_response(int(status))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        served.scheme = "https"
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
