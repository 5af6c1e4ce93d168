"""The events of one engine, as they happen, on a connection of its own.

Why not the SDK's `events()`: it never times out, so a frozen engine blocks it for ever; a refusal, a reset and an end are
the same to it; and it decodes each chunk by itself, so a letter that is split over two is lost.

What it guarantees: the status is looked at before a stream is one; an event is given as its bytes, whole, never in pieces;
whoever reads is not blocked for longer than it asked for, and can be ended at once by any other thread; nothing but GET and HEAD
is sent; no process, thread or descriptor is left after `close`. The clock of this machine is never sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from anchorwatch.errors import HostBadAnswer, HostForbidden
from anchorwatch.model.address import HostAddress
from anchorwatch.observed import answers, contexts, failures
from anchorwatch.observed.exchange import Exchange, Reply
from anchorwatch.observed.limits import EndableLimits
from anchorwatch.observed.lines import line_to

LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes. An event holds all labels of its container: some hundred bytes, or some thousand where they hold a configuration."""

_ALLOW_HINT = "the socket proxy must allow GET of /version and /events (EVENTS=1)"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an engine says of itself when a session begins."""

    newest_api: tuple[int, int]
    """The newest version of the API that it speaks, be we or not."""
    api: tuple[int, int]
    """The version that is spoken with it."""
    at: int | None
    """Its own time, in nanoseconds since 1970, exact to a second; None where it does not say."""


class EventStream:
    """One engine: first `greet`, then `subscribe`, then `read` on and on. For one thread; `end` is for any."""

    def __init__(self, address: HostAddress, environ: Mapping[str, str], within: float) -> None:
        """An engine has `within` seconds for its greeting and its first word. Raises `HostError` for an address that is none."""
        target = contexts.resolve(address, environ)
        self._line = line_to(target)
        self._limits = EndableLimits(self._line.where, within, within)
        self._exchange = Exchange(self._line, self._limits)
        beside = line_to(target)
        self._limits_beside = EndableLimits(beside.where, within, within)
        self._beside = Exchange(beside, self._limits_beside)
        self._lines = Lines(self._line.where)

    @property
    def where(self) -> str:
        """The address, as it may be shown."""
        return self._line.where

    @property
    def costly(self) -> bool:
        """Whether a new stream is a burden to the host."""
        return self._line.costly

    def greet(self) -> Greeting:
        """Asks the engine who it is. Raises `HostError`."""
        self._limits.begin()
        return self._greeting(self._exchange)

    def ping(self) -> None:
        """Asks beside the stream whether the engine answers at all. Raises `HostError`."""
        self._limits_beside.begin()
        self._greeting(self._beside)

    def subscribe(self, greeting: Greeting, types: Collection[str], actions: Collection[str] | None, since: int | None) -> None:
        """Begins the stream: events of these types and actions (None: any), from `since` on, which is the engine's time in
        nanoseconds, and inclusive; None: all that it remembers.

        Raises `HostError`: `HostForbidden` where events are not permitted.
        """
        filters = {"type": sorted(types)} | ({} if actions is None else {"event": sorted(actions)})
        seconds, nanoseconds = divmod(max(since or 0, 10**9), 10**9)
        query = urlencode({"since": f"{seconds}.{nanoseconds:09d}", "filters": json.dumps(filters, separators=(",", ":"))})
        path = f"/v{answers.spelled(greeting.api)}/events"
        reply = self._exchange.stream(f"{path}?{query}")
        try:
            answers.raise_for_status(reply.status, reply.body, path, self._line.where)
        except (HostForbidden, answers.NotFound) as problem:
            what = f"{self._line.where} does not permit its events to be heard (status {reply.status} for {path})"
            raise HostForbidden(what, hint=_ALLOW_HINT) from problem
        self._lines = Lines(self._line.where)

    def read(self, within: float) -> list[bytes]:
        """The events that came, each as its JSON; none if none did within so many seconds.

        Raises `HostError` when the stream ends; `HostBadAnswer` for what cannot be a stream of events.
        """
        return self._lines.feed(self._exchange.read(within))

    def end(self) -> None:
        """Ends whatever is waited for, at once and for good. From any thread."""
        self._limits.end()
        self._limits_beside.end()

    def close(self) -> None:
        """Gives everything up and leaves nothing behind. For the thread that reads."""
        self._exchange.close()
        self._beside.close()

    def _greeting(self, exchange: Exchange) -> Greeting:
        reply = exchange.get("/version")
        try:
            answers.raise_for_status(reply.status, reply.body, "/version", self._line.where)
            document = answers.parsed(reply.body, self._line.where)
            found = document if isinstance(document, dict) else {}
            newest, oldest = answers.number(found.get("ApiVersion")), answers.number(found.get("MinAPIVersion"))
        except HostForbidden:
            reply, newest, oldest = self._pinged(exchange)
        except answers.NotFound as problem:
            raise failures.not_an_engine(self._line.where, str(problem)) from problem
        agreed = answers.agreed(newest, oldest, self._line.where)
        return Greeting(newest or agreed, agreed, _date(reply))

    def _pinged(self, exchange: Exchange) -> tuple[Reply, tuple[int, int] | None, None]:
        reply = exchange.head("/_ping")
        try:
            answers.raise_for_status(reply.status, reply.body, "/_ping", self._line.where)
        except (HostForbidden, answers.NotFound) as problem:
            what = f"{self._line.where} does not permit anything (status {reply.status} for /_ping)"
            raise HostForbidden(what, hint=_ALLOW_HINT) from problem
        return reply, answers.number(reply.headers.get("api-version")), None


class Lines:
    """Bytes in any pieces → whole lines. Blank ones are left out."""

    def __init__(self, where: str, largest: int = LARGEST_EVENT) -> None:
        self._where = where
        self._largest = largest
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises `HostBadAnswer` for one that does not end within what an event may have."""
        if b"\n" in data:
            *lines, rest = (bytes(self._rest) + data).split(b"\n")
            self._rest = bytearray(rest)
        else:
            lines = []
            self._rest += data
        if len(self._rest) > self._largest or any(len(line) > self._largest for line in lines):
            raise HostBadAnswer(
                f"{self._where} sent an event of more than {self._largest // 1024 // 1024} MiB",
                hint="is it a Docker Engine that listens there?",
            )
        return [line for line in lines if line.strip()]


def _date(reply: Reply) -> int | None:
    """The time in an answer's head, in nanoseconds since 1970."""
    try:
        found: datetime = parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return None
    return int(found.timestamp()) * 10**9
