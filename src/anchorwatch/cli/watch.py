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
    import logging
    import signal
    import sys

    from anchorwatch.app.watch import service
    from anchorwatch.cli.arguments import path

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for noisy in ("alembic", "apprise", "asyncio", "docker", "git", "urllib3", "watchfiles"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with service(path(config)) as made:
        signal.signal(signal.SIGTERM, lambda *_: made.stop())
        signal.signal(signal.SIGINT, lambda *_: made.stop())
        signal.signal(signal.SIGHUP, lambda *_: made.reload())
        made.run()
    return 0
