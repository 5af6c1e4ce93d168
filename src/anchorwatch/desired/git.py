"""One-shot git commands: the only place that starts git. A deadline kills its whole process group.

GitPython is not used: one `Repo` in two threads hangs or tells of files that are not there, and to have it start a process takes
longer to load than git takes to answer (`docs/decisions/0014-no-docker-sdk-and-no-gitpython.md`).

What is promised for every command: no prompt, no pager, no hook, no fsmonitor, no signature check, nobody's configuration
but the repository's own, no network unless the caller names the protocols, and not a single variable of ours that git would
take for an order (`GIT_DIR` in a hook). Only commands that read may be run in a repository that is not ours: `status`,
`diff` and `checkout` may start programs that its configuration names.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorwatch.desired.scratch import scratch_folder
from anchorwatch.errors import GitFailed

DEADLINE = 30.0
"""Seconds that a command on local files may take; reading a repo takes milliseconds."""
_SLICE = 0.2
"""Seconds after which somebody who waits for git sees that it is to stop."""

_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PAGER": "cat",
    "LANGUAGE": "C",
    "LC_ALL": "C",
}
_HARMLESS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "log.showSignature=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.recurseSubmodules=false",
    "credential.helper=",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said: exit status, standard output, and standard error as text."""

    status: int
    out: bytes
    err: str


def ask(
    arguments: Sequence[str],
    *,
    folder: Path,
    trust: str | None = None,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    deadline: float = DEADLINE,
    stop: threading.Event | None = None,
) -> Answer:
    """Run `git ARGUMENTS` in `folder`, hand it `given`, and wait for its end.

    `trust` is the one folder that may belong to somebody else (safe.directory). `environment` reaches the child only, and
    is the place for secrets; `settings` (KEY=VALUE) are seen by everybody who lists processes. Raises GitFailed when git
    is not there, is killed, does not answer within `deadline` seconds or is not to go on (`stop`, set by another thread); a
    bad exit status is the caller's to judge.
    """
    if stop is not None and stop.is_set():
        raise _stopped(arguments, folder)
    words = [item for setting in (*_HARMLESS, *settings) for item in ("-c", setting)]
    if trust is not None:
        words += ["-c", f"safe.directory={trust}"]
    process = _started(["git", *words, *arguments], folder, given, environment or {})
    until = time.monotonic() + deadline
    while True:
        left = until - time.monotonic()
        try:
            out, err = process.communicate(timeout=left if stop is None else min(left, _SLICE))
            break
        except subprocess.TimeoutExpired:
            stopped = stop is not None and stop.is_set()
            if not stopped and time.monotonic() < until:
                continue
            _end(process.pid)
            process.communicate()
            if stopped:
                raise _stopped(arguments, folder) from None
            raise GitFailed(
                f"git {arguments[0]} in {folder} did not answer within {round(deadline) if deadline > 2 else deadline:g} s",
                hint="is the disk or the network that it lies on slow or gone? `anchorwatch doctor` tries it",
            ) from None
        except BaseException:
            _end(process.pid)
            raise
    if process.returncode < 0:
        raise GitFailed(
            f"git {arguments[0]} in {folder} was killed (signal {-process.returncode})",
            hint="did this machine run out of memory?",
        )
    return Answer(process.returncode, out, err.decode("utf-8", "replace").strip())


def read(arguments: Sequence[str], *, folder: Path, trust: str | None = None, what: str) -> bytes:
    """Like `ask`, for commands that must not fail: GitFailed says that `what` could not be done, and what git said."""
    answer = ask(arguments, folder=folder, trust=trust)
    if answer.status != 0:
        raise failed(what, answer)
    return answer.out


def failed(what: str, answer: Answer, *, hint: str | None = None) -> GitFailed:
    """The error for an answer that must not be: `what` could not be done because of what git said."""
    said = answer.err.splitlines()
    reason = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1] if said else f"exit {answer.status}")
    return GitFailed(f"{what}: {reason}", hint=hint or "`git fsck` in that repository tells whether it is damaged")


def _stopped(arguments: Sequence[str], folder: Path) -> GitFailed:
    return GitFailed(f"git {arguments[0]} in {folder} was ended: anchorwatch is stopping")


def _started(command: Sequence[str], folder: Path, given: bytes, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    whole = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _QUIET | dict(environment)
    pipe = subprocess.PIPE
    try:
        with tempfile.TemporaryFile(dir=scratch_folder()) as spool:  # a pipe would have to be written to while answers are read
            spool.write(given)
            spool.seek(0)
            return subprocess.Popen(command, cwd=folder, env=whole, stdin=spool, stdout=pipe, stderr=pipe, start_new_session=True)
    except OSError as error:
        raise _not_started(error, command[0], folder) from error


def _not_started(error: OSError, program: str, folder: Path) -> GitFailed:
    """`Popen` tells by the name whether it was the folder that could not be entered, or the program that could not be started."""
    reason = error.strerror or type(error).__name__
    if error.filename == folder:
        return GitFailed(f"git cannot be started in {folder}: {reason}", hint="is the folder there, and may this user enter it?")
    if error.filename == program and isinstance(error, FileNotFoundError | PermissionError):
        missing = isinstance(error, FileNotFoundError)
        hint = "install git (2.31 or newer) and see that it is on the PATH" if missing else "see that this user may run it"
        return GitFailed(f"git cannot be started: {reason}", hint=hint)
    hint = "this machine has run out of something: memory, processes, open files, or room for temporary ones"
    return GitFailed(f"git cannot be started: {reason}", hint=hint)


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
