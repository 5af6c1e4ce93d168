"""The verbs, declared to Typer. A verb's file declares its command line and loads the rest when it is run.

To declare all of them takes as long as to read a command line: where the first word is a verb, only that one is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from anchorwatch.cli import version as print_version
from anchorwatch.cli.arguments import CheckArguments
from anchorwatch.errors import UsageError

VERBS = (
    "check", "watch", "stacks", "diff", "status", "history", "show", "at", "accept", "silence", "ignore", "notify", "init",
    "config", "doctor", "db",
)  # fmt: skip
"""In the order of the help. Each is a module beside this one."""


def declared(verbs: Iterable[str] = VERBS) -> typer.Typer:
    """The command with these verbs."""
    app = typer.Typer(
        name="anchorwatch",
        help="Tells when a Docker host drifts away from its Git repository, and writes it in the log.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(anchorwatch)
    for verb in verbs:
        import_module(f"anchorwatch.cli.{verb}").declare(app)
    return app


def run(words: Sequence[str]) -> int:
    """Runs the verb that `words` ask for, and returns its exit code. Raises `UsageError` for what cannot be understood."""
    app = declared(words[:1] if words and words[0] in VERBS else VERBS)
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


def anchorwatch(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    """Reads what stands before the verb."""
    if version:
        raise typer.Exit(print_version())
