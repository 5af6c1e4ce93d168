"""Git and a host side by side: the text of `diff`, a unified diff of Compose keys."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from anchorwatch.model.report import SideBySide
from anchorwatch.reports.clean import shorten
from anchorwatch.reports.lines import Line, Style


def diff_lines(sides: Iterable[SideBySide], names: tuple[str, str] = ("git  ", "host ")) -> Iterator[Line]:
    """For each pair that differs its unified diff: `-` is what Git says, `+` what the host says (or `names`: two moments).
    Nothing for pairs that agree."""
    for side in sides:
        lines = difflib.unified_diff(side.git, side.host, f"{names[0]} {side.name}", f"{names[1]} {side.name}", lineterm="")
        for number, line in enumerate(lines):  # cut and made clean only now: two values may differ in what is not shown
            yield ((_style(line, in_head=number < 2), shorten(line, 1000)),)


def _style(line: str, *, in_head: bool) -> Style:
    if in_head:
        return Style.NAME
    return {"-": Style.WARNING, "+": Style.GOOD, "@": Style.QUIET}.get(line[:1], Style.PLAIN)
