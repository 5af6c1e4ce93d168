"""The docker SDK's client over our own lines: the room's door to `docker`, slow to import, so imported last.

What it guarantees, whatever the SDK does: nothing but GET and HEAD leaves the process; no proxy, netrc or cookie of the
environment is used; no redirect is followed; an answer is read whole, within the limits, before it is looked at; and
every failure is a `HostError`.

The SDK's own transports are not used: its ssh ones take 0.14 to 0.38 s an answer, ignore timeouts or die with the first
dropped connection and leave zombies behind (docker-py#2966), and its pools are kept per full URL.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

import docker
import requests
import requests.adapters

from anchorwatch import __version__
from anchorwatch.errors import HostError, HostForbidden, HostRefused
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


class _Connection(HTTPConnection):
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

    def connect(self) -> None:
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


class _Refusing(requests.adapters.BaseAdapter):
    """For whatever the SDK would send by itself: sends nothing."""

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Raises `WritingForbidden`."""
        raise WritingForbidden(f"{request.method} {request.path_url}: anchorwatch only reads")

    def close(self) -> None:
        """Nothing is open."""


class EngineClient(docker.APIClient):
    """The SDK's client, on our line. Its methods raise `HostError` (`HostForbidden` where a proxy refuses), or `NotFound`.

    Of the SDK only the names of the requests and of their parameters are used: what it does around each of them takes longer than
    an engine takes to answer.
    """

    _version: str
    _general_configs: dict[str, Any]

    def __init__(self, line: Line, limits: Limits) -> None:
        # Not the SDK's own: that one reads the Docker CLI's config.json, where registry logins are, and fails with a broken one.
        requests.Session.__init__(self)
        self._version = answers.spelled(answers.OLDEST_API)
        self._general_configs = {}
        self._connection = _Connection(line, limits)
        self._limits = limits
        self.where = line.where
        self.base_url = line.url
        self.timeout = 0
        self.trust_env = False
        self.adapters.clear()
        self.mount("http://", _Refusing())

    def close(self) -> None:
        """Closes the kept connection."""
        super().close()
        self._connection.end()

    def begin(self, *, kept: bool) -> None:
        """A snapshot begins. With `kept` all of it comes down the connection of the one before, or `Reconnected` is raised."""
        self._connection.begin(kept=kept)

    @property
    def renewable(self) -> bool:
        """Whether all of the last whole snapshot came down one connection: what is `kept` to that one is of the same engine."""
        return self._connection.one

    def negotiate(self) -> Any:
        """Agrees on the version of the API from here on; gives `GET /version`, None where that is not permitted.

        It is the newest one that both know, and not newer than `NEWEST_API` unless the engine insists. Raises `HostBadAnswer`
        for an engine older than `OLDEST_API`.
        """
        version: Any
        try:
            version = self.version(api_version=False)
            found = version if isinstance(version, dict) else {}
            newest, oldest = answers.number(found.get("ApiVersion")), answers.number(found.get("MinAPIVersion"))
        except HostForbidden:
            version = None
            newest, oldest = self._ping(), None
        self._version = answers.spelled(answers.agreed(newest, oldest, self.where))
        return version

    @property
    def agreed(self) -> tuple[int, int]:
        """The version of the API that is spoken."""
        return answers.number(self._version) or answers.OLDEST_API

    def _ping(self) -> tuple[int, int] | None:
        response = self._asked("HEAD", f"{self.base_url}/_ping")
        self._raise_for_status(response)
        return answers.number(response.headers.get("api-version"))

    def get(self, url: str | bytes, **kwargs: Any) -> Any:
        """The answer to a GET."""
        return self._asked("GET", str(url), kwargs.get("params"))

    def _asked(self, method: Literal["GET", "HEAD"], url: str, params: Mapping[str, Any] | None = None) -> Answer:
        query = urlencode({name: value for name, value in (params or {}).items() if value is not None})
        path = urlsplit(url).path + (f"?{query}" if query else "")
        self._limits.begin_answer()
        answer = self._connection.ask(method, path)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise failures.not_an_engine(self.where, "it is compressed, though that was not asked for")
        return answer

    def _result(self, response: Any, json: bool = False, binary: bool = False) -> Any:
        self._raise_for_status(response)
        return answers.parsed(response.body, self.where) if json else response.body

    def _raise_for_status(self, response: Any) -> None:
        answers.raise_for_status(response.status, response.body, response.path, self.where)
