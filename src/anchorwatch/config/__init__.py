"""The config room: reads `anchorwatch.yml`, the environment and the files that they name, and judges them.

    config = load(path, environ)        # a frozen Config, or ConfigError with every mistake at once

or, where hosts are to be asked and every moment counts:

    draft = read_draft(path, environ)   # read, not judged
    early = draft.addresses()           # begin to connect to these …
    config = draft.config()             # … while the config is judged

Importing this room is cheap; pydantic is loaded only where there is something to judge. No other room sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.config.draft import Draft, read_draft

if TYPE_CHECKING:
    from anchorwatch.config.config import Config

__all__ = ["Draft", "load", "read_draft"]


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The config at `path`, else `$ANCHORWATCH_CONFIG`, else `./anchorwatch.yml`, else the defaults; `environ` wins over it.

    Raises `ConfigError` with every mistake at once.
    """
    return read_draft(path, environ).config()
