"""The project's name as Compose gives it.

`-p` > COMPOSE_PROJECT_NAME of the environment > that of `.env` > the last file's `name:` > the name of the project's folder
(compose-go cli/options.go and loader/loader.go; tried with Compose 2.40). The last two are normalised; the first ones must be
normal already, and Compose refuses them otherwise. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from anchorwatch.desired import dotenv

VARIABLE = "COMPOSE_PROJECT_NAME"
_FOREIGN = re.compile(r"[^-_a-z0-9]")


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A name and where it is from; None where only Compose can tell it (a variable in it, or a name that it refuses)."""

    name: str | None
    source: Literal["deployer", "environment", "file", "folder"]


def normalised(name: str) -> str:
    """A name as Compose makes it of a folder's: small letters, digits, `-` and `_`, the first one a letter or digit."""
    return _FOREIGN.sub("", name.lower()).lstrip("_-")


def project_name(
    *, folder_name: str, names: Iterable[str | None] = (), environment: Mapping[str, str] | None = None, own: str | None = None
) -> ProjectName:
    """The name of a stack's project.

    `folder_name` is the project folder's own name, `names` the raw `name:` of each file in the order of `-f`, `environment` what
    the deployer sets (and `.env` below it), `own` a name that the deployer gives with `-p`.
    """
    if own:
        return ProjectName(own, "deployer")
    told = (environment or {}).get(VARIABLE)
    if told:
        return ProjectName(told if told == normalised(told) else None, "environment")
    for name in reversed(list(names)):
        if name is not None and "$" in name:
            return ProjectName(None, "file")
        if name is not None and normalised(name):
            return ProjectName(normalised(name), "file")
    return ProjectName(normalised(folder_name) or None, "folder")


def compose_settings(env_file: bytes) -> dict[str, str]:
    """The COMPOSE_… variables of a `.env`, raw: `$` in a value means that only Compose can tell it. {} for a bad file."""
    text = env_file.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    try:
        for statement in dotenv.statements(text):
            if statement.name.startswith("COMPOSE_") and not statement.inherited:
                found[statement.name] = dotenv.raw_value(text, statement)
    except ValueError:
        return {}  # Compose refuses such a file, and the stack's error says so when it is resolved
    return found


def compose_files(settings: Mapping[str, str]) -> list[str] | None:
    """The paths that COMPOSE_FILE names, relative to the folder of the `.env`; None where it is not set or holds variables."""
    told = settings.get("COMPOSE_FILE")
    if not told or "$" in told:
        return None
    return [path for path in told.split(settings.get("COMPOSE_PATH_SEPARATOR") or ":") if path]
