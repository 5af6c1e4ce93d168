"""A real Git repository read at a commit: every kind of repository, and what happens when one is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anchorwatch.desired.files import MAX_FILE_BYTES
from anchorwatch.desired.repo import open_repo
from anchorwatch.errors import GitFailed, NotARepo, RevisionNotFound
from tests.desired.trees import CLEAN, commit, git, repo

FILES = {"pi5/mealie/compose.yml": "services: {a: {image: x}}", "pi5/mealie/.env": "A=1", "README.md": "hello"}


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "ops", FILES)


def contents(folder: Path, branch: str | None = None) -> dict[str, str]:
    files = open_repo(folder, branch)
    return {path: content.decode() for path, content in files.read(files.paths()).items()}


def loose_object(folder: Path, revision: str) -> Path:
    object_id = git(folder, "rev-parse", revision)
    place = folder / ".git" / "objects" / object_id[:2] / object_id[2:]
    place.chmod(0o644)
    return place


def test_what_is_committed_is_read_and_nothing_else(ops: Path) -> None:
    (ops / "README.md").write_text("changed, not committed")
    (ops / "new.yml").write_text("not added")
    (ops / "pi5/mealie/.env").unlink()
    git(ops, "add", "new.yml")
    assert contents(ops) == FILES
    assert open_repo(ops).revision == git(ops, "rev-parse", "HEAD")
    assert open_repo(ops).name == "ops"


def test_an_object_once_opened_stays_at_its_commit(ops: Path) -> None:
    files = open_repo(ops)
    commit(ops, {"README.md": "newer"})
    assert files.read(["README.md"]) == {"README.md": b"hello"}
    assert open_repo(ops).read(["README.md"]) == {"README.md": b"newer"}


def test_bare_linked_packed_detached_and_git_folder(ops: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", "ops", "bare.git")
    git(ops, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    git(ops, "gc", "--quiet")
    git(ops, "checkout", "--quiet", "--detach")
    for folder in (tmp_path / "bare.git", tmp_path / "linked", ops, ops / ".git"):
        assert contents(folder) == FILES
    assert open_repo(tmp_path / "bare.git").name == "bare"
    assert open_repo(ops / ".git").name == "ops"


def test_sha256(tmp_path: Path) -> None:
    folder = repo(tmp_path / "long", FILES, "--object-format=sha256")
    assert contents(folder) == FILES
    files = open_repo(folder)
    assert len(files.revision or "") == 64
    assert open_repo(folder, files.revision).revision == files.revision
    assert files.last_commits({"it": ["pi5"]})["it"] is not None


def test_a_folder_within_a_repository(ops: Path) -> None:
    files = open_repo(ops / "pi5")
    assert sorted(files.paths()) == ["mealie/.env", "mealie/compose.yml"]
    assert files.read(["mealie/.env"]) == {"mealie/.env": b"A=1"}
    assert files.name == "pi5"
    found = files.last_commits({"it": ["mealie"], "none": ["README.md"]})
    assert found["it"] is not None
    assert found["none"] is None
    (ops / "untracked").mkdir()
    with pytest.raises(RevisionNotFound, match="is not in commit") as caught:
        open_repo(ops / "untracked").paths()
    assert "--worktree" in (caught.value.hint or "")


def test_branches_tags_remote_branches_and_commits(ops: Path, tmp_path: Path) -> None:
    first = git(ops, "rev-parse", "HEAD")
    git(ops, "tag", "v1")
    git(ops, "branch", "feature/x")
    second = commit(ops, {"README.md": "2"})
    assert open_repo(ops, "main").revision == second
    assert open_repo(ops, "feature/x").revision == first
    assert open_repo(ops, "v1").revision == first
    assert open_repo(ops, first).revision == first
    assert open_repo(ops, first[:10]).revision == first
    assert open_repo(ops, "refs/heads/feature/x").revision == first
    git(tmp_path, "clone", "--quiet", "ops", "clone")
    assert open_repo(tmp_path / "clone", "feature/x").revision == first


@pytest.mark.parametrize("branch", ["nope", "", "a b", "-x", "main^", "--all", "main..x", "HEAD\nHEAD", "x:y", "ma*n"])
def test_a_branch_that_is_none(ops: Path, branch: str) -> None:
    with pytest.raises(RevisionNotFound) as caught:
        open_repo(ops, branch)
    assert caught.value.hint


def test_the_hint_names_the_branches_that_are_there(ops: Path) -> None:
    git(ops, "branch", "release")
    with pytest.raises(RevisionNotFound, match="no branch nope") as caught:
        open_repo(ops, "nope")
    assert caught.value.hint == "it has: main, release"


def test_no_commit_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "empty")
    with pytest.raises(RevisionNotFound, match="no commit yet"):
        open_repo(tmp_path / "empty")
    with pytest.raises(RevisionNotFound, match="no commit yet") as caught:
        open_repo(tmp_path / "empty", "main")
    assert "`anchorwatch check --worktree`" in (caught.value.hint or "")  # `init` and `watch` say it too, and have no such option


def test_an_unborn_head_beside_other_branches(ops: Path) -> None:
    git(ops, "symbolic-ref", "HEAD", "refs/heads/unborn")
    with pytest.raises(RevisionNotFound, match="branch unborn, which has no commit") as caught:
        open_repo(ops)
    assert "main" in (caught.value.hint or "")
    assert contents(ops, "main") == FILES


def test_an_empty_tree(tmp_path: Path) -> None:
    assert open_repo(repo(tmp_path / "empty", {})).paths() == {}


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("x")
    for place in ("plain", "nowhere", "file"):
        with pytest.raises(NotARepo) as caught:
            open_repo(tmp_path / place)
        assert caught.value.hint


def test_a_repository_that_git_does_not_open(ops: Path) -> None:
    (ops / ".git" / "config").write_text("[core]\nrepositoryformatversion = 99\n")
    with pytest.raises(NotARepo, match="Git refuses to open"):
        open_repo(ops)


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b'caf\xe9/compose "quoted"\t.yml')
    folder = repo(tmp_path / "odd", {"a": "1"})
    (folder / os.fsdecode(b"caf\xe9")).mkdir()
    (folder / name).write_text("x")
    commit(folder, {})
    files = open_repo(folder)
    assert name in files.paths()
    assert files.read([name]) == {name: b"x"}
    assert files.last_commits({"it": [name]})["it"] is not None


def test_submodules_are_reported(ops: Path, tmp_path: Path) -> None:
    other = repo(tmp_path / "other", {"compose.yml": ""})
    git(ops, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "pi5/sub")
    commit(ops, {})
    files = open_repo(ops)
    assert files.paths()["pi5/sub"].kind == "submodule"
    assert files.read(["pi5/sub"]) == {}
    assert files.unread("pi5/sub") == "is a submodule"


def test_symlinks(ops: Path) -> None:
    (ops / "pi5" / "inside.env").symlink_to("mealie/.env")
    (ops / "pi5" / "copy").symlink_to("mealie")
    (ops / "pi5" / "outside").symlink_to("/etc/passwd")
    (ops / "pi5" / "above").symlink_to("../../../etc/passwd")
    commit(ops, {})
    files = open_repo(ops)
    assert files.read(["pi5/inside.env", "pi5/copy/.env"]) == {"pi5/inside.env": b"A=1", "pi5/copy/.env": b"A=1"}
    assert files.paths()["pi5/copy/.env"].real == "pi5/mealie/.env"
    for path in ("pi5/outside", "pi5/above"):
        assert files.paths()[path].kind == "symlink"
        assert files.read([path]) == {}
        assert "which leaves the repo" in (files.unread(path) or "")


def test_too_large_a_file_is_never_read(ops: Path) -> None:
    commit(ops, {"huge.yml": b"x" * (MAX_FILE_BYTES + 1), "largest.yml": b"x" * MAX_FILE_BYTES})
    files = open_repo(ops)
    assert set(files.read(["huge.yml", "largest.yml", "README.md"])) == {"largest.yml", "README.md"}
    assert files.too_large("huge.yml")
    assert not files.too_large("largest.yml")
    assert files.unread("huge.yml") == "is larger than 1000 kB"
    assert files.unread("README.md") is None


def test_content_that_looks_like_an_answer_of_git(ops: Path) -> None:
    trap = b"0123456789012345678901234567890123456789 blob 5\nhello\nabc missing\n\n"
    commit(ops, {"trap": trap, "empty": b"", "newline": b"\n"})
    files = open_repo(ops)
    assert files.read(["trap", "empty", "newline", "README.md"]) == {
        "trap": trap, "empty": b"", "newline": b"\n", "README.md": b"hello",
    }  # fmt: skip


@pytest.mark.parametrize("damage", [b"", b"garbage that zlib cannot inflate"])
def test_one_damaged_object_costs_only_itself(ops: Path, damage: bytes) -> None:
    commit(ops, {f"more/{number}": f"{number}" for number in range(20)})
    loose_object(ops, "HEAD:more/7").write_bytes(damage)
    loose_object(ops, "HEAD:more/13").unlink()
    files = open_repo(ops)
    found = files.read(files.paths())
    assert set(FILES) | {f"more/{number}" for number in range(20)} - {"more/7", "more/13"} == set(found)
    assert "damaged" in (files.unread("more/7") or "")
    assert "damaged" in (files.unread("more/13") or "")
    assert not files.intact()
    assert open_repo(ops, git(ops, "rev-parse", "HEAD~1")).intact()


def test_a_damaged_content_behind_a_good_header(ops: Path) -> None:
    place = loose_object(ops, "HEAD:README.md")
    place.write_bytes(place.read_bytes()[:-6] + b"123456")
    files = open_repo(ops)
    assert set(files.read(files.paths())) == set(FILES) - {"README.md"}
    assert "damaged" in (files.unread("README.md") or "")


def test_a_damaged_commit_and_a_damaged_tree(ops: Path) -> None:
    loose_object(ops, "HEAD^{tree}").write_bytes(b"")
    with pytest.raises(GitFailed, match="cannot be listed") as caught:
        open_repo(ops).paths()
    assert "fsck" in (caught.value.hint or "")
    loose_object(ops, "HEAD").unlink()
    with pytest.raises(GitFailed, match="missing or damaged"):
        open_repo(ops)


def test_the_environment_and_the_users_settings_change_nothing(
    ops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repo(tmp_path / "other", {"trap": "x"})
    for name, value in {
        "GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": "/nonexistent",
        "GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "nonsense", "GIT_TRACE": str(tmp_path / "trace"), "GIT_NAMESPACE": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert contents(ops) == FILES
    assert not (tmp_path / "trace").exists()


def test_nothing_that_the_repository_configures_is_started(ops: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "gpg.program",
        "diff.external",
        "core.sshCommand",
        "credential.helper",
        "core.editor",
    ):
        git(ops, "config", key, str(trap))
    git(ops, "config", "log.showSignature", "true")
    git(ops, "config", "diff.x.textconv", str(trap))
    (ops / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (ops / ".git" / "hooks" / hook).write_bytes(trap.read_bytes())
        (ops / ".git" / "hooks" / hook).chmod(0o755)
    (ops / ".git" / "info").mkdir(exist_ok=True)
    (ops / ".git" / "info" / "attributes").write_text("* diff=x filter=x\n")
    before = (ops / ".git" / "index").stat().st_mtime_ns
    files = open_repo(ops)
    assert len(files.read(files.paths())) == len(FILES)
    assert files.last_commits({"it": ["pi5"]})["it"] is not None
    assert not (tmp_path / "sprung").exists()
    assert (ops / ".git" / "index").stat().st_mtime_ns == before


def test_a_repository_of_somebody_else(ops: Path) -> None:
    for path in (ops, *ops.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    assert subprocess.run(
        ["git", "log"], cwd=ops, env={**CLEAN, "HOME": "/nonexistent"}, check=False, capture_output=True
    ).returncode
    assert contents(ops) == FILES
    assert open_repo(ops / "pi5").read(["mealie/.env"]) == {"mealie/.env": b"A=1"}


def test_many_threads_on_one_object(ops: Path) -> None:
    commit(ops, {f"{number}.yml": f"{number}" for number in range(50)})
    files = open_repo(ops)
    answers: list[dict[str, bytes]] = []
    threads = [threading.Thread(target=lambda: answers.append(files.read(files.paths()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 8
    assert all(answer == answers[0] and len(answer) == 53 for answer in answers)


def test_no_git_on_this_machine(ops: Path) -> None:
    script = (
        "from pathlib import Path\nfrom anchorwatch.desired.repo import open_repo\n"
        "from anchorwatch.errors import GitFailed\n"
        f"try:\n    open_repo(Path({str(ops)!r}))\nexcept GitFailed as error:\n    print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": "/nonexistent"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("git cannot be started: No such file or directory | install git")
