"""Looks at a project, with as little to say as possible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from anchorwatch.ledger.decide import Decision, decide
from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.model.drifts import Drift, Transition, Trigger
from anchorwatch.model.findings import Finding
from anchorwatch.model.service import Patience
from tests.store.make import KEY, after, finding

PATIENCES = Patiences(Patience(30.0), Patience(600.0))


def look(seconds: float, *found: Finding, **more: Any) -> Look:
    """A settled look so many seconds after the beginning."""
    given: dict[str, Any] = {"findings": found, "trigger": Trigger.DOCKER_EVENT, "revision": "a" * 40}
    return Look(key=KEY, at=after(seconds), **(given | more))


def blind(seconds: float, **more: Any) -> Look:
    """One that saw nothing: the host was out of reach."""
    return look(seconds, **{"findings": None, **more})


class Book:
    """The drifts of one key, and all that was ever written of them."""

    def __init__(self, patiences: Patiences = PATIENCES) -> None:
        self.patiences = patiences
        self.drifts: dict[str, Drift] = {}
        self.written: list[Transition] = []
        self.last = Decision()

    def sees(self, *looks: Look) -> list[tuple[str | None, str, str]]:
        """What was written of these looks: from, to, reason."""
        before = len(self.written)
        for one in looks:
            self.last = decide(tuple(self.drifts.values()), one, self.patiences)
            self.drifts |= {drift.id: drift for drift in self.last.drifts}
            self.written += self.last.transitions
        return told(self.written[before:])

    def wakes(self) -> datetime | None:
        """When the key is to be looked at again, by the last decision."""
        return self.last.wake_at

    def drift(self, of: Finding | None = None) -> Drift:
        return self.drifts[(of or finding()).id]


def told(transitions: Sequence[Transition]) -> list[tuple[str | None, str, str]]:
    return [(one.from_state, one.to_state, one.reason) for one in transitions]
