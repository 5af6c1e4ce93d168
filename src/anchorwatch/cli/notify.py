"""`anchorwatch notify`: messages, tried and foretold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.answers import answer, loaded
from anchorwatch.errors import UsageError
from anchorwatch.reports.lines import EMPTY, Line, Style

if TYPE_CHECKING:
    from anchorwatch.app.notify import Foretold, Tried

BAD = 1
"""The exit code where a destination does not take the message."""


def declare(app: typer.Typer) -> None:
    """Adds the verbs to `app`."""
    group = typer.Typer(help="Try messages, and see what would have been sent.", rich_markup_mode=None)
    group.command("test")(try_out)
    group.command("preview")(preview)
    app.add_typer(group, name="notify")


def try_out(
    destinations: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Only these destinations.", show_default=False)
    ] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Send a test message to each destination, now.

    It needs no database, and works whether the service runs or not.

    \b
    Exit code: 0 every one has taken it; 1 at least one has not; 2 it could not do its work.

    \b
    Examples:
      anchorwatch notify test
      anchorwatch notify test mail
    """
    from anchorwatch.app.notify import try_destinations

    config_now, now = loaded(config)
    tried = try_destinations(config_now.service(), destinations or (), now)
    document = {
        "destinations": [
            {"name": one.destination, "recipient": one.recipient, "arrived": one.arrived, "said": one.said} for one in tried
        ]
    }
    answer(document, _tried(tried), as_json=format == "json", no_color=no_color)
    return 0 if all(one.arrived for one in tried) else BAD


def preview(
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="From when on: 7d, 36h, 2026-11-20.")] = "7d",
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show what today's config would have sent.

    Takes what has happened since then out of the database, and lets it happen again, in a database of its own, with the
    destinations as they are configured now. Nothing is sent. Silences and acceptances are left out of it.

    \b
    Example:
      anchorwatch notify preview --since 7d
    """
    from anchorwatch.app.notify import foretell
    from anchorwatch.model.times import local_zone, read_moment, timestamp

    config_now, now = loaded(config)
    begin = read_moment(since, now, local_zone(os.environ))
    if begin >= now - timedelta(seconds=1):
        raise UsageError(f"--since {since!r} is still to come", hint="write 7d, or a time that is over")
    found = foretell(config_now, begin, now)
    document = {
        "since": timestamp(begin),
        "transitions": found.transitions,
        "messages": [
            {
                "at": timestamp(one.at),
                "destination": one.destination,
                "occasion": one.occasion,
                "title": one.title,
                "text": one.text,
            }
            for one in found.messages
        ],
        "not_sent": dict(found.fates),
    }
    return answer(document, _foretold(found), as_json=format == "json", no_color=no_color)


def _tried(tried: Sequence[Tried]) -> Iterator[Line]:
    from anchorwatch.reports.clean import clean

    for one in tried:
        who = one.destination + (f" ({one.recipient})" if one.recipient else "")
        if one.arrived:
            yield ((Style.GOOD, "✓ "), (Style.NAME, clean(who)), (Style.PLAIN, " has taken it"))
        else:
            yield ((Style.WARNING, "✗ "), (Style.NAME, clean(who)), (Style.PLAIN, f": {clean(one.said or 'it did not arrive')}"))


def _foretold(found: Foretold) -> Iterator[Line]:
    from anchorwatch.model.times import local_zone, shown
    from anchorwatch.reports.clean import clean
    from anchorwatch.reports.lines import count

    zone = local_zone(os.environ)
    for one in found.messages:
        at = shown(one.at, zone, seconds=False)
        yield ((Style.QUIET, f"{at}  "), (Style.NAME, clean(one.destination)), (Style.PLAIN, f"  {clean(one.title)}"))
    if found.messages:
        yield EMPTY
    happened, sent = count(found.transitions, "change"), count(len(found.messages), "message")
    yield ((Style.PLAIN, f"{happened} would have made {sent}"),)
    for reason, number in sorted(found.fates.items(), key=lambda pair: -pair[1]):
        yield ((Style.QUIET, f"  not told, {reason}: {number}"),)
