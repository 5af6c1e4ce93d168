"""The programs the lab works with: what this machine has, else what the distribution's packages have.

Roles: an `old` engine (20.10), the `newest` one that can be had, and a `middle` one; the `oldest` Compose that
anchorwatch supports, and the `newest`. A program on PATH fills the role its version fits; what is left is
fetched into `.lab/layers/` the first time it is asked for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from lab.debian import Suite, locked, require_root, this_distribution
from lab.errors import LabError
from lab.places import lab_folder

EngineRole = Literal["old", "middle", "newest"]
ComposeRole = Literal["oldest", "newest"]

ENGINE_ROLES: tuple[EngineRole, ...] = ("old", "middle", "newest")
COMPOSE_ROLES: tuple[ComposeRole, ...] = ("oldest", "newest")

# role -> (the suite whose package fills it, "own" being the suite of this machine;
#          from which version on, and below which, a program on PATH fills it instead)
ENGINE_SUITES: dict[str, dict[EngineRole, str]] = {
    "debian": {"old": "bookworm", "middle": "trixie", "newest": "sid"},
    "ubuntu": {"old": "jammy", "middle": "noble", "newest": "own"},
}
ENGINE_VERSIONS: dict[EngineRole, tuple[str, str]] = {
    "old": ("20.10", "20.11"),
    "middle": ("24.0", "28.0"),
    "newest": ("28.0", "1000.0"),
}
COMPOSE_SUITES: dict[str, dict[ComposeRole, str]] = {
    "debian": {"oldest": "trixie", "newest": "sid"},
    "ubuntu": {"oldest": "own", "newest": "own"},
}
COMPOSE_VERSIONS: dict[ComposeRole, tuple[str, str]] = {
    "oldest": ("2.26", "2.27"),
    "newest": ("2.40", "1000.0"),
}
ENGINE_PACKAGES = ("docker.io", "docker-cli", "containerd")
COMPOSE_PACKAGES = ("docker-compose", "docker-compose-v2")
# What an engine and an sshd need around them; of these, only what this machine lacks is unpacked.
# (libdevmapper: 20.10 links to it, newer ones do not; tini-static is a package of its own in newer suites.)
BASE_PACKAGES = (
    *("docker.io", "runc", "iptables", "libdevmapper1.02.1", "tini", "tini-static"),
    *("openssh-server", "openssh-client", "openssl", "busybox-static"),
)
BASE_PROGRAMS = ("containerd", "runc", "iptables", "sshd", "ssh", "ssh-keygen", "openssl", "busybox")

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """One version of the Docker Engine: its daemon, and the layers (topmost first) that hold it and what it
    needs, to be laid over this machine's files."""

    version: str
    dockerd: str
    layers: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ComposeBuild:
    """One version of Compose.

    `folder` holds `docker` and `docker-compose` (put it on PATH) and works as `$DOCKER_CONFIG` too: then
    `docker compose` finds this version as its plugin.
    """

    version: str
    program: Path
    folder: Path


@cache
def engine(role: EngineRole) -> EngineBuild:
    """The engine that fills `role`. Raises LabError where there is none and none can be fetched."""
    here = _on_path("dockerd", *ENGINE_VERSIONS[role])
    if here:
        return EngineBuild(here[1], str(here[0]), base_layers())
    require_root()
    distribution = this_distribution()
    suite = ENGINE_SUITES[distribution.name][role].replace("own", distribution.suite)
    layer = Suite(suite, distribution).unpack(ENGINE_PACKAGES, f"engine-{suite}")
    layers = (layer, *base_layers())
    return EngineBuild(version_of(layer / "usr/sbin/dockerd", layers), "/usr/sbin/dockerd", layers)


@cache
def compose(role: ComposeRole) -> ComposeBuild:
    """The Compose that fills `role`. Raises LabError where there is none and none can be fetched."""
    low, high = COMPOSE_VERSIONS[role]
    here = _on_path("docker-compose", low, high) or _plugin(low, high)
    if here:
        return _compose_build(role, *here)
    require_root()
    distribution = this_distribution()
    suite = COMPOSE_SUITES[distribution.name][role].replace("own", distribution.suite)
    layer = Suite(suite, distribution).unpack(COMPOSE_PACKAGES, f"compose-{suite}")
    program = layer / "usr/libexec/docker/cli-plugins/docker-compose"
    return _compose_build(role, program, version_of(program))


@cache
def base_layers() -> tuple[Path, ...]:
    """The layer with the small programs that this machine lacks; nothing, where it lacks none."""
    if all(shutil.which(program, path=SYSTEM_PATH) for program in BASE_PROGRAMS):
        return ()
    require_root()
    distribution = this_distribution()
    suite = Suite(distribution.suite, distribution)
    layer = suite.unpack(BASE_PACKAGES, f"base-{distribution.suite}", less=ENGINE_PACKAGES)
    with locked("links"):
        for name in ("iptables", "ip6tables"):  # dpkg's alternatives, which only an installation would make
            link = layer / "usr/sbin" / name
            if (layer / "usr/sbin/xtables-nft-multi").exists() and not link.is_symlink():
                link.symlink_to("xtables-nft-multi")
    return (layer,)


def program(name: str, layers: tuple[Path, ...] | None = None) -> Path:
    """The path of a program on this machine or in these layers (default: the base). Raises LabError."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found and layers is None:
        return Path(found)
    for layer in base_layers() if layers is None else layers:
        for folder in ("usr/sbin", "usr/bin"):
            if (layer / folder / name).exists():
                return layer / folder / name
    if found:
        return Path(found)
    raise LabError(f"{name} is neither on PATH nor in the packages that the lab unpacked")


@cache
def docker() -> Path:
    """A `docker` command to run on this machine."""
    found = shutil.which("docker", path=SYSTEM_PATH)
    return Path(found) if found else program("docker", engine("newest").layers)


def environment_for(path: Path) -> dict[str, str]:
    """The environment in which a program of a layer finds its libraries outside a private machine."""
    return dict(os.environ) if path.parts[1] == "usr" else os.environ | {"LD_LIBRARY_PATH": library_path(base_layers())}


def fetch() -> None:
    """Everything, the suites at the same time."""
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(engine, role) for role in ENGINE_ROLES]
        jobs += [pool.submit(compose, role) for role in COMPOSE_ROLES]  # type: ignore[arg-type]
        for job in jobs:
            job.result()


def version_of(path: Path, layers: tuple[Path, ...] = ()) -> str:
    """The version that the program tells. Raises LabError where it does not run."""
    arguments = ("version", "--short") if "compose" in path.name else ("--version",)
    environment = os.environ | {"LD_LIBRARY_PATH": library_path(layers)}
    said = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, env=environment)
    found = re.search(r"\d+\.\d+\.\d+", said.stdout)
    if said.returncode or not found:
        raise LabError(f"{path} does not tell its version: {(said.stderr or said.stdout).strip()[-300:]}")
    return found[0]


def library_path(layers: tuple[Path, ...]) -> str:
    """The folders of shared libraries in these layers, as LD_LIBRARY_PATH has them."""
    folders = (folder for layer in layers for folder in sorted((layer / "usr/lib").glob("*-linux-*")))
    return ":".join(str(folder) for folder in folders)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _fits(path: Path, low: str, high: str) -> tuple[Path, str] | None:
    version = version_of(path)
    return (path, version) if _numbers(low) <= _numbers(version) < _numbers(high) else None


def _on_path(name: str, low: str, high: str) -> tuple[Path, str] | None:
    found = shutil.which(name, path=SYSTEM_PATH)
    return _fits(Path(found), low, high) if found else None


def _plugin(low: str, high: str) -> tuple[Path, str] | None:
    folders = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
    plugins = (Path(folder, "docker/cli-plugins/docker-compose") for folder in folders)
    return next((_fits(plugin, low, high) for plugin in plugins if plugin.exists()), None)


def _compose_build(role: str, path: Path, version: str) -> ComposeBuild:
    folder = lab_folder() / "compose" / role
    with locked(f"compose-{role}"):
        links = {"docker": docker(), "docker-compose": path, "cli-plugins/docker-compose": path}
        for name, target in links.items():
            link = folder / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink() or link.readlink() != target:
                link.unlink(missing_ok=True)
                link.symlink_to(target)
    return ComposeBuild(version, path, folder)
