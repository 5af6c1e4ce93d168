"""What a transaction is to those outside this room: a value to hand on to its functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")
MOST_AT_ONCE = 500
"""How many values one statement asks for: databases have a limit, and plans for many are slow."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A transaction that reads."""

    session: Session
    """For this room only."""


@dataclass(frozen=True, slots=True)
class Writing(Reading):
    """A transaction that may write too."""


def batched(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values`, in pieces that one statement may ask for."""
    for begin in range(0, len(values), MOST_AT_ONCE):
        yield values[begin : begin + MOST_AT_ONCE]
