"""Values that are not in Git: from the config, from env files on the watcher or on the host, from SOPS.

Their order is Compose's: `env` of the config and our own environment (where the config names the variable) before env files,
those before the repo's `.env`; a stack's own before its host's. Whatever comes from here may be a secret: it reaches Compose only
through its environment, never a file, and no cache.
"""

from __future__ import annotations

import glob
import hashlib
import hmac
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anchorwatch.desired import dotenv
from anchorwatch.model.address import HostAddress
from anchorwatch.model.settings import HostLayout, StackValues

SOPS_DEADLINE = 20.0
"""Seconds that `sops` may take for one file; it may have to ask a key server."""
SSH_DEADLINE = 20.0
MAX_ENV_FILE_BYTES = 1_000_000


@dataclass(slots=True)
class Outside:
    """What is known of one stack from outside Git."""

    values: dict[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path on the watcher -> text of the env files that the config names for this stack."""
    problems: tuple[str, ...] = ()
    """Clauses that say which source could not be read."""
    project: str | None = None
    decrypt: Callable[[str, bytes], str | None] = lambda _path, _content: None
    why_encrypted: str = "the sops program is not there"
    opened: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the env files set that the stack names and that Git does not have in clear, by their path in the export."""

    def open(self, path: str, text: str) -> None:
        """Take in such an env file."""
        self.opened[path] = _values(text, self.values)

    def add(self, text: str) -> None:
        """Take in what a decrypted `.env` of the repo sets, below everything else."""
        self.values = {**_values(text, self.values), **self.values}

    def file_like(self, path: str) -> str | None:
        """The text of an env file on the watcher that stands for one that the stack names and Git does not have.

        It must have the same name, and where several have, the longest common end of the path decides.
        """
        wanted = path.split("/")
        alike = [(_common_end(wanted, given.split("/")), text) for given, text in self.files.items()]
        best = max(alike, key=lambda found: found[0], default=(0, ""))
        return best[1] if best[0] else None

    def digest(self, names: Iterable[str], key: bytes) -> str:
        """A keyed hash of the values of these names and of all opened files, to tell whether they are the same as before."""
        digest = hmac.new(key, digestmod=hashlib.sha256)
        given = {name: self.values[name] for name in names if name in self.values}
        for source, values in [("", given), *sorted(self.opened.items())]:
            for name, value in sorted(values.items()):
                digest.update(b"\0".join(part.encode("utf-8", "surrogateescape") for part in (source, name, value)) + b"\1")
        return digest.hexdigest()


def outside_values(
    layout: HostLayout,
    stack_name: str,
    environ: Mapping[str, str],
    read_on_host: Callable[[str], str | None] | None = None,
) -> Outside:
    """Gather what the config tells of a stack. Never raises: a file that cannot be read is a problem that is told.

    `read_on_host` reads an env file on the target host (over ssh); None where the host is not reached that way.
    """
    levels = [level for level in (layout.values, layout.per_stack.get(stack_name)) if level is not None]
    problems: list[str] = []
    values: dict[str, str] = {}
    files: dict[str, str] = {}
    for level in levels:
        if level.host_env_file is not None:
            _take(level.host_env_file, None if read_on_host is None else read_on_host(level.host_env_file), values, {}, problems)
    for level in levels:
        for path in env_files(level):
            _take(path, _read(path), values, files, problems)
    for level in levels:
        values.update({name: environ[name] for name in level.pass_environment if name in environ})
    for level in levels:
        values.update(level.env)
    project = next((level.project for level in reversed(levels) if level.project), None)
    return Outside(values, files, tuple(problems), project)


def _take(path: str, text: str | None, values: dict[str, str], files: dict[str, str], problems: list[str]) -> None:
    if text is None:
        problems.append(f"{path} cannot be read")
        return
    try:
        values.update(dotenv.values(text, values))
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return
    files[path] = text


def env_files(level: StackValues) -> list[str]:
    """The env files on the watcher that the config names, globs opened. One that is named in full need not be there."""
    found: list[str] = []
    for pattern in level.env_files:
        expanded = os.path.expanduser(pattern)  # noqa: PTH111 - a pattern is no path yet
        found += sorted(glob.glob(expanded)) if glob.has_magic(expanded) else [expanded]  # noqa: PTH207
    return found


def _read(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_ENV_FILE_BYTES + 1)
    except OSError:
        return None
    return None if len(content) > MAX_ENV_FILE_BYTES else dotenv.text_of(content)


def _values(text: str, outer: Mapping[str, str]) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv.values(text, outer).items() if not name.startswith("sops_")}
    except ValueError:
        return {}


def _common_end(one: list[str], other: list[str]) -> int:
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return count


def sops(program: str | None = None) -> Callable[[str, bytes], str | None]:
    """A `decrypt` that starts the `sops` program on a copy in a private folder. Gives None where it is not there or fails."""
    found = program or shutil.which("sops")

    def decrypt(path: str, content: bytes) -> str | None:
        if found is None:
            return None
        command = [found, "--decrypt", "--input-type", "dotenv", "--output-type", "dotenv", "/dev/stdin"]
        try:
            answer = subprocess.run(command, input=content, capture_output=True, timeout=SOPS_DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return dotenv.text_of(answer.stdout) if answer.returncode == 0 else None

    return decrypt


def on_host(address: HostAddress) -> Callable[[str], str | None] | None:
    """Reads an env file on an `ssh://` host with the ssh program; None for a host that is reached in another way."""
    if not address.docker.startswith("ssh://"):
        return None
    options = ["-oBatchMode=yes", "-oConnectTimeout=10"]
    if address.ssh.key is not None:
        options += ["-i", address.ssh.key, "-oIdentitiesOnly=yes"]
    if address.ssh.known_hosts is not None:
        options += [f"-oUserKnownHostsFile={address.ssh.known_hosts}"]

    def read(path: str) -> str | None:
        command = ["ssh", *options, "--", address.docker.rstrip("/"), f"cat -- {shlex.quote(path)}"]
        try:
            answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SSH_DEADLINE, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return dotenv.text_of(answer.stdout) if answer.returncode == 0 and len(answer.stdout) <= MAX_ENV_FILE_BYTES else None

    return read
