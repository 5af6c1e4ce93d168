"""Shows results: one report, five formats, each of them a pure function from values to text.

`build` makes the contract's JSON object; the writers stand in a file each and are loaded when they are asked for, because
`check` is a command that people wait for. Whatever a host or a repository put into a name cannot break out of a format
(`clean`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.model.report import CheckReport


class Format(StrEnum):
    """The formats of `check`."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    MARKDOWN = "markdown"
    JUNIT = "junit"


def render(report: CheckReport, format: Format) -> str:  # noqa: A002 - named as the option is
    """The whole report in one format, without colour, ending with a newline."""
    match format:
        case Format.TEXT:
            from anchorwatch.reports.text import write
        case Format.JSON:
            from anchorwatch.reports.json import write
        case Format.HTML:
            from anchorwatch.reports.html import write
        case Format.MARKDOWN:
            from anchorwatch.reports.markdown import write
        case Format.JUNIT:
            from anchorwatch.reports.junit import write
    return write(report)
