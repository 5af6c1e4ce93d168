"""The line to a host over TCP, with TLS where certificates are given."""

from __future__ import annotations

import os
import queue
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostTimeout
from anchorwatch.observed import failures
from anchorwatch.observed.limits import LimitedSocket, Limits, limited_read

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from anchorwatch.model.address import TlsOptions
    from anchorwatch.observed.places import Place

_LOOK_EVERY = 0.02
"""Seconds after which a name that is being resolved is looked at again: the limits may have been ended meanwhile."""
_PORT, _TLS_PORT = 2375, 2376
"""What the Docker CLI takes where an address names none (docker/cli `opts/hosts.go`)."""


class LimitedTlsSocket(ssl.SSLSocket):
    """The TLS twin of `LimitedSocket`."""

    limits: Limits | None = None

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        """As `SSLSocket.recv_into`; raises `HostTimeout` and `HostBadAnswer` beyond the limits."""
        return limited_read(self, self.limits, lambda: super(LimitedTlsSocket, self).recv_into(buffer, nbytes, flags))


class TcpLine:
    """One host's engine, or a proxy in front of it, on a TCP port."""

    costly = False

    def __init__(self, place: Place, tls: TlsOptions | None) -> None:
        self._host = place.host or "localhost"
        self._port = place.port or (_TLS_PORT if tls else _PORT)
        self._tls = tls
        named = place.named or self._host
        self.where = f"tcp://{named}:{self._port}{place.path}"
        self.url = f"http://{named}:{self._port}{place.path}"
        if place.user:
            raise HostError(f"{self.where}: an address with tcp:// has no user", hint="write tcp://host:port")

    def start(self) -> None:
        """Nothing: it takes a few milliseconds."""

    def open(self, limits: Limits) -> socket.socket:
        """A new connection. Raises `HostError`."""
        context = self._context() if self._tls else None
        sock = self._connected(limits)
        if context is None:
            return sock
        sock.settimeout(limits.seconds())
        try:
            secured = context.wrap_socket(sock, server_hostname=self._host)
        except OSError as problem:
            sock.close()
            raise self.why_broken(problem) or failures.connecting(problem, self.where) from problem
        assert isinstance(secured, LimitedTlsSocket)  # noqa: S101 - for the type checker: _context asks for it
        secured.limits = limits
        return secured

    def _connected(self, limits: Limits) -> LimitedSocket:
        last: OSError = OSError("the name has no address")
        for family, kind, protocol, where in _resolved(self._host, self._port, limits, self.where):
            seconds = limits.seconds()
            sock = LimitedSocket(family, kind, protocol)
            sock.limits = limits
            try:
                limits.hold(sock)
                sock.settimeout(seconds)
                sock.connect(where)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _keep_alive(sock)
            except OSError as problem:
                sock.close()
                last = problem
            else:
                return sock
        raise failures.connecting(last, self.where) from last

    def _context(self) -> ssl.SSLContext:
        tls = self._tls
        assert tls is not None  # noqa: S101 - for the type checker: the caller has looked
        try:
            context = ssl.create_default_context(cafile=tls.ca)
            if tls.cert:
                context.load_cert_chain(tls.cert, tls.key, password="")
        except (OSError, ValueError) as problem:
            files = [path for path in (tls.ca, tls.cert, tls.key) if path]
            files = [path for path in files if not os.access(path, os.R_OK)] or files
            raise HostAuthError(
                f"{self.where}: cannot use the certificates ({', '.join(files)}): {problem}",
                hint="`tls: {ca: …, cert: …, key: …}` of this host name PEM files that anchorwatch can read; no passphrase",
            ) from problem
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.sslsocket_class = LimitedTlsSocket
        return context

    def why_broken(self, problem: Exception) -> HostError | None:
        """What is wrong with the certificates, of either side."""
        if isinstance(problem, ssl.SSLCertVerificationError):
            return HostAuthError(
                f"the certificate of {self.where} is not accepted: {problem.verify_message}",
                hint="`tls: {ca: …}` must name the authority that signed it, and the certificate must name this host and be "
                "valid now; `openssl x509 -in server-cert.pem -noout -text` on the host shows all three",
            )
        if isinstance(problem, ssl.SSLError):
            reason = problem.reason or str(problem)
        elif self._tls and isinstance(problem, ConnectionError):
            # TLS 1.3 has the client's certificate looked at after the handshake; the alert is lost where our question crosses it.
            reason = "it closed the connection after the handshake"
        else:
            return None
        if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason or "RECORD_LAYER" in reason:
            return HostBadAnswer(
                f"{self.where} does not speak TLS", hint="is the port right? Docker has 2376 with TLS, 2375 without"
            )
        return HostAuthError(
            f"{self.where} does not accept our TLS connection: {reason}",
            hint="`tls: {cert: …, key: …}` must be a client certificate that the authority in the engine's `--tlscacert` signed, "
            "and that is valid now: `openssl x509 -in cert.pem -noout -issuer -dates`",
        )

    def close(self) -> None:
        """Nothing: the connection's socket belongs to who opened it."""


def _keep_alive(sock: socket.socket) -> None:
    """A peer that is gone without a word, or a router that has forgotten the connection, is noticed within 40 s of silence."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):  # not everywhere is Linux
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, tuple[Any, ...]]


def _resolved(host: str, port: int, limits: Limits, where: str) -> list[_Address]:
    """The addresses of a name. A resolver has no deadline of its own, so it is left behind where it takes too long."""
    answer: queue.SimpleQueue[list[_Address] | OSError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([(family, kind, protocol, where) for family, kind, protocol, _, where in found])
        except OSError as problem:
            answer.put(problem)
        except UnicodeError as problem:
            answer.put(OSError(f"{problem}"))

    threading.Thread(target=resolve, name=f"resolve {host}", daemon=True).start()
    found: list[_Address] | OSError | None = None
    while found is None:
        try:
            found = answer.get(timeout=min(_LOOK_EVERY, limits.seconds()))
        except queue.Empty:
            continue
        except HostTimeout:
            if limits.ended:
                raise
            raise HostTimeout(f"the name of {where} was not resolved in time", hint="does the DNS answer?") from None
    if isinstance(found, OSError):
        raise failures.connecting(found, where) from found
    return found
