"""Lines made of styled pieces: how text for people is handed to whatever shows it, a file or a terminal.

Every piece is clean by the time it is in a line, so that nobody further on needs to think of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

from anchorwatch.model.findings import Finding


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


Line: TypeAlias = tuple[tuple[Style, str], ...]

EMPTY: Line = ()


def plain(lines: Iterable[Line]) -> str:
    """The lines without style, each ended by a newline."""
    return "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)


def count(number: int, noun: str) -> str:
    """`1 drift`, `3 drifts`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place(finding: Finding) -> str:
    """Where a finding is, as one reads and types it: `pi5/mealie mealie`, `pi5 watchtower`. Not clean."""
    stack = f"{finding.host}/{finding.stack}" if finding.stack else finding.host
    by_service = finding.stack is not None and finding.service is not None and finding.number == 1
    name = finding.service if by_service else finding.container
    return f"{stack} {name}" if name else stack
