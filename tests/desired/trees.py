"""Small real trees and Git repositories, made on the spot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

CLEAN = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def service(name: str, **keys: object) -> str:
    """A Compose file with one service."""
    body: dict[str, object] = {"image": f"example/{name}:1", "restart": "unless-stopped", **keys}
    return yaml.safe_dump({"services": {name: body}})


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Put files into a folder; an empty text stands for a Compose file with one service called like the file's place."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        text = content if content != "" else service(path.replace("/", "-").replace(".", "-"))
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def git(folder: Path, *arguments: str | bytes, at: int | None = None, check: bool = True) -> str:
    """Run git as a user would; `at` is the time of a commit in seconds."""
    environment = dict(CLEAN)
    if at is not None:
        environment |= {"GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=False, capture_output=True)
    if check and done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def commit(folder: Path, files: Mapping[str, str | bytes], *, at: int | None = None) -> str:
    """Write files, commit everything, and return the commit's id."""
    write(folder, files)
    git(folder, "add", "--all", "--force", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "change", at=at)
    return git(folder, "rev-parse", "HEAD")


def repo(folder: Path, files: Mapping[str, str | bytes], *options: str) -> Path:
    """A new repository with one commit on `main`."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *options)
    commit(folder, files)
    return folder
