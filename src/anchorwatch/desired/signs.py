"""Where news of the repo shows first: what costs next to nothing to look at, and what to listen on.

Signs are hints with one promise: while every file that tells of a branch is untouched (by inode, time and size), git would give
the same answer as before, so it need not be asked. Whatever else a branch may hang on is found by asking git now and then.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MAX_FOLDERS = 500
"""So many folders are listened on. In what lies beyond, news is found by looking."""
_REBASES = ("rebase-merge/head-name", "rebase-apply/head-name")


def git_folders(top: Path) -> tuple[Path, Path]:
    """A work tree's own Git folder, and the one that all work trees of the repository share (gitrepository-layout(5))."""
    own = top / ".git"
    if own.is_file():
        with suppress(OSError):
            own = top / own.read_text("utf-8", "surrogateescape").removeprefix("gitdir:").strip()
    elif not own.is_dir():
        own = top  # a bare repository
    with suppress(OSError):
        return own, own / (own / "commondir").read_text("utf-8", "surrogateescape").strip()
    return own, own


def is_rebasing(top: Path) -> bool:
    """Whether a rebase is under way, which takes HEAD from commit to commit."""
    own, _ = git_folders(top)
    return any((own / name).exists() for name in _REBASES)


def reference_files(top: Path, branch: str | None) -> Iterator[Path]:
    """The files that tell which commit a branch (None: HEAD) is at."""
    own, shared = git_folders(top)
    yield shared / "packed-refs"
    yield own / "reftable" / "tables.list"
    yield shared / "reftable" / "tables.list"
    if branch is None:
        yield own / "HEAD"
        yield from (own / name for name in _REBASES)
        with suppress(OSError):
            target = (own / "HEAD").read_text("utf-8", "surrogateescape").strip()
            if target.startswith("ref: "):
                yield shared / target.removeprefix("ref: ")
    else:
        yield from (shared / name / branch for name in ("refs/heads", "refs/remotes/origin", "refs/tags"))
        if branch.startswith("refs/"):
            yield shared / branch


def folders_of(files: Iterable[Path]) -> tuple[Path, ...]:
    """The folders to listen on for files, as far as they are there: Git replaces its files, so none of them is watched itself."""
    found = dict.fromkeys(file.parent for file in files)
    return tuple(folder for folder in found if folder.is_dir())[:MAX_FOLDERS]


def stamp(files: Iterable[Path | str]) -> Hashable:
    """What tells that none of these files was touched, as long as it stays the same."""
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path | str) -> Hashable:
    try:
        found = os.stat(file)  # noqa: PTH116 - some are texts
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns, found.st_size
