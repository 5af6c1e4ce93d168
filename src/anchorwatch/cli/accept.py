"""`anchorwatch accept`: one drift that is known, and not to be told of."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.answers import answer, loaded, until_of
from anchorwatch.errors import UsageError
from anchorwatch.reports.lines import Line, Style

if TYPE_CHECKING:
    from anchorwatch.model.values import JsonObject


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(accept)


def accept(
    drift: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The drift's ID, or as much of it as no other begins with.", show_default=False),
    ] = None,
    until: options.Ending = None,
    lasting: options.Lasting = None,
    reason: options.Reason = None,
    end: Annotated[bool, typer.Option("--end", help="Take it back.")] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", metavar="HOST", help="Accept that another Docker Engine answers for this host.", show_default=False
        ),
    ] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Accept one drift as it is now.

    Nobody is told of it any more, until its value changes, or until the date: then it is told once more. When it is gone, whoever
    had been told of it hears that, and should it come again, that is news. It stays in `status`, marked as accepted. A standing
    rule is `anchorwatch ignore`.

    \b
    Examples:
      anchorwatch accept 3fa1 --reason "until the new disk is here"
      anchorwatch accept 3fa1 --for 30d
      anchorwatch accept 3fa1 --end
      anchorwatch accept --engine pi5
    """
    from anchorwatch.app import writing

    config_now, now = loaded(config)
    if engine is not None:
        if drift is not None or end or until is not None or lasting is not None or reason is not None:
            raise UsageError("--engine takes nothing but a host", hint=f"anchorwatch accept --engine {engine}")
        document = writing.write(config_now, "take_engine", {"host": engine}, who="anchorwatch accept")
        said = f"{document['host']} is the engine that answers there now; its history goes on with that"
        line: Line = ((Style.GOOD, "✓ "), (Style.PLAIN, said))
        return answer(document, [line], as_json=format == "json", no_color=no_color)
    if drift is None:
        raise UsageError("it has to be said which drift", hint="`anchorwatch status` shows the IDs")
    ends = until_of(until, lasting, now)
    if end and (ends is not None or reason is not None):
        raise UsageError("--end takes nothing but an ID", hint=f"anchorwatch accept {drift} --end")
    arguments: JsonObject = {"id": drift, "until": None if ends is None else ends.isoformat(), "reason": reason}
    document = writing.write(config_now, "end_acceptance" if end else "accept", arguments, who="anchorwatch accept")
    return answer(document, [_line(document, end=end)], as_json=format == "json", no_color=no_color)


def _line(document: JsonObject, *, end: bool) -> Line:
    from anchorwatch.model.times import local_zone, shown
    from anchorwatch.reports.clean import clean

    where = clean("/".join(part for part in (document["host"], document["stack"]) if part))
    service = document.get("service") or ""
    where += f" {clean(service)}" if service and not str(document["message"]).startswith(service) else ""
    until = document["accepted_until"]
    how = "until its value changes" if until is None else f"until {shown(datetime.fromisoformat(until), local_zone(os.environ))}"
    word = "not accepted any more" if end else f"accepted {how}"
    return ((Style.GOOD, f"{document['id']} "), (Style.NAME, where), (Style.PLAIN, f" {clean(document['message'])}: {word}"))
