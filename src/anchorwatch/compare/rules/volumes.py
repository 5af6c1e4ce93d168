"""Volumes and all other mounts, by their target in the container.

At a path that the image declares as VOLUME Compose carries over whatever the container before had there, and calls that
converged: without an entry in the file any volume or bind is accepted there, unless the config hash proves that the container
was made from a file with such an entry.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ, differ_maps, same
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules.mounts import API_SOCKET, Mount, file_of, has_api_socket, seen_mounts, wanted_mounts
from anchorwatch.model.values import Json


def _differences(pair: Pair) -> Iterator[Difference]:
    wanted, seen = wanted_mounts(pair), seen_mounts(pair)
    carried, others = _image_volumes(pair), _others_mounts(pair)
    accepted = carried | others
    yield from _moved_files(pair, wanted, seen, accepted)
    for target, (path, mount) in wanted.items():
        have = seen.get(target)
        if have is None or not mount.agrees(have):
            kept = mount.anonymous and have is not None and have.type != "tmpfs"
            yield Difference(path, mount, have, _spoken, carried=kept)
    for target, mount in seen.items():
        if target not in wanted and target not in others and not (target in carried and mount.anonymous):
            kept = target in carried and mount.type != "tmpfs"
            yield Difference(_path_of(pair, mount), None, mount, _spoken, carried=kept)
    yield from differ_maps("tmpfs", _tmpfs(pair.opened("tmpfs")), _tmpfs(pair.host_config.get("Tmpfs")), _options)
    yield from _volumes_from(pair)
    yield from differ("volume_driver", pair.wanted.get("volume_driver") or None, pair.host_config.get("VolumeDriver") or None)


def _path_of(pair: Pair, mount: Mount) -> str:
    """What a file most likely had for a mount that it does not have any more."""
    if mount.target == API_SOCKET and has_api_socket(pair):
        return "use_api_socket"
    if mount.type == "bind" and mount.read_only and posixpath.dirname(mount.target) == "/run/secrets":
        return f"secrets.{posixpath.basename(mount.target)}"
    return f"volumes.{mount.target}"


def _moved_files(
    pair: Pair, wanted: dict[str, tuple[str, Mount]], seen: dict[str, Mount], accepted: set[str]
) -> Iterator[Difference]:
    """Configs and secrets that are files, at other places than wanted: one difference for each, whose mounts are then settled."""
    files = {target: mount for target, mount in seen.items() if mount.type == "bind" and mount.read_only}
    if not files:
        return
    for kind, definitions in (("configs", pair.project.configs), ("secrets", pair.project.secrets)):
        for name in definitions:
            path = f"{kind}.{name}"
            want = {target: mount for target, (own, mount) in wanted.items() if own == path}
            source = next((mount.source for mount in want.values()), file_of(pair, definitions[name]))
            have = {
                target: mount
                for target, mount in files.items()
                if target in seen
                and source is not None
                and same(source, mount.source)
                and (wanted[target][0] == path if target in wanted else target not in accepted)
            }
            if want.keys() != have.keys() and have:
                yield Difference(path, sorted(want) or None, sorted(have), _targets)
                for target in (*want, *have):
                    wanted.pop(target, None)
                    seen.pop(target, None)


def _targets(targets: Json) -> str | None:
    return ", ".join(targets) if targets else None


def _spoken(mount: Json) -> str | None:
    return None if mount is None else str(mount)


def _image_volumes(pair: Pair) -> set[str]:
    declared = {*(pair.inherited.get("Volumes") or ()), *(pair.config.get("Volumes") or ())}
    return {posixpath.normpath(path) for path in declared}


def _others_mounts(pair: Pair) -> set[str]:
    """`volumes_from` brings in all mounts of another container, and of the one that it should not name as well."""
    identifiers = {_source(pair, entry) for entry in pair.opened("volumes_from") or ()} | _seen_sources(pair)
    sources = (pair.host.snapshot.by_id.get(identifier) for identifier in identifiers)
    return {posixpath.normpath(target) for source in sources if source is not None for target in source.mounts}


def _seen_sources(pair: Pair) -> set[str]:
    """The IDs of the containers whose volumes it took over."""
    found = set()
    for entry in pair.host_config.get("VolumesFrom") or ():
        identifier = str(entry).split(":")[0]
        named = pair.host.container_named(identifier)
        found.add(named.id if named is not None else identifier)
    return found


def _source(pair: Pair, entry: str) -> str:
    """The ID of the container that `service`, `service:ro` or `container:name:ro` means."""
    if entry.startswith("container:"):
        mode = "container:" + entry.removeprefix("container:").split(":")[0]
    else:
        mode = "service:" + entry.split(":", maxsplit=1)[0]
    return pair.namespace(mode).removeprefix("container:")


def _volumes_from(pair: Pair) -> Iterator[Difference]:
    wanted = list(pair.opened("volumes_from") or ())
    want, have = {_source(pair, entry) for entry in wanted}, _seen_sources(pair)
    missing, gone = want - have, have - want
    here = pair.host.snapshot.by_id
    # where the service has no container, the one that is gone may have been its own
    if missing | gone and (len(missing) != len(gone) or any(identifier in here for identifier in missing | gone)):
        spoken = [pair.spoken_namespace(f"container:{identifier}").removeprefix("service:") for identifier in sorted(have)]
        yield Difference("volumes_from", wanted or None, spoken or None)


def _tmpfs(entries: Json) -> dict[str, str]:
    if isinstance(entries, dict):
        return {path: str(options) for path, options in entries.items()}
    found = {}
    for entry in [entries] if isinstance(entries, str) else entries or ():
        path, _, options = str(entry).partition(":")
        found[path] = options
    return found


def _options(options: Json) -> str | None:
    return options if options is None else options or "with the engine's defaults"


RULE = Rule(
    name="volumes",
    keys={
        "volumes[].type": ".Mounts[].Type",
        "volumes[].source": ".Mounts[].Source or .Name",
        "volumes[].target": ".Mounts[].Destination",
        "volumes[].read_only": ".Mounts[].RW",
        "volumes[].bind.propagation": ".Mounts[].Propagation",
        "volumes[].bind.recursive": ".HostConfig.Mounts[].BindOptions",
        "volumes[].bind.selinux": ".HostConfig.Binds",
        "volumes[].volume.nocopy": ".HostConfig.Binds or .HostConfig.Mounts[].VolumeOptions",
        "volumes[].volume.subpath": ".HostConfig.Mounts[].VolumeOptions",
        "volumes[].image.subpath": ".HostConfig.Mounts[].ImageOptions",
        "volumes[].tmpfs": ".HostConfig.Mounts[].TmpfsOptions",
        "tmpfs": ".HostConfig.Tmpfs",
        "configs": ".Mounts[], where the config is a file",
        "secrets": ".Mounts[], where the secret is a file",
        "use_api_socket": ".Mounts[]",
        "volumes_from": ".HostConfig.VolumesFrom, without the mode",
        "volume_driver": ".HostConfig.VolumeDriver",
    },
    differences=_differences,
)
