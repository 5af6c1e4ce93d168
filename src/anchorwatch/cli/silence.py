"""`anchorwatch silence`: messages that wait for a while."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.answers import answer, loaded, until_of
from anchorwatch.errors import UsageError
from anchorwatch.model.wording import count
from anchorwatch.reports.lines import Line, Style

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.model.values import JsonObject


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(silence)


def silence(
    matcher: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MATCHER", help="HOST, HOST/STACK, everything, or host=pi5 path=image*; without: list.", show_default=False
        ),
    ] = None,
    until: options.Ending = None,
    lasting: options.Lasting = None,
    reason: options.Reason = None,
    end: Annotated[int | None, typer.Option("--end", metavar="NUMBER", help="Lift this one.", show_default=False)] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Hold back messages for a while.

    What is still drifted when it ends is told then; what has come and gone meanwhile is not. Drift is recorded as always. Without
    MATCHER, the silences in force are listed.

    MATCHER is a host, a stack, `everything`, or any of host, stack, service, container, project, kind, path, id with globs, all
    of which have to fit. A host that the config does not name, or a stack that nothing has looked at yet, is refused:
    write a glob (stack=pi5/new*) for one that was just committed, or is still to come.

    \b
    Examples:
      anchorwatch silence pi5 --for 2h --reason "new disk"
      anchorwatch silence stack=pi5/media-* path=image --until 07:00
      anchorwatch silence
      anchorwatch silence --end 3
    """
    config_now, now = loaded(config)
    if end is not None:
        if matcher or until or lasting:
            raise UsageError("--end takes nothing but a number", hint="anchorwatch silence --end 3")
        document = _write(config_now, "end_silence", {"id": end})
        return answer(document, _one("lifted", document["silence"]), as_json=format == "json", no_color=no_color)
    if not matcher:
        return _list(config_now, now, as_json=format == "json", no_color=no_color)
    from anchorwatch.app.muting import matcher_of

    ends = until_of(until, lasting, now)
    if ends is None:
        raise UsageError("it has to be said how long", hint="--for 2h, or --until 07:00")
    given = {
        "matcher": matcher_of(matcher).document,
        "until": ends.isoformat(),
        "reason": reason,
        "hosts": list(config_now.hosts),
    }
    document = _write(config_now, "silence", given)
    lines = _one(f"silent, {count(document['drifts'], 'drift')} now", document["silence"])
    return answer(document, lines, as_json=format == "json", no_color=no_color)


def _list(config: Config, now: datetime, *, as_json: bool, no_color: bool) -> int:
    from anchorwatch.app import muting
    from anchorwatch.store import Store

    with Store.open_to_read(config.database.reveal()) as store:
        found = [muting.silence_document(one) for one in muting.in_force(store, now)]
    lines = [line for one in found for line in _one(f"{one['id']}", one)] or [((Style.PLAIN, "nothing is silent"),)]
    return answer({"silences": found}, lines, as_json=as_json, no_color=no_color)


def _one(word: str, one: JsonObject) -> list[Line]:
    from anchorwatch.model.silences import Matcher
    from anchorwatch.model.times import local_zone, shown
    from anchorwatch.reports.clean import clean

    until = shown(datetime.fromisoformat(one["until"]), local_zone(os.environ), seconds=False)
    why = f" ({clean(one['reason'])})" if one["reason"] else ""
    return [
        (
            (Style.GOOD, f"{word}: "),
            (Style.NAME, clean(str(Matcher.of(one["matcher"])))),
            (Style.PLAIN, f" until {until}{why}"),
        )
    ]


def _write(config: Config, verb: str, arguments: JsonObject) -> JsonObject:
    from anchorwatch.app import writing

    return writing.write(config, verb, arguments, who="anchorwatch silence")
