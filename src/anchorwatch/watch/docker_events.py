"""The listener of one host: what happens there, as it happens, without a gap that nobody knows of.

One session after the other: the version of the API is agreed on anew (an engine may have been up- or downgraded), the stream is
opened from the last event on, and what comes is handed to the `Ears`. The engine replays from its memory of 256 events, that one
included: whether it comes again tells whether anything was lost. All times that are sent are the engine's own.

The reader does nothing but read while it is connected, for an engine slows down for those who do not: the `Ears` return at once.

Healthchecks make three events a run. An engine is asked only for what may mean something, so they wake nobody; but they push
other events out of its memory. So after a break on a host with many of them it cannot be told whether anything was lost, and it
counts as lost. A quiet stream that is exchanged for a new one is different: it was whole until then.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from anchorwatch import clock
from anchorwatch.errors import HostBadAnswer, HostError, HostForbidden
from anchorwatch.model.address import HostAddress
from anchorwatch.model.health import Pulse
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.values import JsonObject
from anchorwatch.observed import answers, failures
from anchorwatch.observed.events import EventStream
from anchorwatch.watch import triggers
from anchorwatch.watch.continuity import Continuity, Mark
from anchorwatch.watch.reach import PATIENCE, Reach, State

_NOISE = re.compile(
    rb'\{(?:"status":"(?:[^"\\]|\\.)*","id":"[^"\\]*",(?:"from":"(?:[^"\\]|\\.)*",)?)?'
    rb'"Type":"container","Action":"(?:' + "|".join(sorted(triggers.MEANINGLESS)).encode() + rb')[":]'
)
"""An event that means nothing, by how an engine begins to write one. A label cannot pass for it: labels come after this."""


_TURN_WITHIN = 90.0


class Ears(Protocol):
    """Who is told. Every method returns at once; all are called by the listener's thread."""

    def listening(self, host: str, gap: bool) -> None:
        """Events come from now on, and everything on the host is to be looked at. `gap`: events were lost, or may have been.

        Not called when a stream was opened again and nothing was lost.
        """

    def heard(self, host: str, event: JsonObject) -> None:
        """An event, in order, and no event twice."""

    def lost(self, host: str, error: HostError) -> None:
        """The host has been out of reach for longer than there is patience. Said once, until it is `found`."""

    def deaf(self, host: str, error: HostError) -> None:
        """The host answers, and does not permit its events to be heard. Said once, until it is `listening`."""

    def found(self, host: str) -> None:
        """A host that was `lost` answers again; `listening` follows, where it is permitted."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a listener is, in seconds. Where there are two, chance chooses between them."""

    quiet: tuple[float, float] = (25.0, 35.0)
    """A stream that says nothing for so long is not trusted any more: a new one takes its place."""
    lasting: tuple[float, float] = (300.0, 600.0)
    """Where a new connection is a burden (ssh), a quiet stream is trusted for so long, if the engine answers beside it."""
    patience: float = PATIENCE
    replay: float = 2.0
    """Within so much time after the answer's head an engine has begun its replay."""
    trusted: float = 2.0
    """A stream that took the place of a quiet one within so much time has missed nothing: too little for 256 events."""
    stop: float = 10.0
    """How often a waiting listener looks whether it is to stop; `close` ends it at once."""


class DockerListener:
    """Listens to one host in one thread, which calls `run`; anything else may be called by any thread."""

    def __init__(
        self,
        address: HostAddress,
        ears: Ears,
        *,
        cursor: str | None = None,
        pace: Pace | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
        now: Callable[[], datetime] = clock.now,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`cursor` is how far an earlier listener has read; one that cannot be understood is none."""
        self._address = address
        self._host = address.name
        self._ears = ears
        self._pace = pace or Pace()
        self._monotonic = monotonic
        self._dice = dice
        self._now = now
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._stream: EventStream | None = None
        self._continuity = Continuity(Mark.parse(cursor), self._pace.replay)
        self._handed = self._continuity.last
        """The last event that the `Ears` have."""
        self._reach = Reach(monotonic(), patience=self._pace.patience)
        self._asked_at = monotonic()
        """Until when the host was well, as far as is known: from then on it is silent."""
        self._owed = True
        """Whether the next stream is to be told of, be there a gap or not."""
        self._exchanged_at = float("-inf")
        """When a quiet stream was given up for the next one."""
        self._deaf: HostError | None = None
        self._error: HostError | None = None
        self._since_at: datetime | None = None
        self._heard_at: datetime | None = None
        self._api = ""
        self._counts = dict.fromkeys(("events", "sessions", "breaks", "gaps"), 0)

    @property
    def turned_at(self) -> float:
        """When it last showed that it lives."""
        return self._asked_at

    @property
    def turn_within(self) -> float:
        """Seconds after which it should have shown that again: it may wait for half a minute, and then for an answer."""
        return max(_TURN_WITHIN, 3 * self._address.timeout)

    @property
    def cursor(self) -> str | None:
        """How far it has read, and told: for the next listener of this host, after a restart."""
        return None if self._handed is None else str(self._handed)

    @property
    def pulse(self) -> Pulse:
        """How it is now. It is well from its first `listening` on, while nobody is to hear of a doubt; where it is deaf, it says
        so and why."""
        state, deaf = self._reach.state, self._deaf
        error = deaf or self._error
        told = not self._owed or deaf is not None
        return Pulse(
            name=f"docker:{self._host}",
            ok=state in {State.WELL, State.DOUBTFUL} and told,
            since_at=self._since_at if told or state is State.LOST else None,
            heard_at=self._heard_at,
            error=None if error is None else ErrorInfo.of(error),
            details={
                "state": "deaf" if deaf is not None and state is State.WELL else str(state),
                "api": self._api,
                **self._counts,
            },
        )

    def run(self, stop: threading.Event) -> None:
        """Listens until `stop` is set, which is seen after `Pace.stop` seconds or an attempt to connect, or until `close`."""
        while not self._over(stop):
            self._pause(self.turn(stop), stop)

    def close(self) -> None:
        """Ends it, whatever it is waiting for, and for good."""
        self._closed.set()
        with self._lock:
            if self._stream is not None:
                self._stream.end()

    def turn(self, stop: threading.Event) -> float:
        """One session, to its end. Returns how many seconds to wait before the next one."""
        self._asked_at = self._monotonic()
        stream: EventStream | None = None
        try:
            stream = EventStream(self._address, self._environ, self._reach.within(self._address.timeout, self._asked_at))
            self._hold(stream)
            self._session(stream, stop)
        except HostError as error:
            return 0.0 if self._over(stop) else self._failed(error)
        finally:
            if stream is not None:
                self._hold(None)
                stream.close()
        return 0.0

    def _session(self, stream: EventStream, stop: threading.Event) -> None:
        """Returns when a new stream is to take the place of this one; whatever else ends it is raised."""
        greeting = stream.greet()
        actions = triggers.MEANINGFUL if greeting.newest_api <= triggers.KNOWN_API else None
        try:
            stream.subscribe(greeting, triggers.TYPES, actions, self._continuity.since(greeting.at))
        except HostForbidden as error:
            self._answered(error)
            self._wait_deaf(stream, stop)
            return
        self._answered(None)
        self._api = answers.spelled(greeting.api)
        self._follow(stream, greeting.at, stop)

    def _follow(self, stream: EventStream, at: int | None, stop: threading.Event) -> None:
        now = self._monotonic()
        self._counts["sessions"] += 1
        self._judge(self._continuity.opened(now, at, whole=now - self._exchanged_at <= self._pace.trusted))
        quiet_at, trusted_until = now + self._between(self._pace.quiet), now + self._between(self._pace.lasting)
        while not self._over(stop):
            undecided = self._continuity.undecided(now)
            waits = (self._pace.stop, quiet_at - now, self._pace.stop if undecided is None else undecided)
            try:
                quiet = not self._hear(stream, min(waits))
            finally:  # a stream that ends was well until now
                now = self._asked_at = self._monotonic()
            if not quiet:
                self._heard_at = self._now()
                quiet_at = now + self._between(self._pace.quiet)
            self._judge(self._continuity.due(now))
            if now < quiet_at:
                continue
            if not stream.costly or now >= trusted_until:
                self._exchanged_at = now
                return
            stream.ping()
            self._heard_at = self._now()
            now = self._monotonic()
            quiet_at = now + self._between(self._pace.quiet)

    def _wait_deaf(self, stream: EventStream, stop: threading.Event) -> None:
        """Looks whether the host still answers, and returns when it may be asked for its events again."""
        until = self._monotonic() + self._between(self._pace.lasting)
        while not self._over(stop) and self._monotonic() < until:
            self._pause(self._between(self._pace.quiet), stop)
            self._asked_at = self._monotonic()
            if not self._over(stop):
                stream.greet()
                self._heard_at = self._now()

    def _hear(self, stream: EventStream, within: float) -> bool:
        """Whether anything came. What was to come is lost where something did that cannot be an event."""
        try:
            lines = stream.read(within)
            for line in lines:
                if not _NOISE.match(line):
                    self._take(_event(line, stream.where))
        except HostBadAnswer:
            self._continuity.tear()
            self._handed = None
            raise
        return bool(lines)

    def _take(self, event: JsonObject) -> None:
        news, gap = self._continuity.take(event)
        if news:
            self._counts["events"] += 1
            self._ears.heard(self._host, event)
        self._handed = self._continuity.last
        self._judge(gap)

    def _judge(self, gap: bool | None) -> None:
        """A verdict on whether anything was lost: everything is to be looked at if so, and if nobody has yet."""
        if gap is None:
            return
        self._counts["gaps"] += gap
        owed, self._owed = self._owed, False
        if gap or owed:
            self._ears.listening(self._host, gap)

    def _answered(self, deaf: HostError | None) -> None:
        """The host has answered; `deaf` is what it does not permit."""
        before, self._reach = self._reach, self._reach.well(self._monotonic())
        self._heard_at = self._now()
        if before.state is not State.WELL or (deaf is None) is not (self._deaf is None):
            self._since_at = self._heard_at
        self._error = None
        new, self._deaf = deaf is not None and self._deaf is None, deaf
        if before.state is State.LOST:
            self._ears.found(self._host)
        if deaf is not None and new:
            self._owed = True
            self._ears.deaf(self._host, deaf)

    def _failed(self, error: HostError) -> float:
        """A session came to nothing, or to its end. Returns how long to wait before the next one."""
        now = self._monotonic()
        before, self._reach = self._reach, self._reach.failed(self._asked_at, now)
        self._error = error
        self._exchanged_at = float("-inf")
        self._counts["breaks"] += before.state is State.WELL
        if self._reach.state is not before.state:
            self._since_at = self._now()
            if self._reach.state is State.LOST:
                self._owed = True
                self._ears.lost(self._host, error)
        return self._reach.wait(self._dice(), now)

    def _between(self, least_and_most: tuple[float, float]) -> float:
        least, most = least_and_most
        return least + (most - least) * self._dice()

    def _pause(self, seconds: float, stop: threading.Event) -> None:
        until = self._monotonic() + seconds
        while not self._over(stop) and (left := until - self._monotonic()) > 0:
            self._closed.wait(min(left, self._pace.stop))

    def _over(self, stop: threading.Event) -> bool:
        return stop.is_set() or self._closed.is_set()

    def _hold(self, stream: EventStream | None) -> None:
        """What `close` is to end from now on."""
        with self._lock:
            self._stream = stream
            if stream is not None and self._closed.is_set():
                stream.end()


def _event(line: bytes, where: str) -> JsonObject:
    """Raises `HostBadAnswer` for what is none."""
    event = answers.parsed(line, where)
    if isinstance(event, dict):
        return event
    raise failures.not_an_engine(where, f"an event that is a {type(event).__name__}")
