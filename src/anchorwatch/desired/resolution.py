"""What Compose made of a stack, in the form that may be kept on disk: values from outside Git replaced by stand-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OF_THE_DEPLOYER = frozenset(
    {
        "HOME", "USER", "LOGNAME", "PWD", "OLDPWD", "PATH", "SHELL", "HOSTNAME", "LANG", "TERM", "TMPDIR", "EDITOR", "DISPLAY",
        "MAIL", "SUDO_USER", "SUDO_UID", "SUDO_GID", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
    }
)  # fmt: skip
"""Names that the shell of whoever deployed sets, before any `.env`: never known from Git (Compose: the environment wins)."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """What one literal stands for."""

    variable: str
    """The variable's name; for what an env file from outside sets, the name that it sets."""
    outside: bool
    """Known from outside Git; else set nowhere."""
    expression: str = ""
    """For a known one: the raw text whose value it is."""
    scope: int = 0
    source: str = ""
    """The env file that sets it, where it is not interpolated."""
    splits: bool = False
    """It stood where Compose splits a text into words, so that it may become any number of them."""
    because: str = ""
    """Why it is not known, where "is set nowhere" is not the reason."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A key of a service (or of the project) that hangs on a variable without showing it."""

    file: str
    service: str | None
    path: str
    variable: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What Compose made of a stack, values from outside Git replaced by stand-ins."""

    out: str
    """Compose's JSON as it printed it."""
    root: str
    """Where the repo lay for that run."""
    home: str
    folder: str
    letters: str
    found: dict[str, dict[str, Any]]
    marks: list[list[str | None]]
    """[service or None, path, variable]"""
    names: list[str]
    """Every variable that the files use."""
    given: list[str]
    """Those of them that were known from outside Git."""
    digest: str
    """The keyed hash of their values."""
    scopes: list[dict[str, str]]
    looked_at: dict[str, str | None]
    env_files: list[str]
    """Why each missing env file is missing, in order; blank for one that is there."""
    env_names: list[str]
    """What the env files set, and no `environment:` does."""
    label_files: dict[str, list[str]]
    opened: dict[str, list[str]]
    encrypted: list[str]
    dotenv: str
    """Where the project's `.env` would be."""
    profiles: str
    """COMPOSE_PROFILES as the repo's `.env` sets it."""
    compose: str
    veiled: list[str] = field(default_factory=list)
    """Values that Git itself tells, and not to be shown wherever they come out: those of variables whose name says secret."""
    name: str = ""
    """The raw `name:` where a variable that is set nowhere stands in it; the name in `out` is then that of the folder."""
    whole: bool = True
    """Whether putting the real values in gives just what Compose makes of them."""

    @property
    def stand_ins(self) -> dict[str, StandIn]:
        """Literal -> what it stands for."""
        return {literal: StandIn(**stand_in) for literal, stand_in in self.found.items()}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolution, and Compose's JSON with the real values where putting them in afterwards is not enough."""

    resolution: Resolution
    real: str | None = None
