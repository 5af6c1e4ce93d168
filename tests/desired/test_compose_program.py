"""Finding Compose, and keeping it in: versions, limits, walls."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from lab.compose import Compose as LabCompose

from anchorwatch.desired.compose import Compose, find_compose, run
from anchorwatch.desired.walls import walls
from anchorwatch.errors import ComposeError, StackError


def program(folder: Path, body: str, name: str = "docker-compose") -> Path:
    """A small program that stands for Compose where the real one cannot be made to behave so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    for above in (folder, folder.parent, folder.parent.parent):
        above.chmod(0o755)
    return path


def asked(path: Path, folder: Path, *arguments: str, deadline: float = 10.0, **values: str) -> str | None:
    return run(Compose((str(path),), "2.40.0"), arguments, folder=folder, home="/nowhere", values=values, deadline=deadline).out


def test_the_plugin_is_found_where_docker_looks_for_it(tmp_path: Path, newest_compose: LabCompose) -> None:
    plugins = tmp_path / ".docker/cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(newest_compose.program)
    found = find_compose(environ={"HOME": str(tmp_path), "PATH": "/nowhere"})
    assert found.command == (str(plugins / "docker-compose"),)
    assert found.version.startswith(newest_compose.version)
    elsewhere = find_compose(environ={"DOCKER_CONFIG": str(tmp_path / ".docker"), "HOME": "/nowhere", "PATH": "/nowhere"})
    assert elsewhere == found


def test_a_program_on_the_path_will_do(tmp_path: Path, newest_compose: LabCompose) -> None:
    folder = newest_compose.folder
    assert find_compose(environ={"HOME": "/nowhere", "PATH": str(folder)}).command[0].startswith(str(folder))


def test_the_oldest_supported_one_is_accepted(oldest_compose: LabCompose) -> None:
    assert find_compose(str(oldest_compose.program)).version.startswith("2.26")


@pytest.mark.parametrize(
    ("said", "words"),
    [("2.25.0", "2.26 is needed"), ("1.29.2", "2.26 is needed"), ("v2.3.3", "2.26 is needed"), ("hello", "is no Docker Compose")],
)
def test_one_that_is_too_old_or_none_is_refused_with_what_to_do(said: str, words: str, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", f"echo {said}")
    with pytest.raises(ComposeError, match=words) as raised:
        find_compose(str(path))
    assert raised.value.hint


@pytest.mark.parametrize("said", ["2.26.0", "2.40.3-desktop.1", "v5.0.0", "2.100.1"])
def test_newer_ones_are_accepted(said: str, tmp_path: Path) -> None:
    assert find_compose(str(program(tmp_path / "bin", f"echo {said}"))).version == said


def test_no_compose_at_all(tmp_path: Path) -> None:
    with pytest.raises(ComposeError) as raised:
        find_compose(str(tmp_path / "none"))
    assert raised.value.hint


def test_the_version_is_asked_once_for_each_program(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", f"echo x >> {tmp_path}/asked; echo 2.30.0")
    for _ in range(3):
        assert find_compose(str(path), tmp_path).version == "2.30.0"
    assert (tmp_path / "asked").read_text() == "x\n"
    path.write_text(path.read_text().replace("2.30.0", "2.31.00"))
    assert find_compose(str(path), tmp_path).version == "2.31.00"


def test_nothing_of_our_environment_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "c4n4ry")
    out = asked(program(tmp_path / "bin", "/usr/bin/env"), tmp_path, GIVEN="1")
    assert out is not None
    assert {line.partition("=")[0] for line in out.splitlines()} <= {
        "GIVEN", "HOME", "PWD", "SHLVL", "_", "OLDPWD", "DOCKER_CONFIG", "COMPOSE_ANSI",
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE", "COMPOSE_EXPERIMENTAL_OCI_REMOTE", "GOGC", "GOMEMLIMIT",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("sleep 60", "too_large"),
        ("sleep 60 & wait", "too_large"),
        ("exec /usr/bin/head -c 20000000 /dev/zero", "too_large"),
        ("/usr/bin/python3 -c 'bytearray(3_000_000_000)' 2>/dev/null || { echo out of memory >&2; exit 2; }", "too_large"),
    ],
)
def test_limits_end_it_with_all_that_it_started(body: str, kind: str, tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(StackError) as raised:
        asked(program(tmp_path / "bin", body), tmp_path, deadline=1.0)
    assert raised.value.kind == kind
    assert time.monotonic() - before < 8


def test_what_it_was_waited_with_is_given_back(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", 'echo "$1"; exit "$2"')
    open_before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert asked(path, tmp_path, "well", "0") == "well\n"
    assert asked(path, tmp_path, "ill", "3") is None
    assert sorted(os.listdir("/proc/self/fd")) == open_before  # noqa: PTH208


def test_every_wall_stands_or_says_why_not() -> None:
    for wall in walls():
        assert wall.stands == (not wall.missing)
        assert wall.stands == bool(wall.command)


def test_behind_the_walls_there_is_no_network_and_nothing_to_own(tmp_path: Path) -> None:
    standing = {wall.name for wall in walls() if wall.stands}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        visit = f'import socket; socket.create_connection(("127.0.0.1", {port}), 2); print(1)'
        probe = f"exec /usr/bin/python3 -c '{visit}' 2>/dev/null"
        reached = asked(program(tmp_path / "bin", probe), tmp_path)
    assert (reached is None) == ("no network" in standing)
    path = program(tmp_path / "two", "/usr/bin/id -u")
    # pytest's own folders are closed to others, and then the wall gives way for the program.
    given_way = not {wall.name: wall for wall in walls(str(path), str(tmp_path))}["unprivileged account"].stands
    assert asked(path, tmp_path) == (f"{os.geteuid()}\n" if given_way else "65534\n")
