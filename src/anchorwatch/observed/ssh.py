"""The line to a host over ssh: `ssh … docker system dial-stdio`, its standard input and output one end of a socket pair.

The engine's API then speaks over a socket of this process, so its timeouts hold, and a line that dropped is simply
opened again. The user's own OpenSSH does the rest (keys, agent, `~/.ssh/config`, jump hosts), and never asks anything.

What it guarantees: the process group is ended and its leader reaped by `close`, `open` and `why_broken`, so there is
never more than one process a line, and none after `close`; nothing is forwarded to the host (agent, X11, ports).
"""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.errors import HostAuthError, HostError, HostRefused
from anchorwatch.observed.limits import LimitedSocket, Limits

if TYPE_CHECKING:
    from anchorwatch.model.address import SshOptions
    from anchorwatch.observed.places import Place

_LAST_WORDS_WITHIN = 1.0
"""Seconds that an `ssh` whose connection has ended is given to say why. It ends within milliseconds."""
_LAST_WORDS = 64 * 1024
"""Bytes of them: what a pipe holds."""


def argv(place: Place, options: SshOptions, connect_within: float) -> list[str]:
    """The command that connects to the engine at `place`, whose path is that of its socket there (docker/cli `connhelper`)."""
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": str(max(1, math.ceil(connect_within))),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "3",
        "LogLevel": "ERROR",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "UpdateHostKeys": "no",
    }
    if options.known_hosts:
        settings |= {
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": _quoted(options.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
        }
    if options.key:
        settings |= {"IdentityFile": _quoted(options.key), "IdentitiesOnly": "yes"}
    command = ["ssh", "-T", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]
    if place.user:
        command += ["-l", place.user]
    if place.port:
        command += ["-p", str(place.port)]
    engine = ["--host", f"unix://{place.path}"] if place.path else []
    return [*command, "--", place.host, shlex.join(["docker", *engine, "system", "dial-stdio"])]


def _quoted(path: str) -> str:
    """A path as a value of ssh_config: quoted for its blanks, `%` doubled, for it begins a token there."""
    return '"' + os.path.expanduser(path).replace("%", "%%") + '"'  # noqa: PTH111 - ssh takes the text, not a Path


class SshLine:
    """One host's engine, over one `ssh` process at a time."""

    url = "http://localhost"
    costly = True

    def __init__(self, place: Place, options: SshOptions, connect_within: float) -> None:
        if not place.host:
            raise HostError("ssh:// names no host", hint="write ssh://user@host")
        login = f"{place.user}@{place.named}" if place.user else place.named
        self.where = f"ssh://{login}{f':{place.port}' if place.port else ''}"
        self._place = place
        self._options = options
        self._argv = argv(place, options, connect_within)
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: socket.socket | None = None

    def start(self) -> None:
        """Starts ssh, so that its handshake runs while the caller does something else. Raises `HostError`."""
        if self._process is None:
            self._begin()

    def open(self, limits: Limits) -> socket.socket:
        """The connection that `start` began, or a new one. Raises `HostError` only where ssh cannot be started."""
        if self._waiting is None:
            self.close()
            self._begin()
        assert self._waiting is not None  # noqa: S101 - for the type checker: _begin has set it
        sock = LimitedSocket(fileno=self._waiting.detach())
        self._waiting = None
        sock.limits = limits
        limits.hold(sock)
        return sock

    def _begin(self) -> None:
        key = self._options.key
        if key and not Path(key).expanduser().is_file():
            raise HostAuthError(f"{self.where}: there is no ssh key {key}", hint="`ssh: {key: …}` names the private key's file")
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                self._argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, start_new_session=True
            )
        except OSError as problem:
            ours.close()
            raise HostRefused(
                f"{self.where}: cannot start ssh: {problem.strerror}", hint="install the OpenSSH client on this machine"
            ) from problem
        finally:
            theirs.close()
        self._waiting = ours

    def why_broken(self, problem: Exception) -> HostError | None:
        """The last words of ssh, where the connection ended. Ends it."""
        from http.client import HTTPException

        from anchorwatch.observed import ssh_endings

        if isinstance(problem, HTTPException) and not isinstance(problem, ConnectionError):
            return ssh_endings.chatter(self.where, self._place, self._options)
        if self._process is None:
            return None
        said = self._last_words(self._process)
        # Its group is asked to end before it is waited for: until then its number cannot belong to anybody else.
        code = self._end(self._process)
        return ssh_endings.failure(code, said, self.where, self._place, self._options) if code or said else None

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        """What it wrote to its standard error until it ended, or for as long as it is given."""
        import select

        assert process.stderr is not None  # noqa: S101 - for the type checker: it was started with a pipe
        descriptor = process.stderr.fileno()
        readable = select.poll()
        readable.register(descriptor, select.POLLIN)
        until = time.monotonic() + _LAST_WORDS_WITHIN
        said = b""
        while len(said) < _LAST_WORDS and readable.poll(max(0.0, until - time.monotonic()) * 1000):
            piece = os.read(descriptor, _LAST_WORDS)
            if not piece:
                break
            said += piece
        return said.decode("utf-8", "replace")

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        """Ends the process group and reaps its leader; gives the leader's exit code."""
        self._process = None
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1.0)
                break
        if process.stderr is not None:
            process.stderr.close()
        return process.wait()

    def close(self) -> None:
        """Ends ssh, and whatever it started, and reaps it."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
        if self._process is not None:
            self._end(self._process)
