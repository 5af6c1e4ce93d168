"""An engine's API as far as it is read, over our own lines: one question after the other on a kept connection.

What it guarantees: nothing but GET and HEAD leaves the process; no proxy, netrc or cookie of the environment is used; no redirect
is followed; an answer is read whole, within the limits, before it is looked at; and every failure is a `HostError`.

The docker SDK is not used: loading it takes as long as everything else of a check together, its ssh transports take 0.14 to
0.38 s an answer, ignore timeouts or die with the first dropped connection and leave zombies behind (docker-py#2966).
See `docs/decisions/0014-no-docker-sdk-and-no-gitpython.md`.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

from anchorwatch import __version__
from anchorwatch.errors import HostError, HostForbidden, HostRefused
from anchorwatch.model.observed import LABEL
from anchorwatch.observed import answers, failures

if TYPE_CHECKING:
    from anchorwatch.observed.limits import Limits
    from anchorwatch.observed.lines import Line

_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"anchorwatch/{__version__}"}


class WritingForbidden(RuntimeError):
    """Some code wanted to change a host: a mistake in anchorwatch, which only reads."""


class Reconnected(HostRefused):
    """The connection has ended that a snapshot's renewal must come down: who answers on the next one may be another engine."""


class _Stale(HostRefused):
    """A kept connection turned out to have ended before the question was asked on it."""


class Connection(HTTPConnection):
    """One connection down a line, opened when it is needed and kept."""

    def __init__(self, line: Line, limits: Limits) -> None:
        super().__init__("localhost")
        self._line = line
        self._limits = limits
        self._answers = 0
        self._answers_together = 0
        self._kept_only = False
        self.one = False
        """Whether all that was answered since `begin(kept=False)` came down this connection."""

    def begin(self, *, kept: bool) -> None:
        """A snapshot begins. With `kept` its questions are asked on the connection that stands, or raise `Reconnected`."""
        self._kept_only = kept
        if not kept:
            self._answers_together = 0
            self.one = True

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        """Begins a question. Raises `WritingForbidden` for one that could change something."""
        if method not in {"GET", "HEAD"}:
            raise WritingForbidden(f"{method} {url}: anchorwatch only reads")
        super().putrequest(method, url, skip_host, skip_accept_encoding)

    def connect(self) -> None:
        """Opens it: called by the first question."""
        if self._kept_only:
            raise Reconnected(f"the connection to {self._line.where} has ended")
        self._limits.seconds()  # a line need not look whether there are any left
        self.one = self._answers_together == 0
        self._answers = 0
        self.sock = self._line.open(self._limits)

    def end(self) -> None:
        """Closes the connection, and lets go of it: `close` alone is called while the rest of a last answer is yet to be read."""
        self.close()
        self._limits.let_go()

    def ask(self, method: str, path: str) -> Answer:
        """The whole answer, whatever its status. Raises `HostError`; the next question is asked on a new connection then."""
        while True:
            try:
                return self._asked(method, path)
            except _Stale:  # a fresh connection never is
                self.end()
            except HostError:
                self.end()
                raise

    def _asked(self, method: str, path: str) -> Answer:
        if self.sock is not None and _has_ended(self.sock):
            self.end()
        try:
            if self.sock is None:
                self.connect()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.request(method, path, headers=_HEADERS)  # read on: the other side may have said why before it closed
            response = self.getresponse()
        except (OSError, HTTPException) as problem:
            if self._limits.ended:  # nobody is to wait for what the line knows of it
                raise self._limits.given_up() from problem
            if self._answers > 0 and isinstance(problem, ConnectionError):
                raise _Stale("a kept connection had ended") from problem
            raise self._line.why_broken(problem) or failures.answering(problem, self._line.where) from problem
        self._answers += 1
        self._answers_together += 1
        try:
            with response:  # it holds the connection open, which the end of the last answer has closed already
                body = response.read()
        except (OSError, HTTPException) as problem:
            if self._limits.ended:
                raise self._limits.given_up() from problem
            broken = OSError("in the middle of an answer")  # whatever it was: what a line knows of its beginning is over
            raise self._line.why_broken(broken) or failures.broken_off(self._line.where) from problem
        if self.sock is None:  # it was the last answer of its connection
            self._limits.let_go()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body, path)


def _has_ended(sock: socket.socket) -> bool:
    """Whether a connection on which nothing was asked has something to say: that it has ended, or nothing that is wanted."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(0))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, as much of it as is looked at."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes
    path: str
    """What was asked for."""


class EngineClient:
    """What is read of one engine. Its methods raise `HostError` (`HostForbidden` where a proxy refuses), or `NotFound`."""

    def __init__(self, line: Line, limits: Limits) -> None:
        self.where = line.where
        self._connection = Connection(line, limits)
        self._limits = limits
        self._before = urlsplit(line.url).path.rstrip("/")
        self._version = answers.OLDEST_API

    def close(self) -> None:
        """Closes the kept connection."""
        self._connection.end()

    def begin(self, *, kept: bool) -> None:
        """A snapshot begins. With `kept` all of it comes down the connection of the one before, or `Reconnected` is raised."""
        self._connection.begin(kept=kept)

    @property
    def renewable(self) -> bool:
        """Whether all of the last whole snapshot came down one connection: what is `kept` to that one is of the same engine."""
        return self._connection.one

    @property
    def agreed(self) -> tuple[int, int]:
        """The version of the API that is spoken."""
        return self._version

    def negotiate(self) -> Any:
        """Agrees on the version of the API from here on; gives `GET /version`, None where that is not permitted.

        It is the newest one that both know, and not newer than `NEWEST_API` unless the engine insists. Raises `HostBadAnswer`
        for an engine older than `OLDEST_API`.
        """
        version: Any
        try:
            version = self._parsed(self._asked("GET", "/version"))
            found = version if isinstance(version, dict) else {}
            newest, oldest = answers.number(found.get("ApiVersion")), answers.number(found.get("MinAPIVersion"))
        except HostForbidden:
            version = None
            newest, oldest = answers.number(self._asked("HEAD", "/_ping").headers.get("api-version")), None
        self._version = answers.agreed(newest, oldest, self.where)
        return version

    def info(self) -> Any:
        """What the engine says of itself and its machine."""
        return self._get("/info")

    def containers(self, project: str | None = None) -> Any:
        """A row for each container, or for each with the label of a project, whether it runs or not."""
        chosen = "" if project is None else f"&filters={quote(json.dumps({'label': [f'{LABEL}project={project}']}))}"
        return self._get(f"/containers/json?all=1{chosen}")

    def container(self, identity: str) -> bytes:
        """Everything about one container, as it came."""
        return self._got(f"/containers/{quote(identity, safe='')}/json").body

    def image(self, name: str) -> Any:
        """Everything about the image of that ID, tag or digest."""
        return self._get(f"/images/{quote(name, safe='/:')}/json")

    def networks(self) -> Any:
        """Every network."""
        return self._get("/networks")

    def volumes(self) -> Any:
        """Every volume, as one object."""
        return self._get("/volumes")

    def _get(self, path: str) -> Any:
        return self._parsed(self._got(path))

    def _got(self, path: str) -> Answer:
        return self._asked("GET", f"/v{answers.spelled(self._version)}{path}")

    def _parsed(self, answer: Answer) -> Any:
        return answers.parsed(answer.body, self.where)

    def _asked(self, method: Literal["GET", "HEAD"], path: str) -> Answer:
        self._limits.begin_answer()
        answer = self._connection.ask(method, self._before + path)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise failures.not_an_engine(self.where, "it is compressed, though that was not asked for")
        answers.raise_for_status(answer.status, answer.body, answer.path, self.where)
        return answer
