"""A check that somebody watches on a terminal: each host is shown as soon as it is done."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Protocol

from anchorwatch.cli.output import write
from anchorwatch.model.findings import Finding
from anchorwatch.model.options import Filters
from anchorwatch.model.report import CheckReport, HostReport, StackReport
from anchorwatch.reports.clean import shorten
from anchorwatch.reports.lines import Line, count, plain
from anchorwatch.reports.text import closing_lines, host_lines


class Surface(Protocol):
    """Where lines can be shown."""

    def show(self, lines: Iterable[Line]) -> None:
        """Prints `lines`."""

    def wait_for(self, what: str) -> None:
        """Says what is being waited for; nothing, when `what` is empty."""


class Paper:
    """A terminal without colour, or whatever cannot move a cursor: lines only."""

    def show(self, lines: Iterable[Line]) -> None:
        """Prints `lines`."""
        write(plain(lines))

    def wait_for(self, what: str) -> None:
        """Says nothing: the line could not be taken away again."""


class Watching:
    """The `Progress` of a watched check, folded to `width`. Its methods may be called from any thread."""

    def __init__(self, surface: Surface, filters: Filters, width: int | None = None) -> None:
        self._surface = surface
        self._width = width
        self._filters = filters
        self._asked: dict[str, int] = {}
        self._shown: set[str] = set()
        self._lock = Lock()

    def host_started(self, host: str) -> None:
        """Names `host` in the waiting line."""
        with self._lock:
            self._asked[host] = 0
            self._wait()

    def stack_done(self, host: str, stack: str) -> None:
        """Counts the stack in the waiting line."""
        with self._lock:
            if host in self._asked:
                self._asked[host] += 1
                self._wait()

    def host_done(self, host: HostReport, stacks: tuple[StackReport, ...], findings: tuple[Finding, ...]) -> None:
        """Shows `host`."""
        with self._lock:
            self._asked.pop(host.name, None)
            self._show(host, stacks, tuple(finding for finding in findings if self._filters.wants(finding)))
            self._wait()

    def finish(self, report: CheckReport) -> None:
        """Shows what is left of `report`, which is narrowed already."""
        with self._lock:
            self._surface.wait_for("")
            for host in report.hosts:
                self._show(host, report.stacks, report.findings)
            self._surface.show(self._folded(closing_lines(report)))

    def _show(self, host: HostReport, stacks: tuple[StackReport, ...], findings: tuple[Finding, ...]) -> None:
        if host.name not in self._shown:
            self._shown.add(host.name)
            self._surface.show(self._folded(host_lines(host, stacks, findings)))

    def _folded(self, lines: Iterable[Line]) -> Iterable[Line]:
        if self._width is None:
            return lines
        from anchorwatch.cli.folding import folded

        return folded(lines, self._width)

    def _wait(self) -> None:
        done = (
            f"{shorten(host, 40)} ({count(stacks, 'stack')})" if stacks else shorten(host, 40)
            for host, stacks in self._asked.items()
        )
        self._surface.wait_for(f"asking {', '.join(done)}" if self._asked else "")
