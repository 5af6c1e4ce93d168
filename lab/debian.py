"""Programs from the distribution's own packages, unpacked into folders of the lab: nothing is installed.

`Suite.unpack` asks apt for packages of any suite of the same distribution. Its sources are the system's own
entries with the suite's name replaced (keeping mirror, signature and options); its lists and cache are
private, so neither the system's sources nor its package lists nor its dpkg database change. A set of
packages that was unpacked once is kept; two processes at once take turns by a file lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.places import lab_folder, layers_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROLLING = ("stable", "oldstable", "testing", "unstable", "sid")
TOP_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
LEFT_OUT = ("--exclude=./usr/share", "--exclude=./usr/include", "--exclude=./etc/init.d", "--exclude=./usr/bin/ctr")


@dataclass(frozen=True, slots=True)
class Distribution:
    """What /etc/os-release says: `debian` or `ubuntu`, and the suite this machine was installed from."""

    name: str
    suite: str


def this_distribution() -> Distribution:
    """The distribution of this machine. Raises LabError where there is no apt to ask, or no right to unpack."""
    release = Path("/etc/os-release")
    pairs = (line.partition("=") for line in release.read_text().splitlines()) if release.exists() else ()
    fields = {key: value.strip('"') for key, _, value in pairs}
    name, suite = fields.get("ID", "unknown"), fields.get("VERSION_CODENAME", "")
    if name == "debian" and not suite:
        suite = "sid"
    if name not in ("debian", "ubuntu") or not shutil.which("apt-get"):
        raise LabError(
            f"the lab fetches its programs from the packages of Debian or Ubuntu, and this is {name}: "
            "put dockerd, containerd, runc, docker-compose, sshd and busybox on PATH, or run it on Debian"
        )
    return Distribution(name, suite)


def require_root() -> None:
    """Raises LabError unless root: engines need namespaces, mounts and control groups."""
    if os.geteuid() != 0:
        raise LabError("the lab starts real Docker Engines and must run as root: try `sudo python3 -m lab …`")


def sources_for(suite: str, own: str, apt: Path = Path("/etc/apt")) -> tuple[str, str]:
    """The system's own source entries with `own` replaced by `suite`: (deb822 text, one-line text)."""
    names = {own, *ROLLING}
    stanzas: list[str] = []
    lines: list[str] = []
    folder = apt / "sources.list.d"
    files = [apt / "sources.list", *sorted(folder.iterdir() if folder.is_dir() else ())]
    for file in files:
        if file.suffix == ".sources":
            for stanza in re.split(r"\n\s*\n", file.read_text()):
                found = re.search(r"^Suites:(.*)$", stanza, re.MULTILINE | re.IGNORECASE)
                off = re.search(r"^Enabled:\s*no\s*$", stanza, re.MULTILINE | re.IGNORECASE)
                if found and not off and names & set(found[1].split()):
                    stanzas.append(stanza.replace(found[0], f"Suites: {suite}").strip())
        elif file.suffix == ".list" and file.is_file():
            for line in file.read_text().splitlines():
                found = re.match(r"^\s*deb\s+(\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line)
                if found and found[3] in names:
                    lines.append(f"deb {found[1] or ''}{found[2]} {suite} {found[4]}")
    if not stanzas and not lines:
        raise LabError(f"no entry for {own} in {apt}/sources.list or sources.list.d to copy for {suite}")
    return "\n\n".join(stanzas) + "\n", "\n".join(dict.fromkeys(lines)) + "\n"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds the lab's lock `name`; another process that wants it waits."""
    folder = lab_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Suite:
    """The packages of one suite, asked for through private lists."""

    def __init__(self, suite: str, distribution: Distribution) -> None:
        self.name = suite
        self._distribution = distribution
        self._folder = lab_folder() / "apt" / suite
        self._options: list[str] = []

    def unpack(self, packages: Sequence[str], layer: str, *, less: Sequence[str] | None = None, share: bool = False) -> Path:
        """The folder with `packages` unpacked (once). Packages this suite does not have are left out.

        With `less`, everything they need that this machine lacks comes along, less the packages named there. With `share`,
        /usr/share does too: for a program that cannot start without it.
        """
        folder = layers_folder() / layer
        with locked(f"layer-{layer}"):
            wanted = {"packages": sorted(packages), "less": sorted(less or ()), "host": self._distribution.suite}
            done = folder.with_suffix(".json")
            if done.exists() and json.loads(done.read_text()).get("wanted") == wanted:
                return folder
            fresh, archives = folder.with_suffix(".new"), folder.with_suffix(".debs")
            for remains in (fresh, archives):
                shutil.rmtree(remains, ignore_errors=True)
            archives.mkdir(parents=True)
            names = self._known(packages) if less is None else self._lacking(packages, less)
            if names:
                self._apt("download", *names, cwd=archives)
            debs = sorted(archives.glob("*.deb"))
            _unpack(debs, fresh, LEFT_OUT[1:] if share else LEFT_OUT)
            shutil.rmtree(archives)
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)
            done.write_text(json.dumps({"wanted": wanted, "unpacked": [deb.name for deb in debs]}, indent=1))
        return folder

    def _known(self, packages: Sequence[str]) -> list[str]:
        shown = self._run("apt-cache", "policy", *packages).stdout
        return re.findall(r"^(\S+):\n  Installed:.*\n  Candidate: (?!\(none\))", shown, re.MULTILINE)

    def _lacking(self, packages: Sequence[str], less: Sequence[str]) -> list[str]:
        plan = self._apt("install", "--simulate", "--no-install-recommends", *self._known(packages)).stdout
        lacking = re.findall(r"^Inst (\S+)[^(]*\((\S+) ", plan, re.MULTILINE)
        return [f"{name}={version}" for name, version in lacking if name not in less]

    def _apt(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self._run("apt-get", *arguments, cwd=cwd)

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        if not self._options:
            self._options = self._prepare()
        return _checked([program, *self._options, *arguments], cwd)

    def _prepare(self) -> list[str]:
        lists, cache = self._folder / "lists", self._folder / "cache"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        settings = {
            "Dir::State::Lists": lists,
            "Dir::Cache": cache,
            "Debug::NoLocking": "true",
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
            "Acquire::GzipIndexes": "true",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
        }
        if self.name != self._distribution.suite:
            modern, one_line = sources_for(self.name, self._distribution.suite)
            parts = self._folder / "sources.list.d"
            parts.mkdir(exist_ok=True)
            (parts / "lab.sources").write_text(modern)
            (parts / "lab.list").write_text(one_line)
            settings |= {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": parts}
            settings |= {"Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null"}
        options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        with locked(f"apt-{self.name}"):
            _checked(["apt-get", *options, "update"], None)
        return options


def _checked(argv: list[str], cwd: Path | None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        shown = " ".join(part for part in argv if "::" not in part and part != "-o")
        raise LabError(f"`{shown}` failed ({done.returncode}): {done.stderr.strip()[-600:]}")
    return done


def _unpack(debs: Sequence[Path], folder: Path, left_out: Sequence[str]) -> None:
    """Unpacks into `folder` as on a system whose /bin, /sbin and /lib are links into /usr."""
    for top in TOP_FOLDERS:
        (folder / "usr" / top).mkdir(parents=True, exist_ok=True)
        (folder / top).symlink_to(f"usr/{top}")
    for deb in debs:
        tar = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", *left_out, "-C", str(folder)]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as archive:
            unpacked = subprocess.run(tar, stdin=archive.stdout, capture_output=True, text=True, check=False)
        if archive.returncode or unpacked.returncode:
            raise LabError(f"could not unpack {deb.name}: {unpacked.stderr.strip()}")
    for top in TOP_FOLDERS:
        (folder / top).unlink()
        if not any((folder / "usr" / top).iterdir()):
            (folder / "usr" / top).rmdir()
