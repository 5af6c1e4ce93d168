"""The `docker compose` program: found, its version known, and run over an export.

The plugin is started directly: through `docker compose` each call takes five times as long (221 ms instead of 45 ms), spent on
looking for plugins.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorwatch.desired.cache import write_private
from anchorwatch.desired.scratch import scratch_folder
from anchorwatch.desired.walls import OUTPUT, before
from anchorwatch.errors import ComposeError, StackError

LEAST = (2, 26)
DEADLINE = 20.0
"""Seconds that one run may take; 50 ms are usual."""
_VERSION_DEADLINE = 20.0
_PATIENT = {"GOGC": "off", "GOMEMLIMIT": "100MiB"}
"""Compose lives for 50 ms, a quarter of which goes into looking for garbage in 10 MB: not before it has grown large."""
_SMALLER = "exclude the stack, or make it smaller"
_LAST_WORDS = ("out of memory", "cannot allocate memory", "fatal error: ", "pthread_create failed")
"""What Go says when it runs into a limit."""
_LIMITS = (-signal.SIGXFSZ, -signal.SIGXCPU, -signal.SIGKILL)
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
)
"""Where the docker CLI looks for plugins (docker/cli cli-plugins/manager/manager_unix.go), after the user's own folder."""


@dataclass(frozen=True, slots=True)
class Compose:
    """A Compose that can be used."""

    command: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run said. `out` is None where it failed."""

    out: str | None
    err: str


def find_compose(path: str | None = None, cache: Path | None = None, environ: Mapping[str, str] = os.environ) -> Compose:
    """The Compose at `path`, or the one that `docker compose` would start.

    Its version is remembered in the folder `cache`, by the program's path, size and time, since asking takes as long as a run.
    Raises ComposeError where there is none, or one older than 2.26.
    """
    command = _command(path, environ)
    version = _version(command, cache)
    if _numbers(version) < LEAST:
        raise ComposeError(
            f"{' '.join(command)} is Docker Compose {version}; at least {LEAST[0]}.{LEAST[1]} is needed",
            hint="upgrade the package docker-compose-plugin, or name a newer one in the config: compose: /path/to/docker-compose",
        )
    return Compose(command, version)


def program(path: str | None = None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Where the Compose lies that `find_compose` would take; None where there is none."""
    try:
        return _command(path, environ)[0]
    except ComposeError:
        return None


def _command(path: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    if path is not None:
        found = shutil.which(os.path.expanduser(path), path=environ.get("PATH"))  # noqa: PTH111 - may be a name to look up
        if found is None:
            hint = "correct compose: in the config, or leave it out"
            raise ComposeError(f"{path} is no program that can be started", hint=hint)
        return (found, "compose") if Path(found).name == "docker" else (found,)
    own = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or "/nonexistent") / ".docker")
    for folder in (f"{own}/cli-plugins", *_PLUGIN_FOLDERS):
        plugin = Path(folder) / "docker-compose"
        if os.access(plugin, os.X_OK) and plugin.is_file():
            return (str(plugin),)
    for name, words in (("docker-compose", ()), ("docker", ("compose",))):
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            return (found, *words)
    raise ComposeError(
        "there is no Docker Compose here",
        hint="install the package docker-compose-plugin, or name the program in the config: compose: /path/to/docker-compose",
    )


def _version(command: tuple[str, ...], cache: Path | None) -> str:
    try:
        program = Path(command[0]).resolve(strict=True)
        status = program.stat()
    except OSError as error:
        raise ComposeError(f"{command[0]} cannot be started: {error.strerror}", hint="install Docker Compose anew") from error
    key = f"{program} {' '.join(command[1:])} {status.st_mtime_ns} {status.st_size}"
    remembered = None if cache is None else cache / "compose.json"
    if remembered is not None:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(remembered.read_text("utf-8"))
            if isinstance(known, dict) and known.get("program") == key and isinstance(known.get("version"), str):
                return str(known["version"])
    try:
        answer = subprocess.run(
            [*command, "version", "--short"],
            capture_output=True,
            text=True,
            timeout=_VERSION_DEADLINE,
            check=False,
            env=_plain_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ComposeError(f"{' '.join(command)} cannot be started: {error}", hint="install Docker Compose anew") from error
    version = answer.stdout.strip()
    if answer.returncode != 0 or not _numbers(version)[0]:
        said = (answer.stderr.strip().splitlines() or ["it printed no version"])[0]
        raise ComposeError(
            f"{' '.join(command)} is no Docker Compose: {said}",
            hint="install the package docker-compose-plugin (or docker-compose)",
        )
    if remembered is not None:
        with contextlib.suppress(OSError):
            write_private(remembered, json.dumps({"program": key, "version": version}).encode())
    return version


def _numbers(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _plain_environment() -> dict[str, str]:
    return {**_PATIENT, "PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "DOCKER_CONFIG": "/nonexistent"}


def run(
    compose: Compose, arguments: Sequence[str], *, folder: Path, home: str, values: Mapping[str, str], deadline: float = DEADLINE
) -> Answer:
    """Run Compose in `folder`, behind every wall that stands, with `values` and nothing else of any environment.

    Raises StackError: `too_large` where it runs into a limit, `resolver` where it cannot be started at all.
    """
    environment = {
        **values,
        **_PATIENT,
        "HOME": home,
        "DOCKER_CONFIG": "/nonexistent",
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
        "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
        "COMPOSE_ANSI": "never",
    }
    if compose.command[1:]:
        environment["PATH"] = os.defpath
    command = [*before(os.path.realpath(compose.command[0]), scratch_folder()), *compose.command, *arguments]
    with tempfile.TemporaryFile(dir=scratch_folder()) as out, tempfile.TemporaryFile(dir=scratch_folder()) as err:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            message = f"{command[0]} cannot be started: {error.strerror}"
            raise StackError("resolver", message, hint="`anchorwatch doctor` tries it") from error
        try:
            status = _end_of(process, deadline)
        except subprocess.TimeoutExpired:
            message = f"Compose took more than {deadline:g} s over it"
            raise StackError("too_large", message, hint=_SMALLER) from None
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(0)
        err.seek(0)
        said = err.read(100_000).decode("utf-8", "replace")
        if status == 0:
            return Answer(out.read(OUTPUT + 1).decode("utf-8", "surrogateescape"), said)
        if status in _LIMITS or any(words in said for words in _LAST_WORDS):
            raise StackError("too_large", "Compose ran into the limits on time, memory or output over it", hint=_SMALLER)
        return Answer(None, said)


def _end_of(process: subprocess.Popen[bytes], deadline: float) -> int:
    """The exit status. Raises TimeoutExpired.

    `Popen.wait` with a timeout looks whether the process has ended at 32 and at 64 ms, and not between them; a descriptor of the
    process (`pidfd_open`, Linux 5.3) tells at once.
    """
    try:
        ending = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # another system, an older kernel, one that a seccomp profile hides
        return process.wait(deadline)
    try:
        ended = select.poll()
        ended.register(ending, select.POLLIN)
        ended.poll(deadline * 1000)
    finally:
        os.close(ending)
    return process.wait(0)
