"""A terminal in colour, through Rich: styled lines, and below them one line that says what is being waited for.

Rich takes about 40 ms to be loaded, so it is loaded with the first line: by then the hosts have been called.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Self

from anchorwatch.reports.lines import Line, Style

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

LOOK = {
    Style.PLAIN: "",
    Style.NAME: "bold",
    Style.GOOD: "green",
    Style.INFO: "blue",
    Style.WARNING: "yellow",
    Style.CRITICAL: "bold red",
    Style.UNSURE: "magenta",
    Style.QUIET: "dim",
    Style.COMMAND: "cyan",
}


class Screen:
    """Standard output where it is a terminal (or `console`). A context manager: leaving it takes the waiting line away."""

    def __init__(self, console: Console | None = None) -> None:
        self._given = console
        self._status: Status | None = None

    def show(self, lines: Iterable[Line]) -> None:
        """Prints `lines` above the waiting line. Long ones are not wrapped, so that a command can be copied."""
        from rich.text import Text

        styled = [Text.assemble(*((piece, LOOK[style]) for style, piece in line)) for line in lines]
        if styled:
            self._console.print(Text("\n").join(styled), soft_wrap=True, highlight=False)

    def wait_for(self, what: str) -> None:
        """Shows `what` (clean) in the waiting line, cut to the terminal's width; nothing takes the line away."""
        from rich.text import Text

        text = Text(what, style=LOOK[Style.QUIET])
        text.truncate(self._console.width - len("⠋ ") - 1, overflow="ellipsis")
        if not what:
            self._stop()
        elif self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return self._given or Console()
