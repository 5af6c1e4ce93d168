"""`anchorwatch doctor`: tries everything that anchorwatch stands on."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show, write

BAD = 1
"""The exit code of a verb that found what it looks for to be bad."""


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(doctor)


def doctor(
    config: options.Config = None,
    send: Annotated[bool, typer.Option("--send", help="Send a test message to each destination.")] = False,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Try every host, the repo, Compose, the database and each destination, and say how to mend what is wrong.

    Nothing is changed, and nothing is sent without --send. It can be run beside the service.

    \b
    Exit code: 0 all well; 1 something has to be mended; 2 it could not do its work.

    \b
    Example:
      anchorwatch doctor --config /etc/anchorwatch/anchorwatch.yml
    """
    from anchorwatch.app.doctor import doctor as tried
    from anchorwatch.model.trial import bad

    trials = tried(path(config), os.environ, send=send)
    if format == "json":
        from anchorwatch.reports.doctor import doctor_document
        from anchorwatch.reports.json import dumps

        write(dumps(doctor_document(trials)))
    else:
        from anchorwatch.reports.doctor import doctor_lines

        show(doctor_lines(trials), no_color=no_color)
    return BAD if bad(trials) else 0
