"""What the children of the kill tests do: drift opens, people are told, as fast as it goes, in virtual time over real HTTP.

They say what they have committed, and nothing before. What arrives is what the endpoint counts.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.model.drifts import DriftState, Transition
from anchorwatch.model.findings import Severity
from anchorwatch.model.messages import Arrival, Bundle, Message, Outcome
from anchorwatch.model.service import Destination, RateLimit
from anchorwatch.model.values import Secret
from anchorwatch.notify import outbox
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Store, deliveries, drifts, transitions
from tests.store import make
from tests.store.make import BEGIN, after
from tests.store.places import Place

Say = Callable[[Any], None]
FAST = RateLimit(9999, 60.0)


def telling(url: str, names: tuple[str, ...]) -> Telling:
    """One lane for each name, which is where it posts to below `url`."""
    return Telling(tuple(Lane(Destination(name, Secret(f"{url}/ok/{name}"), rate_limit=FAST)) for name in names))


def written(bundle: Bundle) -> Message:
    """As little as possible: which transitions it tells of."""
    fields = {"id": bundle.id, "told": [one.transition.id for one in bundle.items], "repeat": bundle.repeat}
    return Message(bundle.id, "title", "text", "text", "text", Severity.WARNING, False, "thread", fields)


def post(url: Secret, message: Message, recipient: str = "", *, timeout: float = 10.0) -> Outcome:
    """A plain POST of what `written` wrote."""
    parts = urlsplit(url.reveal())
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path, json.dumps(message.fields), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except OSError as error:
        return Outcome(Arrival.FAILED, str(error))
    finally:
        connection.close()
    return Outcome(Arrival.ARRIVED if status < 300 else Arrival.FAILED, str(status))


@dataclass
class Clock:
    """Virtual time."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


class Teller:
    """A service that is told of drift and tells people, one step at a time."""

    def __init__(self, store: Store, to: Telling, send: Callable[..., Outcome] = post) -> None:
        self.store, self.to, self.clock, self._ended = store, to, Clock(), threading.Event()
        with store.write() as write:
            deliveries.take_back(write, BEGIN)
        self.dispatcher = Dispatcher(store, to, written, send, clock=self.clock, done=self._ended.set)

    def opens(self, number: int) -> Transition:
        """A drift opens, and it is promised that people are told."""
        at = max(self.clock.now, after(100 * number))
        with self.store.write() as write:
            drift = replace(make.drift(make.finding(f"labels.{number}"), at=at), state=DriftState.OPEN, opened_at=at)
            drifts.save(write, [drift])
            told = make.appeared(drift, at=at, from_state="pending", reason="grace over", episode=number)
            (transition,) = transitions.add(write, [told])
            outbox.promise(write, [transition], self.to, at)
        self.clock.now = at + timedelta(seconds=5)
        return transition

    def tells(self) -> None:
        """Everything that is due goes out."""
        while True:
            self._ended.clear()
            again = self.dispatcher.turn(self.clock.now)
            if self.dispatcher.busy:
                self._ended.wait(30)
            elif again is None:
                return
            elif again > self.clock.now:
                self.clock.now = again


def tell_and_crash(place: Place, url: str, names: tuple[str, ...], number: int, crash_at: str | None, say: Say) -> None:
    """A few drifts open, one after the other; killed on the way, if it says where. What was left before goes out too."""
    if crash_at is not None:
        os.environ["ANCHORWATCH_CRASH_AT"] = crash_at
    with place.open_after_a_kill() as store:
        teller = Teller(store, telling(url, names))
        teller.tells()
        for more in range(begin(place), begin(place) + number):
            say(("committed", teller.opens(more).id))
            teller.tells()


def tell_for_ever(place: Place, url: str, names: tuple[str, ...], say: Say) -> None:
    """Drift opens and is told, until somebody kills it."""
    with place.open_after_a_kill() as store:
        teller = Teller(store, telling(url, names))
        teller.tells()
        for number in itertools.count(begin(place)):
            say(("committed", teller.opens(number).id))
            if number % 2 == 0:
                teller.tells()


def begin(place: Place) -> int:
    """The number of the next drift."""
    return int(place.rows("SELECT count(*) FROM transitions")[0][0]) + 1
