"""What is read of a repo in one pass, kept: each file once, many in one batch, from any thread.

It also remembers what each stack looked at, found or not, since that is what a cached answer hangs on.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from anchorwatch.desired.files import Entry, Files


class Shelf:
    """The files of one repo at one moment, read at most once."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._lock = threading.Lock()
        self._read: dict[str, bytes | None] = {}

    def entry(self, path: str) -> Entry | None:
        """The name's entry; None where there is none."""
        return self.files.paths().get(path)

    def fetch(self, paths: Iterable[str]) -> None:
        """Read what is not read yet, in one batch."""
        with self._lock:
            wanted = [path for path in dict.fromkeys(paths) if path not in self._read]
            there = [path for path in wanted if (entry := self.entry(path)) is not None and entry.kind == "file"]
            found = self.files.read(there) if there else {}
            for path in wanted:
                self._read[path] = found.get(path)

    def get(self, path: str) -> bytes | None:
        """A file's content; None where it cannot be had."""
        if path not in self._read:
            self.fetch([path])
        return self._read[path]

    def damaged(self, path: str) -> bool:
        """Whether a file is there, and cannot be had for a reason that may pass."""
        entry = self.entry(path)
        return entry is not None and entry.kind == "file" and self.get(path) is None and not self.files.too_large(path)

    def id(self, path: str) -> str | None:
        """What names the content of a path: Git's object id, or a hash of the content in a folder; None where nothing is."""
        entry = self.entry(path)
        if entry is None:
            return None
        if entry.kind != "file":
            return f"{entry.kind}:{entry.real or ''}"
        if entry.id:
            return entry.id
        content = self.get(path)
        return "unread" if content is None else "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class Contents:
    """The view that one stack has of the shelf."""

    shelf: Shelf
    looked_at: dict[str, str | None] = field(default_factory=dict)
    """Path -> what was there (`Shelf.id`), for everything that the stack asked for."""

    def get(self, path: str) -> bytes | None:
        """A file's content; None where it cannot be had."""
        if path not in self.looked_at:
            self.looked_at[path] = self.shelf.id(path)
        return None if self.looked_at[path] is None else self.shelf.get(path)

    def why_not(self, path: str) -> str:
        """Why `get` gives nothing, as a clause."""
        submodule = next((at for at in _parents(path) if (entry := self.shelf.entry(at)) and entry.kind == "submodule"), None)
        if submodule is not None:
            return f"lies in the submodule {submodule}, which is not read"
        if any(name.startswith(path + "/") for name in self.shelf.files.paths()):
            return "is a folder"
        return "is not in the repo" if self.shelf.entry(path) is None else self.shelf.files.unread(path) or "cannot be read"

    def too_large(self, path: str) -> bool:
        """Whether the file is left out because of its size."""
        return self.shelf.entry(path) is not None and self.shelf.files.too_large(path)

    def is_symlink(self, path: str) -> bool:
        """Whether it is a symlink that leaves the repo or leads nowhere."""
        return any((entry := self.shelf.entry(at)) is not None and entry.kind == "symlink" for at in (path, *_parents(path)))


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
