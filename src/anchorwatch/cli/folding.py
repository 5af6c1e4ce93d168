"""Lines for people, folded to the width of a terminal: between words, and what is left over stands below its beginning.

A terminal folds by itself, in the middle of a word and back to the margin, where marks and names are looked for. A command is
left to it: so it can be copied. A file gets lines as they are, so that `grep` finds what it looks for.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator

from anchorwatch.reports.lines import Line, Style

NARROWEST = 40
"""Columns below which nothing is folded: there is no room for it."""

_WORDS = re.compile(r"\s+|\S+")
_MARGIN = 16
"""Columns that a line may begin with that are kept free below it."""
_MARKED = 2
"""Blanks before a line that begins with a mark, or a time."""


def columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def folded(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The lines, none of them longer than `width` as far as its words allow that."""
    from rich.cells import cell_len

    for line in lines:
        text = "".join(piece for _, piece in line)
        if width < NARROWEST or len(text) * 2 <= width or cell_len(text) <= width or any(one is Style.COMMAND for one, _ in line):
            yield line
            continue
        indent = _indent(line, text)
        row: list[tuple[Style, str]] = []
        at = 0
        for style, word in ((style, word) for style, piece in line for word in _WORDS.findall(piece)):
            size = cell_len(word)
            if at > indent and at + size > width and not word.isspace():
                yield _ended(row)
                row, at = [(Style.PLAIN, " " * indent)], indent
            if row and at == indent and word.isspace() and row[0][1] == " " * indent:
                continue  # blanks at which the line was folded
            row.append((style, word))
            at += size
        yield _ended(row)


def _indent(line: Line, text: str) -> int:
    """Where the rest of a line stands: right of a quiet beginning of its own (a time, a name), else a little further in."""
    style, begin = line[0]
    if style is Style.QUIET and begin.startswith(" ") and len(begin) <= _MARGIN:
        return len(begin)
    lead = len(text) - len(text.lstrip())
    return lead + (4 if lead <= _MARKED else 2)


def _ended(row: list[tuple[Style, str]]) -> Line:
    while row and row[-1][1].isspace():
        row.pop()
    return tuple(row)
