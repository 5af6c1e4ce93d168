"""`anchorwatch show`: one drift's whole life."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show as show_lines
from anchorwatch.cli.output import write


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(show)


def show(
    drift: Annotated[str, typer.Argument(metavar="ID", help="The drift's ID, or as much of it as no other begins with.")],
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show one drift's whole life.

    Its values, what brought it about, each change of its state with the messages about it, the commits and the engine's events
    around its beginning.

    \b
    Exit code: 0 done; 2 it could not do its work: there is no such drift, or more than one.

    \b
    Example:
      anchorwatch show 3fa1
    """
    from anchorwatch.app.log import open_log
    from anchorwatch.cli.leaving import leaving
    from anchorwatch.model.times import local_zone

    with open_log(path(config)) as log, leaving(log.cancel):
        life = log.life(drift)
        if format == "json":
            from anchorwatch.reports.json import dumps
            from anchorwatch.reports.life import life_document

            write(dumps(life_document(life)))
        else:
            from anchorwatch.reports.life import life_lines

            show_lines(life_lines(life, local_zone(os.environ)), no_color=no_color, fold=True)
    return 0
