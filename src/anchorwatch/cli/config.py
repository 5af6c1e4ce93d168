"""`anchorwatch config check`: every mistake in the config at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show, write
from anchorwatch.errors import Mistake

if TYPE_CHECKING:
    from anchorwatch.config import Draft
    from anchorwatch.config.document import Place

BAD = 1
"""The exit code of a verb that found what it looks for to be bad."""


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    group = typer.Typer(help="Look at the config file.", rich_markup_mode=None)
    group.command()(check)
    app.add_typer(group, name="config")


def check(
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Name every mistake in the config at once.

    Each with its file, line and key, and what to write instead. Destinations whose URL Apprise does not understand are mistakes
    too; nothing is sent, and no host is asked: that is for `doctor`.

    \b
    Exit code: 0 no mistake; 1 mistakes; 2 the config could not be looked at.

    \b
    Example:
      anchorwatch config check --config /etc/anchorwatch/anchorwatch.yml
    """
    from anchorwatch.config import read_draft

    draft = read_draft(path(config), os.environ)
    mistakes = draft.mistakes(_not_understood(draft))
    show_mistakes(mistakes, as_json=format == "json", no_color=no_color)
    return BAD if mistakes else 0


def _not_understood(draft: Draft) -> Iterator[tuple[Place, str, str | None]]:
    """The URLs of destinations of which Apprise makes nothing. Nothing is sent."""
    urls = draft.destinations()
    if not urls:
        return
    from anchorwatch.notify.send import Sender

    for place, found in zip(urls, Sender().examine(list(urls.values())), strict=True):
        if found.problem is not None:
            yield place, found.problem, found.hint


def show_mistakes(mistakes: Sequence[Mistake], *, as_json: bool, no_color: bool) -> None:
    """Prints them."""
    if as_json:
        from anchorwatch.reports.build import mistakes_document
        from anchorwatch.reports.json import dumps

        write(dumps(mistakes_document(mistakes)))
    else:
        from anchorwatch.reports.mistakes import mistake_lines

        show(mistake_lines(mistakes), no_color=no_color)
