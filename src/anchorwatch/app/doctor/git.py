"""What Git says: is there a Compose that resolves it, and can the repo be read?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.app.doctor.ssh_keys import ssh_key
from anchorwatch.errors import AnchorwatchError, ComposeError
from anchorwatch.model.options import CheckOptions
from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.config.config import Config


def try_compose(config: Config, environ: Mapping[str, str]) -> Iterator[Trial]:
    """The Compose program, and the walls around it."""
    from anchorwatch.desired.cache import cache_folder
    from anchorwatch.desired.compose import find_compose
    from anchorwatch.desired.scratch import scratch_folder
    from anchorwatch.desired.walls import walls

    try:
        compose = find_compose(config.compose, cache_folder(environ), environ)
    except ComposeError as error:
        yield Trial.failed("compose", error)
        return
    standing = walls(os.path.realpath(compose.command[0]), scratch_folder())
    missing = [f"{wall.name} ({wall.missing})" for wall in standing if not wall.stands]
    said = f"Docker Compose {compose.version} at {compose.command[0]}"
    if missing:
        hint = "docs/safety.md says what each stands against; it matters where others may write to the repo"
        yield Trial("compose", None, Outcome.LESS, f"{said}, without these walls around it: {'; '.join(missing)}", hint)
    else:
        yield Trial("compose", None, Outcome.GOOD, said)


def try_repo(config: Config) -> Iterator[Trial]:
    """The repo: read as the service reads it, every stack resolved."""
    from anchorwatch.app import stacks

    if config.repo.ssh_key is not None:
        yield from ssh_key(Path(config.repo.ssh_key), "repo", None)
    try:
        state = stacks(CheckOptions(config=None if config.file is None else Path(config.file)))
    except ComposeError:
        yield from _only_repo(config)
        return
    except AnchorwatchError as error:
        yield Trial.failed("repo", error)
        return
    at = f"at commit {state.revision[:12]}" if state.revision else "as the files lie there"
    where = _host_of(config) if config.repo.url else config.repo.path or str(Path.cwd())
    if not state.projects and not state.broken:
        hint = "`anchorwatch stacks` says what was found instead; `stacks:` of each host names the folders"
        yield Trial("repo", None, Outcome.BAD, f"{where}, {at}, has no stack for any host", hint)
        return
    whole = Trial("repo", None, Outcome.GOOD, f"{where}, {at}: {len(state.projects) + len(state.broken)} stacks")
    yield whole
    for one in state.broken:
        name = f"{one.stack.host}/{one.stack.name}"
        yield Trial("stack", name, Outcome.LESS, f"cannot be judged: {one.error.message}", one.error.hint)


def _only_repo(config: Config) -> Iterator[Trial]:
    """Without Compose: whether the repo at least can be read."""
    from anchorwatch.desired.source import open_files
    from anchorwatch.model.settings import RepoSource

    source = config.repo if config.repo.path or config.repo.url else RepoSource(path=".")
    try:
        files = open_files(source, state=Path(config.secrets_key).parent)
    except AnchorwatchError as error:
        yield Trial.failed("repo", error)
        return
    at = f"commit {files.revision[:12]}" if files.revision else "the files as they lie there"
    yield Trial("repo", None, Outcome.LESS, f"{at} can be read; its stacks cannot be without Compose")


def _host_of(config: Config) -> str:
    from anchorwatch.desired.mirror import read_address

    return read_address(config.repo).where
