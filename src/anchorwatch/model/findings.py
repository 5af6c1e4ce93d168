"""What a check found: findings (they count), notes (they do not), unknown keys, and how whole the look was.

Every text in here is ready to be shown: secrets have become fingerprints before a finding is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
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


OTHER_SPELLING: Mapping[str, str] = {
    "cpus": "deploy.resources.limits.cpus",
    "mem_limit": "deploy.resources.limits.memory",
    "pids_limit": "deploy.resources.limits.pids",
    "mem_reservation": "deploy.resources.reservations.memory",
    "gpus": "deploy.resources.reservations.devices",
    "restart": "deploy.restart_policy.condition",
}
"""Where else a file may say the same: a container does not show which of the two it was."""
_SHORT: Mapping[str, str] = {long: short for short, long in OTHER_SPELLING.items()}
_FOLDERS = {"configs.": "volumes./", "secrets.": "volumes./run/secrets/"}


def place_of(path: str) -> str:
    """One name for what a file may say at more than one path: `mem_limit` for either spelling of the limit, the target in the
    container for a config, a secret and a volume that lie there, `mac_address` for a service's and its networks'."""
    if path.startswith("networks.") and path.endswith(".mac_address"):
        return "mac_address"
    for prefix, folder in _FOLDERS.items():
        if path.startswith(prefix):
            return folder + path.removeprefix(prefix)
    return _SHORT.get(path, path)


def takes_in(unknown: str, path: str) -> bool:
    """Whether an unknown path takes in another: the path itself, what is below it, and a whole key (a limit below `ulimits` is
    one) that it is a part of."""
    whole = ("." not in path or path.startswith("ulimits.")) and unknown.startswith(path + ".")
    return whole or path == unknown or path.startswith(unknown + ".")


@dataclass(frozen=True)
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

    @cached_property
    def id(self) -> str:
        """The same for the same drift in every run: made from where it is, never from the values.

        Which spelling the file had cannot be told in every run, so all spellings of one place have one ID.
        """
        import hashlib

        name = self.container if self.service is None else None
        path = self.path and place_of(self.path)
        pieces = (self.host, self.project, self.service, name, str(self.number), self.kind.value, path)
        return hashlib.sha256("\0".join(piece or "" for piece in pieces).encode("utf-8", "surrogatepass")).hexdigest()[:12]


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
