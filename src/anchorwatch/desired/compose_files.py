"""Reads Compose files and the `.env` beside them, in batches, and remembers what each is.

What cannot be read ends as a file with an error, not as an exception: it costs the stack that it belongs to.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from anchorwatch.desired.classify import ComposeFile, read_compose_file
from anchorwatch.desired.files import Files
from anchorwatch.desired.memory import Memory
from anchorwatch.desired.project_name import compose_settings
from anchorwatch.errors import StackError

_ROUNDS = 4
"""So deep includes of includes are followed, to tell fragments from stacks."""


@dataclass(slots=True)
class ComposeFiles:
    """What was read so far of `files`, by path."""

    files: Files
    memory: Memory | None = None
    known: dict[str, ComposeFile] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """The COMPOSE_… variables of the `.env` of a folder, raw."""
    _digests: dict[str, str] = field(default_factory=dict)

    def look(self, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
        """Read files that are not known yet, and the `.env` of folders, in one batch."""
        there = self.files.paths()
        wanted = [path for path in dict.fromkeys(paths) if path not in self.known]
        places = {folder: posixpath.join(folder, ".env") for folder in dict.fromkeys(folders) if folder not in self.settings}
        asked = [*wanted, *(path for path in places.values() if path in there)]
        contents = self.files.read(asked) if asked else {}
        for folder, path in places.items():
            self.settings[folder] = compose_settings(contents[path]) if path in contents else {}
        for path in wanted:
            content = contents.get(path)
            self.known[path] = self._unread(path) if content is None else self._read(path, content, there[path].id)
            if content is not None:
                self._digests[path] = there[path].id or hashlib.sha256(content).hexdigest()

    def _read(self, path: str, content: bytes, object_id: str) -> ComposeFile:
        if self.memory is None or not object_id:
            return read_compose_file(path, content)
        found = self.memory.compose_files.get((path, object_id))
        if found is None:
            found = read_compose_file(path, content)
            self.memory.compose_files.put((path, object_id), found)
        return found

    def follow(self) -> None:
        """Read what the files known so far include and extend, as far as it is in the repo."""
        there = self.files.paths()
        for _ in range(_ROUNDS):
            new = [path for path in self.named() if path in there and path not in self.known]
            if not new:
                return
            self.look(new)

    def named(self) -> set[str]:
        """Every path that a known file includes or extends."""
        return {path for file in self.known.values() for path in (*file.included, *file.extended)}

    def within(self, path: str) -> frozenset[str]:
        """Everything that a file includes, and what that includes."""
        seen: set[str] = set()
        waiting = [path]
        while waiting:
            file = self.known.get(waiting.pop())
            new = [named for named in (file.included if file else ()) if named not in seen]
            seen.update(new)
            waiting += new
        return frozenset(seen)

    def digest(self, path: str) -> str:
        """Tells contents apart: equal for equal files of one repo; "" for a file that was not read."""
        return self._digests.get(path, "")

    def _unread(self, path: str) -> ComposeFile:
        entry = self.files.paths().get(path)
        why = self.files.unread(path) or "cannot be read"
        if self.files.too_large(path):
            error = StackError("too_large", f"{path} {why}", hint="a Compose file of this size is no Compose file; exclude it")
        elif entry is None:
            error = StackError("no_compose_file", f"{path} {why}", hint="commit it, or correct the name")
        elif entry.kind == "symlink":
            error = StackError("outside_repo", f"{path} {why}", hint="commit the file itself, or exclude it")
        else:
            error = StackError("resolver", f"{path} {why}", hint="`git fsck` in the repository tells more")
        return ComposeFile(path, "broken", error=error)
