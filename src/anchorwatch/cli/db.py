"""`anchorwatch db`: the state database, looked at and looked after."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchorwatch.cli import db_answers, options
from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show, write
from anchorwatch.errors import StoreError, UsageError
from anchorwatch.reports.lines import Line, Style

if TYPE_CHECKING:
    from datetime import datetime

    from anchorwatch.config.config import Config
    from anchorwatch.store import Store

BAD = 1
"""The exit code of a verb that found what it looks for to be bad."""


def declare(app: typer.Typer) -> None:
    """Adds the verbs to `app`."""
    group = typer.Typer(help="Look after the state database.", rich_markup_mode=None)
    for verb in (upgrade, check, prune, backup):
        group.command()(verb)
    app.add_typer(group, name="db")


def upgrade(
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Bring the state database to the form that this version needs.

    `watch` does the same when it starts. A database in a file is copied first. Where there is none yet, it is made.

    \b
    Example:
      anchorwatch db upgrade
    """
    loaded, now = _config(config), _now()
    with _open(loaded, "anchorwatch db upgrade", now) as store:
        opened = store.opened
    _answer(db_answers.opened_document(opened), db_answers.opened_lines(opened), as_json=format == "json", no_color=no_color)
    return 0


def check(
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Look the whole state database through, also while the service runs.

    \b
    Exit code: 0 it is sound; 1 it is not; 2 it could not be looked at.

    \b
    Example:
      anchorwatch db check
    """
    from anchorwatch.store.examination import examine

    loaded = _config(config)
    found = examine(loaded.database.reveal(), _state_folder(loaded))
    _answer(db_answers.examined_document(found), db_answers.examined_lines(found), as_json=format == "json", no_color=no_color)
    return BAD if found.problems else 0


def prune(
    config: options.Config = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="TIME", help="How long, like 90d; else the config's.", show_default=False)
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="How much, like 500MB; else the config's.", show_default=False),
    ] = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Delete what is older than `history` in the config says.

    Then the oldest goes until the rest is no larger than it may be. What is drifted now is kept, however old. The service does
    the same every day; while it runs, it is asked to do it.

    \b
    Examples:
      anchorwatch db prune
      anchorwatch db prune --keep 90d --max-size 500MB
    """
    from anchorwatch.config.quantities import duration, size

    loaded = _config(config)
    settings = loaded.service().history
    arguments = {
        "keep": settings.keep if keep is None else _read("--keep", keep, duration),
        "max_size": settings.max_size if max_size is None else int(_read("--max-size", max_size, size)),
    }
    from anchorwatch.app import writing

    done = writing.write(loaded, "prune", arguments, who="anchorwatch db prune")
    _answer(done, db_answers.pruned_lines(done), as_json=format == "json", no_color=no_color)
    return 0


def backup(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE", help="A file that is not there yet; else one of the three in backups.", show_default=False
        ),
    ] = None,
    config: options.Config = None,
    format: options.TextOrJson = "text",  # noqa: A002 - named as the option is
    no_color: options.NoColor = False,
) -> int:
    """Copy the state database, also while the service runs.

    The copy is looked through before it counts. Without FILE it goes to the folder `backups` beside the database, where the
    newest three are kept.

    \b
    Examples:
      anchorwatch db backup
      anchorwatch db backup /mnt/nas/anchorwatch.db
    """
    from anchorwatch.store.backup import copy_to
    from anchorwatch.store.opening import database_of

    loaded = _config(config)
    database = database_of(loaded.database.reveal(), _state_folder(loaded))
    if database.backups is None:
        raise StoreError(
            f"{database.name} is copied by its server's own tools", hint="pg_dump --format=custom --file=FILE DATABASE"
        )
    if not Path(database.name).exists():
        raise StoreError(f"there is no database at {database.name}", hint="`anchorwatch watch` makes it")
    if file is None:
        copy = database.backups.make(_now())
    else:
        copy = Path(file)
        copy_to(Path(database.name), copy)
    line = ((Style.GOOD, "✓ "), (Style.PLAIN, f"{copy}, {db_answers.megabytes(copy.stat().st_size)}"))
    _answer({"file": str(copy), "bytes": copy.stat().st_size}, iter([line]), as_json=format == "json", no_color=no_color)
    return 0


def _config(file: str | None) -> Config:
    from anchorwatch.config import load

    return load(path(file), os.environ)


def _now() -> datetime:
    from anchorwatch.clock import now

    return now()


def _open(config: Config, who: str, at: datetime) -> Store:
    from anchorwatch.store import Store

    return Store.open(config.database.reveal(), at=at, who=who, state_folder=_state_folder(config))


def _state_folder(config: Config) -> Path:
    return Path(config.secrets_key).parent


def _read(option: str, text: str, reader: Any) -> float:
    from anchorwatch.config.wrong import WrongValue

    try:
        return float(reader(text))
    except WrongValue as error:
        raise UsageError(f"{option} {text!r} {error.problem}", hint=error.instead) from error


def _answer(document: Mapping[str, Any], lines: Iterator[Line], *, as_json: bool, no_color: bool) -> None:
    if as_json:
        from anchorwatch.reports.json import dumps

        write(dumps({"version": 1, **document}))
    else:
        show(lines, no_color=no_color)
