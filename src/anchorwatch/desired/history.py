"""Which commit touched a stack last: one walk back from the revision, for all stacks together.

The walk follows first parents and takes a merge for the moment at which its changes came to the branch: that is when the
desired state changed, which is what a revision and a file's age are wanted for. It is bounded in commits and in time; what
it does not reach is None, and so is what a shallow clone does not have: its oldest commit only looks as if it had
written everything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from anchorwatch.desired import git
from anchorwatch.desired.files import Commit, K

MAX_COMMITS = 10_000
SECONDS = 5.0
_FIRST_ROUND = 200
_HEAD = re.compile(rb"\x01(?P<id>[0-9a-f]{40,64}) (?P<at>[0-9]{1,11}) (?P<parents>[0-9a-f ]*)\x01")


def last_commits(
    groups: Mapping[K, Collection[str]], revision: str, *, folder: Path, trust: str | None = None, max_commits: int = MAX_COMMITS
) -> dict[K, Commit | None]:
    """For each group of paths (files, or folders and all below) the last commit, from `revision` back, that touched it."""
    found: dict[K, Commit | None] = dict.fromkeys(groups)
    waiting = {key: _trees(paths) for key, paths in groups.items() if paths}
    owners: dict[str, set[K]] = {}
    for key, paths in waiting.items():
        for path in paths:
            owners.setdefault(path, set()).add(key)
    shallow: bool | None = None
    skip, count, until = 0, _FIRST_ROUND, time.monotonic() + SECONDS
    while waiting and skip < max_commits and time.monotonic() < until:
        count = min(count, max_commits - skip)
        commits = _walk(revision, skip, count, folder=folder, trust=trust)
        for commit, parents, touched in commits:
            if not parents:
                if shallow is None:
                    shallow = _is_shallow(folder, trust)
                if shallow:
                    return found
            for key in _owning(touched, owners):
                if waiting.pop(key, None) is not None:
                    found[key] = commit
            if not waiting:
                return found
        if len(commits) < count:
            break
        skip, count = skip + count, count * 4
    return found


def _trees(paths: Collection[str]) -> set[str]:
    return {path.rstrip("/") for path in paths}


def _owning(touched: Collection[str], owners: Mapping[str, set[K]]) -> set[K]:
    """The groups that own one of the paths, or a folder above it."""
    keys: set[K] = set(owners.get("", ())) if touched else set()
    seen: set[str] = set()
    for path in touched:
        part = path
        while part and part not in seen:
            seen.add(part)
            keys |= owners.get(part, set())
            part = part.rpartition("/")[0]
    return keys


def _walk(revision: str, skip: int, count: int, *, folder: Path, trust: str | None) -> list[tuple[Commit, bool, list[str]]]:
    """The next commits: each with whether it has parents, and the paths that it touched."""
    out = git.read(
        [
            "log", f"--max-count={count}", f"--skip={skip}", "--first-parent", "--diff-merges=first-parent", "--root",
            "--name-only", "--no-renames", "--no-relative", "--no-ext-diff", "--no-textconv", "--no-color", "--no-notes",
            "--no-mailmap", "--no-show-signature", "--no-decorate", "-z", "--format=%x01%H %ct %P%x01", revision, "--",
        ],
        folder=folder,
        trust=trust,
        what=f"the history of {folder} cannot be read",
    )  # fmt: skip
    commits = []
    # With -z a commit is "\1HEAD\1", then its paths, with NUL between all of them.
    current: list[str] = []
    for part in out.split(b"\0"):
        piece = part.lstrip(b"\n")
        if head := _HEAD.fullmatch(piece):
            current = []
            at = datetime.fromtimestamp(int(head["at"]), UTC)
            commits.append((Commit(head["id"].decode("ascii"), at), head["parents"] != b"", current))
        elif piece:
            current.append(piece.decode("utf-8", "surrogateescape"))
    return commits


def _is_shallow(folder: Path, trust: str | None) -> bool:
    answer = git.ask(["rev-parse", "--is-shallow-repository"], folder=folder, trust=trust)
    return answer.out.strip() == b"true"
