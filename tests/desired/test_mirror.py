"""Remote repositories: fetched into a mirror from real servers on loopback, with every kind of key, and none given away."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab import tools
from lab.certificates import Certificates
from lab.ssh import SshHost

from anchorwatch.desired.mirror import open_mirror, read_address, ssh_command
from anchorwatch.desired.source import open_files
from anchorwatch.errors import GitFailed, RepoError, RevisionNotFound
from anchorwatch.model.settings import RepoSource
from tests.desired.forge import Forge, forge
from tests.desired.trees import commit, git, repo

SECRET = "canary-5f0c/with%odd:letters"
FILES = {"pi5/mealie/compose.yml": "services: {}", "README.md": "1"}


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "served" / "ops", FILES)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def private(ops: Path) -> Iterator[Forge]:
    with forge(ops.parent, user="x-access-token", password=SECRET) as served:
        yield served


def contents(source: RepoSource, state: Path) -> dict[str, str]:
    files = open_mirror(source, state)
    return {path: content.decode() for path, content in files.read(files.paths()).items()}


def test_a_branch_of_a_local_address(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    assert contents(source, state) == FILES
    newer = commit(ops, {"README.md": "2"})
    files = open_files(source, state=state)
    assert files.revision == newer
    assert files.read(["README.md"]) == {"README.md": b"2"}
    assert files.name == "ops"
    assert (state / "mirrors").stat().st_mode & 0o777 == 0o700
    assert files.last_commits({"it": ["pi5"]})["it"] is not None


def test_head_where_no_branch_is_configured(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}")
    assert open_mirror(source, state).revision == git(ops, "rev-parse", "main")
    git(ops, "checkout", "--quiet", "-b", "next")
    newer = commit(ops, {"README.md": "2"})
    assert open_mirror(source, state).revision == newer


def test_a_forced_push(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    commit(ops, {"README.md": "2"})
    assert contents(source, state)["README.md"] == "2"
    git(ops, "reset", "--quiet", "--hard", "HEAD~1")
    forced = commit(ops, {"README.md": "3"})
    assert open_mirror(source, state).revision == forced


def test_a_branch_that_is_not_there_or_vanishes(ops: Path, state: Path) -> None:
    with pytest.raises(RevisionNotFound, match="no branch nope") as caught:
        open_mirror(RepoSource(url=f"file://{ops}", branch="nope"), state)
    assert caught.value.hint
    git(ops, "branch", "gone")
    source = RepoSource(url=f"file://{ops}", branch="gone")
    open_mirror(source, state)
    git(ops, "branch", "--delete", "--force", "gone")
    with pytest.raises(RevisionNotFound):
        open_mirror(source, state)


def test_an_empty_repository(tmp_path: Path, state: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "empty.git")
    for branch in (None, "main"):
        with pytest.raises(RevisionNotFound):
            open_mirror(RepoSource(url=f"file://{tmp_path}/empty.git", branch=branch), state)


@pytest.mark.parametrize("branch", ["a:refs/heads/b", "-x", "*", "a b", ""])
def test_a_branch_that_git_would_take_for_something_else(ops: Path, state: Path, branch: str) -> None:
    with pytest.raises(RevisionNotFound):
        open_mirror(RepoSource(url=f"file://{ops}", branch=branch), state)


@pytest.mark.parametrize("damage", ["head", "pack", "objects", "one object", "config", "empty"])
def test_a_damaged_mirror_is_made_anew(ops: Path, state: Path, damage: str) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    open_mirror(source, state)
    (mirror,) = (state / "mirrors").glob("*.git")
    for place in mirror.rglob("*"):
        place.chmod(0o755 if place.is_dir() else 0o644)
    files = [place for place in (mirror / "objects").rglob("*") if place.is_file()]
    if damage == "head":
        (mirror / "HEAD").write_text("nonsense")
    elif damage == "pack":
        for place in files:
            place.write_bytes(b"")
    elif damage == "one object":
        blob = git(ops, "rev-parse", "HEAD:pi5/mealie/compose.yml")
        (mirror / "objects" / blob[:2] / blob[2:]).unlink()
        assert contents(source, state) == FILES
        return
    elif damage == "objects":
        shutil.rmtree(mirror / "objects")
    elif damage == "config":
        (mirror / "config").write_text("[core\n")
    else:
        shutil.rmtree(mirror)
        mirror.mkdir()
    commit(ops, {"README.md": "2"})
    assert contents(source, state)["README.md"] == "2"
    assert [place.name for place in (state / "mirrors").iterdir() if place.name.startswith(".new")] == []


def test_a_damaged_mirror_whose_remote_is_gone(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    open_mirror(source, state)
    ops.rename(ops.parent / "elsewhere")
    with pytest.raises(GitFailed, match="cannot be fetched"):
        open_mirror(source, state)
    (ops.parent / "elsewhere").rename(ops)
    assert contents(source, state) == FILES


def test_what_a_killed_one_left_behind_is_taken_away(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    open_mirror(source, state)
    (mirror,) = (state / "mirrors").glob("*.git")
    left = state / "mirrors" / f".new-{mirror.stem}-left"
    (left / "repo.git").mkdir(parents=True)
    shutil.rmtree(mirror)
    open_mirror(source, state)
    assert not left.exists()


@pytest.mark.parametrize("given", ["token", "password", "in the address", "token as the user"])
def test_a_private_repository_over_http(private: Forge, state: Path, given: str) -> None:
    quoted = SECRET.replace("%", "%25").replace("/", "%2F").replace(":", "%3A")
    source = {
        "token": RepoSource(url=private.url("ops"), token=SECRET),
        "password": RepoSource(url=private.url("ops"), user="x-access-token", password=SECRET),
        "in the address": RepoSource(url=private.url("ops", userinfo=f"x-access-token:{quoted}")),
        "token as the user": RepoSource(url=private.url("ops", userinfo=quoted)),
    }[given]
    assert contents(source, state) == FILES
    stored = [place.read_bytes() for place in state.rglob("*") if place.is_file()]
    assert stored
    assert not any(SECRET.encode() in content or quoted.encode() in content for content in stored)
    assert SECRET not in repr(replace(source, url=None))


def test_no_argument_holds_a_secret(private: Forge, state: Path) -> None:
    for source in (
        RepoSource(url=private.url("ops"), token=SECRET),
        RepoSource(url=private.url("ops", userinfo="me:canary-5f0c")),
        RepoSource(url="ssh://git:canary-5f0c@localhost/ops"),
    ):
        remote = read_address(source)
        assert "canary-5f0c" not in remote.address + " ".join(remote.settings) + remote.where


def test_while_it_fetches_no_process_shows_the_secret(state: Path) -> None:
    """A server that asks for the secret and then keeps git waiting: every argument on the machine is looked at meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen: list[str] = []
        secrets: list[bytes] = []

        def serve() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    head = connection.recv(65536)
                    while b"Authorization" not in head:
                        connection.sendall(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
                        head = connection.recv(65536)
                    secrets.append(head)
                    for place in Path("/proc").glob("[0-9]*/cmdline"):
                        try:
                            seen.append(place.read_text(errors="replace"))
                        except OSError:
                            continue
                    connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(GitFailed):
            open_mirror(
                RepoSource(url=f"http://localhost:{server.getsockname()[1]}/ops", user="me", password="canary-5f0c"), state
            )
        thread.join(10)
    assert b"Basic " in secrets[0]
    assert any("fetch" in line for line in seen)
    assert not any("canary-5f0c" in line for line in seen)


@pytest.mark.parametrize(
    "given", [RepoSource(), RepoSource(token="canary-wrong"), RepoSource(user="me", password="canary-wrong")]
)
def test_a_wrong_key_or_none(private: Forge, state: Path, given: RepoSource) -> None:
    with pytest.raises(GitFailed, match="cannot be fetched") as caught:
        open_mirror(
            replace(given, url=private.url("ops", userinfo="canary-wrong:canary-wrong" if given == RepoSource() else "")), state
        )
    assert "token" in (caught.value.hint or "")
    assert "canary" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/ops?private_token=canary", "https://me:canary/canary@127.0.0.1:1/ops"])
def test_an_address_is_shown_without_what_may_be_a_secret(url: str, state: Path) -> None:
    with pytest.raises(GitFailed, match="cannot be fetched") as caught:
        open_mirror(RepoSource(url=url), state)
    assert "canary" not in caught.value.message + (caught.value.hint or "")
    assert "127.0.0.1:1/ops" in caught.value.message


def test_a_key_that_is_taken_away_is_no_reason_to_show_the_old_state(private: Forge, state: Path) -> None:
    source = RepoSource(url=private.url("ops"), token=SECRET)
    open_mirror(source, state)
    private.password = "another"
    with pytest.raises(GitFailed):
        open_mirror(source, state)


def test_a_secret_is_not_sent_on_to_another_server(ops: Path, state: Path) -> None:
    with forge(ops.parent) as first, forge(ops.parent, user="x-access-token", password=SECRET) as second:
        first.redirect = f"http://127.0.0.1:{second.port}"
        with pytest.raises(GitFailed):
            open_mirror(RepoSource(url=first.url("ops"), token=SECRET), state)
        assert second.credentials == []


def test_a_certificate_of_ones_own(ops: Path, state: Path, certificates: Certificates) -> None:
    pair = (certificates.server_cert, certificates.server_key)
    with forge(ops.parent, user="me", password=SECRET, certificate=pair) as served:
        source = RepoSource(url=served.url("ops"), user="me", password=SECRET)
        with pytest.raises(GitFailed) as caught:
            open_mirror(source, state)
        assert "ca:" in (caught.value.hint or "")
        assert served.credentials == []
        assert contents(replace(source, ca=str(certificates.ca)), state) == FILES


def test_a_server_that_does_not_answer(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(GitFailed, match="did not answer within"):
            open_mirror(RepoSource(url=f"http://127.0.0.1:{server.getsockname()[1]}/ops"), state, deadline=1.5)
        assert time.monotonic() - began < 10


def test_nobody_there(tmp_path: Path, state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/ops", f"file://{tmp_path}/nowhere"):
        with pytest.raises(GitFailed, match="cannot be fetched") as caught:
            open_mirror(RepoSource(url=url), state)
        assert caught.value.hint


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% /tmp/x", "--upload-pack=x", "", "/srv/ops", "ftp://x/y", "https://x/a b", "fd::17"]
)
def test_addresses_that_are_not_fetched_from(state: Path, url: str) -> None:
    with pytest.raises(RepoError):
        open_mirror(RepoSource(url=url), state)


def test_two_at_once(ops: Path, state: Path) -> None:
    source = RepoSource(url=f"file://{ops}", branch="main")
    answers: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(contents(source, state))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [FILES] * 4


@pytest.fixture
def ssh_on_path(lab_tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tools.program('ssh').parent}:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.mark.usefixtures("ssh_on_path")
def test_over_a_real_ssh(ops: Path, state: Path, tmp_path: Path, old_ssh_host: SshHost) -> None:
    host = old_ssh_host
    source = RepoSource(
        url=f"ssh://root@127.0.0.1:{host.port}{ops}", branch="main", ssh_key=str(host.key), known_hosts=str(host.known_hosts)
    )
    assert contents(source, state) == FILES
    newer = commit(ops, {"README.md": "2"})
    assert open_mirror(source, state).revision == newer
    with pytest.raises(GitFailed) as caught:
        open_mirror(replace(source, ssh_key=str(host.wrong_key)), state)
    assert "ssh_key" in (caught.value.hint or "")
    unknown = tmp_path / "known hosts"
    unknown.write_text("")
    with pytest.raises(GitFailed) as caught:
        open_mirror(replace(source, known_hosts=str(unknown)), state)
    assert "known_hosts" in (caught.value.hint or "")
    odd = tmp_path / "a 50% place"
    odd.mkdir()
    shutil.copy(host.key, odd / "key")
    shutil.copy(host.known_hosts, odd / "known")
    assert contents(replace(source, ssh_key=str(odd / "key"), known_hosts=str(odd / "known")), state)["README.md"] == "2"


def test_a_path_with_a_quote_stays_one_argument() -> None:
    assert "'" in ssh_command("/keys/it's", None)
