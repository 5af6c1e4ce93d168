"""`anchorwatch status`: where things stand, from the database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import filters_of, path
from anchorwatch.cli.output import show, write

if TYPE_CHECKING:
    from datetime import tzinfo

    from anchorwatch.model.log import Standing


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(status)


def status(
    config: options.Config = None,
    host: options.Hosts = None,
    stack: options.Stacks = None,
    kind: options.Kinds = None,
    severity: options.AtLeast = "info",
    format: Annotated[  # noqa: A002 - named as the option is
        Literal["text", "json", "html", "markdown", "junit"], typer.Option("--format", help="How to show it.")
    ] = "text",
    no_color: options.NoColor = False,
) -> int:
    """Show what is drifted now, from the database.

    Since when, which side moved and why; what is accepted and silenced; since when each stack is in sync; how many containers
    are in Git. No host is asked: what the service has not seen for too long is shown as not known.

    \b
    Exit code: 0 done, whatever there is; 2 it could not do its work.

    \b
    Examples:
      anchorwatch status
      anchorwatch status --host pi5 --severity warning
      anchorwatch status --format html > status.html
    """
    filters = filters_of(host, stack, kind, severity)
    from anchorwatch.app.log import open_log
    from anchorwatch.cli.leaving import leaving
    from anchorwatch.model.times import local_zone

    with open_log(path(config)) as log, leaving(log.cancel):
        show_status(log.status(filters), format, local_zone(os.environ), no_color=no_color)
    return 0


def show_status(standing: Standing, format: str, zone: tzinfo | None, *, no_color: bool) -> None:  # noqa: A002
    """Prints where things stand, in one of the formats of `status`."""
    match format:
        case "json":
            from anchorwatch.reports.json import dumps
            from anchorwatch.reports.moment import standing_document

            write(dumps(standing_document(standing)))
        case "html":
            from anchorwatch.reports.status_html import status_page

            write(status_page(standing, zone))
        case "markdown":
            from anchorwatch.reports.status_markdown import status_markdown

            write(status_markdown(standing, zone))
        case "junit":
            from anchorwatch.reports.junit import write as junit
            from anchorwatch.reports.status import as_report

            write(junit(as_report(standing)))
        case _:
            from anchorwatch.reports.status import status_lines

            show(status_lines(standing, zone), no_color=no_color, fold=True)
