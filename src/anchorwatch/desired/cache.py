"""What Compose made of a stack, kept across runs, so that a check starts Compose only for what changed.

An entry is found by the names and contents of the stack's own files, the version of Compose and the host, and holds good only
while everything else that the stack looked at (includes, extended files, env files, a `.env`, and names that were not there) is
unchanged, and the values from outside Git have the same keyed hash. It holds stand-ins where those values go: nothing that came
from outside Git is ever written. A damaged entry is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorwatch import __version__
from anchorwatch.desired.memory import Recent
from anchorwatch.desired.resolution import Resolution

FORMAT = 4
"""To be raised whenever entries of an older anchorwatch would be read wrongly."""
MAX_ENTRIES = 2_000
KEEP_SECONDS = 90 * 86_400
_TOUCH_AFTER = 86_400
_PRUNE_EVERY = 500
"""Entries that are written between two prunings by one process."""
_IN_MEMORY = 400


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """`$XDG_CACHE_HOME/anchorwatch`; for root without it `/var/cache/anchorwatch`. None where no folder can be named."""
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "anchorwatch"
    if os.geteuid() == 0:
        return Path("/var/cache/anchorwatch")
    return Path(environ["HOME"]) / ".cache" / "anchorwatch" if environ.get("HOME") else None


class Cache:
    """Entries in a private folder. Without a folder, or where it cannot be written, only this process keeps what it resolved, and
    nothing fails."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = _private(folder)
        self.memory: Recent[str, tuple[str, str | None]] = Recent(_IN_MEMORY)
        """For stacks whose values from outside cannot be put in afterwards: entry -> (hash of the values, Compose's output)."""
        self.resolutions: Recent[str, Resolution] = Recent(_IN_MEMORY)
        """Entries as they were read or written last."""
        self._lock = threading.Lock()
        self._stored = 0
        self._key: bytes | None = None

    @property
    def key(self) -> bytes:
        """The key of the hashes in this cache."""
        with self._lock:
            if self._key is None:
                self._key = self._kept_key()
            return self._key

    def _kept_key(self) -> bytes:
        fresh = secrets.token_bytes(32)
        if self.folder is None:
            return fresh
        path = self.folder / "key"
        with contextlib.suppress(OSError):
            kept = path.read_bytes()
            if len(kept) == len(fresh):
                return kept
        with contextlib.suppress(OSError):
            write_private(path, fresh)
        return fresh

    def load(self, name: str) -> dict[str, Any] | None:
        """The entry; None where there is none that can be read."""
        if self.folder is None:
            return None
        path = self.folder / f"{name}.json"
        try:
            with path.open("rb") as file:
                content = file.read()
                age = time.time() - os.fstat(file.fileno()).st_mtime
            entry = json.loads(content)
        except (OSError, ValueError, RecursionError):
            return None
        if age > _TOUCH_AFTER:
            with contextlib.suppress(OSError):
                os.utime(path)
        return entry if isinstance(entry, dict) and entry.get("format") == FORMAT else None

    def store(self, name: str, entry: Mapping[str, Any]) -> None:
        """Keep an entry, whole or not at all."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            content = json.dumps({"format": FORMAT, **entry}).encode("utf-8", "surrogateescape")
            write_private(self.folder / f"{name}.json", content)
        with self._lock:
            due, self._stored = self._stored % _PRUNE_EVERY == 0, self._stored + 1
        if due:
            self._prune(self.folder)

    @staticmethod
    def _prune(folder: Path) -> None:
        with contextlib.suppress(OSError):
            with os.scandir(folder) as found:
                entries = sorted((item.stat().st_mtime, item.path) for item in found if item.name.endswith(".json"))
            oldest = time.time() - KEEP_SECONDS
            for index, (used_at, path) in enumerate(entries):
                if used_at < oldest or index < len(entries) - MAX_ENTRIES:
                    Path(path).unlink(missing_ok=True)


def entry_name(*parts: object) -> str:
    """A name for what is told by these parts, and by this anchorwatch: another one may see the same files differently."""
    told = json.dumps([FORMAT, __version__, *parts], default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _private(folder: Path | None) -> Path | None:
    """The folder, made if need be, if nobody else can write to it."""
    if folder is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    if status.st_uid != os.geteuid():
        return None
    if status.st_mode & 0o077:
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
    return folder


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only we can read, whole or not at all. Raises OSError."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)
