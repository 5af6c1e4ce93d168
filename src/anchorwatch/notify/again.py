"""How a message is called, and when it is tried again. Pure.

A message's ID holds the moment at which it was put together, and what it is for; so it sorts by time, and an attempt after a
crash needs nothing but the ID to be the same message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from anchorwatch.model.messages import Occasion

GIVE_UP_AFTER = timedelta(hours=24)
FEWEST_ATTEMPTS = 10
"""A message that has not arrived by then, and after so many attempts (more than an hour of them), is given up, and the next one
that arrives says so. A day passes at once for a machine that was off, or whose clock was set."""
MOST_REFUSALS = 5
"""So often is a message sent as it is that the service refuses; then once more, short and plain."""
SHORTEST, LONGEST = 10.0, 3600.0
"""Seconds between two attempts, the first and the last ones."""

CALMED = "calmed"
"""Of a message about what was flapping: it has calmed."""

_LETTERS = {one.value: one.value[0] for one in Occasion} | {CALMED: "c"}
_OCCASIONS = {letter: word for word, letter in _LETTERS.items()}
_REFUSED = re.compile(r"refused (\d+) times?")


def message_id(what: str, at: datetime, dice: Callable[[], float]) -> str:
    """`n-0192f8c41a2b-5e31c08fa2d4`: an occasion's word (or `CALMED`), milliseconds since 1970, and a random number."""
    return f"{_LETTERS[what]}-{int(at.timestamp() * 1000):012x}-{int(dice() * 0x1000000000000):012x}"


def made_for(message: str) -> tuple[Occasion, bool]:
    """What a message is for, and whether it says that something has calmed."""
    word = _OCCASIONS[message[0]]
    return (Occasion.FLAPPING, True) if word == CALMED else (Occasion(word), False)


def made_at(message: str) -> datetime:
    """When it was put together."""
    return datetime.fromtimestamp(int(message.split("-")[1], 16) / 1000, UTC)


def pause(attempt: int, dice: Callable[[], float], asked_for: float | None = None) -> timedelta:
    """How long to wait after so many attempts: 10 s, twice as long each time, an hour at most, a quarter more or less by `dice`.
    At least as long as the service asked for, but never more than an hour."""
    by_count = SHORTEST * 2.0 ** min(attempt - 1, 10) * (0.75 + dice() / 2)
    return timedelta(seconds=min(LONGEST, max(SHORTEST, by_count, asked_for or 0.0)))


def refused(times: int) -> str:
    """The reason of a delivery that was refused so often."""
    return f"refused {times} time{'' if times == 1 else 's'}"


def refusals(reason: str | None) -> int:
    """How often it was refused, by its reason."""
    found = _REFUSED.fullmatch(reason or "")
    return int(found[1]) if found else 0
