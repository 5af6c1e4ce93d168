"""Opens the repo that the command line or the config names, whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from anchorwatch.desired.files import Files
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.mirror import open_mirror
from anchorwatch.desired.repo import open_repo
from anchorwatch.errors import NotARepo
from anchorwatch.model.settings import RepoSource


def open_files(source: RepoSource, *, worktree: bool = False, state: Path) -> Files:
    """The files of `source`: a branch of a local clone or of a remote repository, or a folder as it lies there.

    A folder that is no Git repository is read as it lies there, unless a branch was asked for. `state` is where a mirror of
    a remote repository is kept. Raises RepoError.
    """
    if source.url is not None:
        return open_mirror(source, state)
    folder = Path(source.path or ".").expanduser()
    if worktree:
        return open_folder(folder)
    try:
        return open_repo(folder, source.branch)
    except NotARepo:
        if source.branch is not None:
            raise
        plain = open_folder(folder)
        if plain.place is not None:
            raise  # Git refuses it: then it is not for us to read around Git
        return plain
