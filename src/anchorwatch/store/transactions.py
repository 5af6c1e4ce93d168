"""What a transaction is to those outside this room: a value to hand on to its functions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Reading:
    """A transaction that reads."""

    session: Session
    """For this room only."""


@dataclass(frozen=True, slots=True)
class Writing(Reading):
    """A transaction that may write too."""
