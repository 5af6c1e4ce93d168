"""The last commit that touched something, held against what git itself says of each path."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from anchorwatch.desired.history import last_commits
from anchorwatch.desired.repo import open_repo
from tests.desired.trees import CLEAN, commit, git, repo


def test_each_group_has_its_own_last_commit(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"pi5/a/compose.yml": "1", "pi5/b/compose.yml": "1", "common/x": "1"})
    first = git(ops, "rev-parse", "HEAD")
    second = commit(ops, {"pi5/a/compose.yml": "2"}, at=1_700_000_000)
    third = commit(ops, {"pi5/a/deep/er/file": "3"}, at=1_700_000_100)
    commit(ops, {"README.md": "4"})
    found = open_repo(ops).last_commits(
        {
            "a": ["pi5/a"],
            "file": ["pi5/a/compose.yml"],
            "b": ["pi5/b"],
            "both": ["pi5/b", "common"],
            "none": ["nowhere"],
            "empty": [],
        }
    )
    assert {key: one.id if one else None for key, one in found.items()} == {
        "a": third, "file": second, "b": first, "both": first, "none": None, "empty": None,
    }  # fmt: skip
    assert found["a"] is not None
    assert found["a"].at == datetime.fromtimestamp(1_700_000_100, UTC)


def test_a_name_that_only_begins_alike_is_another(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"pi5/a/f": "1"})
    first = git(ops, "rev-parse", "HEAD")
    commit(ops, {"pi5/ab/f": "2", "pi5/a-b/f": "2"})
    found = open_repo(ops).last_commits({"a": ["pi5/a"]})["a"]
    assert found is not None
    assert found.id == first


def test_what_is_removed_or_renamed_was_touched(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a/f": "content " * 50, "a/g": "1"})
    (ops / "a/f").rename(ops / "moved")
    moved = commit(ops, {})
    found = open_repo(ops).last_commits({"a": ["a"], "moved": ["moved"]})
    assert [one.id if one else None for one in found.values()] == [moved, moved]


def test_a_merge_is_when_its_changes_came(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a/f": "1", "b/f": "1"})
    git(ops, "checkout", "--quiet", "-b", "topic")
    commit(ops, {"a/f": "2"})
    git(ops, "checkout", "--quiet", "main")
    on_main = commit(ops, {"b/f": "2"})
    git(ops, "merge", "--quiet", "--no-ff", "--no-edit", "topic")
    merge = git(ops, "rev-parse", "HEAD")
    found = open_repo(ops).last_commits({"a": ["a"], "b": ["b"]})
    assert [one.id if one else None for one in found.values()] == [merge, on_main]


def test_a_shallow_clone_does_not_know(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a/f": "1", "b/f": "1"})
    newest = commit(ops, {"b/f": "2"})
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{ops}", "two")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{ops}", "one")
    commit(ops, {"c": "1"})
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{ops}", "later")
    expected = {"two": [None, newest], "one": [None, None], "later": [None, None]}
    for clone, ids in expected.items():
        found = open_repo(tmp_path / clone).last_commits({"a": ["a"], "b": ["b"]})
        # The oldest commit of "two" has no parent there, the root of the history: git counts that as cut off, too.
        assert [one.id if one else None for one in found.values()] == ids, clone


def test_the_walk_is_bounded(tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", {"a/f": "1"})
    for number in range(5):
        commit(ops, {"b": str(number)})
    head = git(ops, "rev-parse", "HEAD")
    assert last_commits({"a": ["a"]}, head, folder=ops, max_commits=5)["a"] is None
    assert last_commits({"a": ["a"]}, head, folder=ops, max_commits=6)["a"] is not None


def test_a_long_history_says_what_git_says(tmp_path: Path) -> None:
    """Longer than the first round, with names that have to be quoted elsewhere."""
    chance = random.Random(7)
    folders = ["a", "a/in ner", "b", "b/ünder", "c\tc"]
    ops = repo(tmp_path / "ops", {f"{folder}/f": "0" for folder in folders})
    lines = []
    for number in range(450):
        path = f"{chance.choice(folders[:4] if number > 20 else folders)}/f"
        lines.append(f"commit refs/heads/main\ncommitter A <a@b> {1_700_000_000 + number} +0000\ndata 1\nx\n")
        lines.append("from refs/heads/main^0\n" if number == 0 else "")
        quoted = '"' + path.replace("\t", "\\t") + '"'
        lines.append(f"M 100644 inline {quoted}\ndata {len(str(number))}\n{number}\n")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=ops, input="".join(lines).encode(), env=CLEAN, check=True)
    found = open_repo(ops).last_commits({folder: [folder] for folder in folders})
    for folder in folders:
        one = found[folder]
        assert one is not None
        assert f"{one.id} {int(one.at.timestamp())}" == git(ops, "log", "-1", "--format=%H %ct", "--", folder)
