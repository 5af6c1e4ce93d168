"""The files of one stack, laid out for Compose in a private folder that is gone afterwards.

It mirrors the repo's folders, since Compose names a project after its folder, and lies deep enough that a bind like
`../../../../srv` keeps its `..`. Nothing but what `inputs` found is in it; there is never a symlink.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from anchorwatch.desired.scratch import scratch_folder
from anchorwatch.desired.walls import NOBODY

_DEEP = "/".join(str(level) for level in range(16))


@contextmanager
def export_folder(name: str) -> Iterator[Path]:
    """A fresh folder for a repo called `name`, readable by us and by the account that Compose runs as."""
    top = Path(tempfile.mkdtemp(prefix="anchorwatch-", dir=scratch_folder()))
    try:
        root = top / _DEEP / (posixpath.basename(name) or "repo")
        _make(root)
        if os.geteuid() == 0:
            with suppress(OSError):  # a user namespace without that account: then Compose runs as we do
                os.chown(top, 0, NOBODY)
                top.chmod(0o710)
        yield root
    finally:
        shutil.rmtree(top, ignore_errors=True)


def lay_out(root: Path, texts: Mapping[str, str]) -> None:
    """Write the files; those that are there already are replaced."""
    for path, text in texts.items():
        target = root / path
        _make(target.parent)
        target.write_bytes(text.encode("utf-8", "surrogateescape"))
        target.chmod(0o644)


def _make(folder: Path) -> None:
    """Make a folder and those above it, open to whoever may come through the topmost one, whatever our umask is."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)
