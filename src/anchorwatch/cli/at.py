"""`anchorwatch at`: how things stood at a moment."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import filters_of, path
from anchorwatch.cli.output import show, write


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(at)


def at(
    time: Annotated[
        str,
        typer.Argument(
            metavar="TIME",
            help="2026-11-20T03:00 (local time unless it says otherwise), 36h (ago), 'yesterday 03:00'.",
            show_default=False,
        ),
    ],
    config: options.Config = None,
    host: options.Hosts = None,
    stack: options.Stacks = None,
    kind: options.Kinds = None,
    severity: options.AtLeast = "info",
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show what was desired, what ran and what was drifted at a moment.

    What nobody knew then is shown as not known: a host out of reach, a time in which the service did not run. With one --stack,
    and in JSON, each container's configuration is shown too, by the keys of Compose.

    \b
    Exit code: 0 done; 2 it could not do its work.

    \b
    Examples:
      anchorwatch at 2026-11-20T03:00
      anchorwatch at 'yesterday 03:00' --stack pi5/mealie
      anchorwatch at 36h --format json
    """
    filters = filters_of(host, stack, kind, severity)
    from anchorwatch.app.log import open_log
    from anchorwatch.cli.leaving import leaving
    from anchorwatch.clock import now
    from anchorwatch.model.times import local_zone, read_moment

    zone = local_zone(os.environ)
    moment = read_moment(time, now(), zone)
    with open_log(path(config)) as log, leaving(log.cancel):
        standing = log.at(moment, filters, whole=format == "json" or len(filters.stacks) == 1)
        if format == "json":
            from anchorwatch.reports.json import dumps
            from anchorwatch.reports.moment import standing_document

            write(dumps(standing_document(standing)))
        else:
            from anchorwatch.reports.status import status_lines

            show(status_lines(standing, zone), no_color=no_color, fold=True)
    return 0
