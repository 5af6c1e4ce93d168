"""What the names of files and folders tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired import names
from tests.desired.trees import service, write

DEFAULTS = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
OVERRIDES = ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"]


@pytest.mark.parametrize("which", ["oldest_compose", "newest_compose"])
def test_the_files_that_compose_itself_takes(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """One file after the other is taken away; each time real Compose says which ones it reads."""
    compose: Compose = request.getfixturevalue(which)
    there = [*DEFAULTS, *OVERRIDES]
    write(tmp_path, {name: service("a", labels={"default": name}) for name in DEFAULTS})
    write(tmp_path, {name: service("a", labels={"override": name}) for name in OVERRIDES})
    while any(name in there for name in DEFAULTS):
        labels = compose.config(tmp_path)["services"]["a"]["labels"]
        assert names.chosen(there) == tuple(labels.values())
        gone = labels.get("override", labels["default"]) if len(there) > 5 else there[0]
        (tmp_path / gone).unlink()
        there.remove(gone)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["docker-compose.yaml", "docker-compose.yml"], ("docker-compose.yml",)),
        (["Docker-Compose.yml"], ("Docker-Compose.yml",)),
        (["COMPOSE.YAML", "docker-compose.YML"], ("COMPOSE.YAML",)),
        (["Compose.yaml", "docker-compose.yml"], ("docker-compose.yml",)),
        (["compose.override.yml"], ()),
        (["stack.yml", "my-compose.yml"], ()),
        ([], ()),
    ],
)
def test_capitals_and_other_names(there: list[str], expected: tuple[str, ...]) -> None:
    assert names.chosen(there) == expected


@pytest.mark.parametrize(
    "name", ["compose.yml", "docker-compose-pi5.yml", "compose.prod.yaml", "plex.docker-compose.yml", "COMPOSE.YML"]
)
def test_names_of_compose_files(name: str) -> None:
    assert names.looks_like_compose(name)


@pytest.mark.parametrize("name", ["compose.yml.j2", "decompose.yml", "composer.yaml", "stack.yml", "compose", "compose.json"])
def test_names_of_other_files(name: str) -> None:
    assert not names.looks_like_compose(name)


@pytest.mark.parametrize(
    ("name", "host", "rest"),
    [
        ("docker-compose-pi5.yml", "pi5", ""),
        ("docker-compose-pi5-media.yml", "pi5", "media"),
        ("media.pi5.compose.yaml", "pi5", "media"),
        ("plex.yml", "pi5", "plex"),
        ("compose.nas-2.yml", "nas-2", ""),
        ("docker-compose.yml", None, ""),
        ("Docker-Compose-Media.yml", None, "Media"),
    ],
)
def test_what_is_left_of_a_name(name: str, host: str | None, rest: str) -> None:
    assert names.telling_rest(name, host) == rest


def test_hosts_in_names() -> None:
    assert names.mentions("pi5-stacks", "pi5")
    assert names.mentions("compose.nas-2.yml", "NAS-2")
    assert not names.mentions("pi50-stacks", "pi5")
    assert not names.mentions("stacks", "")
    assert names.owner("compose.nas-2.yml", ["nas", "nas-2"]) == "nas-2"
    assert names.owner("compose.nas.yml", ["nas", "nas-2"]) == "nas"
    assert names.owner("docker-compose.yml", ["docker", "compose"]) is None


@pytest.mark.parametrize(
    "path",
    [
        "archive/plex/compose.yml", "pi5/old/plex/compose.yml", "_archived/x/compose.yml", "plex.disabled/compose.yml",
        "pi5/plex/compose.yml.bak", "old-stuff/x/compose.yml", "plex-deprecated/compose.yml", "docker-compose.old.yml",
        "plex/docker-compose.yml~",
    ],
)  # fmt: skip
def test_archives(path: str) -> None:
    assert names.is_archived(path)


@pytest.mark.parametrize(
    "path",
    [
        "backup/compose.yml", "backup/restic/compose.yml", "archivebox/compose.yml", "threshold/compose.yml",
        "trash-guides/compose.yml",
        "pi5/golden/compose.yml", "archive-team/compose.yml",
    ],
)  # fmt: skip
def test_no_archives(path: str) -> None:
    assert not names.is_archived(path)


def test_a_backup_of_something_that_is_there_is_one() -> None:
    assert names.is_archived("backup/plex/compose.yml", known=["plex"])
    assert not names.is_archived("backup/compose.yml", known=["backup"])


def test_what_the_config_spells_out_is_meant() -> None:
    assert not names.is_archived("old/plex/compose.yml", spelled=1)
    assert names.is_archived("old/plex.bak/compose.yml", spelled=1)
    assert not names.is_template("examples/plex/compose.yml", spelled=1)


@pytest.mark.parametrize(
    "path", ["x/compose.yml.j2", "compose.yml.tmpl", "templates/x/compose.yml", "x/compose.example.yml", "_examples/compose.yml"]
)
def test_templates(path: str) -> None:
    assert names.is_template(path)
