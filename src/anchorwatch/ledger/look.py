"""What the ledger is told of one check of one key, and how long it is to wait: the arguments of `decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from anchorwatch.model.desired import ProjectKey, UnknownValue
from anchorwatch.model.drifts import Side, Trigger
from anchorwatch.model.findings import Finding
from anchorwatch.model.service import Patience
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Patiences:
    """How long a drift may last before it opens."""

    grace: Patience
    """With what the host brought about, or nobody knows who."""
    rollout: Patience
    """With what a commit brought about, and somebody still has to deploy."""

    def of(self, finding: Finding, side: Side) -> timedelta:
        """For a finding that `side` brought about."""
        return timedelta(seconds=(self.rollout if side is Side.GIT else self.grace).of(finding.host, finding.stack))

    def calm(self, finding: Finding) -> timedelta:
        """How long the host itself gets: the ordinary grace, whatever the side."""
        return timedelta(seconds=self.grace.of(finding.host, finding.stack))


@dataclass(frozen=True, slots=True)
class Look:
    """One check of one key."""

    key: ProjectKey
    at: datetime
    """When it began."""
    trigger: Trigger
    findings: tuple[Finding, ...] | None
    """All that differs in the project; None where nothing could be judged: host out of reach, stack unreadable."""
    settled: bool = True
    """Whether the project had been quiet before. A look right after an event may see what was so before it
    (engine 20.10: up to 116 ms), so it may only begin a drift; it neither opens nor resolves one."""
    revision: str | None = None
    """The stack's revision: the last commit that touched it."""
    moving: bool = False
    """Whether something in the project has changed since the last look, or is still starting: a deploy may be under way."""
    ignored: tuple[Finding, ...] = ()
    """What differs too, and is covered by a standing rule."""
    unknown: tuple[UnknownValue, ...] = ()
    """What could not be judged. `service` None is the project itself; an empty `path` is all of its service (or project)."""
    sides: Mapping[str, Side] = field(default_factory=dict)
    """Which side moved, by the findings' IDs: see `ledger.side`. One that is missing is not known."""
    baseline: bool = False
    """Whether this is the first look of all at the key, or the first one after an upgrade that adds rules: what is found now
    and was not known has been so before, as far as anybody can tell."""
    causes: Mapping[str, JsonObject] = field(default_factory=dict)
    """What brought it about, by the findings' IDs, where that is known."""
