"""What mends a drift, where that is more than a command: a volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab.compose import Compose
from lab.engines import Engine

from anchorwatch.compare import compare_host
from anchorwatch.model.observed import Volume
from anchorwatch.model.settings import Policy
from tests.compare.make import container, project, snapshot

FILE = """\
services:
  web:
    image: hold:1
    container_name: web
    volumes: [data:/data]
volumes:
  data:
    labels: {backup: weekly}
"""


def test_of_a_volume_that_differs_it_is_said_what_mending_costs() -> None:
    wanted = replace(
        project(web={"volumes": [{"type": "volume", "source": "data", "target": "/data"}]}),
        volumes={"data": {"name": "media_data", "labels": {"backup": "weekly"}}},
    )
    seen = snapshot(container("media-web-1", "web"), volumes=(Volume("media_data", "local", {"backup": "daily"}, {}),))
    (comparison,) = compare_host([wanted], [], seen, Policy()).stacks
    found = next(one for one in comparison.findings if one.path == "volumes.data.labels.backup")
    assert found.fix is None, "no command may be copied that deletes data"
    assert "daily, Git says weekly" in found.message
    assert "copy its data first" in found.message


def test_how_compose_treats_a_volume_that_differs_and_how_its_data_are_kept(
    emptied_new_engine: Engine, newest_compose: Compose, tmp_path: Path
) -> None:
    """What `docs/findings.md` says, done on a real engine."""
    engine, compose, docker = emptied_new_engine, newest_compose, emptied_new_engine.docker
    folder = tmp_path / "mealie"
    folder.mkdir()
    file = folder / "compose.yml"
    file.write_text(FILE)

    def state() -> tuple[str, str]:
        label = docker("volume", "inspect", "--format", '{{index .Labels "backup"}}', "mealie_data")
        return docker("exec", "web", "ls", "/data").strip(), label.strip()

    def copy(one: str, other: str) -> None:
        mounts = ("--volume", f"{one}:/from:ro", "--volume", f"{other}:/to")
        docker("run", "--rm", *mounts, "--entrypoint", "/bin/busybox", "hold:1", "cp", "-a", "/from/.", "/to/")

    compose.up(folder, engine)
    docker("exec", "web", "touch", "/data/precious")
    file.write_text(FILE.replace("weekly", "daily"))
    compose.run(folder, "up", "--detach", engine=engine)
    assert state() == ("precious", "weekly"), "it asks, and takes silence for a no"
    compose.run(folder, "stop", engine=engine)
    copy("mealie_data", "mealie_keep")
    compose.run(folder, "down", engine=engine)
    docker("volume", "rm", "mealie_data")
    compose.run(folder, "up", "--no-start", engine=engine)
    copy("mealie_keep", "mealie_data")
    compose.run(folder, "up", "--detach", engine=engine)
    assert state() == ("precious", "daily")
    file.write_text(FILE.replace("weekly", "never"))
    compose.run(folder, "up", "--detach", "--yes", engine=engine)
    assert state() == ("", "never"), "what -y does"
