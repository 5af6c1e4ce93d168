"""Lines made of styled pieces: how text for people is handed to whatever shows it, a file or a terminal.

Every piece is clean by the time it is in a line, so that nobody further on needs to think of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

from anchorwatch.model.wording import count, place


class Style(StrEnum):
    """What a piece means; the terminal decides what that looks like."""

    PLAIN = ""
    NAME = "name"
    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    UNSURE = "unsure"
    QUIET = "quiet"
    COMMAND = "command"


__all__ = ["EMPTY", "Line", "Style", "count", "place", "plain"]

Line: TypeAlias = tuple[tuple[Style, str], ...]

EMPTY: Line = ()


def plain(lines: Iterable[Line]) -> str:
    """The lines without style, each ended by a newline."""
    return "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)
