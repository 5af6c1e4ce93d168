"""The one place that waits: it polls a condition, and gives up at a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 10.0, what: str = "", every: float = 0.02) -> T:
    """The first truthy value of `condition`, asked every `every` seconds for at most `within` seconds.

    Raises LabError naming `what` (else the condition itself) and the last value, when the time is over.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise LabError(f"{name}: not within {within:g} s; the last value was {value!r}")
        time.sleep(every)
