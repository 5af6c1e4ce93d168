"""The line to one host: how a socket to its Docker Engine is opened.

A line holds one connection at a time; opening it again gives up what was left of the last one. This module imports
nothing that is slow to import, so that an ssh handshake can begin before anything else does.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anchorwatch.errors import HostError
from anchorwatch.observed import failures, redaction
from anchorwatch.observed.limits import LimitedSocket, Limits
from anchorwatch.observed.places import Place

if TYPE_CHECKING:
    from anchorwatch.model.address import HostAddress

DEFAULT_SOCKET = "/var/run/docker.sock"


class Line(Protocol):
    """A way to one engine."""

    where: str
    """The address, as it may be shown."""
    url: str
    """What requests are addressed to: the `Host` header, and a path before the engine's own."""
    costly: bool
    """Whether a new connection is a burden to the host: a login, a process, a line in its logs."""

    def start(self) -> None:
        """Begins to connect, where that takes long. Returns at once. Raises `HostError` where it cannot even begin."""

    def open(self, limits: Limits) -> socket.socket:
        """A new connection, in place of the last one. Raises `HostError`."""

    def why_broken(self, problem: Exception) -> HostError | None:
        """What the line itself knows of why its connection failed with `problem`; None where it knows nothing."""

    def close(self) -> None:
        """Gives up everything and leaves nothing behind. The line can be opened again."""


def line_to(address: HostAddress) -> Line:
    """The line for an address that is no context (see `contexts.resolve`). Raises `HostError` where there can be none."""
    scheme, found, rest = address.docker.strip().partition("://")
    match scheme if found else "":
        case "unix":
            return UnixLine(rest or DEFAULT_SOCKET)
        case "ssh":
            from anchorwatch.observed.ssh import SshLine

            return SshLine(Place.parse(scheme, rest), address.ssh, connect_within=address.timeout)
        case "tcp":
            from anchorwatch.observed.tcp import TcpLine

            return TcpLine(Place.parse(scheme, rest), address.tls)
        case _:
            raise HostError(
                f"{redaction.address(address.docker)!r} is no address of a Docker Engine",
                hint="write unix:///path, ssh://user@host, tcp://host:port or context:NAME",
            )


class UnixLine:
    """A unix socket on this machine."""

    url = "http://localhost"
    costly = False

    def __init__(self, path: str) -> None:
        self._path = str(Path(path).expanduser())
        self.where = redaction.fit(f"unix://{self._path}")
        if not self._path.startswith("/"):
            raise HostError(f"{self.where}: the path must begin at the root", hint="write it with three slashes: unix:///run/…")

    def start(self) -> None:
        """Nothing: it opens in microseconds."""

    def open(self, limits: Limits) -> socket.socket:
        """A new connection. Raises `HostError`."""
        seconds = limits.seconds()
        sock = LimitedSocket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.limits = limits
        try:
            limits.hold(sock)
            sock.settimeout(seconds)
            sock.connect(self._path)
        except OSError as problem:
            sock.close()
            raise failures.connecting(problem, self.where, path=self._path) from problem
        return sock

    def why_broken(self, problem: Exception) -> HostError | None:
        """Nothing."""
        return None

    def close(self) -> None:
        """Nothing: the connection's socket belongs to who opened it."""
