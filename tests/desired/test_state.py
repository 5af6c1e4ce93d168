"""The whole room: a repo at a commit, the stacks of its hosts, and what a change costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired.cache import Cache
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.repo import open_repo
from anchorwatch.desired.state import read_state
from anchorwatch.model.desired import DesiredState, Stack
from anchorwatch.model.settings import DeclaredElsewhere, HostLayout, StackValues
from tests.desired.resolving import counting
from tests.desired.trees import commit, git, repo, write

FILES: dict[str, str | bytes] = {
    "pve/web/compose.yml": "services: {web: {image: 'web:${TAG}', env_file: web.env, volumes: ['./conf:/c', './none:/n']}}\n",
    "pve/web/.env": "TAG=1\n",
    "pve/web/web.env": "A=1\n",
    "pve/web/conf/a.conf": "one\n",
    "pve/app/compose.yml": "include: [../../common/db.yml]\n"
    "services: {app: {extends: {file: ../../common/base.yml, service: base}}}\n",
    "pve/plain/compose.yml": "services: {plain: {image: 'plain:1'}}\n",
    "pve/broken/compose.yml": "services: {broken: {image: i, colour: red}}\n",
    "pi/mon/compose.yml": "services: {mon: {image: 'mon:${V}'}}\n",
    "common/db.yml": "services: {db: {image: 'db:1'}}\n",
    "common/base.yml": "services: {base: {image: 'base:1'}}\n",
}
LAYOUTS = [HostLayout("pve", ("pve/*",)), HostLayout("pi", ("pi/*",), values=StackValues(env={"V": "7"}))]


class Resolver:
    """`read_state` with a cache on disk and a Compose that counts."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder
        self.program, self.count = counting(folder / "bin", program)

    def __call__(
        self, root: Path, worktree: bool = False, wanted: Callable[[Stack], bool] = lambda _stack: True
    ) -> tuple[DesiredState, int]:
        """The state, and how often Compose was asked."""
        before = self.count()
        cache = Cache(self.folder / "cache")
        state = read_state(
            open_folder(root) if worktree else open_repo(root),
            LAYOUTS,
            [DeclaredElsewhere("pve/plain", "an LXC")] if (root / "elsewhere").exists() else [],
            compose=lambda: find_compose(str(self.program), cache.folder),
            cache=cache,
            wanted=wanted,
        )
        return state, self.count() - before


@pytest.fixture
def resolver(tmp_path: Path, newest_compose: Compose) -> Resolver:
    return Resolver(tmp_path, newest_compose.program)


def test_a_repo_is_resolved_and_each_bad_stack_costs_itself(tmp_path: Path, resolver: Resolver) -> None:
    root = repo(tmp_path / "repo", FILES)
    state, asked = resolver(root)
    assert {str(project.stack) for project in state.projects} == {"pve/web", "pve/app", "pve/plain", "pi/mon"}
    assert [(str(one.stack), one.error.kind, one.project) for one in state.broken] == [("pve/broken", "bad_schema", "broken")]
    assert state.broken[0].revision == state.revision == git(root, "rev-parse", "HEAD")
    assert asked == 6  # the one with values from outside twice: with stand-ins, and with the values
    by_name = {project.name: project for project in state.projects}
    assert set(by_name["app"].services) == {"app", "db"}
    assert by_name["web"].services["web"].config["image"] == "web:1"
    assert by_name["web"].compose_version == find_compose(str(resolver.program)).version


def test_an_unchanged_repo_starts_no_compose_and_says_the_same(tmp_path: Path, resolver: Resolver) -> None:
    root = repo(tmp_path / "repo", FILES)
    first, _ = resolver(root)
    again, asked = resolver(root)
    assert asked == 1  # the broken one: what Compose refuses is not kept
    assert again.projects == first.projects
    assert again.not_stacks == first.not_stacks


@pytest.mark.parametrize(
    ("path", "text", "stack"),
    [
        ("pve/web/.env", "TAG=2\n", "pve/web"),
        ("pve/web/web.env", "A=2\n", "pve/web"),
        ("pve/web/compose.yml", "services: {web: {image: 'new:1'}}\n", "pve/web"),
        ("common/db.yml", "services: {db: {image: 'db:2'}}\n", "pve/app"),
        ("common/base.yml", "services: {base: {image: 'base:2'}}\n", "pve/app"),
        ("pve/plain/.env", "X=1\n", "pve/plain"),
        ("pve/plain/compose.override.yml", "services: {plain: {restart: always}}\n", "pve/plain"),
        ("pve/web/conf/a.conf", "two\n", None),
        ("README.md", "hello\n", None),
    ],
)
@pytest.mark.parametrize("worktree", [False, True])
def test_a_change_resolves_only_what_it_touches(
    path: str, text: str, stack: str | None, worktree: bool, tmp_path: Path, resolver: Resolver
) -> None:
    root = repo(tmp_path / "repo", {name: content for name, content in FILES.items() if "broken" not in name})
    before, _ = resolver(root, worktree)
    if worktree:
        write(root, {path: text})
    else:
        commit(root, {path: text})
    after, asked = resolver(root, worktree)
    assert asked == (0 if stack is None else 1)
    changed = {
        str(new.stack)
        for old, new in zip(before.projects, after.projects, strict=True)
        if (old.services, old.stack) != (new.services, new.stack)
    }
    assert changed == ({stack} if stack and not path.endswith("plain/.env") else set())


def test_a_stack_is_dated_by_what_it_is_made_of(tmp_path: Path, resolver: Resolver) -> None:
    root = repo(tmp_path / "repo", FILES)
    first = git(root, "rev-parse", "HEAD")
    second = commit(root, {"common/db.yml": "services: {db: {image: 'db:2'}}\n"}, at=1_900_000_000)
    commit(root, {"pve/web/conf/a.conf": "two\n", "README.md": "x"}, at=1_900_000_100)
    state, _ = resolver(root)
    revisions = {project.name: project.revision for project in state.projects}
    assert revisions == {"web": first, "plain": first, "mon": first, "app": second}
    web = next(project for project in state.projects if project.name == "web")
    assert web.changed_files == {"\0project\0/conf": "2030-03-17T17:48:20Z"}


def test_only_what_is_asked_for_is_resolved(tmp_path: Path, resolver: Resolver) -> None:
    root = repo(tmp_path / "repo", FILES)
    state, asked = resolver(root, wanted=lambda stack: stack.name == "plain")
    assert asked == 1
    assert [str(project.stack) for project in state.projects] == ["pve/plain"]
    assert state.broken == ()


def test_a_damaged_cache_is_as_good_as_none(tmp_path: Path, resolver: Resolver) -> None:
    root = repo(tmp_path / "repo", FILES)
    first, _ = resolver(root)
    for number, file in enumerate(sorted((tmp_path / "cache").glob("*.json"))):
        file.write_bytes([b"", b"{", b'{"format": 1}', b"[]", b"\xff\xfe"][number % 5])
    again, asked = resolver(root)
    assert asked == 6
    assert again.projects == first.projects
    warm, asked = resolver(root)
    assert asked == 1
    assert warm.projects == first.projects


def test_a_folder_without_git_works(tmp_path: Path, resolver: Resolver) -> None:
    root = write(tmp_path / "plain", FILES)
    state, _ = resolver(root, worktree=True)
    assert {project.name for project in state.projects} == {"web", "app", "plain", "mon"}
    assert state.revision is None
    assert {project.revision for project in state.projects} == {None}


def test_two_stacks_that_compose_calls_the_same_are_told(tmp_path: Path, resolver: Resolver) -> None:
    files: dict[str, str | bytes] = {
        "pve/a/compose.yml": "name: ${N:-same}\nservices: {a: {image: a}}\n",
        "pve/b/compose.yml": "name: same\nservices: {b: {image: b}}\n",
    }
    state, _ = resolver(repo(tmp_path / "repo", files))
    assert state.projects == ()
    assert {str(one.stack): one.error.kind for one in state.broken if one.stack.host == "pve"} == {
        "pve/a": "duplicate_project",
        "pve/b": "duplicate_project",
    }
