"""What brought a drift about, how sure that is, and what speaks for it. Shown, never branched on.

Every text in here is ready to be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from anchorwatch.model.times import timestamp


class CauseKind(StrEnum):
    """What sort of thing it was."""

    COMMIT = "commit"
    """A commit changed what is wanted."""
    DOCKER_UPDATE = "docker-update"
    RECREATED = "recreated"
    """The container was replaced by another one, by Compose or by a tool."""
    ENGINE_RESTART = "engine-restart"
    HOST_REBOOT = "host-reboot"
    OOM = "oom"
    """The kernel killed it for want of memory."""
    CRASH = "crash"
    """It ended by itself, once or again and again, or could not be started."""
    STOPPED = "stopped"
    """Somebody ended or paused it."""
    BY_HAND = "by-hand"
    """Somebody used `docker` (or a tool that works like it): run, removed, renamed, connected, disconnected."""
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure it is."""

    CERTAIN = "certain"
    """Nothing else leaves these traces."""
    LIKELY = "likely"
    """Something else could leave them, too."""
    UNKNOWN = "unknown"
    """It cannot be known; the text says why, as far as that can be told."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of one drift."""

    kind: CauseKind
    confidence: Confidence
    text: str
    """One clause for people: `commit 3f2a91c by Anna: raise memory limit`."""
    by: str | None = None
    """The tool, or the author of the commit, where either is known."""
    commit: str | None = None
    """40 hex."""
    at: datetime | None = None
    """When it happened, by the engine's clock or by the commit."""
    evidence: tuple[str, ...] = ()
    """Short texts: what was seen."""
    behind: int | None = None
    """For a commit: how many of them touched the stack and had not been rolled out when the cause was told, this one included."""

    def as_json(self) -> dict[str, Any]:
        """As the database and the reports have it."""
        return {
            "kind": self.kind.value,
            "confidence": self.confidence.value,
            "text": self.text,
            "by": self.by,
            "commit": self.commit,
            "at": None if self.at is None else timestamp(self.at),
            "evidence": list(self.evidence),
            **({} if self.behind is None else {"behind": self.behind}),
        }
