"""Where things lie: the config file itself, paths that it names, and the state folder.

One rule: a relative path is meant from the folder of the config file (from the current folder where there is none), and `~` is
the home folder of whoever runs anchorwatch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anchorwatch.config.environment import FILE_VARIABLE
from anchorwatch.config.texts import text

DEFAULT_FILE = Path("anchorwatch.yml")
_SQLITE = "sqlite:///"


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The config file: `path`, else `$ANCHORWATCH_CONFIG`, else `./anchorwatch.yml` where there is one; None for the defaults.

    One that was asked for need not be there: reading it says so.
    """
    if path is not None:
        return path
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    return DEFAULT_FILE if DEFAULT_FILE.is_symlink() or DEFAULT_FILE.exists() else None


@dataclass(frozen=True, slots=True)
class Places:
    """From which folder relative paths are meant, and where home is."""

    folder: Path
    home: str

    @classmethod
    def of(cls, file: Path | None, environ: Mapping[str, str]) -> Places:
        """The places of a config at `file`. `file` itself may be relative to the current folder."""
        return cls(Path.cwd() if file is None else Path.cwd() / file.parent, environ.get("HOME") or str(Path.home()))

    def local(self, written: object) -> str:
        """The absolute path on this machine that `written` means; `.` and `..` are folded. Raises `WrongValue`."""
        path = text(written)
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        return os.path.normpath(self.folder / path)

    def database(self, url: str) -> str:
        """`url` with the file of an SQLite database made absolute."""
        if not url.startswith(_SQLITE):
            return url
        file, mark, options = url.removeprefix(_SQLITE).partition("?")
        return f"{_SQLITE}{self.local(file)}{mark}{options}"


def state_folder(environ: Mapping[str, str], *, root: bool) -> str:
    """Where the database and the key lie by default (https://specifications.freedesktop.org/basedir-spec)."""
    if root:
        return "/var/lib/anchorwatch"
    state = environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        state = f"{environ.get('HOME') or Path.home()}/.local/state"
    return f"{state}/anchorwatch"
