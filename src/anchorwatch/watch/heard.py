"""What was heard of a host and not looked at yet: the events themselves, and what they touched.

A listener puts in and never waits; the host's worker takes out when it looks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from anchorwatch.model.observed import LABEL
from anchorwatch.model.timeline import EventSeen
from anchorwatch.model.values import JsonObject

MOST = 5000
"""Events that are kept until they are written; of a flood beyond it the oldest are counted only."""

STALE_FOR = 0.5
"""Seconds after an event in which an engine may still tell what was so before it."""

DETAILS = ("container", "driver", "execDuration", "exitCode", "image", "oldName", "signal")
"""Attributes that are kept. Labels are among an event's attributes too, and may hold secrets."""

_LATEST = 2**63
"""Nanoseconds since 1970 beyond which no engine counts (Go's `time.UnixNano`)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Touched:
    """What events were about since the last look."""

    containers: frozenset[str] = frozenset()
    """By ID."""
    resources: bool = False
    """Networks or volumes have come, gone or changed."""
    everything: bool = False
    """It was too much to be remembered one by one."""


class Heard:
    """Any thread may call anything. Times are seconds of a clock that only goes forward."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[EventSeen] = deque(maxlen=MOST)
        self._containers: dict[str, float] = {}
        self._resources_at = float("-inf")
        self._flood_at = float("-inf")
        self._unwritten = 0
        self._noted = self._taken_to = self._written_to = 0
        """How many events there were; and of these, counted from the first one on, how many were taken, and are written."""
        self.dropped = 0
        """How many events there were that nobody will read of in history."""

    def note(self, host: str, event: JsonObject, now: float) -> None:
        """An event that hints at something."""
        seen = event_seen(host, event)
        with self._lock:
            if len(self._containers) > MOST:
                self._containers.clear()
                self._flood_at = now
            if event.get("Type") == "container":
                self._containers[seen.actor] = now
            else:
                self._resources_at = now
                container = seen.details.get("container")
                if container:
                    self._containers[container] = now
            full = len(self._events) == MOST
            self.dropped += full
            self._unwritten += not full
            self._noted += 1
            self._events.append(seen)

    def touched(self, began: float) -> Touched:
        """What a look that begins now is to read again. What was heard only a moment ago is to be read again next time, too."""
        with self._lock:
            flood = self._flood_at > float("-inf")
            found = Touched(frozenset(self._containers), self._resources_at > float("-inf"), flood)
            self._containers = {name: at for name, at in self._containers.items() if at + STALE_FOR > began}
            if self._resources_at + STALE_FOR <= began:
                self._resources_at = float("-inf")
            if self._flood_at + STALE_FOR <= began:
                self._flood_at = float("-inf")
            return found

    def again(self, touched: Touched, now: float) -> None:
        """The look came to nothing: what it was to read is to be read by the next one."""
        with self._lock:
            self._containers = dict.fromkeys(touched.containers, now) | self._containers
            if touched.resources:
                self._resources_at = max(self._resources_at, now)
            if touched.everything:
                self._flood_at = max(self._flood_at, now)

    def take_events(self) -> Sequence[EventSeen]:
        """The events since the last time, in order. They are `written`, or `put_back`, before the next ones are taken."""
        with self._lock:
            self._taken_to = self._noted
            events = tuple(self._events)
            self._events.clear()
            return events

    def put_back(self, events: Sequence[EventSeen]) -> None:
        """They could not be written."""
        with self._lock:
            later = tuple(self._events)
            self._events.clear()
            too_many = max(0, len(events) + len(later) - MOST)
            self.dropped += too_many
            self._unwritten -= too_many
            self._events.extend((*events, *later))

    def written(self, events: Sequence[EventSeen]) -> None:
        """They stand in the database."""
        with self._lock:
            self._unwritten -= len(events)
            self._written_to = self._taken_to

    @property
    def noted(self) -> int:
        """How many events there were so far."""
        with self._lock:
            return self._noted

    @property
    def written_to(self) -> int:
        """So many of the first of them a crash would not lose: they are written, or were too many."""
        with self._lock:
            return self._written_to if self._unwritten else self._noted

    @property
    def unwritten(self) -> int:
        """How many events there are that a crash would lose."""
        with self._lock:
            return self._unwritten


def event_seen(host: str, event: JsonObject) -> EventSeen:
    """What is kept of an event of `GET /events`."""
    actor = event.get("Actor")
    actor = actor if isinstance(actor, Mapping) else {}
    attributes = actor.get("Attributes")
    given = attributes.items() if isinstance(attributes, Mapping) else ()
    texts = {name: value for name, value in given if isinstance(value, str)}
    nanoseconds = event.get("timeNano")
    known = nanoseconds if isinstance(nanoseconds, int) and 0 <= nanoseconds < _LATEST else 0
    at = _EPOCH + timedelta(microseconds=known // 1000)
    return EventSeen(
        host=host,
        at=at,
        action=f"{event.get('Type')} {event.get('Action')}".removeprefix("container ").partition(":")[0].strip(),
        actor=str(actor.get("ID") or ""),
        name=texts.get("name"),
        project=texts.get(LABEL + "project"),
        service=texts.get(LABEL + "service"),
        details={name: texts[name] for name in DETAILS if name in texts},
    )
