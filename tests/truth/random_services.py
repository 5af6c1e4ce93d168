"""Random Compose services over every key of the specification, in every spelling.

One method a key (`random_process`, `random_surroundings`): it gives a value as a user may write it. What contradicts itself
(Compose or the engine refuses it) is taken out afterwards in one place, `without_contradictions`. Everything comes from one
`random.Random`, so a seed says it all.
"""

from __future__ import annotations

import random
from typing import Any

from tests.truth.random_process import ProcessKeys, ResourceKeys, RightsKeys
from tests.truth.random_surroundings import FileKeys, NetworkKeys, UnseenKeys
from tests.truth.random_values import Service, Surroundings

NOT_MADE = {
    "extends": "written by the project, not by the service (see random_projects)",
    "models": "needs Docker's model runner, which no engine of the lab has",
    "provider": "makes no container: see test_states",
    "cpu_rt_period": "the lab's kernel has no real-time groups: the engine refuses it",
    "cpu_rt_runtime": "the lab's kernel has no real-time groups: the engine refuses it",
    "pull_refresh_after": "needs a registry",
}
"""Keys of the specification that no random service has, and why."""


class ServiceChooser(ProcessKeys, ResourceKeys, RightsKeys, NetworkKeys, FileKeys, UnseenKeys):
    """Knows every key: a method of the key's name gives a value for it."""


KEYS: tuple[str, ...] = tuple(
    name
    for part in ServiceChooser.__bases__
    for name, member in vars(part).items()
    if callable(member) and not name.startswith("_") and name != "image"
)
RARE = {
    "build",
    "use_api_socket",
    "privileged",
    "network_mode",
    "pid",
    "ipc",
    "uts",
    "userns_mode",
    "scale",
    "storage_opt",
    "profiles",
}
NEEDS_EARLIER = {"links", "depends_on", "volumes_from"}
SINCE_COMPOSE = {
    "gpus": (2, 30),
    "use_api_socket": (2, 37),
    "post_start": (2, 30),
    "pre_stop": (2, 30),
    "annotations": (2, 26),
    "label_file": (2, 32),
}


def random_service(chance: random.Random, around: Surroundings, name: str) -> Service:
    """A service that Compose accepts, and of which `around`'s engine makes a container."""
    chooser = ServiceChooser(chance, around, name)
    service: Service = {"image": chooser.image({})}
    wanted = chance.sample(KEYS, chance.randint(2, 22))
    for key in wanted:
        if key in NEEDS_EARLIER and not around.earlier:
            continue
        if around.compose < SINCE_COMPOSE.get(key, (0,)) or (key in RARE and chance.random() < 0.6):
            continue
        service[key] = getattr(chooser, key)(service)
    return without_contradictions(service, around)


def without_contradictions(service: Service, around: Surroundings) -> Service:
    """`service` without what Compose or the engine refuses beside something else that it says."""
    found = dict(service)
    mode = str(found.get("network_mode", ""))
    joined = mode.startswith(("container:", "service:"))
    if mode:
        _drop(found, "networks", "mac_address", "links", "external_links")
    if joined:
        _drop(found, "ports", "expose", "hostname", "domainname", "dns", "dns_search", "dns_opt", "extra_hosts", "scale")
    if mode in {"host", "none"} or joined or found.get("uts") == "host":
        _drop(found, "hostname", "domainname")
    if mode == "host":
        _drop(found, "sysctls")
    if found.get("ipc") in {"host"} or str(found.get("ipc", "")).startswith("service:"):
        _drop(found, "sysctls")
    if str(found.get("ipc", "")).startswith("service:") or found.get("ipc") == "host":
        _drop(found, "shm_size")
    deploy = found.get("deploy") or {}
    limits, reservations = (deploy.get("resources", {}).get(kind, {}) for kind in ("limits", "reservations"))
    if limits:
        _drop(found, "cpus", "mem_limit", "pids_limit")
    if reservations:
        _drop(found, "mem_reservation")
    if "replicas" in deploy:
        _drop(found, "scale")
    if "cpus" in found or "cpus" in limits:
        _drop(found, "cpu_period", "cpu_quota", "cpu_percent", "cpu_count")
    if "mem_limit" not in found and "memory" not in limits:
        _drop(found, "memswap_limit")
    if found.get("privileged") and "userns_mode" in found:
        _drop(found, "userns_mode")
    if "container_name" in found:
        _drop(found, "scale")
        deploy.pop("replicas", None)
    count = found.get("scale", deploy.get("replicas", 1))
    if count > 1 and isinstance(found.get("networks"), dict):
        for attachment in found["networks"].values():
            _drop(attachment or {}, "ipv4_address", "ipv6_address", "mac_address", "link_local_ips")
    if found.get("image") == around.images[0] and found.get("entrypoint", "x") in ("", []) and not found.get("command"):
        found["command"] = ["something"]
    if isinstance(found.get("networks"), dict) and any("mac_address" in (one or {}) for one in found["networks"].values()):
        _drop(found, "mac_address")
    if "build" in found:
        _drop(found, "image", "pull_policy")
    if "read_only" in found or around.api < (1, 42):  # the engine cannot copy into such a container, or not for its user
        for kind in ("configs", "secrets"):
            filed = [one for one in found.pop(kind, ()) if (one if isinstance(one, str) else one["source"]) in {"filed", "below"}]
            if filed:
                found[kind] = filed
    if found.get("deploy") == {}:
        _drop(found, "deploy")
    return found


def _drop(mapping: dict[str, Any], *keys: str) -> None:
    for key in keys:
        mapping.pop(key, None)
