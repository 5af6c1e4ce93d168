"""One stack resolved as the check does it, without a repo around it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from anchorwatch.desired.cache import Cache
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.contents import Shelf
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.kept import kept
from anchorwatch.desired.outside import Outside
from anchorwatch.desired.project import make_project
from anchorwatch.desired.resolve import resolve
from anchorwatch.model.desired import DesiredProject, Stack


def resolved(
    repo: Path,
    files: Iterable[str],
    program: Path,
    *,
    values: Mapping[str, str] | None = None,
    outside: Outside | None = None,
    cache: Cache | None = None,
) -> DesiredProject:
    """The project that the files of a folder make. Raises StackError."""
    files = tuple(files)
    stack = Stack("host", "stack", posixpath.dirname(files[0]), files)
    outside = outside or Outside(values=dict(values or {}))
    cache = cache or Cache(None)
    shelf = Shelf(open_folder(repo))
    compose = find_compose(str(program), cache.folder)
    before = kept(stack, shelf, outside, compose, cache)
    answer = before.enough if before else None
    if answer is None:
        answer = resolve(stack, shelf, outside, compose, cache, before.resolution if before else None)
    return make_project(stack, answer, outside)


def one_file(repo: Path, text: str, program: Path, values: Mapping[str, str] | None = None) -> DesiredProject:
    """The project that a single Compose file makes, in the folder `web`."""
    written(repo, {"web/compose.yaml": text})
    return resolved(repo, ["web/compose.yaml"], program, values=values)


def written(repo: Path, texts: Mapping[str, str]) -> Path:
    """The folder with these files in it."""
    for path, text in texts.items():
        target = repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return repo


def counting(folder: Path, program: Path) -> tuple[Path, Callable[[], int]]:
    """A Compose that counts how often it is asked to resolve something, and the count so far."""
    folder.mkdir()
    told = folder / "told"
    told.touch()
    told.chmod(0o666)
    wrapper = folder / "docker-compose"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *config*) echo x >> {told};; esac\nexec {program} "$@"\n')
    for path, mode in ((wrapper, 0o755), (folder, 0o755), (folder.parent, 0o755), (folder.parent.parent, 0o755)):
        path.chmod(mode)  # Compose may run as nobody
    return wrapper, lambda: len(told.read_text().split())
