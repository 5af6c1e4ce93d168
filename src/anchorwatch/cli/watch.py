"""`anchorwatch watch`: the always-on service."""

from __future__ import annotations

import typer

from anchorwatch.cli import options


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(watch)


def watch(config: options.Config = None, no_color: options.NoColor = False) -> int:
    """Watch every host and the repo: record what changes, and tell people when drift appears and when it is resolved.

    It runs until it is stopped (SIGTERM, Ctrl-C), and reads the config again on SIGHUP. What it does goes to standard error.

    \b
    Exit code: 0 it was stopped; 2 it could not do its work.

    \b
    Example:
      anchorwatch watch --config /etc/anchorwatch/anchorwatch.yml
    """
    from anchorwatch.cli.serving import serve

    return serve(config)
