"""The verbs, declared to Typer. A verb's file declares its command line and loads the rest when it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from anchorwatch.cli import (
    accept,
    at,
    check,
    config,
    db,
    diff,
    doctor,
    history,
    ignore,
    init,
    notify,
    show,
    silence,
    stacks,
    status,
    watch,
)
from anchorwatch.cli import version as print_version
from anchorwatch.cli.arguments import CheckArguments
from anchorwatch.errors import UsageError

app = typer.Typer(
    name="anchorwatch",
    help="Tells when a Docker host drifts away from its Git repository, and writes it in the log.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for verb in (
    check, watch, stacks, diff, status, history, show, at, accept, silence, ignore, notify, init, config, doctor, db,
):  # fmt: skip
    verb.declare(app)


def run(words: Sequence[str]) -> int:
    """Runs the verb that `words` ask for, and returns its exit code. Raises `UsageError` for what cannot be understood."""
    try:
        result = app(args=list(words) or ["--help"], prog_name="anchorwatch", standalone_mode=False)
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "anchorwatch")
        message = error.format_message().replace(": Value error, ", ": ", 1)  # Typer has values read by pydantic, which says so
        raise UsageError(message, hint=f"`{command} --help` shows what can be said") from error
    if isinstance(result, CheckArguments):
        from anchorwatch.cli import checking

        return checking.check(result)
    return int(result or 0)


@app.callback()
def anchorwatch(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    """Reads what stands before the verb."""
    if version:
        raise typer.Exit(print_version())
