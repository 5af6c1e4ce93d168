"""One anchorwatch a database: a lock that ends with the process that holds it, and says who that is.

The lock is `flock` on a file of its own beside the database, so it survives neither the process nor a crash, and does not
meddle with SQLite's own locks. The file stays; what is written in it is for people.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from anchorwatch.errors import StoreError, StoreInUse


class Lock:
    """The lock file of a database. Raises `StoreInUse` where another process holds it."""

    def __init__(self, path: Path, *, database: str, who: str, at: datetime) -> None:
        """Takes it. `who` is what others are told: `anchorwatch watch`."""
        try:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be opened: {error.strerror}", hint="look at the rights of the file and of its folder"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _told(self._file)
            self.release()
            raise in_use(database, holder) from error
        os.ftruncate(self._file, 0)
        with suppress(OSError):  # what is in the file is a courtesy: a full disk is told of by the database itself
            os.write(self._file, json.dumps(_about(who, at)).encode())

    def release(self) -> None:
        """Lets go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def held_by(path: Path) -> str | None:
    """Who holds the lock file at `path`, as others are told; None for nobody. Takes nothing, and makes no file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _told(file)
    finally:
        os.close(file)
    return None


def in_use(database: str, holder: str) -> StoreInUse:
    """What the second one is told."""
    return StoreInUse(
        f"{database} is in use by {holder}",
        hint="one anchorwatch a database: end that one first, or give this one a database of its own",
    )


def _about(who: str, at: datetime) -> dict[str, object]:
    return {"who": who, "pid": os.getpid(), "machine": socket.gethostname(), "since": at.isoformat(timespec="seconds")}


def _told(file: int) -> str:
    try:
        about = json.loads(os.pread(file, 4096, 0))
        return f"{about['who']}, process {about['pid']} on {about['machine']}, since {about['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
