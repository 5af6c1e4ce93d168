"""`anchorwatch history`: what appeared and was resolved, when and why."""

from __future__ import annotations

import os
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import filters_of, path
from anchorwatch.cli.output import on_terminal, show, write
from anchorwatch.errors import UsageError
from anchorwatch.model.cause import CauseKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from anchorwatch.app.log import Log
    from anchorwatch.cli.leaving import Left
    from anchorwatch.model.log import Entry, Wanted

SHOWN = 100
"""Entries that are shown where nobody says how many; a page of HTML has room for ten times as many."""


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(history)


def history(
    config: options.Config = None,
    host: options.Hosts = None,
    stack: options.Stacks = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="NAME", help="Only this service; may be given more than once.", show_default=False),
    ] = None,
    kind: options.Kinds = None,
    path_glob: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            metavar="GLOB",
            help="Only drift at this key, like 'labels.*'; may be given more than once.",
            show_default=False,
        ),
    ] = None,
    severity: options.AtLeast = "info",
    cause: Annotated[
        list[CauseKind] | None,
        typer.Option("--cause", help="Only what this brought about; may be given more than once.", show_default=False),
    ] = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=0, help="At most so many entries; 0: all. Else 100.", show_default=False),
    ] = None,
    changes: Annotated[bool, typer.Option("--changes", help="With containers, commits, and when somebody watched.")] = False,
    deliveries: Annotated[bool, typer.Option("--deliveries", help="With the messages about each entry.")] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Figures instead of entries; of the last 30 days, unless --since.")
    ] = False,
    format: Annotated[  # noqa: A002 - named as the option is
        Literal["text", "json", "csv", "html"], typer.Option("--format", help="How to show it.")
    ] = "text",
    no_color: options.NoColor = False,
) -> int:
    """Show what appeared and what was resolved, when and why; the newest first.

    \b
    Exit code: 0 done; 2 it could not do its work.

    \b
    Examples:
      anchorwatch history --since 7d
      anchorwatch history --changes --since 'yesterday 22:00' --until 06:00
      anchorwatch history --stack pi5/mealie --path mem_limit --deliveries
      anchorwatch history --stats --since 90d
      anchorwatch history --since 30d --format html > history.html
    """
    filters = filters_of(host, stack, kind, severity)
    if stats and format not in {"text", "json"}:
        raise UsageError(
            f"--stats has no --format {format}", hint="text or json; the page of --format html begins with the figures"
        )
    from anchorwatch.app.log import open_log
    from anchorwatch.cli.leaving import leaving
    from anchorwatch.clock import now
    from anchorwatch.model.log import Wanted
    from anchorwatch.model.times import local_zone, read_moment

    zone, moment = local_zone(os.environ), now()
    wanted = Wanted(
        filters,
        tuple(service or ()),
        tuple(path_glob or ()),
        tuple(cause or ()),
        None if since is None else read_moment(since, moment, zone),
        None if until is None else read_moment(until, moment, zone),
    )
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise UsageError("--since is not before --until")
    with open_log(path(config)) as log, leaving(log.cancel) as left:
        if stats:
            _show_stats(log, wanted, zone, as_json=format == "json", no_color=no_color)
        elif format == "html":
            _show_page(log, wanted, moment, zone, SHOWN * 10 if limit is None else limit, changes=changes, messages=deliveries)
        else:
            entries = log.entries(wanted, changes=changes, messages=deliveries)
            _show(entries, SHOWN if limit is None else limit, format, zone, left, no_color=no_color)
    return 0


def _show(entries: Iterator[Entry], limit: int, format: str, zone: tzinfo | None, left: Left, *, no_color: bool) -> None:  # noqa: A002
    """Prints entries as they come, a page of them at a time."""
    from anchorwatch.reports.log import log_lines
    from anchorwatch.reports.log_rows import csv_header, csv_line, json_pieces
    from anchorwatch.reports.pages import pages

    shown = entries if limit == 0 else islice(entries, limit)
    match format:
        case "csv":
            pieces = _after(csv_header(), map(csv_line, shown))
        case "json":
            pieces = json_pieces(shown, lambda: next(entries, None) is not None)
        case _:
            first = next(entries, None)
            if first is None:  # said beside the output: an empty log is a log
                print("nothing happened, as far as the log knows", file=sys.stderr)
                return
            shown = chain([first], shown if limit == 0 else islice(entries, limit - 1))
            if on_terminal():
                lines = log_lines(shown, zone)
                while some := list(islice(lines, SHOWN)):
                    if left.gone:
                        return
                    show(some, no_color=no_color, fold=True)
            else:
                from anchorwatch.reports.lines import plain

                for piece in pages(plain([line]) for line in log_lines(shown, zone, whole=True)):
                    if left.gone:
                        return
                    write(piece)
            if limit and next(entries, None) is not None:
                from anchorwatch.reports.lines import Style

                show(
                    [((Style.QUIET, f"\n  older entries are not shown: --limit 0 shows all, --limit {limit * 10} more"),)],
                    no_color=no_color,
                )
            return
    for piece in pages(pieces):
        if left.gone:
            return
        write(piece)


def _after(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _show_stats(log: Log, wanted: Wanted, zone: tzinfo | None, *, as_json: bool, no_color: bool) -> None:
    found, drifts = log.statistics(wanted)
    if as_json:
        from anchorwatch.reports.json import dumps
        from anchorwatch.reports.stats import stats_document

        write(dumps(stats_document(found, drifts)))
    else:
        from anchorwatch.cli.folding import columns
        from anchorwatch.reports.stats import stats_lines

        width = columns() if on_terminal() else None
        show(stats_lines(found, drifts, zone, width), no_color=no_color, fold=True)


def _show_page(
    log: Log, wanted: Wanted, now: datetime, zone: tzinfo | None, limit: int, *, changes: bool, messages: bool
) -> None:
    from anchorwatch.reports.log_html import log_page

    found, drifts = log.statistics(wanted)
    entries = log.entries(wanted, changes=changes, messages=messages)
    shown = list(entries if limit == 0 else islice(entries, limit))
    more = bool(limit) and next(entries, None) is not None
    write(log_page(shown, found, drifts, wanted, now, zone, more=more))
