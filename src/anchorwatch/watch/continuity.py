"""Whether the events that come go on where the last ones ended. Pure.

An engine keeps its last 256 events, of all kinds, and replays them to who asks for what happened since some time (moby
`daemon/events/events.go`). Asked for the time of the last one that was seen, it must come again: if it does, nothing after it is
missing; if not, nobody knows, and that is a gap. What was seen before is known again, and is news only once.

An engine writes an event down before it hands it out, and two at once may be handed out in another order than they were written
down. So a little more is asked for than is missing. Who begins asks for everything, so that there is a last event to go on from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from anchorwatch.model.values import JsonObject

REMEMBERED = 1024
"""Events that are known again: more than an engine replays at once."""

LOOK_BACK = 2 * 10**9
"""Nanoseconds before the engine's own time (which is exact to a second) from which on events are news to who begins: an engine
answers a moment before it subscribes us, and what happens in between is replayed."""

OVERLAP = 10**9
"""Nanoseconds before the last event from which on they are asked for, where it is known what came before it."""


class Mark(NamedTuple):
    """What tells one event from all others of its engine."""

    at: int
    """Nanoseconds since 1970, by the engine's clock."""
    type: str
    action: str
    """Without what may stand behind a colon: a command line, which may hold secrets."""
    id: str

    @classmethod
    def of(cls, event: JsonObject) -> Mark | None:
        """The mark of an event of `GET /events`; None for one that does not say when it happened."""
        at, actor = event.get("timeNano"), event.get("Actor")
        if not isinstance(at, int) or isinstance(at, bool) or at <= 0:
            return None
        action = str(event.get("Action") or "").partition(":")[0]
        identity = str(actor.get("ID") or "") if isinstance(actor, Mapping) else ""
        return cls(at, _word(event.get("Type")), _word(action), identity)

    @classmethod
    def parse(cls, text: str | None) -> Mark | None:
        """From `str(mark)`; None for anything else."""
        at, *rest = (text or "").split(" ", 3)
        return cls(int(at), *rest) if len(rest) == 3 and re.fullmatch(r"[1-9][0-9]{0,18}", at) else None

    def __str__(self) -> str:
        return " ".join((str(self.at), self.type, self.action, self.id))


def _word(text: object) -> str:
    return "".join(str(text or "").split()) or "-"


@dataclass(slots=True)
class Continuity:
    """What was seen last of one host. Times are seconds of a clock that only goes forward.

    A verdict is True for a gap, False for none, and None while there is no (new) verdict.
    """

    last: Mark | None = None
    replay: float = 2.0
    """Seconds after its beginning within which a stream replays the last event, if it does at all."""
    _floor: int = 0
    """What a first replay tells from before this time, by the engine's clock, is no news."""
    _recent: dict[Mark, None] = field(default_factory=dict)
    _begun: bool = False
    _torn: bool = False
    _awaited: Mark | None = None
    """The event whose replay is awaited; None where there is nothing to decide."""
    _until: float = 0.0

    def __post_init__(self) -> None:
        if self.last is not None:
            self._recent[self.last] = None

    def since(self, at: int | None) -> int | None:
        """From when on to ask for events, in nanoseconds by the engine's clock, where it is now `at`; None: for all there are."""
        if self.last is not None:
            return self.last.at - OVERLAP if self._begun else self.last.at
        return None if at is None or not self._torn else at - LOOK_BACK

    def opened(self, now: float, at: int | None, whole: bool) -> bool | None:
        """A stream begins, where the engine has the time `at`. `whole`: in place of one that was whole until a moment ago."""
        self._floor = 0 if self._begun or self.last is not None or at is None else at - LOOK_BACK
        broken, self._begun = self._begun and not whole, True
        torn, self._torn = self._torn, False
        self._until = now + self.replay
        whole = whole and self._awaited is None  # of what is still awaited there is no telling yet
        self._awaited = None
        if torn or self.last is None:
            return torn or broken
        if whole:
            return False
        self._awaited = self.last
        return None

    def take(self, event: JsonObject) -> tuple[bool, bool | None]:
        """An event: whether it is news, and a verdict."""
        mark = Mark.of(event)
        if mark is None:
            return True, None
        verdict: bool | None = None
        known = mark in self._recent
        old = mark.at < self._floor
        if not old:
            self._floor = 0
        if self._awaited is not None and (mark == self._awaited or (not known and mark.at > self._awaited.at)):
            verdict, self._awaited = mark != self._awaited, None
        if not known:
            self._recent[mark] = None
            self.last = mark
            if len(self._recent) > REMEMBERED:
                del self._recent[next(iter(self._recent))]
        return not (known or old), verdict

    def undecided(self, now: float) -> float | None:
        """Seconds until there will be a verdict at the latest; None where none is awaited."""
        return None if self._awaited is None else max(0.0, self._until - now)

    def due(self, now: float) -> bool | None:
        """The verdict when the replay must be over."""
        if now < self._until:
            return None
        self._floor = 0
        awaited, self._awaited = self._awaited, None
        return None if awaited is None else True

    def tear(self) -> None:
        """Something is lost for certain: there is nothing to go on from."""
        self.last, self._torn = None, True
