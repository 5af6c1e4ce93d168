"""Real Compose v2, the oldest and the newest, run against an engine of the lab."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from lab import tools
from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lab.engines import Engine


class Compose:
    """One version of Compose, with an environment of its own: nothing of the user's Docker settings counts."""

    def __init__(self, version: tools.ComposeRole = "newest") -> None:
        self.build = tools.compose(version)

    @property
    def version(self) -> str:
        """For example `2.40.3`."""
        return self.build.version

    @property
    def program(self) -> Path:
        """The program itself, to be called without `docker`."""
        return self.build.program

    @property
    def folder(self) -> Path:
        """To put on PATH (`docker`, `docker-compose`) or into $DOCKER_CONFIG (`docker compose`)."""
        return self.build.folder

    def run(
        self,
        project_folder: Path,
        *arguments: str,
        engine: Engine | None = None,
        files: Sequence[str | Path] = (),
        project: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """What Compose prints for `ARGUMENTS` in this folder. Raises LabError with its words where it fails."""
        argv: list[str | Path] = [self.program]
        argv += ["--project-name", project] if project else []
        argv += [part for file in files for part in ("--file", file)]
        own = {"PATH": f"{self.folder}:{tools.SYSTEM_PATH}", "HOME": "/nonexistent", "COMPOSE_STATUS_STDOUT": ""}
        own["DOCKER_HOST"] = engine.url if engine else "unix:///nonexistent/docker.sock"
        done = subprocess.run(
            [*argv, *arguments],
            cwd=project_folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=own | dict(environment or {}),
        )
        if done.returncode:
            shown = " ".join(arguments)
            raise LabError(f"`docker compose {shown}` in {project_folder}: {done.stderr.strip()[-1500:]}")
        return done.stdout

    def up(self, project_folder: Path, engine: Engine, *more: str, **options: Any) -> None:
        """`up -d`, without waiting for anything but the start of the containers."""
        self.run(project_folder, "up", "--detach", "--quiet-pull", *more, engine=engine, **options)

    def down(self, project_folder: Path, engine: Engine, *more: str, **options: Any) -> None:
        """`down`, with the volumes and whatever else carries the project's name."""
        arguments = ("down", "--volumes", "--remove-orphans", "--timeout", "2", *more)
        self.run(project_folder, *arguments, engine=engine, **options)

    def config(self, project_folder: Path, **options: Any) -> dict[str, Any]:
        """The resolved project, as `config --format json` gives it."""
        parsed: dict[str, Any] = json.loads(self.run(project_folder, "config", "--format", "json", **options))
        return parsed

    def images(self, project_folder: Path, **options: Any) -> list[str]:
        """The image names the project asks for, every profile counted."""
        said = self.run(project_folder, "--profile", "*", "config", "--images", **options)
        return sorted(set(said.split()))
