"""Where an SQLite database lies: its folder, its rights, and whether the file system there can carry it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from anchorwatch.errors import StoreError

NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ocfs2", "gfs2",
        "fuse.glusterfs", "fuse.ceph", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs", "davfs",
    }
)  # fmt: skip
"""File systems whose files other machines may write too: SQLite's write-ahead log needs memory that all writers share
(https://sqlite.org/wal.html, "Disadvantages", 2)."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path) -> None:
    """Makes the folder, for its owner's eyes only. One that is there is left as it is. Raises `StoreError`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {folder} cannot be made: {error.strerror}", hint="make it, or set `database` in the config"
        ) from error


def make_file(path: Path) -> None:
    """Makes an empty file that only its owner may read and write. Raises `StoreError`."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}", hint="look at the rights of its folder") from error


def make_private(path: Path) -> None:
    """Takes the rights of everybody but its owner from a file, if it is ours."""
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(0o600)


def refuse_network(folder: Path) -> None:
    """Raises `StoreError` where the folder lies on a file system that SQLite's write-ahead log does not work on."""
    kind = filesystem_of(folder, _mounts())
    if kind in NETWORK:
        raise StoreError(
            f"{folder} lies on a network file system ({kind}), where SQLite's write-ahead log does not work",
            hint="put the database on a local disk, or use PostgreSQL (postgresql+psycopg://…)",
        )


def filesystem_of(folder: Path, mountinfo: str) -> str | None:
    """The type of the file system that holds `folder`, by the text of `/proc/self/mountinfo` (proc(5)); None if it does not say.

    Of several mounts on one place the last one counts.
    """
    place = folder.resolve().parts
    found, depth = None, 0
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = Path(_unescaped(fields[4])).parts
        if place[: len(point)] == point and len(point) >= depth:
            found, depth = right.split(" ")[0], len(point)
    return found


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
