"""`anchorwatch check`: its command line. What it does stands in `checking`, which a plain command line goes to without Typer."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import CheckArguments


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(check)


def check(
    repo: options.Repo = None,
    config: options.Config = None,
    host: options.Hosts = None,
    stack: options.Stacks = None,
    kind: options.Kinds = None,
    severity: options.AtLeast = "info",
    worktree: options.Worktree = False,
    format: Annotated[  # noqa: A002 - named as the option is
        Literal["text", "json", "html", "markdown", "junit"], typer.Option("--format", help="How to show it.")
    ] = "text",
    exit_code: Annotated[
        Literal["count", "any"],
        typer.Option("--exit-code", help="count: the number of drifts. any: 0, 1 (drift) or 2 (could not look everywhere)."),
    ] = "count",
    no_color: options.NoColor = False,
) -> CheckArguments:
    """Compare what Git says with what runs, on every host.

    Says what has drifted, and the command that mends it. Nothing is changed anywhere, and no database is read or written.

    \b
    Exit code: 0 nothing has drifted; 1 to 100 the number of drifts shown (100: a hundred or more);
    101 nothing has drifted where one could look, but one could not look everywhere;
    102 the check could not be done.

    \b
    Examples:
      anchorwatch check
      anchorwatch check ~/homelab-ops --host pi5 --severity warning
      anchorwatch check --format junit > anchorwatch.xml
    """
    return CheckArguments(
        repo=repo,
        config=config,
        hosts=tuple(host or ()),
        stacks=tuple(stack or ()),
        kinds=tuple(kind or ()),
        severity=severity,
        worktree=worktree,
        format=format,
        exit_code=exit_code,
        no_color=no_color,
    )
