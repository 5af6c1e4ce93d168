"""What to do with a database in a file that is damaged or lost: put aside what is there, and go back to the newest sound copy.

Nothing is deleted. Without a copy the next start begins anew: then nothing is news, and what is drifted goes out as a summary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anchorwatch.errors import StoreError
from anchorwatch.store.backup import copy_to, soundness
from anchorwatch.store.opening import database_of

_BESIDE = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done."""

    aside: tuple[Path, ...]
    """Where what was there is now."""
    restored: Path | None
    """The copy that is in its place; None: the next start begins anew."""


def recover(url: str, *, at: datetime, who: str) -> Recovery | None:
    """After a `StoreDamaged` or `StoreLost` of opening the database: makes it possible to open it again. None for a server's
    database, which only its own tools can bring back.

    Raises `StoreInUse`, or `StoreError` where what is there cannot be put aside.
    """
    database = database_of(url, None)
    if database.folder is None or database.backups is None or database.seal is None:
        return None
    path = Path(database.name)
    database.hold(who, at)
    try:
        aside = [_put_aside(path.with_name(path.name + end), at) for end in _BESIDE]
        copy = next((copy for copy in database.backups.newest_first() if not soundness(copy)), None)
        if copy is not None:
            copy_to(copy, path)
        else:
            aside.append(_put_aside(database.seal.path, at))
        return Recovery(tuple(one for one in aside if one is not None), copy)
    finally:
        database.release()


def _put_aside(path: Path, at: datetime) -> Path | None:
    if not path.exists():
        return None
    target = path.with_name(f"{path.name}.{at:%Y%m%dT%H%M%SZ}.aside")
    try:
        path.replace(target)
    except OSError as error:
        raise StoreError(f"{path} cannot be put aside: {error.strerror}", hint="look at the rights of its folder") from error
    return target
