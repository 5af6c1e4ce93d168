"""The mistakes of a config, as a person reads them: the text of `config check`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anchorwatch.errors import Mistake
from anchorwatch.reports.clean import shorten
from anchorwatch.reports.lines import Line, Style, count


def mistake_lines(mistakes: Sequence[Mistake]) -> Iterator[Line]:
    """A line a mistake, and one that sums up."""
    for mistake in mistakes:
        yield ((Style.WARNING, "✗ "), (Style.PLAIN, shorten(str(mistake), 1000)))
    if mistakes:
        yield ((Style.WARNING, count(len(mistakes), "mistake")),)
    else:
        yield ((Style.GOOD, "✓ no mistake in the config"),)
