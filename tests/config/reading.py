"""How the tests of the config read one: from a text, in a folder of its own, with no environment but the one given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anchorwatch.config import load
from anchorwatch.config.config import Config
from anchorwatch.errors import ConfigError, Mistake

HOME = "/home/captain"


def write(folder: Path, text: str) -> Path:
    """A config file that says `text`."""
    file = folder / "anchorwatch.yml"
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str, **environ: str) -> Config:
    """The config that `text` says; `environ` are variables without their `ANCHORWATCH_`."""
    return load(write(folder, text), variables(environ))


def mistakes(folder: Path, text: str, **environ: str) -> list[Mistake]:
    """What is wrong with `text`; empty where nothing is."""
    try:
        read(folder, text, **environ)
    except ConfigError as error:
        return list(error.mistakes)
    return []


def variables(ours: Mapping[str, str]) -> dict[str, str]:
    """An environment with these `ANCHORWATCH_` variables and a home."""
    return {"HOME": HOME} | {f"ANCHORWATCH_{name}": value for name, value in ours.items()}
