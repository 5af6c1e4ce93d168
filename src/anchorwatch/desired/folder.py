"""A folder read as it lies there: `--worktree`, or a folder that is no Git repository.

In a work tree git lists what it tracks and what it does not ignore, so that caches and secrets that nobody commits are not
taken for stacks. Elsewhere the folder is walked, without the folders that never hold stacks. No symlink is followed while
reading, in no segment of a path: what is linked within the folder was resolved by name before (`links`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from anchorwatch.desired import git
from anchorwatch.desired.files import MAX_FILE_BYTES, Commit, Entry, K
from anchorwatch.desired.links import follow
from anchorwatch.desired.repo import Place, existing, locate
from anchorwatch.errors import NotARepo

MAX_ENTRIES = 100_000
MAX_DEPTH = 24
_NEVER_STACKS = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".cache", ".terraform"})


@dataclass(slots=True)
class FolderFiles:
    """`Files` of a folder. To be made by `open_folder`."""

    folder: Path
    place: Place | None
    """The Git repository around it; None outside Git."""
    name: str
    limit: int = MAX_ENTRIES
    """More files than this are too many for a folder outside Git."""
    revision: None = None
    _entries: dict[str, Entry] | None = field(default=None, repr=False)

    def paths(self) -> Mapping[str, Entry]:
        """See `Files.paths`."""
        if self._entries is None:
            names = _walk(self.folder, self.limit) if self.place is None else self._not_ignored(self.place)
            entries, texts = self._look(names)
            self._entries = follow(entries, texts)
        return self._entries

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Files.read`."""
        entries = self.paths()
        contents = {}
        root = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for path in paths:
                entry = entries.get(path)
                if entry is None or entry.kind != "file":
                    continue
                with suppress(OSError):  # gone, replaced or not permitted since it was listed: `unread` says so
                    content = _read_beneath(root, entry.real or path)
                    if content is not None:
                        contents[path] = content
        finally:
            os.close(root)
        return contents

    def unread(self, path: str) -> str | None:
        """See `Files.unread`."""
        entry = self.paths().get(path)
        if entry is None:
            return "is not there, or is ignored by Git" if self.place else "is not there"
        if entry.kind != "file":
            return f"is a symlink to {entry.real}, which leaves the repo" if entry.kind == "symlink" else "is a submodule"
        if self.too_large(path):
            return f"is larger than {MAX_FILE_BYTES // 1000} kB"
        return None if path in self.read([path]) else "cannot be read"

    def too_large(self, path: str) -> bool:
        """See `Files.too_large`."""
        entry = self.paths().get(path)
        return entry is not None and entry.kind == "file" and (entry.size or 0) > MAX_FILE_BYTES

    def last_commits(self, groups: Mapping[K, Collection[str]]) -> dict[K, Commit | None]:
        """See `Files.last_commits`: files as they lie there belong to no commit."""
        return dict.fromkeys(groups)

    def touched_since(self, revision: str, groups: Mapping[K, Collection[str]]) -> dict[K, Commit] | None:
        """See `Files.touched_since`."""
        return None

    def _not_ignored(self, place: Place) -> Iterator[str]:
        listed = git.read(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            folder=place.folder,
            trust=str(place.top),
            what=f"the files of {place.folder} cannot be listed",
        )
        for name in listed.split(b"\0"):
            if name:
                yield name.decode("utf-8", "surrogateescape").rstrip("/")

    def _look(self, names: Iterable[str]) -> tuple[dict[str, Entry], dict[str, str]]:
        entries: dict[str, Entry] = {}
        texts: dict[str, str] = {}
        linked: dict[str, bool] = {"": False}
        for path in names:
            if path in entries or _is_linked(self.folder, path.rpartition("/")[0], linked):
                continue
            try:
                found = os.lstat(self.folder / path)
                if stat.S_ISLNK(found.st_mode):
                    texts[path] = os.readlink(self.folder / path)  # noqa: PTH115 - pathlib drops the end of `file/.`
                    entries[path] = Entry("symlink", size=found.st_size, real=texts[path])
                elif stat.S_ISDIR(found.st_mode):
                    entries[path] = Entry("submodule")
                elif stat.S_ISREG(found.st_mode):
                    entries[path] = Entry("file", size=found.st_size, executable=bool(found.st_mode & 0o100))
            except OSError:
                continue  # tracked, but deleted
        return entries, texts


def open_folder(folder: Path, *, limit: int = MAX_ENTRIES) -> FolderFiles:
    """The files of a folder as they lie there. Raises NotARepo when there is no such folder, or it is far too large."""
    real = existing(folder)
    try:
        place: Place | None = locate(real)
    except NotARepo:
        place = None
    if place is not None and not (place.top / ".git").exists():
        raise NotARepo(f"{folder} is a bare repository: it has no work tree", hint="leave --worktree away")
    return FolderFiles(real, place, real.name, limit)


def _walk(folder: Path, limit: int) -> Iterator[str]:
    """Every file and symlink, breadth first, so that what is near is listed whatever lies deep down."""
    waiting = [("", 0)]
    count = 0
    for path, depth in waiting:
        try:
            found = sorted(os.scandir(folder / path), key=lambda item: item.name)
        except OSError as error:
            if not path:
                raise NotARepo(f"{folder} cannot be read: {error.strerror}", hint="may this user read it?") from error
            continue
        for item in found:
            below = f"{path}/{item.name}" if path else item.name
            count += 1
            if count > limit:
                raise NotARepo(f"{folder} has over {limit:,} files", hint="name the folder that the stacks lie in")
            if not item.is_dir(follow_symlinks=False):
                yield below
            elif item.name not in _NEVER_STACKS and depth < MAX_DEPTH:
                waiting.append((below, depth + 1))


def _is_linked(folder: Path, parent: str, known: dict[str, bool]) -> bool:
    """Whether a folder of the path is a symlink on the disk (the index may still name files below it)."""
    if parent not in known:
        known[parent] = _is_linked(folder, parent.rpartition("/")[0], known) or (folder / parent).is_symlink()
    return known[parent]


def _read_beneath(root: int, path: str) -> bytes | None:
    """The content of a regular file of acceptable size; opened segment by segment, so that no symlink leads elsewhere."""
    *folders, name = path.split("/")
    held = os.dup(root)
    try:
        for segment in folders:
            below = os.open(segment, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
            os.close(held)
            held = below
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held)
    finally:
        os.close(held)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        content = stream.read(MAX_FILE_BYTES + 1)
    return content if len(content) <= MAX_FILE_BYTES else None
