"""What a file said before, found by putting it back.

A key that left the file often leaves a container which an engine's default, the container before it or another spelling of the
same key would explain as well. The config hash on the container decides: where today's definition with the key put back has that
very hash, the container was made from it. Where it has not (more than that changed, another Compose made it), nothing is proved;
nor where something of the definition is unknown, which may be what is put back, nor after `TRIES` hashes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from anchorwatch.compare.difference import UNREADABLE, Difference, same
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules.mounts import SELINUX, Mount, file_of
from anchorwatch.compare.rules.restart import SPOKEN
from anchorwatch.model.findings import OTHER_SPELLING, place_of
from anchorwatch.model.values import Json, JsonObject, plain

_ORDER = (
    "profiles", "annotations", "attach", "build", "develop", "blkio_config", "cap_add", "cap_drop", "cgroup_parent",
    "cgroup", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpus",
    "cpuset", "cpu_shares", "command", "configs", "container_name", "credential_spec", "depends_on", "deploy",
    "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "entrypoint", "provider",
    "environment", "expose", "external_links", "extra_hosts", "group_add", "gpus", "hostname", "healthcheck", "image",
    "init", "ipc", "isolation", "labels", "label_file", "links", "logging", "mem_limit", "mem_reservation",
    "memswap_limit", "mem_swappiness", "mac_address", "models", "network_mode", "networks", "oom_kill_disable",
    "oom_score_adj", "pid", "pids_limit", "platform", "ports", "privileged", "pull_policy", "read_only", "restart",
    "runtime", "scale", "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal",
    "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user", "userns_mode", "uts",
    "volume_driver", "volumes", "volumes_from", "working_dir", "post_start", "pre_stop",
)  # fmt: skip
"""The keys in the order of compose-go's `types.ServiceConfig`: the hash is taken over the text."""
_PLACES: Mapping[str, int] = {key: place for place, key in enumerate(_ORDER)}
_DEPLOY = (
    "mode", "replicas", "labels", "update_config", "rollback_config", "resources", "restart_policy", "placement", "endpoint_mode",
)  # fmt: skip
"""Those below `deploy`."""

_Candidates = Iterator[tuple[str, JsonObject]]
"""Definitions that the container may have been made from, each with the path at which it differs from today's."""

_BELOW = "deploy.resources."
_LIMITS = {key: long.removeprefix(_BELOW).split(".") for key, long in OTHER_SPELLING.items() if long.startswith(_BELOW)}
"""Keys that stand below `deploy.resources` too: in which of its parts, and under which name."""
_RESOURCES = ("cpus", "memory", "pids", "devices", "generic_resources")
"""Those below `limits` and `reservations`."""

_SPELLINGS = frozenset({*_LIMITS, "deploy", "mac_address", "restart"})

_WHOLE = frozenset({"ipc", "cgroup", "runtime", "shm_size"})


TRIES = 128
"""How many hashes one container is worth: where its places and spellings multiply, a check must not take minutes."""


def has_spellings(found: Difference) -> bool:
    """Whether the path may be another's: what a container shows there a file can say in more than one place."""
    if isinstance(found.have, Mount):  # a config or a secret may have been mounted there
        return found.have.type == "bind" and found.have.read_only
    return found.path.partition(".")[0] in _SPELLINGS


def before(pair: Pair, found: Difference, tries: Iterator[object]) -> str | None:
    """The path at which the definition that the container was made from had what only the container has now; None where that
    cannot be told. Each hash takes one of `tries`, which all differences of a container share."""
    label = pair.container.config_hash
    if pair.service.unknown or pair.hash_matches is not False:
        return None
    candidates = zip(_candidates(pair, found), tries, strict=False)
    try:
        return next((path for (path, config), _ in candidates if pair.hash_of(config) == label), None)
    except UNREADABLE:  # something beside it is in a form that nobody foresaw
        return None


def _candidates(pair: Pair, found: Difference) -> _Candidates:
    key, _, name = found.path.partition(".")
    if key in {"environment", "labels"} and name:
        value = {**(pair.wanted.get(key) or {}), name: found.have}
        yield found.path, _with(pair.wanted, key, dict(sorted(value.items())))
    elif key in _WHOLE:
        yield found.path, _with(pair.wanted, key, str(found.have))
    elif key == "logging":
        yield from _logging(pair, found)
    elif key == "ulimits":
        yield from _ulimits(pair, found, name)
    elif key in _LIMITS or key in {"restart", "deploy"}:
        yield from _deployed(pair, found)
    elif key == "mac_address":
        for network, options in (pair.wanted.get("networks") or {}).items():
            value = dict(sorted({**(options or {}), key: found.have}.items()))
            yield f"networks.{network}.{key}", _with(pair.wanted, "networks", {**pair.wanted["networks"], network: value})
    elif isinstance(found.have, Mount):
        yield from _mounts(pair, found, found.have)


def _with(config: JsonObject, key: str, value: Json) -> dict[str, Any]:
    """`config` with the key, in its place."""
    changed = {**config, key: value}
    return changed if key in config else dict(sorted(changed.items(), key=lambda item: _PLACES.get(item[0], len(_PLACES))))


def _logging(pair: Pair, found: Difference) -> _Candidates:
    wanted, seen = pair.wanted.get("logging") or {}, pair.host_config.get("LogConfig") or {}
    options, name = plain(seen.get("Config") or {}), found.path.removeprefix("logging.options.")
    some = {**(wanted.get("options") or {}), **({name: options[name]} if name in options else {})}
    for driver in dict.fromkeys((wanted.get("driver"), seen.get("Type"))):
        for chosen in (some, options):
            sections = {"driver": driver, "options": dict(sorted(chosen.items()))}
            yield found.path, _with(pair.wanted, "logging", {key: value for key, value in sections.items() if value})


def _ulimits(pair: Pair, found: Difference, name: str) -> _Candidates:
    seen = {str(one.get("Name")): (one.get("Soft"), one.get("Hard")) for one in pair.host_config.get("Ulimits") or ()}
    wanted = pair.wanted.get("ulimits") or {}
    for names in ({name}, seen.keys() - wanted.keys()):
        for single in (True, False):
            bounds = {one: _bounds(*seen[one], single=single) for one in names if one in seen}
            yield found.path, _with(pair.wanted, "ulimits", dict(sorted({**wanted, **bounds}.items())))


def _bounds(soft: Json, hard: Json, *, single: bool) -> Json:
    if soft == hard and single:
        return soft or {}
    return {key: value for key, value in (("soft", soft), ("hard", hard)) if value}


def _deployed(pair: Pair, found: Difference) -> _Candidates:
    """Limits, devices and the restart policy have a spelling of their own, and one below `deploy`."""
    own = {
        "cpus": _number((pair.host_config.get("NanoCpus") or 0) / 1e9),
        "mem_limit": str(pair.host_config.get("Memory") or "") or None,
        "pids_limit": pair.host_config.get("PidsLimit") or None,
        "mem_reservation": str(pair.host_config.get("MemoryReservation") or "") or None,
        "gpus": [_device(plain(request)) for request in pair.host_config.get("DeviceRequests") or ()],
    }
    missing = {key: value for key, value in own.items() if value and not pair.wanted.get(key) and not _limit(pair, key)}
    policy = pair.host_config.get("RestartPolicy") or {}
    name, retries = policy.get("Name") or "no", policy.get("MaximumRetryCount") or None
    restart = {"condition": SPOKEN.get(name, name), "max_attempts": retries}
    for key in (key for key in _LIMITS if found.path in {key, OTHER_SPELLING[key]}):
        if key in missing:
            yield key, _with(pair.wanted, key, missing[key])
            for chosen in ({key: missing[key]}, missing):
                for with_policy in ({}, restart):
                    yield OTHER_SPELLING[key], _with(pair.wanted, "deploy", _deploy(pair, chosen, with_policy))
    if found.path in {"restart", "deploy.restart_policy.condition"}:
        yield "restart", _with(pair.wanted, "restart", f"{name}:{retries}" if retries else name)
        for chosen in ({}, missing):
            yield "deploy.restart_policy.condition", _with(pair.wanted, "deploy", _deploy(pair, chosen, restart))


def _limit(pair: Pair, key: str) -> Json:
    kind, name = _LIMITS[key]
    return pair.limits(kind).get(name)


def _device(request: JsonObject) -> dict[str, Any]:
    """A request for devices as Compose prints it."""
    members = {
        "capabilities": next(iter(request.get("Capabilities") or ()), None),
        "driver": request.get("Driver"),
        "count": request.get("Count"),
        "device_ids": request.get("DeviceIDs"),
        "options": request.get("Options"),
    }
    return {key: value for key, value in members.items() if value}


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _deploy(pair: Pair, limits: Mapping[str, Json], restart: JsonObject) -> dict[str, Any]:
    deploy: dict[str, Any] = {"resources": {}, "placement": {}, **(pair.wanted.get("deploy") or {})}
    resources: dict[str, Any] = {kind: dict(values) for kind, values in deploy["resources"].items() if values}
    for key, value in limits.items():
        kind, name = _LIMITS[key]
        amounts = {**resources.get(kind, {}), name: value}
        resources[kind] = {one: amounts[one] for one in _RESOURCES if one in amounts}
    deploy["resources"] = dict(sorted(resources.items()))
    policy = {key: value for key, value in restart.items() if value}
    if policy:
        deploy["restart_policy"] = policy
    return {key: deploy[key] for key in _DEPLOY if key in deploy}


def _mounts(pair: Pair, found: Difference, mount: Mount) -> _Candidates:
    if mount.type == "bind" and mount.read_only:
        yield from _files(pair, mount)
    if not found.carried:  # then it is drift in any case, and called by its target
        return
    volumes = list(pair.wanted.get("volumes") or ())
    places = [place for place, one in enumerate(volumes) if plain(one.get("target")) == mount.target]
    for place in places:  # an anonymous volume of the file's, which may have had a name
        named = {"type": mount.type, "source": _source(pair, mount), **volumes[place]}
        yield f"volumes.{mount.target}", _with(pair.wanted, "volumes", [*volumes[:place], named, *volumes[place + 1 :]])
    others = [one for place, one in enumerate(volumes) if place not in places]
    for volume in _entries(pair, mount):
        for entries in _inserted(others, volume):
            yield f"volumes.{mount.target}", _with(pair.wanted, "volumes", entries)


def _files(pair: Pair, mount: Mount) -> _Candidates:
    """Configs and secrets that are files: those of this file, and one that nobody uses any more, which Compose does not print."""
    at_target = f"volumes.{mount.target}"
    for kind, definitions in (("configs", pair.project.configs), ("secrets", pair.project.secrets)):
        of_file = (name for name, one in definitions.items() if same(file_of(pair, one), mount.source))
        for name in dict.fromkeys((posixpath.basename(mount.target), *of_file)):
            path = f"{kind}.{name}"
            by_default = place_of(path) == at_target
            for entry in (*([{"source": name}] if by_default else ()), {"source": name, "target": mount.target}):
                for entries in _inserted(pair.wanted.get(kind) or (), entry):
                    # elsewhere only the target tells it from others, in every run
                    yield path if by_default else at_target, _with(pair.wanted, kind, entries)


def _inserted(entries: Any, entry: JsonObject) -> Iterator[list[Json]]:
    for place in range(len(entries) + 1):
        yield [*entries[:place], entry, *entries[place:]]


def _entries(pair: Pair, mount: Mount) -> Iterator[JsonObject]:
    """The mount as Compose prints it: what the short notation gives, then the long ones."""
    head: dict[str, Any] = {"type": mount.type, "source": _source(pair, mount), "target": mount.target}
    head |= {"read_only": True} if mount.read_only else {}
    # where the engine was asked in a form that has no member for a label, the file may have had any
    labels = sorted(mount.options & SELINUX) or ["", *(sorted(SELINUX) if mount.cannot_say else ())]
    for bind in ({"selinux": label} if label else {} for label in labels):
        if mount.type == "bind":
            yield {**head, "bind": {**bind, "create_host_path": True}}
            yield {**head, "bind": bind}
            yield head
        elif mount.type == "volume":
            labelled = {**head, "bind": bind} if bind else head
            yield {**labelled, "volume": {"nocopy": True} if "nocopy" in mount.options else {}}
            yield labelled


def _source(pair: Pair, mount: Mount) -> Json:
    """The source as the file has it: a volume by its key."""
    source = plain(mount.source)
    if mount.type != "volume":
        return source
    keys = [key for key, volume in pair.project.volumes.items() if plain((volume or {}).get("name")) == source]
    return keys[0] if keys else str(source).removeprefix(f"{pair.project.name}_")
