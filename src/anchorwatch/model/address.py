"""Where a host's Docker Engine answers, and how to log in there.

By itself, because connections begin before anything else is loaded: see `app`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SshOptions:
    """How to log in to an `ssh://` host; None leaves it to the user's own ssh configuration."""

    key: str | None = None
    known_hosts: str | None = None


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The certificates of a `tcp://` host with TLS, as paths."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True
    """False only where a Docker context, or `DOCKER_TLS` without `DOCKER_TLS_VERIFY`, says that the certificate of the
    engine is not to be checked."""


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where a host's Docker Engine answers."""

    name: str
    docker: str
    """`unix:///path`, `tcp://host:port`, `ssh://user@host:port` or `context:NAME`."""
    ssh: SshOptions = SshOptions()
    tls: TlsOptions | None = None
    timeout: float = 10.0
    """Seconds that one answer may take."""
    deadline: float = 60.0
    """Seconds that a whole snapshot may take."""
