"""`anchorwatch diff`: Git and a host side by side."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import host_and_stack, path
from anchorwatch.cli.output import complain, show, write
from anchorwatch.errors import AnchorwatchError, UsageError
from anchorwatch.model.options import CheckOptions, Filters
from anchorwatch.model.report import SideBySide

if TYPE_CHECKING:
    from datetime import tzinfo

    from anchorwatch.model.log import Standing


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(diff)


def diff(
    stack: Annotated[
        str | None, typer.Argument(metavar="HOST/STACK", help="The stack to look at; else all of them.", show_default=False)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="From the log: how things stood then, beside --to.", show_default=False),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="The later moment; else now.", show_default=False)
    ] = None,
    repo: Annotated[
        str | None,
        typer.Option(
            "--repo",
            metavar="FOLDER",
            help="The repository's folder; else the config's, else the current folder.",
            show_default=False,
        ),
    ] = None,
    worktree: options.Worktree = False,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show Git and the host side by side.

    A unified diff of Compose keys: - is what Git says, + what runs. With --at it is between two moments instead, from the log:
    - is what was so at the first, + at the second, in Git and on the host.

    \b
    Exit code: 0 done, whatever differs; 2 it could not look everywhere (what it saw is printed), or not do its work.

    \b
    Examples:
      anchorwatch diff pi5/mealie
      anchorwatch diff pi5/mealie --worktree
      anchorwatch diff pi5/mealie --at 'yesterday 03:00' --to 03:00
      anchorwatch diff --no-color > drift.diff
    """
    filters = Filters(stacks=(host_and_stack(stack),)) if stack is not None else Filters()
    if at is not None:
        if repo is not None or worktree:
            raise UsageError("--at asks the log, which has no --repo and no --worktree")
        return _between(at, to or "now", filters, config, as_json=format == "json", no_color=no_color)
    if to is not None:
        raise UsageError("--to is the end of something that begins with --at")
    from anchorwatch import app

    failed: list[str] = []

    def blind(name: str, error: AnchorwatchError) -> None:
        failed.append(name)
        complain(UsageError(f"{name}: {error.message}", hint=error.hint))

    sides = app.diff(CheckOptions(path(repo), path(config), worktree, filters), blind)
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


def _between(at: str, to: str, filters: Filters, config: str | None, *, as_json: bool, no_color: bool) -> int:
    """Prints what differs between two moments, by the log."""
    from anchorwatch.app.log import open_log
    from anchorwatch.cli.leaving import leaving
    from anchorwatch.clock import now
    from anchorwatch.model.times import local_zone, read_moment, shown

    zone, moment = local_zone(os.environ), now()
    one, two = (read_moment(text, moment, zone) for text in (at, to))
    with open_log(path(config)) as log, leaving(log.cancel):
        sides, before, after = log.between(one, two, filters)
        for standing in (before, after):
            for line in _not_known(standing, zone):
                print(line, file=sys.stderr)
        if as_json:
            from anchorwatch.reports.build import moments_document
            from anchorwatch.reports.json import dumps

            write(dumps(moments_document(sides, one, two)))
            return 0
        from anchorwatch.reports.diff import diff_lines

        lines = list(diff_lines(sides, (shown(one, zone), shown(two, zone))))
        show(lines, no_color=no_color)
        if not lines:
            print("nothing differs, as far as it was known", file=sys.stderr)
    return 0


def _not_known(standing: Standing, zone: tzinfo | None) -> Iterator[str]:
    """What nobody knew at one of the moments."""
    from anchorwatch.model.times import shown
    from anchorwatch.reports.clean import clean
    from anchorwatch.reports.status import doubt_text, watch_text

    if not standing.watch.running:
        yield f"? {shown(standing.at, zone)}: {watch_text(standing, zone)}"
        return
    for stack in standing.stacks:
        if stack.doubt is not None:
            name = clean(f"{stack.report.host}/{stack.report.stack}")
            yield f"? {shown(standing.at, zone)}: {name}: {doubt_text(stack, standing.at)}"
