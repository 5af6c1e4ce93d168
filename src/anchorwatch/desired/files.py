"""The files of the repo as everything else in this room sees them: names first, contents in one batch.

Two things give out `Files`: `repo.open_repo` (a Git commit) and `folder.open_folder` (a folder as it lies there). Who uses
them need not know which. Paths are relative to the folder that the user named, with `/` between segments, without `.` and
`..`; bytes of a name that are no UTF-8 are carried as surrogates (PEP 383), so that no name is lost and none is changed.

A symlink that stays within the repo stands for what it points at: `Entry.kind` is `file` and `Entry.real` the path it leads
to; a link to a folder gives an entry for each file below it. One that leaves the repo, or leads nowhere, stays a `symlink`
and is never read.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeVar

MAX_FILE_BYTES = 1_000_000
"""No file above this size is read: a Compose file has some kilobytes, and what we read may be hostile."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in the repo."""

    kind: Literal["file", "symlink", "submodule"]
    id: str = ""
    """Git's object id, which names the content; "" in a folder, where nothing but reading tells the content."""
    size: int | None = None
    """Bytes, where the listing already tells it (a folder); a commit is asked for sizes only when files are read."""
    real: str | None = None
    """For a file that is reached through a symlink: the path that it leads to. For a `symlink`: the text of the link."""
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that touched something: `id` in hex, `at` the committer's time, aware, UTC."""

    id: str
    at: datetime


class Files(Protocol):
    """The files of a repo at one moment. Answers never change while the object lives, except in a folder that is written to."""

    @property
    def name(self) -> str:
        """The folder's own name, after which Compose calls a project of the topmost folder (if it has the same name there)."""

    @property
    def revision(self) -> str | None:
        """The commit that is read, in hex; None for a folder as it lies there."""

    def paths(self) -> Mapping[str, Entry]:
        """Every name, sorted; listed once and kept. Raises RepoError."""

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of the named files, in one batch.

        Left out, never an error: names that do not exist, symlinks and submodules, files above `MAX_FILE_BYTES` and files whose
        object is damaged or missing. `unread` says why. Raises RepoError when nothing can be read at all.
        """

    def unread(self, path: str) -> str | None:
        """Why `read` leaves a path out, as a clause for people ("is larger than 1 MB"); None for a path that was read."""

    def too_large(self, path: str) -> bool:
        """Whether `read` leaves a path out because of its size."""

    def last_commits(self, groups: Mapping[K, Collection[str]]) -> dict[K, Commit | None]:
        """For each group of paths the last commit that touched one of them; a path may be a folder and then means all below it.

        None where no commit did, or where the walk ended before it came to one (it is bounded in commits and time).
        """

    def touched_since(self, revision: str, groups: Mapping[K, Collection[str]]) -> dict[K, Commit] | None:
        """For each group of paths that a commit since `revision` touched, the last such commit.

        None where the first parents do not lead back to `revision`, or not soon: then `last_commits` has to tell.
        """
