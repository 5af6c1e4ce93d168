"""What a check found: findings (they count), notes (they do not), unknown keys, and how whole the look was.

Every text in here is ready to be shown: secrets have become fingerprints before a finding is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.model.desired import Stack, UnknownValue


class Kind(StrEnum):
    """What sort of drift it is."""

    MISSING = "missing"
    UNMANAGED = "unmanaged"
    CHANGED = "changed"


class Severity(IntEnum):
    """By blast radius; ordered."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference at one path."""

    host: str
    kind: Kind
    message: str
    severity: Severity = Severity.WARNING
    stack: str | None = None
    project: str | None = None
    service: str | None = None
    container: str | None = None
    """The container's name on the host, or the one it should have."""
    number: int = 1
    """Which replica of its service."""
    path: str | None = None
    desired: str | None = None
    observed: str | None = None
    fix: str | None = None

    @property
    def id(self) -> str:
        """The same for the same drift in every run: made from where it is, never from the values."""
        import hashlib

        name = self.container if self.service is None else None
        place = (self.host, self.project, self.service, name, str(self.number), self.kind.value, self.path)
        return hashlib.sha256("\0".join(piece or "" for piece in place).encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Note:
    """True, useful, and no drift."""

    service: str | None
    path: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a check of one stack."""

    stack: Stack
    project: str
    revision: str | None
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    unknown: tuple[UnknownValue, ...] = ()
    ignored: tuple[Finding, ...] = ()
    judged: bool = True
    """Whether anything of it could be; `unknown` says why not."""
