"""`anchorwatch init`: writes a config file to begin with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from anchorwatch.cli import options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import write
from anchorwatch.errors import UsageError


def declare(app: typer.Typer) -> None:
    """Adds the verb to `app`."""
    app.command()(init)


def init(
    repo: Annotated[
        str | None, typer.Argument(metavar="REPO", help="The repository's folder; else the current folder.", show_default=False)
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The file to write; else $ANCHORWATCH_CONFIG, else ./anchorwatch.yml.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print it, and write nothing.")] = False,
    no_color: options.NoColor = False,
) -> int:
    """Write a commented config file to begin with.

    Looks at this machine, the repository and the Docker contexts. A file that is there is left alone.

    \b
    Examples:
      anchorwatch init ~/homelab-ops
      anchorwatch init --print
    """
    from anchorwatch import app

    text = app.init(path(repo))
    if print_only:
        write(text)
        return 0
    file = target(config, os.environ)
    save(text, file, force=force)
    write(f"wrote {file}; read it through, then: anchorwatch check --config {file}\n")
    return 0


def target(config: str | None, environ: Mapping[str, str]) -> Path:
    """The config file that is meant."""
    return Path(config or environ.get("ANCHORWATCH_CONFIG") or "anchorwatch.yml")


def save(text: str, file: Path, *, force: bool) -> None:
    """Writes `text` to `file`. Raises `UsageError` where a file is there already (unless `force`), or none can be written."""
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already", hint="--print shows what would be written; --force writes over it") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint="--config FILE names another one") from error
