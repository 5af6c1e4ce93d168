"""What Compose made of a stack, in the form that may be kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anchorwatch.desired.stand_ins import StandIn


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
