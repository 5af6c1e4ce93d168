"""The options that verbs share, declared once."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

from anchorwatch.model.findings import Kind

Config: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The config file; else $ANCHORWATCH_CONFIG, else ./anchorwatch.yml, else the defaults.",
        show_default=False,
    ),
]
NoColor: TypeAlias = Annotated[bool, typer.Option("--no-color", help="No colour, not even on a terminal (like NO_COLOR=1).")]
Repo: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="REPO", help="The repository's folder; else the config's, else the current folder.", show_default=False
    ),
]
Worktree: TypeAlias = Annotated[bool, typer.Option("--worktree", help="Read the files as they lie there, not a commit.")]
TextOrJson: TypeAlias = Annotated[Literal["text", "json"], typer.Option("--format", help="How to show it.")]

Hosts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="Only this host; may be given more than once.", show_default=False),
]
Stacks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--stack", metavar="HOST/STACK", help="Only this stack; may be given more than once.", show_default=False),
]
Kinds: TypeAlias = Annotated[
    list[Kind] | None,
    typer.Option("--kind", help="Show only drift of this kind; may be given more than once.", show_default=False),
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="From here on: 2026-11-20T03:00 (local time unless it says otherwise), 7d, 36h, yesterday.",
        show_default=False,
    ),
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="And before this; written likewise.", show_default=False)
]
AtLeast: TypeAlias = Annotated[
    Literal["info", "warning", "critical"],
    typer.Option("--severity", help="Show only drift that is at least this severe."),
]
Ending: TypeAlias = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Until then: 2026-12-24T18:00, or 07:00.", show_default=False),
]
Lasting: TypeAlias = Annotated[str | None, typer.Option("--for", metavar="TIME", help="So long: 2h, 30d.", show_default=False)]
Reason: TypeAlias = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, for everybody else.", show_default=False)
]
