"""Random Compose projects: several random services, with the networks, volumes, configs and secrets that they refer to.

A project is text: the files of its folder, and what has to be on the engine before Compose runs. Everything comes from one
seed; two runs with the same seed, engine and Compose deploy the same files.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from tests.truth.random_services import random_service
from tests.truth.random_values import LABELS, Service, Surroundings

EXTENDABLE = (
    "environment",
    "labels",
    "mem_limit",
    "cap_add",
    "user",
    "working_dir",
    "healthcheck",
    "dns",
    "ulimits",
    "sysctls",
    "logging",
)

PLAIN_FILES = {
    "a.env": "A=from a file\nSHARED='single $quoted'\nEXPORTED=\"two\\nlines\"\n# comment\nEMPTY_HERE=\n",
    "b.env": "A=from b\nB=${A}-and-b\nUNICODE=ünï ✓\nEQUALS=a=b=c\n",
    "a.labels": "from.file=yes\nshared=label file\n",
    "seccomp.json": '{"defaultAction": "SCMP_ACT_ALLOW",\n  "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_LOG"}]\n}\n',
    "config.txt": "a config\n",
    "secret.txt": "a secret\n",
    "sub/config.txt": "another\n",
    "data/keep": "",
    ".env": "FROM_DOTENV=dot env\nNUMBER=7\n",
}


@dataclass(frozen=True, slots=True)
class ProjectText:
    """A folder with a Compose project, and what must be on the engine before it is deployed."""

    name: str
    files: Mapping[str, str]
    networks: tuple[str, ...] = ()
    """External networks."""
    volumes: tuple[str, ...] = ()
    """External volumes."""
    outside: Mapping[str, str] = field(default_factory=dict)
    """Variables that the deployer sets, and Git does not."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The model behind the main file, for whoever wants to change it."""


def random_project(seed: int, around: Surroundings, services: int = 12) -> ProjectText:
    """The project of `seed`, for the engine and Compose of `around`."""
    chance = random.Random(seed)
    name = f"truth{seed}"
    networks, pools = _networks(chance, name, seed)
    volumes = _volumes(chance, name)
    configs: dict[str, Any] = {
        "filed": {"file": "./config.txt"},
        "below": {"file": "sub/config.txt", "name": "a-name"},
        "inline": {"content": "inline $$ text\n"},
    }
    secrets: dict[str, Any] = {"filed": {"file": "./secret.txt"}, "fromenv": {"environment": "NUMBER"}}
    around = replace(around, networks=pools, volumes=tuple(volumes), configs=tuple(configs), secrets=tuple(secrets))
    made: dict[str, Service] = {}
    base: dict[str, Service] = {}
    override: dict[str, Service] = {}
    for number in range(services):
        service_name = chance.choice(("web", "db", "cache.1", "worker_x", "job")) + str(number)
        around = replace(around, earlier=_referable(made), sharing=_sharing(made))
        service = random_service(chance, around, service_name)
        if number % 5 == 1:
            moved = {key: service.pop(key) for key in EXTENDABLE if key in service}
            if moved:
                base[service_name] = moved
                service["extends"] = {"file": "base.yaml", "service": service_name}
        elif number % 5 == 2:
            override[service_name] = {"environment": {"OVERRIDDEN": "yes"}, "labels": {"over.ridden": "1"}}
        made[service_name] = service
    given: dict[str, str] = {}
    spelled = {
        name: _with_variables(chance, one, given) if chance.random() < SERVICE_HAS_VARIABLES else one
        for name, one in made.items()
    }
    in_git = {name: value for name, value in given.items() if chance.random() < 0.5}
    outside = {name: value for name, value in given.items() if name not in in_git}
    model: dict[str, Any] = {
        "name": name,
        "services": spelled,
        "networks": networks,
        "volumes": volumes,
        "configs": configs,
        "secrets": secrets,
        "x-anything": {"a": 1},
    }
    files = {**PLAIN_FILES, "compose.yaml": as_text(model, chance)}
    files[".env"] += "".join(f"{name}='{value}'\n" for name, value in in_git.items())
    if base:
        files["base.yaml"] = as_text({"services": base}, chance)
    if override:
        files["compose.override.yaml"] = as_text({"services": override}, chance)
    outside_networks = tuple(one["name"] for one in networks.values() if one and one.get("external"))
    outside_volumes = tuple(one["name"] for one in volumes.values() if one and one.get("external"))
    return ProjectText(name, files, outside_networks, outside_volumes, outside, model)


def as_text(model: Any, chance: random.Random | None = None) -> str:
    """`model` as a Compose file in which every `$` stands for itself. JSON is YAML; half of the time it is block YAML."""
    escaped = _escaped(model)
    if chance is not None and chance.random() < 0.5:
        return json.dumps(escaped, indent=1, ensure_ascii=False)
    text: str = yaml.dump(escaped, Dumper=_NoAliases, allow_unicode=True, sort_keys=False, width=10_000)
    return text


class Variable(str):
    """A text of a Compose file that is to be interpolated: its `$` does not stand for itself."""

    __slots__ = ()


SERVICE_HAS_VARIABLES, LEAF_IS_A_VARIABLE = 0.3, 0.15
"""How often."""
NOT_INTERPOLATED = {"extends", "env_file", "label_file", "depends_on", "profiles"}
"""Keys whose values decide what is read at all."""
_SIMPLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./:=,_-]*")


def _with_variables(chance: random.Random, service: Service, values: dict[str, str]) -> Service:
    """`service` with some of its texts taken from variables, whose values are added to `values`."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: told(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [told(entry) for entry in value]
        if isinstance(value, str) and _SIMPLE.fullmatch(value) and chance.random() < LEAF_IS_A_VARIABLE:
            name = f"VARIABLE_{len(values)}"
            values[name] = value
            return Variable(f"${{{name}}}")
        return value

    return {key: entry if key in NOT_INTERPOLATED else told(entry) for key, entry in service.items()}


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _escaped(model: Any) -> Any:
    if isinstance(model, Variable):
        return str(model)
    if isinstance(model, str):
        return model.replace("$", "$$")
    if isinstance(model, Mapping):
        return {key: _escaped(value) for key, value in model.items()}
    if isinstance(model, list):
        return [_escaped(value) for value in model]
    return model


def _referable(made: Mapping[str, Service]) -> tuple[str, ...]:
    """Services that surely have a container, and a network stack of their own to join."""
    return tuple(
        name
        for name, service in made.items()
        if "network_mode" not in service
        and "profiles" not in service
        and service.get("scale", 1) == 1
        and service.get("deploy", {}).get("replicas", 1) == 1
        and "pid" not in service
        and "ipc" not in service
    )


def _sharing(made: Mapping[str, Service]) -> tuple[str, ...]:
    """Those that `volumes_from` can name: an engine fails over a mount of the type tmpfs (20.10, 28.5: "no such volume")."""
    return tuple(
        name
        for name in _referable(made)
        if "volumes_from" not in made[name]
        and not any(isinstance(one, dict) and one["type"] != "bind" for one in made[name].get("volumes", ()))
    )


def _networks(chance: random.Random, project: str, seed: int) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    block = seed % 200
    v4, v6 = f"10.{20 + block}.1", f"fd00:{block + 1:x}:1"
    labels = dict.fromkeys(chance.sample(LABELS, 2), "on a network")
    front: dict[str, Any] = {"ipam": {"config": [{"subnet": f"{v4}.0/24"}]}}
    if chance.random() < 0.5:
        front["ipam"]["config"][0] |= {"gateway": f"{v4}.254", "ip_range": f"{v4}.0/25", "aux_addresses": {"router": f"{v4}.9"}}
    pools = {"front": {"v4": v4}, "back": {}, "outside": {}}
    if chance.random() < 0.5:
        front |= {"enable_ipv6": True}
        front["ipam"]["config"].append({"subnet": f"{v6}::/80"})
        pools["front"]["v6"] = v6
    back = chance.choice(
        (
            None,
            {},
            {"driver": "bridge"},
            {"internal": True},
            {"labels": labels},
            {"labels": [f"{key}={value}" for key, value in labels.items()]},
            {"attachable": True},
            {"name": f"{project}-renamed"},
            {"driver_opts": {"com.docker.network.bridge.enable_icc": "false", "com.docker.network.driver.mtu": 1400}},
            {"ipam": {"driver": "default"}},
            {"enable_ipv6": False},
        )
    )
    networks: dict[str, Any] = {"front": front, "back": back, "outside": {"external": True, "name": f"{project}-outside"}}
    if chance.random() < 0.3:
        networks["default"] = {"name": f"{project}-default", "labels": {"a": "b"}}
    return networks, pools


def _volumes(chance: random.Random, project: str) -> dict[str, Any]:
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=10m,uid=1000"}
    spelled = chance.choice(
        (
            None,
            {},
            {"driver": "local"},
            {"driver": "local", "driver_opts": options},
            {"labels": {"a": 1, "b": None}},
            {"labels": ["a=1", "b"]},
            {"name": f"{project}.named"},
            {"driver_opts": {"type": "none", "device": "/etc", "o": "bind"}},
        )
    )
    return {"data": spelled, "more": None, "elsewhere": {"external": True, "name": f"{project}-elsewhere"}}
