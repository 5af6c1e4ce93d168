"""Deploying Compose projects for real: a Compose of one version on an engine of another, and cleaning up behind them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.api.client import APIClient
from lab.waiting import eventually

from tests.truth.random_projects import ProjectText
from tests.truth.random_values import Surroundings

OUTSIDER = "truth-outsider"
HOLD = "truth/hold:1"
RICH = "truth/rich:1"


class DeploymentFailed(Exception):
    """Compose did not deploy: what it said."""


@dataclass(frozen=True)
class Site:
    """An engine and a Compose to deploy with."""

    docker: str
    """The engine's address: `unix:///path`."""
    compose: Path
    """The program `docker-compose`."""
    folder: Path
    """Where projects are written; the engine sees it under the same path."""

    @cached_property
    def client(self) -> APIClient:
        """The engine's API at the newest version it speaks."""
        return APIClient(base_url=self.docker, version="auto", timeout=60)

    @cached_property
    def api(self) -> tuple[int, int]:
        """The newest version of the API that the engine speaks."""
        major, minor = self.client.version()["ApiVersion"].split(".")
        return int(major), int(minor)

    @cached_property
    def compose_version(self) -> tuple[int, ...]:
        """What `docker-compose version --short` says, as numbers."""
        text = subprocess.run([self.compose, "version", "--short"], capture_output=True, text=True, check=True).stdout
        return tuple(int(piece) for piece in text.strip().lstrip("v").split("-")[0].split("+")[0].split("."))

    @cached_property
    def around(self) -> Surroundings:
        """For the generator."""
        return Surroundings(self.api, self.compose_version, (HOLD, RICH), OUTSIDER)

    @cached_property
    def environment(self) -> dict[str, str]:
        """What Compose runs with: nothing of the tester's own environment but the PATH."""
        home = self.folder / "home"
        (home / "homely").mkdir(parents=True, exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_HOST": self.docker}

    def project_folder(self, text: ProjectText) -> Path:
        """The project's folder, not written yet."""
        return self.folder / text.name

    def outside(self, folder: Path) -> dict[str, str]:
        """What the deployer of the project in `folder` sets."""
        file = folder.with_suffix(".outside")
        found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return found

    def write(self, text: ProjectText) -> Path:
        """Writes the project's files, and nothing else remains in its folder."""
        folder = self.project_folder(text)
        shutil.rmtree(folder, ignore_errors=True)
        for name, content in text.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        folder.with_suffix(".outside").write_text(json.dumps(dict(text.outside)), encoding="utf-8")
        return folder

    def run(self, folder: Path, *arguments: str) -> str:
        """One call of Compose in `folder`; its output. Raises DeploymentFailed with what it complained about."""
        env = self.outside(folder)
        done = subprocess.run(
            [self.compose, "--progress", "plain", *arguments], cwd=folder, env={**self.environment, **env},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "level=warning" not in line]
            raise DeploymentFailed(f"{' '.join(arguments)}: {' / '.join(said[-6:])}")
        return done.stdout

    def prepare(self, text: ProjectText) -> None:
        """Makes what the project takes for granted: external networks and volumes, and a container of nobody's."""
        have = {network["Name"] for network in self.client.networks()}
        for network in set(text.networks) - have:
            self.client.create_network(network)
        for volume in text.volumes:
            self.client.create_volume(volume)
        if not self.client.containers(all=True, filters={"name": f"^/{OUTSIDER}$"}):
            made = self.client.create_container(HOLD, name=OUTSIDER)
            if self.api < (1, 24):
                raise DeploymentFailed(str(made))

    def tag_images(self, folder: Path, image: str = RICH) -> None:
        """Gives `image` every name that the project's services ask for and the engine does not have."""
        have = {tag for one in self.client.images() for tag in one.get("RepoTags") or ()}
        for wanted in set(self.run(folder, "--profile", "*", "config", "--images").split()):
            if wanted not in have and f"{wanted}:latest" not in have:
                repository, colon, tag = wanted.partition("@")[0].rpartition(":")
                if not colon or "/" in tag:
                    repository, tag = wanted.partition("@")[0], "latest"
                self.client.tag(image, repository, tag)

    def create(self, folder: Path, *options: str, files: Sequence[str] = (), profiles: str = "*") -> None:
        """`up --no-start`: every container is made, none is started."""
        chosen = [part for file in files for part in ("-f", file)]
        profile = ["--profile", profiles] if profiles else []
        self.run(folder, *chosen, *profile, "up", "--no-start", "--no-build", "--pull", "never", *options)

    def start(self, folder: Path, services: Sequence[str]) -> None:
        """`up -d` of these services."""
        self.run(folder, "--profile", "*", "up", "--detach", "--no-build", "--pull", "never", "--timeout", "1", *services)

    def containers(self, project: str) -> list[dict[str, Any]]:
        """The project's containers, as the list gives them."""
        found: list[dict[str, Any]] = self.client.containers(all=True, filters={"label": f"com.docker.compose.project={project}"})
        return found

    def remove(self, text: ProjectText) -> None:
        """Takes away the project's containers, networks and volumes, and what was made for it.

        A Compose that failed may leave the engine at work for it: what it makes meanwhile is taken away as well.
        """
        eventually(lambda: self._removed(text), within=20, what=f"{text.name} is gone")

    def _removed(self, text: ProjectText) -> bool:
        try:
            self._remove(text)
        except docker.errors.APIError as problem:
            if problem.status_code in {403, 404, 409}:
                return False
            raise
        return not self.containers(text.name)

    def _remove(self, text: ProjectText) -> None:
        identifiers = [container["Id"] for container in self.containers(text.name)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda one: self.client.remove_container(one, force=True, v=True), identifiers))
        mine = {"label": f"com.docker.compose.project={text.name}"}
        for network in self.client.networks(filters=mine):
            self.client.remove_network(network["Id"])
        have = {network["Name"] for network in self.client.networks()}
        for name in have & set(text.networks):
            self.client.remove_network(name)
        for volume in self.client.volumes(filters=mine)["Volumes"] or ():
            self._remove_volume(volume["Name"])
        for name in text.volumes:
            self._remove_volume(name)

    def _remove_volume(self, name: str) -> None:
        """Removes the volume; one that the engine holds for a container it could not make stays, and harms nobody."""
        try:
            self.client.remove_volume(name)
        except docker.errors.APIError as problem:
            if problem.status_code not in {404, 409}:
                raise

    @contextmanager
    def deployed(self, text: ProjectText) -> Iterator[Path]:
        """The project, written and created on the engine; gone afterwards."""
        folder = self.write(text)
        try:
            self.prepare(text)
            self.tag_images(folder)
            self.create(folder)
            yield folder
        finally:
            self.remove(text)
            shutil.rmtree(folder, ignore_errors=True)


def inspect_lines(site: Site, name: str) -> str:
    """`inspect` of one container, for a report of a failure."""
    return json.dumps(site.client.inspect_container(name), indent=1)
