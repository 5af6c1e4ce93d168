"""Makes `docs/cli.md` from the program's own help: `python -m tests.cli.reference`. A test holds the file current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from anchorwatch.cli.verbs import declared
from tests.cli.program import run

FILE = Path(__file__).parent.parent.parent / "docs" / "cli.md"

HEAD = """\
# The command

Made from the program's help by `python -m tests.cli.reference`; do not edit it by hand.
What the exit codes mean stands in [exit-codes.md](exit-codes.md).
"""


def verbs(group: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb, as the words that call it."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield (*before, command.name or command.callback.__name__)
    for inner in group.registered_groups:
        if inner.typer_instance is not None and inner.name is not None:
            yield from verbs(inner.typer_instance, (*before, str(inner.name)))


def reference() -> str:
    """The whole page."""
    parts = [HEAD, _section(())]
    parts += [_section(verb) for verb in verbs(declared())]
    return "\n".join(parts)


def _section(verb: tuple[str, ...]) -> str:
    command = " ".join(("anchorwatch", *verb))
    shown = run(*verb, "--help", env={"COLUMNS": "100"}).stdout.rstrip()
    return f"## `{command}`\n\n```text\n{shown}\n```\n"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
