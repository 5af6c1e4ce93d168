"""Where files are written that live for milliseconds: in memory where there is some, since a busy disk takes longer than Compose.

Nothing secret is ever among them.
"""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - for names made by tempfile
_ENOUGH = 32_000_000
"""Bytes that have to be free there."""


@lru_cache(maxsize=1)
def scratch_folder() -> str:
    """A folder that everybody may write to and pass through. `TMPDIR` wins, where it is set."""
    if os.environ.get("TMPDIR"):
        return tempfile.gettempdir()
    try:
        room = os.statvfs(_IN_MEMORY)
        open_to_all = _IN_MEMORY.stat().st_mode & 0o7 == 0o7
    except OSError:
        return tempfile.gettempdir()
    fits = open_to_all and os.access(_IN_MEMORY, os.W_OK | os.X_OK) and room.f_bavail * room.f_frsize >= _ENOUGH
    return str(_IN_MEMORY) if fits else tempfile.gettempdir()
