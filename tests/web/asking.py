"""Asks a server as any client would: over a real socket, with nothing of ours in between."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from anchorwatch.web.server import Server


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Site:
    """A server that runs, on a port of this machine."""

    server: Server

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read(), {name.lower(): value for name, value in response.getheaders()})
        finally:
            connection.close()


@contextmanager
def served(app: ASGIApp, *, answer_within: float = 15.0) -> Iterator[Site]:
    server = Server(app, ("127.0.0.1", 0), answer_within=answer_within)
    server.start()
    try:
        yield Site(server)
    finally:
        server.stop()
        assert not server.running
