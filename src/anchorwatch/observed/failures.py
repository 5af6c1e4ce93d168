"""From an exception to a `HostError` that says what happened and what to do next."""

from __future__ import annotations

import errno
import shlex
import socket

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostRefused, HostTimeout
from anchorwatch.observed import redaction

_NOT_AN_ENGINE = "is it a Docker Engine that listens there? Try `curl` on that address and path `/version`"


def connecting(problem: OSError, where: str, *, path: str | None = None) -> HostError:
    """The error for a connection that could not be opened; `path` is that of a unix socket."""
    what = f"cannot connect to {where}: {_reason(problem)}"
    if isinstance(problem, TimeoutError) or problem.errno in {errno.ETIMEDOUT, errno.EAGAIN}:
        return HostTimeout(what, hint="is the host up, and does its Docker Engine still accept connections?")
    if path is not None and isinstance(problem, PermissionError):
        return HostAuthError(
            what,
            hint=f"the user that runs anchorwatch may not open {path}: `ls -l {shlex.quote(path)}` shows the group that may "
            "(in a container: `group_add` with that group's number)",
        )
    if path is not None and isinstance(problem, FileNotFoundError):
        return HostRefused(what, hint="does the Docker Engine run there? In a container, is the socket mounted?")
    if isinstance(problem, socket.gaierror):
        return HostRefused(what, hint="the host's name is not known: check its spelling and the DNS")
    return HostRefused(what, hint="does the Docker Engine run and listen at this address?")


def answering(problem: Exception, where: str) -> HostError:
    """The error for a connection that broke, or brought something that is no HTTP, while an answer was awaited."""
    if isinstance(problem, TimeoutError):
        return HostTimeout(f"no answer from {where}", hint="does `docker info` answer on the host?")
    if isinstance(problem, ConnectionError):
        return HostRefused(
            f"{where} closed the connection without an answer", hint="did its Docker Engine stop just now? Try again"
        )
    if isinstance(problem, OSError):
        return HostRefused(f"no answer from {where}: {_reason(problem)}", hint="does its Docker Engine run? Try again")
    return HostBadAnswer(f"{where} answers with something that is no HTTP", hint=_NOT_AN_ENGINE)


def broken_off(where: str) -> HostBadAnswer:
    """The error for an answer that ends before its end."""
    return HostBadAnswer(
        f"{where} broke off in the middle of an answer",
        hint="did its Docker Engine stop, or does a proxy stand in between? Try again",
    )


def not_an_engine(where: str, found: str) -> HostBadAnswer:
    """The error for an answer in which something else was found than an engine gives."""
    return HostBadAnswer(f"{where} answers, but not as a Docker Engine does: {found}", hint=_NOT_AN_ENGINE)


def _reason(problem: Exception) -> str:
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return redaction.words(reason or type(problem).__name__)
