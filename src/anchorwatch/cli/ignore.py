"""`anchorwatch ignore`: the standing rule that covers a drift."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from anchorwatch.cli import options
from anchorwatch.cli.answers import answer, loaded
from anchorwatch.errors import UsageError
from anchorwatch.reports.lines import Line, Style


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(ignore)


def ignore(
    drift: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The drift's ID, or as much of it as no other begins with.", show_default=False),
    ] = None,
    from_now: Annotated[bool, typer.Option("--from-now", help="Rules for everything that is drifted now.")] = False,
    because: Annotated[
        str | None,
        typer.Option(
            "--because", metavar="TEXT", help="Why, for whoever finds the rule in a year; --write wants it.", show_default=False
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the rule into the file, not only here.")] = False,
    into: Annotated[
        Literal["config", "repo"] | None,
        typer.Option("--into", help="Which file: the config, or the repo's .anchorwatch.yml.", show_default=False),
    ] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Show the rule that ignores a drift for good, or write it.

    It goes below `ignore:` of the config, where everything else in the file stays as it is; or of `.anchorwatch.yml` at the top
    of the repo, where it can be reviewed: commit it. The service takes a changed config at SIGHUP or its next start, and the
    repo's rules with the commit. With --from-now the rules say on which day it was so already, unless --because says more.

    \b
    Examples:
      anchorwatch ignore 3fa1
      anchorwatch ignore 3fa1 --because "updates itself" --write
      anchorwatch ignore --from-now --write --into repo
    """
    from anchorwatch.app import ignoring
    from anchorwatch.config.append import rule_line

    if (drift is None) is not from_now:
        raise UsageError("one of ID and --from-now is wanted", hint="anchorwatch ignore 3fa1, or anchorwatch ignore --from-now")
    why = (because or "").strip()
    if write and not why and drift is not None:
        hint = f'anchorwatch ignore {drift} --because "updates itself" --write'
        raise UsageError("a rule that stays has to say why", hint=hint)
    config_now, now = loaded(config)
    if from_now:
        why = why or f"so already on {now:%Y-%m-%d}"
    rules = ignoring.rules(config_now, drift, why)
    file = ignoring.file_for(config_now, into) if write else None
    if file is not None and rules:
        ignoring.add(file, rules)
    shown = [rule_line(rule) for rule in rules]
    lines: list[Line] = [((Style.QUIET, "ignore:"),)] if shown else [((Style.PLAIN, "nothing is drifted"),)]
    lines += [((Style.PLAIN, f"  - {one}"),) for one in shown]
    if file is not None and shown:
        lines.append(((Style.GOOD, f"written to {file}"),))
        then = "a service that runs takes it at SIGHUP (`systemctl reload`) or its next start"
        then = "it counts once it is committed" if file.name == ignoring.OWN_FILE else then
        lines.append(((Style.QUIET, then),))
    elif not why:
        lines.append(((Style.QUIET, '--because "…" says why, for whoever finds the rule in a year'),))
    document = {"rules": shown, "written": None if file is None or not shown else str(file)}
    return answer(document, lines, as_json=format == "json", no_color=no_color)
