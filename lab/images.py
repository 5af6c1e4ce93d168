"""Images made on the spot: no registry, no compiler, no download.

Every image is one small layer, a static busybox with the program `/bin/hold`, under a configuration of its own.
`hold` takes any arguments, does nothing, and exits at once with code $HOLD_EXIT (default 0) on the signal that stops
it. So whatever command a Compose file gives, its services run; an `entrypoint` of its own finds busybox's programs.
The programs that health checks like to call (curl, pg_isready and their like) are there and always content.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import tarfile
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from lab import tools
from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lab.compose import Compose
    from lab.engines import Engine

HOLD = b"""#!/bin/busybox sh
trap 'exit ${HOLD_EXIT:-0}' TERM INT QUIT HUP USR1 USR2 WINCH
/bin/busybox sleep 2147483647 & wait
"""
CONTENT = b"#!/bin/busybox sh\nexit 0\n"
APPLETS = ("sh", "true", "false", "echo", "cat", "ls", "sleep", "test", "env", "id", "touch", "sed", "grep", "kill")
ALWAYS_CONTENT = (
    "curl",
    "wget",
    "nc",
    "redis-cli",
    "valkey-cli",
    "pg_isready",
    "mysqladmin",
    "mariadb-admin",
    "healthcheck.sh",
    "healthcheck",
    "dig",
)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its names, and its configuration in the words of the image specification.

    `config` has keys like `Env` (a list), `Labels`, `ExposedPorts`, `Volumes`, `Cmd`, `Entrypoint`, `WorkingDir`,
    `User`, `Healthcheck` (times in nanoseconds), `StopSignal`. Another `mark` makes another image ID of the same.
    """

    names: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""


def hold(name: str = "hold:1", *, mark: str = "") -> Image:
    """The plainest image: nothing but the program that holds a container."""
    return Image((name,), {}, mark)


def rich(name: str = "rich:1", *, mark: str = "") -> Image:
    """An image that brings a default for everything an image can bring one for."""
    config = {
        "Env": [PATH, "RICH_VERSION=1.2.3", "LANG=C.UTF-8", "FROM_IMAGE=yes"],
        "Labels": {"org.opencontainers.image.title": "rich", "maintainer": "somebody", "rich.label": "from the image"},
        "ExposedPorts": {"8080/tcp": {}, "5353/udp": {}},
        "Volumes": {"/data": {}, "/config": {}},
        "Entrypoint": ["/bin/hold"],
        "Cmd": ["serve", "--port", "8080"],
        "WorkingDir": "/data",
        "User": "1000:1000",
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["CMD", "/bin/true"], "Interval": 30_000_000_000, "Retries": 3},
    }
    return Image((name,), config, mark)


def like(name: str) -> Image:
    """An image that could be the real one of that name: an ID, a version and labels of its own."""
    repository, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "latest")
    title = repository.rpartition("/")[2]
    config = {
        "Env": [PATH, f"{re.sub('[^A-Z0-9]', '_', title.upper())}_VERSION={tag}"],
        "Labels": {"org.opencontainers.image.title": title, "org.opencontainers.image.version": tag},
    }
    return Image((name,), config, name)


def load(engine: Engine, images: Iterable[Image]) -> None:
    """Puts the images on an engine, all in one request. Raises LabError."""
    said = engine.request("POST", "/images/load?quiet=1", archive(tuple(images)))
    for line in said.splitlines():
        if b"error" in line:
            raise LabError(f"{engine.name} did not take the images: {line.decode()}")


def tag_for(engine: Engine, compose: Compose, *project_folders: Path, **options: Any) -> list[str]:
    """Loads an image for every name that the Compose files in these folders ask for; those names."""
    names = sorted({name for folder in project_folders for name in compose.images(folder, **options)})
    if names:
        load(engine, [like(name) for name in names])
    return names


def archive(images: Sequence[Image]) -> bytes:
    """The images as `docker load` takes them (the format of `docker save`)."""
    layer = layer_of()
    layer_id = hashlib.sha256(layer).hexdigest()
    files = {f"{layer_id}/layer.tar": layer}
    manifest: list[dict[str, Any]] = []
    for image in images:
        config = json.dumps(_configuration(image, layer_id), sort_keys=True).encode()
        path = f"{hashlib.sha256(config).hexdigest()}.json"
        files[path] = config
        names = [name if ":" in name.rpartition("/")[2] else f"{name}:latest" for name in image.names]
        manifest.append({"Config": path, "RepoTags": names, "Layers": [f"{layer_id}/layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    return _tar((name, content, 0o644) for name, content in files.items())


@cache
def layer_of() -> bytes:
    """The one layer under all the images."""
    busybox = tools.program("busybox", tools.base_layers()).read_bytes()
    files = [("bin/busybox", busybox, 0o755), ("bin/hold", HOLD, 0o755), ("bin/content", CONTENT, 0o755)]
    files += [("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", 0o644)]
    files += [("etc/group", b"root:x:0:\napp:x:1000:\n", 0o644)]
    links = [(f"bin/{name}", "busybox") for name in APPLETS] + [(f"bin/{name}", "content") for name in ALWAYS_CONTENT]
    return _tar(files, links, folders=("bin", "etc", "tmp", "usr/bin", "var", "data", "config"))


def _configuration(image: Image, layer_id: str) -> dict[str, Any]:
    config = {"Env": [PATH], "Entrypoint": ["/bin/hold"], **image.config}
    return {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": config,
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"lab {image.mark}".strip()}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
    }


def _tar(
    files: Iterable[tuple[str, bytes, int]],
    links: Iterable[tuple[str, str]] = (),
    folders: Iterable[str] = (),
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in folders:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777 if name in ("tmp", "data", "config") else 0o755
            tar.addfile(entry)
        for name, content, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()
