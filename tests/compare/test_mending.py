"""What mends a drift, where that is more than a command: a volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.compose import Compose
from lab.engines import Engine

from anchorwatch.compare import compare_host
from anchorwatch.model.desired import PROJECT_DIR
from anchorwatch.model.observed import Container, Volume
from anchorwatch.model.settings import Policy
from tests.compare.make import NOW, container, project, snapshot

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


def from_folder(name: str, folder: str, **more: Any) -> Container:
    """A container of `web` that was deployed from `folder`."""
    labels = {
        "com.docker.compose.project.working_dir": folder,
        "com.docker.compose.project.config_files": f"{folder}/compose.yaml",
    }
    return container(name, "web", labels=labels, **more)


def fix_of(*seen: Container, root: str | None = None) -> str:
    """The command for another memory limit of `web`, which Git has in nas/media."""
    wanted = project(web={"mem_limit": "1g"})
    (comparison,) = compare_host([wanted], [], snapshot(*seen), Policy(root=root)).stacks
    return next(one.fix or "" for one in comparison.findings if one.path == "mem_limit")


def test_the_command_takes_the_files_of_the_repo_though_somebody_ran_compose_elsewhere_since() -> None:
    """Those that the newest container names would be rolled out again, with what is wrong in them."""
    elsewhere = from_folder("media-web-1", "/root/try")
    assert "-f /srv/nas/media/compose.yaml" in fix_of(elsewhere, root="/srv")
    mixed = (from_folder("media-web-1", "/srv/nas/media"), from_folder("media-web-2", "/root/try", created_at=NOW))
    assert "-f /srv/nas/media/compose.yaml" in fix_of(*mixed)
    assert "-f /root/try/compose.yaml" in fix_of(elsewhere), "nobody says where the repo is"


def test_the_command_takes_all_files_of_the_stack_though_somebody_left_one_out() -> None:
    seen = from_folder("media-web-1", "/srv/nas/media")
    wanted = project(web={"mem_limit": "1g"})
    files = ("nas/media/compose.yaml", "nas/media/compose.override.yaml")
    wanted = replace(wanted, stack=replace(wanted.stack, files=files))
    (comparison,) = compare_host([wanted], [], snapshot(seen), Policy()).stacks
    fix = next(one.fix or "" for one in comparison.findings if one.path == "mem_limit")
    assert (
        "--project-directory /srv/nas/media -f /srv/nas/media/compose.yaml -f /srv/nas/media/compose.override.yaml up -d" in fix
    )


def test_the_command_knows_the_files_though_one_container_was_made_without_compose() -> None:
    by_hand = replace(container("media-web-2", "web", created_at=NOW), labels={**container("x", "web").labels})
    assert "-f /srv/nas/media/compose.yaml" in fix_of(from_folder("media-web-1", "/srv/nas/media"), by_hand)


def test_a_relative_bind_is_meant_below_the_configured_root() -> None:
    """Else one who ran Compose in a copy of the folder has an empty one mounted, and nothing is said."""
    wanted = project(web={"volumes": [{"type": "bind", "source": f"{PROJECT_DIR}/etc", "target": "/etc/web"}]})
    mount = {"Type": "bind", "Source": "/root/try/etc", "Destination": "/etc/web", "Mode": "rw", "RW": True}
    seen = snapshot(from_folder("media-web-1", "/root/try", mounts={"/etc/web": mount}))
    (comparison,) = compare_host([wanted], [], seen, Policy(root="/srv")).stacks
    (found,) = [one for one in comparison.findings if one.path == "volumes./etc/web"]
    assert (found.desired, found.observed) == ("/srv/nas/media/etc:/etc/web", "/root/try/etc:/etc/web")
