"""`.anchorwatch.yml`: the rules that a repo brings itself; a bad one costs itself alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.homelab import git

from anchorwatch.config.own_rules import parse_rules
from anchorwatch.desired.own_rules import FILE, read_rules
from anchorwatch.desired.source import open_files
from anchorwatch.errors import Mistake
from anchorwatch.model.settings import IgnoreRule, Policy, RepoSource

GOOD = IgnoreRule(host="pi5", path="image", because="updates itself")


def said(text: str) -> tuple[tuple[IgnoreRule, ...], list[tuple[int | None, str]]]:
    found = parse_rules(FILE, text.encode())
    assert all(one.file == FILE for one in found.mistakes)
    return found.rules, [(one.line, one.key) for one in found.mistakes]


def test_rules_are_written_as_in_the_config() -> None:
    assert said("ignore:\n  - {host: pi5, path: image, because: updates itself}\n") == ((GOOD,), [])


@pytest.mark.parametrize("text", ["", "# nothing\n", "ignore:\n", "ignore: []\n", "x-a: b\n"])
def test_nothing_is_ignored(text: str) -> None:
    assert said(text) == ((), [])


def test_a_bad_rule_costs_itself_alone() -> None:
    text = """\
ignore:
  - {host: pi5, kind: gone}
  - {host: pi5, path: image, because: updates itself}
  - because: nothing else
  - {hosst: pi5}
  - path: "a[b"
"""
    rules, mistakes = said(text)
    assert rules == (GOOD,)
    assert mistakes == [(2, "ignore[0].kind"), (4, "ignore[2]"), (5, "ignore[3]"), (5, "ignore[3].hosst"), (6, "ignore[4].path")]


def test_nothing_but_rules_is_taken_from_the_repo() -> None:
    rules, mistakes = said(
        "notify: {destinations: []}\nignore:\n  - {host: pi5, path: image, because: updates itself}\ndatabase: x\n"
    )
    assert rules == (GOOD,)
    assert mistakes == [(1, "notify"), (4, "database")]


@pytest.mark.parametrize(
    ("text", "line"), [("ignore: [", 2), ("- a\n", 1), ("ignore:\n\t- a\n", 2), ("ignore: !!python/object:x {}\n", 1)]
)
def test_a_file_that_cannot_be_read_costs_itself(text: str, line: int) -> None:
    rules, mistakes = said(text)
    assert rules == ()
    assert mistakes[0][0] == line


@pytest.mark.parametrize("text", ["ignore: a\n", "ignore: {host: a}\n"])
def test_what_is_no_list_is_named(text: str) -> None:
    assert said(text) == ((), [(1, "ignore")])


def test_they_are_read_at_the_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / FILE).write_text("ignore:\n  - {host: pi5, path: image, because: updates itself}\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "rules")
    (tmp_path / FILE).write_text("ignore: [{host: nas}]\n")
    files = open_files(RepoSource(path=str(tmp_path)), worktree=False, state=tmp_path)
    found = read_rules(files)
    assert found is not None
    assert (found.rules, found.mistakes) == ((GOOD,), ())
    mine = IgnoreRule(host="mine")
    assert Policy(ignore=(mine,)).with_rules(found.rules).ignore == (mine, GOOD)
    assert Policy(ignore=(mine,)).with_rules(()) == Policy(ignore=(mine,))


def test_a_repo_without_the_file_and_one_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    assert read_rules(open_files(RepoSource(path=str(tmp_path)), worktree=True, state=tmp_path)) is None
    (tmp_path / FILE).write_text("#" * 1_000_001)
    found = read_rules(open_files(RepoSource(path=str(tmp_path)), worktree=True, state=tmp_path))
    assert found is not None
    assert found.rules == ()
    assert [(type(one), one.file) for one in found.mistakes] == [(Mistake, FILE)]
