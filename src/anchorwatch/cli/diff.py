"""`anchorwatch diff`: Git and a host side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import host_and_stack, path
from anchorwatch.cli.output import complain, show, write
from anchorwatch.errors import HostError
from anchorwatch.model.options import CheckOptions, Filters
from anchorwatch.model.report import SideBySide


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(diff)


def diff(
    stack: Annotated[
        str | None, typer.Argument(metavar="HOST/STACK", help="The stack to look at; else all of them.", show_default=False)
    ] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show Git and the host side by side.

    A unified diff of Compose keys: - is what Git says, + what runs.

    \b
    Examples:
      anchorwatch diff pi5/mealie
      anchorwatch diff --no-color > drift.diff
    """
    filters = Filters(stacks=(host_and_stack(stack),)) if stack is not None else Filters()
    from anchorwatch import app

    failed: list[str] = []

    def unreachable(host: str, error: HostError) -> None:
        failed.append(host)
        complain(type(error)(f"{host}: {error.message}", hint=error.hint))

    sides = app.diff(CheckOptions(config=path(config), filters=filters), unreachable)
    show_diff(sides, as_json=format == "json", no_color=no_color, quiet=bool(failed))
    return 2 if failed else 0


def show_diff(sides: Sequence[SideBySide], *, as_json: bool, no_color: bool, quiet: bool = False) -> None:
    """Prints what differs."""
    if as_json:
        from anchorwatch.reports.build import diff_document
        from anchorwatch.reports.json import dumps

        write(dumps(diff_document(sides)))
    else:
        from anchorwatch.reports.diff import diff_lines

        lines = list(diff_lines(sides))
        show(lines, no_color=no_color)
        if not lines and not quiet:  # said beside the output: an empty diff is a diff
            print("nothing differs", file=sys.stderr)
