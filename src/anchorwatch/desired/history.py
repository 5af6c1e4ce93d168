"""Which commit touched a stack last, and what came since a revision: one walk back, for all stacks together.

The walk follows first parents and takes a merge for the moment at which its changes came to the branch: that is when the
desired state changed, which is what a revision and a file's age are wanted for. It is bounded in commits and in time; what
it does not reach is None, and so is what a shallow clone does not have: its oldest commit only looks as if it had
written everything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anchorwatch.desired import git
from anchorwatch.desired.files import Commit, K
from anchorwatch.model.secrecy import redact

MAX_COMMITS = 10_000
SECONDS = 5.0
_FIRST_ROUND = 200
_HEAD = re.compile(rb"\x01(?P<id>[0-9a-f]{40,64}) (?P<at>[0-9]{1,11}) (?P<parents>[0-9a-f ]*)\x01")
_LONGEST = 200
"""Letters of an author's name or a subject that are taken in."""


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a walk."""

    commit: Commit
    parent: str | None
    """The first one, as this repository has it: the oldest commit of a shallow clone has none."""
    author: str
    subject: str
    touched: Sequence[str]
    """Paths from the top of the repository: what it changed against its first parent."""


def since(before: str, after: str, count: int, *, folder: Path, trust: str | None = None) -> list[Step]:
    """What `after` has and `before` has not, the newest first, at most `count` of them. Raises GitFailed."""
    return _walk([after, f"^{before}"], 0, count, folder=folder, trust=trust)


def touching(
    groups: Mapping[K, Collection[str]],
    after: str | None,
    upto: Collection[str],
    limit: int,
    *,
    folder: Path,
    trust: str | None = None,
) -> dict[K, list[Step]]:
    """For each group of paths the commits from `upto` back to `after` (not among them) that touched one of them, newest first.

    Bounded like `last_commits`. Raises GitFailed.
    """
    owners = _owners({key: _trees(paths) for key, paths in groups.items()})
    found: dict[K, list[Step]] = {key: [] for key in groups}
    for step in _steps([*upto, *([] if after is None else [f"^{after}"])], MAX_COMMITS, folder, trust):
        if step.parent is None and _is_shallow(folder, trust):
            break
        for key in _owning(step.touched, owners):
            if len(found[key]) < limit:
                found[key].append(step)
        if all(len(steps) == limit for steps in found.values()):
            break
    return found


def owned(steps: Iterable[Step], groups: Mapping[K, Collection[str]]) -> Iterator[tuple[Step, set[K]]]:
    """Each step with the groups of paths that it touched."""
    owners = _owners({key: _trees(paths) for key, paths in groups.items()})
    for step in steps:
        yield step, _owning(step.touched, owners)


def descends(after: str, before: str, *, folder: Path, trust: str | None = None) -> bool | None:
    """Whether `before` is among the ancestors of `after`; None where the repository does not have what would tell."""
    answer = git.ask(["merge-base", "--is-ancestor", before, after], folder=folder, trust=trust)
    if answer.status == 0:
        return True
    return False if answer.status == 1 and not _is_shallow(folder, trust) else None


def last_commits(
    groups: Mapping[K, Collection[str]], revision: str, *, folder: Path, trust: str | None = None, max_commits: int = MAX_COMMITS
) -> dict[K, Commit | None]:
    """For each group of paths (files, or folders and all below) the last commit, from `revision` back, that touched it."""
    found: dict[K, Commit | None] = dict.fromkeys(groups)
    waiting = {key: _trees(paths) for key, paths in groups.items() if paths}
    owners = _owners(waiting)
    shallow: bool | None = None
    if not waiting:
        return found
    for step in _steps([revision], max_commits, folder, trust):
        if step.parent is None:
            if shallow is None:
                shallow = _is_shallow(folder, trust)
            if shallow:
                return found
        for key in _owning(step.touched, owners):
            if waiting.pop(key, None) is not None:
                found[key] = step.commit
        if not waiting:
            break
    return found


def _steps(revisions: list[str], most: int, folder: Path, trust: str | None) -> Iterator[Step]:
    """The walk in growing rounds, since it mostly ends early; bounded in commits and time."""
    skip, count, until = 0, _FIRST_ROUND, time.monotonic() + SECONDS
    while skip < most and time.monotonic() < until:
        count = min(count, most - skip)
        steps = _walk(revisions, skip, count, folder=folder, trust=trust)
        yield from steps
        if len(steps) < count:
            return
        skip, count = skip + count, count * 4


def _owners(groups: Mapping[K, Collection[str]]) -> dict[str, set[K]]:
    owners: dict[str, set[K]] = {}
    for key, paths in groups.items():
        for path in paths:
            owners.setdefault(path, set()).add(key)
    return owners


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


def _walk(revisions: list[str], skip: int, count: int, *, folder: Path, trust: str | None) -> list[Step]:
    """The next commits along first parents. A revision with `^` before it, and all before that, is left out."""
    out = git.read(
        [
            "log", f"--max-count={count}", f"--skip={skip}", "--first-parent", "--diff-merges=first-parent", "--root",
            "--name-only", "--no-renames", "--no-relative", "--no-ext-diff", "--no-textconv", "--no-color", "--no-notes",
            "--no-mailmap", "--no-show-signature", "--no-decorate", "--encoding=UTF-8", "-z",
            "--format=%x01%H %ct %P%x01%x00%an%x00%s", "--end-of-options", *revisions, "--",
        ],
        folder=folder,
        trust=trust,
        what=f"the history of {folder} cannot be read",
    )  # fmt: skip
    steps: list[Step] = []
    # With -z a commit is "\1HEAD\1", its author and its subject, then its paths, with NUL between all of them.
    pieces = iter(out.split(b"\0"))
    touched: list[str] = []
    for part in pieces:
        piece = part.lstrip(b"\n")
        if head := _HEAD.fullmatch(piece):
            touched = []
            commit = Commit(head["id"].decode("ascii"), datetime.fromtimestamp(int(head["at"]), UTC))
            parent = head["parents"].decode("ascii").partition(" ")[0] or None
            steps.append(Step(commit, parent, _said(next(pieces, b"")), _said(next(pieces, b"")), touched))
        elif piece:
            touched.append(piece.decode("utf-8", "surrogateescape"))
    return steps


def _said(text: bytes) -> str:
    """What people wrote, fit to be shown: no control characters, no secret, not too long."""
    shown = "".join(one if one.isprintable() else " " for one in text.decode("utf-8", "replace"))
    return redact(shown.strip())[:_LONGEST]


def _is_shallow(folder: Path, trust: str | None) -> bool:
    answer = git.ask(["rev-parse", "--is-shallow-repository"], folder=folder, trust=trust)
    return answer.out.strip() == b"true"
