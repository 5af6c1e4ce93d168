"""The door to git: deadlines, and what is left of a process that did not answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anchorwatch.desired import git
from anchorwatch.errors import GitFailed
from tests.desired.trees import repo


def processes_in(folder: Path) -> list[str]:
    """The processes whose working folder this is."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and (place / "cwd").readlink() == folder:
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_a_deadline_ends_git_and_everything_that_it_started(tmp_path: Path) -> None:
    folder = repo(tmp_path / "ops", {"a": "1"})
    began = time.monotonic()
    with pytest.raises(GitFailed, match=r"did not answer within 0\.5 s") as caught:
        # An alias is the way to have git itself wait for children that wait for ever.
        git.ask(["stuck"], folder=folder, settings=["alias.stuck=!sleep 300 | sleep 300"], deadline=0.5)
    assert time.monotonic() - began < 10
    assert caught.value.hint
    assert processes_in(folder) == []


def test_a_secret_in_the_environment_reaches_git_and_no_argument(tmp_path: Path) -> None:
    folder = repo(tmp_path / "ops", {"a": "1"})
    answer = git.ask(
        ["shown"],
        folder=folder,
        settings=["alias.shown=!echo $CANARY; tr '\\0' ' ' </proc/$PPID/cmdline"],
        environment={"CANARY": "s3"},
    )
    first, _, arguments = answer.out.decode().partition("\n")
    assert first == "s3"
    assert "alias.shown" in arguments
    assert "s3" not in arguments


def test_orders_to_git_in_our_environment_do_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = repo(tmp_path / "ops", {"a": "1"})
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_EXEC_PATH", "/nonexistent")
    answer = git.ask(["env"], folder=folder, settings=["alias.env=!env"])
    names = {line.partition("=")[0] for line in answer.out.decode("utf-8", "replace").splitlines()}
    assert "GIT_AUTHOR_NAME" not in names
    assert {"GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "PATH"} <= names
    assert os.environ["GIT_AUTHOR_NAME"] == "somebody"


def test_a_failure_says_what_git_said(tmp_path: Path) -> None:
    folder = repo(tmp_path / "ops", {"a": "1"})
    with pytest.raises(GitFailed, match="it cannot be shown: fatal: bad revision") as caught:
        git.read(["rev-list", "-1", "nope", "--"], folder=folder, what="it cannot be shown")
    assert caught.value.hint


@pytest.mark.parametrize(("name", "reason"), [("gone", "No such file or directory"), ("file", "Not a directory")])
def test_a_folder_that_cannot_be_entered_is_named_and_git_is_not_missing(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GitFailed) as caught:
        git.ask(["rev-parse", "HEAD"], folder=tmp_path / name)
    assert caught.value.message == f"git cannot be started in {tmp_path / name}: {reason}"
    assert caught.value.hint is not None
    assert "install" not in caught.value.hint


@pytest.mark.parametrize("spare", range(7))
def test_no_open_files_left_is_not_a_missing_git(tmp_path: Path, spare: int) -> None:
    """Wherever on the way to git they run out: it is a failure of git, which is tried again."""
    script = (
        "import os\nfrom pathlib import Path\nfrom anchorwatch.desired import git\nfrom anchorwatch.errors import GitFailed\n"
        "import resource, subprocess, tempfile\n"
        f"git.ask(['--version'], folder=Path({str(tmp_path)!r}))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\n"
        "held = []\n"
        "try:\n    while True:\n        held.append(os.open('/dev/null', os.O_RDONLY))\nexcept OSError:\n    pass\n"
        f"for one in held[:{spare}]:\n    os.close(one)\n"
        f"try:\n    git.ask(['--version'], folder=Path({str(tmp_path)!r}))\n"
        "except GitFailed as error:\n    print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("git cannot be started: Too many open files | this machine has run out of")


def test_a_git_that_is_killed_has_not_answered(tmp_path: Path) -> None:
    """What it did not come to is not damaged."""
    folder = repo(tmp_path / "ops", {"a": "1"})
    with pytest.raises(GitFailed, match=r"was killed \(signal 9\)"):
        git.ask(["ended"], folder=folder, settings=["alias.ended=!kill -9 $PPID"])
