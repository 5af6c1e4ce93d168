"""A mount in one form for both sides: what a service asks for, and what `.Mounts[]` shows.

Not a rule: what the one for volumes compares. `.HostConfig.Binds` and `.HostConfig.Mounts` say the same as `.Mounts[]` in
a form and an order that change with Compose's version and from run to run; they are read only for options that
`.Mounts[]` does not carry.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anchorwatch.compare.difference import same
from anchorwatch.compare.notation import size, size_in_bytes
from anchorwatch.compare.pair import Pair
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR
from anchorwatch.model.values import Json, JsonObject, Secret, Template, Text, opened, plain

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_RECURSIVE = {"disabled": "NonRecursive", "writable": "ReadOnlyNonRecursive", "readonly": "ReadOnlyForceRecursive"}
API_SOCKET = "/var/run/docker.sock"
_API_LOGIN = "/run/secrets/docker"
SELINUX = frozenset({"z", "Z"})
ANY_PROPAGATION = frozenset({"rprivate", "rslave", ""})


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount. `source` is a path, a volume's name, an image, or None for an anonymous volume."""

    type: str
    source: Text | None
    target: str
    read_only: bool = False
    propagation: frozenset[str] = ANY_PROPAGATION
    """What `.Propagation` may be."""
    options: frozenset[str] = frozenset()
    cannot_say: frozenset[str] = frozenset()
    """Options that the form in which the engine was asked has no member for."""

    @property
    def anonymous(self) -> bool:
        """Whether it is a volume without a name of its own."""
        return self.type == "volume" and (self.source is None or _ANONYMOUS.fullmatch(str(plain(self.source))) is not None)

    def agrees(self, seen: Mount) -> bool:
        """Whether what is seen is what this one asks for.

        A bind may be sent to the engine in a form that has no member for SELinux labels: then Compose drops them.
        """
        return (
            self.type == seen.type
            and self.read_only == seen.read_only
            and self.options - seen.cannot_say == seen.options
            and seen.propagation <= self.propagation
            and self._same_source(seen)
        )

    def _same_source(self, seen: Mount) -> bool:
        if self.source is None:
            return self.type == "tmpfs" or (isinstance(seen.source, str) and _ANONYMOUS.fullmatch(seen.source) is not None)
        return same(self.source, seen.source)

    def __str__(self) -> str:
        source = "" if self.source is None or _ANONYMOUS.fullmatch(str(self.source)) else f"{_path(self.source)}:"
        words = ["ro"] if self.read_only else []
        if self.propagation - ANY_PROPAGATION:
            words += sorted(self.propagation)
        words += sorted(self.options)
        kind = "" if self.type in {"bind", "volume"} else f"{self.type} "
        return f"{kind}{source}{self.target}" + (f":{','.join(words)}" if words else "")


def _path(source: Text) -> str:
    return source if isinstance(source, str) else str(source)


def wanted_mounts(pair: Pair) -> dict[str, tuple[str, Mount]]:
    """The mounts that Compose would ask for, by target, each with its Compose path."""
    found: dict[str, tuple[str, Mount]] = {}
    for kind in ("configs", "secrets"):
        for entry in plain(pair.wanted.get(kind) or ()):
            mount = _file(pair, kind, entry)
            if mount is not None:
                found[mount.target] = (f"{kind}.{entry['source']}", mount)
    for entry in pair.wanted.get("volumes") or ():
        mount = _wanted(pair, entry)
        found[mount.target] = (f"volumes.{mount.target}", mount)
    if pair.wanted.get("use_api_socket"):
        found.setdefault(API_SOCKET, ("use_api_socket", Mount("bind", API_SOCKET, API_SOCKET)))
    return found


def has_api_socket(pair: Pair) -> bool:
    """Whether the container shows what Compose makes of `use_api_socket`: the socket, and a variable for the client's login."""
    return API_SOCKET in pair.container.mounts and pair.container.environment.get("DOCKER_CONFIG") == _API_LOGIN


def _file(pair: Pair, kind: str, entry: JsonObject) -> Mount | None:
    """A config or secret that is a file is a read-only bind; any other is copied in, where `inspect` cannot see it."""
    definition: JsonObject = (pair.project.configs if kind == "configs" else pair.project.secrets).get(entry["source"]) or {}
    source = file_of(pair, definition)
    if source is None:
        return None
    folder = "/" if kind == "configs" else "/run/secrets"
    target = posixpath.normpath(posixpath.join(folder, entry.get("target") or entry["source"]))
    return Mount("bind", source, target, read_only=True)


def file_of(pair: Pair, definition: JsonObject | None) -> Text | None:
    """The file behind a config or secret, as it reads on the host; None where it is none."""
    file: Text | None = (definition or {}).get("file")
    return _cleaned(pair.locate(file)) if file else None


def _wanted(pair: Pair, entry: JsonObject) -> Mount:
    kind, target = str(plain(entry["type"])), posixpath.normpath(str(plain(entry["target"])))
    source, options = _known(entry.get("source") or None), set()
    propagation: frozenset[str] = frozenset({""}) if kind == "tmpfs" else ANY_PROPAGATION
    if kind == "bind":
        source = _cleaned(_located(pair, source)) if source is not None else None
        bind = opened(entry.get("bind")) or {}
        propagation = _propagation(pair, source, bind.get("propagation"))
        options |= {_RECURSIVE[bind["recursive"]]} if bind.get("recursive") in _RECURSIVE else set()
        options |= {str(bind["selinux"])} if bind.get("selinux") else set()
    elif kind == "volume":
        if source is not None and not isinstance(source, Template):
            source = _known((pair.project.volumes.get(str(plain(source))) or {}).get("name")) or source
        volume = opened(entry.get("volume")) or {}
        options |= {"nocopy"} if volume.get("nocopy") else set()
        selinux = (opened(entry.get("bind")) or {}).get("selinux")  # where Compose puts the `Z` of `data:/data:Z`
        options |= {str(selinux)} if selinux else set()
        options |= {f"subpath={volume['subpath']}"} if volume.get("subpath") else set()
    elif kind == "image":
        subpath = (opened(entry.get("image")) or {}).get("subpath")
        options |= {f"subpath={subpath}"} if subpath else set()
    elif kind == "tmpfs":
        tmpfs = opened(entry.get("tmpfs")) or {}
        options |= {f"size={size(size_in_bytes(tmpfs['size']))}"} if tmpfs.get("size") else set()
        options |= {f"mode={int(tmpfs['mode']):o}"} if tmpfs.get("mode") else set()
    read_only = bool(entry.get("read_only")) and kind != "image"  # the engine shows an image as it pleases
    return Mount(kind, source, target, read_only, propagation, frozenset(options))


def _propagation(pair: Pair, source: Text | None, configured: str | None) -> frozenset[str]:
    """`rprivate`, but `rslave` above the engine's own folder (moby `daemon/volumes_linux.go`, `setupMounts`)."""
    if configured:
        return frozenset({configured})
    root = str(pair.host.info.get("DockerRootDir") or "/var/lib/docker")
    path = source.reveal() if isinstance(source, Secret) else source
    if isinstance(path, str) and (path == "/" or f"{root}/".startswith(path.rstrip("/") + "/")):
        return ANY_PROPAGATION
    return frozenset({"rprivate", ""})


def _located(pair: Pair, path: Text) -> Text:
    found = _known(pair.locate(path))
    return path if found is None else found


def _known(text: Text | None) -> Text | None:
    """A text that is known to its last piece, as a `str` or a `Secret`; a `Template` has an unknown piece from here on."""
    return Secret(text.reveal()) if isinstance(text, Template) and text.known else text


def _cleaned(path: Text) -> Text:
    if isinstance(path, Template):
        return path
    return posixpath.normpath(path) if isinstance(path, str) else Secret(posixpath.normpath(path.reveal()))


def seen_mounts(pair: Pair) -> dict[str, Mount]:
    """The container's mounts, by target."""
    extras = dict(_extra_options(pair.host_config))
    asked = {posixpath.normpath(mount.get("Target") or "/") for mount in pair.host_config.get("Mounts") or ()}
    found: dict[str, Mount] = {}
    for destination, entry in pair.container.mounts.items():
        kind, target = entry.get("Type") or "bind", posixpath.normpath(destination)
        source: str | None = (entry.get("Source") if kind == "bind" else entry.get("Name")) or None
        if kind == "bind" and source is not None:
            source = posixpath.normpath(source)
        propagation = frozenset({entry.get("Propagation") or ""}) if kind == "bind" else frozenset({""})
        read_only = entry.get("RW") is False and kind != "image"
        found[target] = Mount(
            kind,
            source,
            target,
            read_only,
            propagation,
            frozenset(extras.get(target, ())),
            SELINUX if target in asked else frozenset(),
        )
    return found


def spoken_entry(entry: JsonObject) -> str:
    """A volume of a service in the short notation, with the project's folder as `.`."""
    source = entry.get("source")
    if isinstance(source, str):
        source = source.replace(PROJECT_DIR, ".").replace(HOME_DIR, "~")
    return str(Mount(entry["type"], source, str(entry["target"]), bool(entry.get("read_only"))))


def _extra_options(host_config: JsonObject) -> Iterator[tuple[str, set[str]]]:
    for bind in host_config.get("Binds") or ():
        pieces = str(bind).split(":")
        target = next((piece for piece in pieces[1:2]), pieces[0])
        words = set(pieces[2].split(",")) if len(pieces) > 2 else set()
        yield posixpath.normpath(target), words & (SELINUX | {"nocopy"})
    for mount in host_config.get("Mounts") or ():
        yield posixpath.normpath(mount.get("Target") or "/"), set(_mount_options(mount))


def _mount_options(mount: Mapping[str, Json]) -> Iterator[str]:
    bind, volume = mount.get("BindOptions") or {}, mount.get("VolumeOptions") or {}
    yield from (flag for flag in _RECURSIVE.values() if bind.get(flag))
    if volume.get("NoCopy"):
        yield "nocopy"
    subpath = volume.get("Subpath") or (mount.get("ImageOptions") or {}).get("Subpath")
    if subpath:
        yield f"subpath={subpath}"
    tmpfs = mount.get("TmpfsOptions") or {}
    if tmpfs.get("SizeBytes"):
        yield f"size={size(int(tmpfs['SizeBytes']))}"
    if tmpfs.get("Mode"):
        yield f"mode={int(tmpfs['Mode']):o}"
