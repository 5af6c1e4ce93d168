"""A folder read as it lies there: in a work tree, and outside Git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anchorwatch.desired.files import MAX_FILE_BYTES
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.source import open_files
from anchorwatch.errors import NotARepo
from anchorwatch.model.settings import RepoSource
from tests.desired.trees import git, repo, write


def contents(folder: Path) -> dict[str, str]:
    files = open_folder(folder)
    return {path: content.decode() for path, content in files.read(files.paths()).items()}


def test_a_work_tree_with_what_is_not_committed_and_without_what_is_ignored(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a/compose.yml": "1", "gone": "1", ".gitignore": "*.secret\ncache/\n"})
    write(ops, {"a/compose.yml": "2", "new/compose.yml": "3", "b.secret": "x", "cache/f": "x"})
    (ops / "gone").unlink()
    files = open_files(RepoSource(path=str(ops)), worktree=True, state=tmp_path)
    assert {path: text.decode() for path, text in files.read(files.paths()).items()} == {
        "a/compose.yml": "2", "new/compose.yml": "3", ".gitignore": "*.secret\ncache/\n",
    }  # fmt: skip
    assert files.revision is None
    assert files.name == "ops"
    assert files.unread("gone") == "is not there, or is ignored by Git"
    assert files.last_commits({"it": ["a"]}) == {"it": None}


def test_a_folder_within_a_work_tree(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"pi5/a/compose.yml": "1", "top": "1"})
    assert contents(ops / "pi5") == {"a/compose.yml": "1"}


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    write(tmp_path / "plain", {"a/compose.yml": "1", "node_modules/x/compose.yml": "2", "a/.env": "3", ".git-not/f": "4"})
    (tmp_path / "plain" / "empty").mkdir()
    files = open_files(RepoSource(path=str(tmp_path / "plain")), state=tmp_path)
    assert files.revision is None
    assert sorted(files.paths()) == [".git-not/f", "a/.env", "a/compose.yml"]
    assert files.read(["a/.env", "nowhere", "a"]) == {"a/.env": b"3"}


def test_a_branch_of_a_folder_that_has_none(tmp_path: Path) -> None:
    write(tmp_path / "plain", {"a": "1"})
    with pytest.raises(NotARepo):
        open_files(RepoSource(path=str(tmp_path / "plain"), branch="main"), state=tmp_path)
    with pytest.raises(NotARepo, match="no folder"):
        open_files(RepoSource(path=str(tmp_path / "nowhere")), state=tmp_path)


def test_a_repository_that_git_refuses_is_not_read_around_git(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a": "1"})
    (ops / ".git" / "config").write_text("[core]\nrepositoryformatversion = 99\n")
    with pytest.raises(NotARepo, match="Git refuses"):
        open_files(RepoSource(path=str(ops)), state=tmp_path)


def test_a_bare_repository_has_no_work_tree(tmp_path: Path) -> None:
    repo(tmp_path / "ops", {"a": "1"})
    git(tmp_path, "clone", "--quiet", "--bare", "ops", "bare.git")
    with pytest.raises(NotARepo, match="no work tree"):
        open_folder(tmp_path / "bare.git")


@pytest.mark.parametrize("in_git", [True, False])
def test_no_symlink_leads_out(tmp_path: Path, in_git: bool) -> None:
    ops = tmp_path / "ops"
    write(tmp_path / "outside", {"secret": "s3cret", "deep/secret": "s3cret"})
    write(ops, {"a/compose.yml": "1", "b/secret": "tracked"})
    if in_git:
        repo(ops, {})
    (ops / "b" / "secret").unlink()
    (ops / "b").rmdir()
    (ops / "b").symlink_to(tmp_path / "outside")  # the index still has b/secret
    (ops / "a" / "file").symlink_to(tmp_path / "outside" / "secret")
    (ops / "a" / "relative").symlink_to("../../outside/secret")
    (ops / "a" / "within").symlink_to("compose.yml")
    files = open_folder(ops)
    read = files.read([*files.paths(), "b/secret", "b/deep/secret", "a/../../outside/secret"])
    assert read == {"a/compose.yml": b"1", "a/within": b"1"}
    assert "b/secret" not in files.paths()
    assert "which leaves the repo" in (files.unread("a/relative") or "")


def test_a_folder_that_becomes_a_symlink_after_it_was_listed(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"f": "s3cret"})
    write(tmp_path / "plain", {"a/f": "1"})
    files = open_folder(tmp_path / "plain")
    assert "a/f" in files.paths()
    (tmp_path / "plain/a/f").unlink()
    (tmp_path / "plain/a").rmdir()
    (tmp_path / "plain/a").symlink_to(tmp_path / "outside")
    assert files.read(["a/f"]) == {}
    assert files.unread("a/f") == "cannot be read"


def test_pipes_sockets_and_large_files_do_not_hold_us_up(tmp_path: Path) -> None:
    write(tmp_path / "plain", {"huge.yml": b"x" * (MAX_FILE_BYTES + 1), "largest": b"x" * MAX_FILE_BYTES, "swapped": "1"})
    os.mkfifo(tmp_path / "plain" / "pipe")
    files = open_folder(tmp_path / "plain")
    assert sorted(files.paths()) == ["huge.yml", "largest", "swapped"]
    (tmp_path / "plain" / "swapped").unlink()
    os.mkfifo(tmp_path / "plain" / "swapped")
    assert sorted(files.read(files.paths())) == ["largest"]
    assert files.too_large("huge.yml")
    assert files.unread("huge.yml") == "is larger than 1000 kB"


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    for in_git in (False, True):
        ops = tmp_path / f"ops{in_git}"
        write(ops, {"a": "1"})
        name = os.fsdecode(b"caf\xe9.yml")
        (ops / name).write_text("x")
        if in_git:
            git(ops, "init", "--quiet")
        assert open_folder(ops).read([name]) == {name: b"x"}


def test_submodules_and_repositories_within_are_not_entered(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a": "1"})
    repo(ops / "within", {"compose.yml": "x"})
    other = repo(tmp_path / "other", {"compose.yml": "x"})
    git(ops, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    files = open_folder(ops)
    assert files.paths()["sub"].kind == "submodule"
    assert files.paths()["within"].kind == "submodule"
    assert set(files.read(files.paths())) == {"a", ".gitmodules"}


def test_a_folder_with_far_too_many_files(tmp_path: Path) -> None:
    write(tmp_path / "plain", {f"{number}/f": "1" for number in range(30)})
    assert len(open_folder(tmp_path / "plain", limit=60).paths()) == 30
    with pytest.raises(NotARepo, match="over 59 files") as caught:
        open_folder(tmp_path / "plain", limit=59).paths()
    assert caught.value.hint
