"""A repo that means harm: nothing outside is read, nobody is asked, all of it is bounded, and the rest is judged."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired.cache import Cache
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.repo import open_repo
from anchorwatch.desired.state import read_state
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState
from anchorwatch.model.settings import HostLayout
from anchorwatch.model.values import Json, Secret, Template
from tests.desired.trees import git, repo

CANARY = "c4n4ry"
GOOD = "services: {web: {image: 'web:1', environment: {A: '1'}}}\n"


class Listener:
    """A loopback port that remembers whether anybody came."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.socket.close()


def bomb() -> str:
    """The nested aliases that took Compose 64 s and 4.2 GB."""
    lines = ["x-a: &a0 [" + ",".join(["lol"] * 9) + "]"]
    lines += [f"x-{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 10)]
    return "\n".join([*lines, GOOD])


def hostile(decoy: Path, port: int) -> dict[str, str]:
    """Compose files that want what is not theirs, by stack."""
    service = "services: {web: {image: 'web:1', %s}}\n"
    deep = "x: " + "[" * 1200 + "]" * 1200 + "\n" + GOOD
    return {
        "env_absolute": service % f"env_file: {decoy}/outside.env",
        "env_above": service % f"env_file: ../../../../../../../..{decoy}/outside.env",
        "env_link": service % "env_file: link.env",
        "env_home": service % "env_file: ~/outside.env",
        "env_variable": "services: {web: {image: 'web:1', env_file: '${WHERE:-" + str(decoy) + "}/outside.env'}}\n",
        "label_absolute": service % f"label_file: {decoy}/outside.env",
        "environment_of_ours": service % "environment: [HOSTILE_CANARY, 'X=${HOSTILE_CANARY}', PATH]",
        "include_absolute": f"include: ['{decoy}/outside.yml']\n" + GOOD,
        "include_above": f"include: ['../../../../../../../..{decoy}/outside.yml']\n" + GOOD,
        "include_link": "include: [link.yml]\n" + GOOD,
        "include_env": f"include: [{{path: ok.yml, env_file: {decoy}/outside.env}}]\n",
        "include_project": f"include: [{{path: ok.yml, project_directory: {decoy}}}]\n",
        "include_git": f"include: ['http://127.0.0.1:{port}/x.git#main:y']\n" + GOOD,
        "include_oci": f"include: ['oci://127.0.0.1:{port}/x:1']\n" + GOOD,
        "include_ssh": "include: ['git@127.0.0.1:x/y.git']\n" + GOOD,
        "include_merged": f"x-i: &i {{include: ['http://127.0.0.1:{port}/x.git']}}\n<<: *i\n" + GOOD,
        "extends_absolute": service % f"extends: {{file: {decoy}/outside.yml, service: web}}",
        "extends_git": service % f"extends: {{file: 'http://127.0.0.1:{port}/x.git', service: web}}",
        "extends_deep": service % "extends: {file: sub/one.yml, service: one}",
        "bomb": bomb(),
        "deep": deep,
        "wide": GOOD + "".join(f"x-{n}: {n}\n" for n in range(200_000)),
        "loop": "include: [compose.yml]\n" + GOOD,
        "binary": "services: \x01\n",
        "dollars": "services: {web: {image: '${X', environment: {A: '${}'}}}\n",
        "self": "a: &a [*a]\n" + GOOD,
        "cycle": "services: {a: {image: a, extends: b}, b: {image: b, extends: a}}\n",
    }


def leaves(value: Json) -> Iterator[str]:
    """Every text in it, laid open."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield str(key)
            yield from leaves(below)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Template):
        yield from (part if isinstance(part, str) else part.reveal() if isinstance(part, Secret) else "" for part in value.parts)
    else:
        yield str(value)


@pytest.fixture
def state(tmp_path: Path, newest_compose: Compose, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> DesiredState:
    monkeypatch.setenv("HOSTILE_CANARY", CANARY)
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "outside.env").write_text(f"CANARY={CANARY}\n")
    (decoy / ".env").write_text(f"IMG={CANARY}\n")
    (decoy / "outside.yml").write_text(f"services: {{web: {{image: {CANARY}}}, other: {{image: {CANARY}}}}}\n")
    files = {f"{name}/compose.yml": text for name, text in hostile(decoy, listener.port).items()}
    files |= {
        "include_env/ok.yml": "services: {ok: {image: '${CANARY:-x}'}}\n",
        "include_project/ok.yml": "services: {ok: {image: '${IMG:-x}'}}\n",
    }
    files["extends_deep/sub/one.yml"] = (
        f"services: {{one: {{image: one, extends: {{file: '{decoy}/outside.yml', service: web}}}}}}\n"
    )
    files["good/compose.yml"] = GOOD
    folder = repo(tmp_path / "repo", files)
    (folder / "env_link/link.env").symlink_to(decoy / "outside.env")
    (folder / "include_link/link.yml").symlink_to(decoy / "outside.yml")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "links")
    compose = find_compose(str(newest_compose.program))
    before = time.monotonic()
    state = read_state(open_repo(folder), [HostLayout("host", ("*",))], compose=lambda: compose, cache=Cache(tmp_path / "cache"))
    assert time.monotonic() - before < 60
    return state


def project(state: DesiredState, name: str) -> DesiredProject:
    return next(project for project in state.projects if project.stack.folder == name)


def broken(state: DesiredState, name: str) -> BrokenStack:
    return next(one for one in state.broken if one.stack.folder == name)


def test_a_hostile_repo(state: DesiredState, listener: Listener, tmp_path: Path) -> None:
    assert project(state, "good").services["web"].config["image"] == "web:1"
    kinds = {one.stack.folder: one.error.kind for one in state.broken}
    assert kinds == {
        "include_absolute": "outside_repo",
        "include_above": "outside_repo",
        "include_link": "outside_repo",
        "include_env": "outside_repo",
        "include_project": "outside_repo",
        "include_git": "remote_include",
        "include_oci": "remote_include",
        "include_ssh": "remote_include",
        "include_merged": "remote_include",
        "extends_absolute": "outside_repo",
        "extends_git": "remote_include",
        "extends_deep": "outside_repo",
        "bomb": "too_large",
        "deep": "too_large",
        "wide": "too_large",
        "loop": "bad_schema",
        "binary": "bad_yaml",
        "dollars": "bad_schema",
        "self": "bad_yaml",
        "cycle": "bad_schema",
    }
    for one in state.broken:
        assert one.error.hint
        assert CANARY not in one.error.message
        assert "anchorwatch-" not in one.error.message, "a path of our own must not be shown"
    for name in ("env_absolute", "env_above", "env_link", "env_home", "env_variable"):
        assert [entry.path for entry in project(state, name).services["web"].unknown] == ["environment.*"]
    assert [entry.path for entry in project(state, "label_absolute").services["web"].unknown] == ["labels.*"]
    ours = project(state, "environment_of_ours").services["web"]
    assert {entry.path for entry in ours.unknown} == {"environment.HOSTILE_CANARY", "environment.X", "environment.PATH"}
    for found in state.projects:
        texts = [text for service in found.services.values() for text in leaves(service.config)]
        texts += [entry.because for service in found.services.values() for entry in service.unknown]
        assert not [text for text in texts if CANARY in text and "HOSTILE" not in text]
    assert listener.visits == 0
    for kept in (tmp_path / "cache").iterdir():
        assert CANARY.encode() not in kept.read_bytes() or b"HOSTILE" in kept.read_bytes()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 512 * 1024
