"""Networks and volumes at the top level of a project: that they exist, and that they are what the file says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network

from anchorwatch.compare.config_hash import resource_hash, same_compose
from anchorwatch.compare.difference import Difference, differ, differ_maps
from anchorwatch.compare.match import Group
from anchorwatch.compare.notation import address, texts
from anchorwatch.compare.pair import locate
from anchorwatch.compare.presence import replicas
from anchorwatch.compare.rules import NOT_OBSERVABLE
from anchorwatch.compare.rules.labels import foreign
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import Kind
from anchorwatch.model.observed import LABEL, Network, Snapshot, Volume
from anchorwatch.model.values import Json, JsonObject, Template

_SWARM = NOT_OBSERVABLE + "for Swarm only"

KEYS: Mapping[str, Mapping[str, str]] = {
    "networks": {
        "name": "the network of that name",
        "external": "the network of that name exists",
        "driver": ".Driver, by default bridge",
        "driver_opts": ".Options; additional ones of the engine's are left aside",
        "internal": ".Internal",
        "attachable": ".Attachable",
        "enable_ipv4": ".EnableIPv4 (API 1.48 or newer)",
        "enable_ipv6": ".EnableIPv6",
        "labels": ".Labels",
        "ipam.driver": ".IPAM.Driver",
        "ipam.options": ".IPAM.Options",
        "ipam.config[]": ".IPAM.Config, by subnet, where the file gives one",
    },
    "volumes": {
        "name": "the volume of that name",
        "external": "the volume of that name exists",
        "driver": ".Driver, by default local",
        "driver_opts": ".Options",
        "labels": ".Labels",
    },
    "configs": {
        "file": ".Mounts[] of the services that use it",
        "content": NOT_OBSERVABLE + "copied into the container when it starts",
        "environment": NOT_OBSERVABLE + "copied into the container when it starts",
        **dict.fromkeys(("external", "name", "labels", "template_driver"), _SWARM),
    },
    "secrets": {
        "file": ".Mounts[] of the services that use it",
        "environment": NOT_OBSERVABLE + "copied into the container when it starts",
        **dict.fromkeys(("external", "name", "labels", "driver", "driver_opts", "template_driver"), _SWARM),
    },
}
"""The keys at the top level of a file, each with what it is compared with, or why it is not."""

REMAKE = "down, then up"
"""Stands for the command that takes the project down and up again."""

EMPTIED = "Docker changes no volume in place, and one that is made anew is empty: copy its data first"
"""What to know before a volume that differs is mended. `up` asks "Recreate (data will be lost)?", and `up -y` does it."""

_NAMELESS = "its name on the host is not known"
_NOT_NEEDED = "none of its containers is there"
_PREDEFINED = frozenset({"bridge", "host", "none", "default"})


def resource_differences(
    project: DesiredProject, groups: Sequence[Group], snapshot: Snapshot, project_dir: str | None
) -> Iterator[tuple[Kind, Difference, str | None]]:
    """What differs in the project's networks and volumes, each with its kind and, where `up` does not mend it, a command.

    Own resources of a project that was never deployed are not listed beside its missing containers. What may not be looked at
    is said to be unjudged.
    """
    deployed = any(group.containers for group in groups)
    used = _used(groups)
    for kind, declared in (("networks", project.networks), ("volumes", project.volumes)):
        if declared and kind in snapshot.not_permitted:
            yield Kind.CHANGED, Difference(kind, None, None, unjudged=f"the host's {kind} may not be looked at"), None
    if "networks" not in snapshot.not_permitted:
        networks = {network.name: network for network in snapshot.networks}
        for key, wanted in project.networks.items():
            must = deployed and ("networks", key) in used
            yield from _network(key, wanted or {}, networks, project.name, must, project.compose_version)
    if "volumes" not in snapshot.not_permitted:
        volumes = {volume.name: volume for volume in snapshot.volumes}
        for key, wanted in project.volumes.items():
            must = deployed and ("volumes", key) in used
            yield from _volume(key, wanted or {}, volumes, project.name, must, project_dir)


def _used(groups: Sequence[Group]) -> set[tuple[str, str]]:
    """Networks and volumes that a service uses of which a container must be there."""
    used: set[tuple[str, str]] = set()
    for group in groups:
        service = group.service
        if not group.containers and not (service.enabled and replicas(service)):
            continue
        config = service.config
        used |= {("networks", key) for key in config.get("networks") or ()}
        for entry in config.get("volumes") or ():
            if entry.get("type") == "volume" and isinstance(entry.get("source"), str):
                used.add(("volumes", entry["source"]))
    return used


def _network(
    key: str, wanted: JsonObject, networks: Mapping[str, Network], project: str, must_exist: bool, compose_version: str
) -> Iterator[tuple[Kind, Difference, str | None]]:
    name, path = wanted.get("name") or f"{project}_{key}", f"networks.{key}"
    if isinstance(name, Template):
        yield Kind.CHANGED, Difference(path, name, None, unseen=_NAMELESS), None
        return
    if name in _PREDEFINED:
        return
    found = networks.get(name)
    if found is None:
        if wanted.get("external") or must_exist:
            create = shlex.join(["docker", "network", "create", name]) if wanted.get("external") else None
            yield Kind.MISSING, Difference(path, name, "absent"), create
        else:
            yield Kind.MISSING, Difference(path, name, "absent", unseen=_NOT_NEEDED), None
    elif not wanted.get("external"):
        others = [other for other in networks.values() if other is not found and other.name not in _PREDEFINED]
        differences = list(_network_differences(path, wanted, found, others))
        # `up` looks at the hash that it left on the network: where that is today's, it finds nothing to do
        stuck = found.labels.get(LABEL + "config-hash") == resource_hash(wanted)
        for difference in differences:
            yield Kind.CHANGED, difference, REMAKE if stuck else None
        if not differences and _changed_since(wanted, found, compose_version):
            text = "its definition changed since it was created, in a field that Docker does not show"
            yield Kind.CHANGED, Difference(path, None, None, note=text), None


def _changed_since(wanted: JsonObject, found: Network, compose_version: str) -> bool:
    """Whether the hash that Compose (2.31 or newer) left on it says so; another version's hash says nothing."""
    label, made_by = found.labels.get(LABEL + "config-hash"), found.labels.get(LABEL + "version")
    computed = resource_hash(wanted)
    return None not in {label, computed} and label != computed and same_compose(made_by, compose_version)


def _network_differences(path: str, wanted: JsonObject, found: Network, others: Sequence[Network]) -> Iterator[Difference]:
    doc = found.doc
    yield from differ(f"{path}.driver", wanted.get("driver") or "bridge", doc.get("Driver"))
    for key, member in (("internal", "Internal"), ("attachable", "Attachable"), ("enable_ipv6", "EnableIPv6")):
        yield from differ(f"{path}.{key}", bool(wanted.get(key)), bool(doc.get(member)))
    if wanted.get("enable_ipv4") is not None and doc.get("EnableIPv4") is not None:
        yield from differ(f"{path}.enable_ipv4", bool(wanted["enable_ipv4"]), bool(doc["EnableIPv4"]))
    options, seen = texts(wanted.get("driver_opts")), doc.get("Options") or {}
    unchanged = found.labels.get(LABEL + "config-hash") in {None, resource_hash(wanted)}

    def of_engine(name: str) -> bool:
        """`default-network-opts` of the engine puts options into every network (moby `daemon/network.go`)."""
        common = any((other.doc.get("Options") or {}).get(name) == seen[name] for other in others)
        return name not in options and name.startswith("com.docker.network.") and (unchanged or common)

    mine = {name: value for name, value in seen.items() if not of_engine(name)}
    yield from differ_maps(f"{path}.driver_opts", options, mine)
    yield from _labels(path, wanted, found.labels)
    yield from _ipam(f"{path}.ipam", wanted.get("ipam") or {}, doc.get("IPAM") or {})


def _ipam(path: str, wanted: JsonObject, seen: JsonObject) -> Iterator[Difference]:
    if wanted.get("driver"):
        yield from differ(f"{path}.driver", wanted["driver"], seen.get("Driver"))
    if wanted.get("options"):
        yield from differ_maps(f"{path}.options", texts(wanted["options"]), seen.get("Options") or {})
    pools = wanted.get("config") or ()
    if not pools:
        return  # the engine chose a subnet
    want = {_subnet(pool.get("subnet")): pool for pool in pools}
    have = {_subnet(pool.get("Subnet")): pool for pool in seen.get("Config") or ()}
    given = want.keys() - {""}
    if given and (given - have.keys() or (len(given) == len(want) and have.keys() - given)):
        yield Difference(f"{path}.config", ", ".join(sorted(given)), ", ".join(sorted(have)) or None)
        return
    for subnet in given:
        for key, member in (("gateway", "Gateway"), ("ip_range", "IPRange")):
            value = want[subnet].get(key)
            if value:
                yield from differ(f"{path}.config.{key}", _place(value), _place(have[subnet].get(member)))
        auxiliary = want[subnet].get("aux_addresses") or {}
        seen_auxiliary = have[subnet].get("AuxiliaryAddresses") or {}
        yield from differ_maps(f"{path}.config.aux_addresses", texts(auxiliary), texts(seen_auxiliary))


def _place(value: Json) -> str | None:
    """An address or a subnet in canonical spelling; engines from 29 on show a gateway with its prefix."""
    if not value:
        return None
    text = str(value)
    return _subnet(text) if "/" in text else address(text)


def _subnet(value: Json) -> str:
    if not value:
        return ""
    try:
        return str(ip_network(str(value), strict=False))
    except ValueError:
        return str(value)


def _volume(
    key: str, wanted: JsonObject, volumes: Mapping[str, Volume], project: str, must_exist: bool, project_dir: str | None
) -> Iterator[tuple[Kind, Difference, str | None]]:
    name, path = wanted.get("name") or f"{project}_{key}", f"volumes.{key}"
    if isinstance(name, Template):
        yield Kind.CHANGED, Difference(path, name, None, unseen=_NAMELESS), None
        return
    found = volumes.get(name)
    if found is None:
        if wanted.get("external") or must_exist:
            create = shlex.join(["docker", "volume", "create", name]) if wanted.get("external") else None
            yield Kind.MISSING, Difference(path, name, "absent"), create
        else:
            yield Kind.MISSING, Difference(path, name, "absent", unseen=_NOT_NEEDED), None
    elif not wanted.get("external"):
        options = {option: locate(value, project_dir) for option, value in texts(wanted.get("driver_opts")).items()}
        for difference in (
            *differ(f"{path}.driver", wanted.get("driver") or "local", found.driver),
            *differ_maps(f"{path}.driver_opts", options, found.options),
            *_labels(path, wanted, found.labels),
        ):
            yield Kind.CHANGED, difference, None


def _labels(path: str, wanted: JsonObject, seen: Mapping[str, Json]) -> Iterator[Difference]:
    own = {name: value for name, value in seen.items() if not foreign(name) and name != "com.docker.volume.anonymous"}
    yield from differ_maps(f"{path}.labels", texts(wanted.get("labels")), own)


def project_folder(groups: Sequence[Group]) -> str | None:
    """The folder that the project was deployed from, as the first container that says so has it."""
    for group in groups:
        for container in group.containers:
            if container.deployed_in:
                return container.deployed_in
    return None
