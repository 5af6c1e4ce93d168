"""Following a remote repository: a real forge on loopback, one that hangs, a real sshd, and what a mirror may suffer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab import tools
from lab.compose import Compose
from lab.ssh import SshHost

from anchorwatch.desired.mirror import mirror_place, open_mirror
from anchorwatch.errors import GitAuthError, GitFailed, RevisionNotFound
from anchorwatch.model.settings import RepoSource
from tests.desired.forge import Forge, forge
from tests.desired.trees import commit, git, repo
from tests.lab_fixtures import eventually
from tests.watch.following import STACKS, Follower, follower, sources

SECRET = "canary-77aa-token"


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "served" / "ops", STACKS)


@pytest.fixture
def served(ops: Path) -> Iterator[Forge]:
    with forge(ops.parent, user="x-access-token", password=SECRET) as made:
        yield made


@pytest.fixture
def one(served: Forge, tmp_path: Path, newest_compose: Compose) -> Follower:
    """Turn by turn, after the first."""
    source = RepoSource(url=served.url("ops/.git"), branch="main", token=SECRET)
    made = follower(sources(source, newest_compose, tmp_path), poll=60)
    made.turn()
    assert made.heard.words == ["committed"]
    return made


def web(tag: int) -> dict[str, str | bytes]:
    return {"web/compose.yml": f"services: {{web: {{image: 'web:{tag}'}}}}\n"}


def test_a_push_is_found_at_the_poll_and_sooner_after_a_nudge(ops: Path, one: Follower) -> None:
    new = commit(ops, web(2))
    one.turn(40)
    assert one.heard.words == ["committed"]
    one.turn(30)
    assert one.heard.pushes[-1].after == new
    assert one.heard.pushes[-1].commits[0].stacks == (("pi5", "web"),)
    newer = commit(ops, web(3))
    one.turn(6)
    assert one.heard.pushes[-1].after == new
    one.listener.nudge()
    one.turn()
    assert one.heard.pushes[-1].after == newer


def test_however_often_it_is_nudged_it_fetches_each_five_seconds_at_most(served: Forge, one: Follower) -> None:
    asked = served.requests
    one.listener.nudge()
    one.turn(5)
    fetch = served.requests - asked
    assert fetch > 0
    for _ in range(49):
        one.listener.nudge()
        one.turn(0.1)
    assert served.requests - asked == fetch, "in 4.9 s"
    one.turn(0.1)
    assert served.requests - asked == 2 * fetch, "the last nudge is not forgotten"
    one.turn(5)
    assert served.requests - asked == 2 * fetch


def test_a_forced_push_is_reported(ops: Path, one: Follower) -> None:
    git(ops, "commit", "--quiet", "--amend", "--message", "amended")
    commit(ops, web(2))
    one.turn(70)
    push = one.heard.pushes[-1]
    assert push.forced is True
    assert [seen.commit.subject for seen in push.commits] == ["change", "amended"]
    assert one.heard.image("web") == "web:2"


def test_a_branch_that_is_gone_is_unknown_and_not_empty(ops: Path, one: Follower) -> None:
    git(ops, "branch", "--move", "main", "trunk")
    one.turn(70)
    one.turn(70)
    assert one.heard.words == ["committed", "blind"]
    assert isinstance(one.heard.errors[0], RevisionNotFound)
    assert one.heard.image("web") == "web:1"
    git(ops, "branch", "--move", "trunk", "main")
    one.turn(70)
    assert one.heard.words == ["committed", "blind", "sees"]


def test_a_token_that_is_no_good_any_more_is_not_tried_again_and_again(served: Forge, one: Follower) -> None:
    served.password = "another"
    one.turn(70)
    (error,) = one.heard.errors
    assert isinstance(error, GitAuthError)
    assert SECRET not in error.message + str(error.hint)
    asked = served.requests
    for _ in range(11):
        one.listener.doubt()  # hosts drift meanwhile
        one.turn(5)
    assert served.requests == asked
    assert one.heard.image("web") == "web:1"
    served.password = SECRET
    one.turn(10)
    assert one.heard.words == ["committed", "blind", "sees"]


def test_a_forge_that_is_down_for_a_while(ops: Path, served: Forge, one: Follower) -> None:
    served.redirect = "http://127.0.0.1:9"
    before = one.listener.pulse
    for _ in range(5):
        one.turn(70)
    pulse = one.listener.pulse
    assert one.heard.words == ["committed", "blind"]
    assert (pulse.ok, pulse.heard_at, pulse.details["failures"]) == (False, before.heard_at, 5), "the state is said to be old"
    served.redirect = None
    commit(ops, web(2))
    one.turn(70)
    assert one.heard.words == ["committed", "blind", "sees", "committed"]


def test_a_mirror_that_is_damaged_is_made_anew(ops: Path, tmp_path: Path, one: Follower) -> None:
    (mirror,) = (tmp_path / "mirrors").glob("*.git")
    for damage in ("objects", "refs", "all"):
        if damage == "objects":
            for path in (mirror / "objects").rglob("*"):
                if path.is_file():
                    path.chmod(0o600)
                    path.write_bytes(b"\0" * 100)
        else:
            shutil.rmtree(mirror / "refs" if damage == "refs" else mirror)
        new = commit(ops, web(10 + len(one.heard.words)))
        one.turn(70)
        assert one.heard.states[-1].revision == new, damage
    assert one.heard.errors == []


def test_locks_that_a_killed_git_left_in_the_mirror(ops: Path, tmp_path: Path, one: Follower) -> None:
    (mirror,) = (tmp_path / "mirrors").glob("*.git")
    for name in ("index.lock", "refs/heads/main.lock", "packed-refs.lock", "config.lock", "shallow.lock", "HEAD.lock"):
        (mirror / name).touch()
    half = mirror / "objects" / "pack" / "tmp_pack_4fR1zx"
    half.parent.mkdir(exist_ok=True)
    half.touch()
    new = commit(ops, web(2))
    one.turn(70)
    assert one.heard.states[-1].revision == new
    assert one.heard.errors == []
    assert not half.exists()


@contextmanager
def hanging(sends: bytes) -> Iterator[int]:
    """A server that answers so much and no more, and keeps the connection. Its port."""
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            connection.sendall(sends)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in held:
        connection.close()


def children_in(folder: Path) -> list[str]:
    """Processes that work somewhere below the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()).startswith(str(folder)) and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 100000\r\n\r\n001e# serv"


@pytest.mark.parametrize("sends", [b"", HEAD])
def test_a_fetch_that_hangs_is_ended_with_its_children_when_it_is_time_to_go(
    tmp_path: Path, newest_compose: Compose, sends: bytes
) -> None:
    with hanging(sends) as port:
        source = RepoSource(url=f"http://127.0.0.1:{port}/ops", branch="main")
        made = follower(sources(source, newest_compose, tmp_path))
        thread = threading.Thread(target=made.listener.run, args=(threading.Event(),))
        thread.start()
        eventually(lambda: any("remote-http" in one for one in children_in(tmp_path)), within=30, what="a fetch under way")
        began = time.monotonic()
        made.listener.close()
        thread.join(10)
        assert time.monotonic() - began < 5
        assert children_in(tmp_path) == []
    assert made.heard.words == []


@pytest.mark.parametrize("sends", [b"", HEAD])
def test_a_fetch_that_hangs_is_ended_at_its_deadline(tmp_path: Path, sends: bytes) -> None:
    with hanging(sends) as port:
        source = RepoSource(url=f"http://127.0.0.1:{port}/ops", branch="main")
        with pytest.raises(GitFailed, match="did not answer within"):
            open_mirror(source, tmp_path, deadline=1.5)
        assert children_in(tmp_path) == []
    assert list(mirror_place(source, tmp_path).parent.glob("*new*")) == []


@pytest.fixture
def ssh_on_path(lab_tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tools.program('ssh').parent}:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.usefixtures("ssh_on_path")
def test_an_sshd_that_stands_still(ops: Path, tmp_path: Path, newest_compose: Compose, old_ssh_host: SshHost) -> None:
    host = old_ssh_host
    source = RepoSource(
        url=f"ssh://root@127.0.0.1:{host.port}{ops}", branch="main", ssh_key=str(host.key), known_hosts=str(host.known_hosts)
    )
    made = follower(sources(source, newest_compose, tmp_path))
    made.turn()
    assert made.heard.words == ["committed"]
    host.freeze()
    try:
        with pytest.raises(GitFailed, match="did not answer within"):
            open_mirror(source, tmp_path, deadline=2)
        assert children_in(tmp_path / "mirrors") == []
    finally:
        host.thaw()
    new = commit(ops, web(2))
    made.turn(70)
    assert made.heard.states[-1].revision == new


def test_a_repository_that_is_too_much_for_the_disk(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """Our own disk is full: said, nothing is left half made, and all is well once there is room."""
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state)], check=True)
    try:
        commit(ops, {"large": os.urandom(3_000_000)})
        made = follower(sources(RepoSource(url=f"file://{ops}", branch="main"), newest_compose, state))
        made.turn()
        assert made.heard.words == ["blind"]
        assert isinstance(made.heard.errors[0], GitFailed)
        assert list((state / "mirrors").glob("*.git")) == []
        subprocess.run(["mount", "-o", "remount,size=100m", str(state)], check=True)
        made.turn(70)
        assert made.heard.words == ["blind", "sees", "committed"]
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)
