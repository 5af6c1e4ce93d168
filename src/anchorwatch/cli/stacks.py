"""`anchorwatch stacks`: what Git says, without asking any host."""

from __future__ import annotations

from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show, write
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.options import CheckOptions


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(stacks)


def stacks(
    repo: options.Repo = None,
    config: options.Config = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Add the container that each service should become.")] = False,
    worktree: options.Worktree = False,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """List the stacks that Git declares, without asking any host.

    Each with its host, project and services, and what is unknown of it and why.

    \b
    Examples:
      anchorwatch stacks
      anchorwatch stacks ~/homelab-ops --resolved --format json
    """
    from anchorwatch import app

    state = app.stacks(CheckOptions(repo=path(repo), config=path(config), worktree=worktree))
    show_stacks(state, resolved=resolved, as_json=format == "json", no_color=no_color)
    return 0


def show_stacks(state: DesiredState, *, resolved: bool, as_json: bool, no_color: bool) -> None:
    """Prints `state`."""
    if as_json:
        from anchorwatch.reports.build import stacks_document
        from anchorwatch.reports.json import dumps

        write(dumps(stacks_document(state, resolved=resolved)))
    else:
        from anchorwatch.reports.stacks import stacks_lines

        show(stacks_lines(state, resolved=resolved), no_color=no_color)
