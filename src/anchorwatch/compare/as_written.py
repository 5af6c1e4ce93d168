"""A container in Compose's words: how its service would stand in a file, as far as the container shows it. Pure.

A container's configuration is what it has and one that nothing was asked of has not. That is what the rules find when they hold
it against an empty service, each in its own keys and notation; so nothing here knows how a member of `docker inspect` is spelled.

It is told of a container as history remembers it: secrets are fingerprints, and the image may be long gone. What came from the
image is therefore told like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from anchorwatch.compare.difference import UNREADABLE, Difference, Rule
from anchorwatch.compare.host_view import HostView
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules import RULES
from anchorwatch.model.desired import DesiredProject, DesiredService, Stack
from anchorwatch.model.findings import OTHER_SPELLING
from anchorwatch.model.observed import Container, Engine, Snapshot
from anchorwatch.model.stored import unsealed
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.values import JsonObject

_INFO = {"CgroupVersion": "2", "DefaultRuntime": "runc", "LoggingDriver": "json-file"}
"""An engine that nobody has configured: what it fills in by itself is not told."""
_BY_ITSELF = {"cgroup": {"host", "private"}, "ipc": {"private", "shareable"}}
"""What an engine fills in by itself, one in one way and one in another."""
_API = (1, 47)


def as_written(seen: ContainerSeen, definition: JsonObject | None = None) -> Mapping[str, str]:
    """What a container shows, by the keys of Compose, in the order of the keys; empty where its configuration was not read.

    `definition` is what Compose made of its stack then, if it has one: networks, volumes, and keys that can be spelled in two
    ways are called what they are called there. Folders on the host are told as they are there.
    """
    if not seen.configuration:
        return {}
    container = _container(seen)
    definition = definition or {}
    project = seen.project or ""
    networks: dict[str, JsonObject] = {key: network or {} for key, network in (definition.get("networks") or {}).items()}
    joined = {name: _key(name, project, networks) for name in container.networks if name not in {"bridge", "host", "none"}}
    service = DesiredService(seen.service or seen.name, {"networks": dict.fromkeys(joined.values())} if joined else {})
    whole = DesiredProject(Stack("", "", "", ()), project, None, {}, {key: {"name": name} for name, key in joined.items()})
    pair = Pair(whole, service, container, HostView(Snapshot("", _LONG_AGO, Engine("", "20", _API, _INFO), ())))
    found = {"image": str(container.config["Image"])} if container.config.get("Image") else {}
    found |= {f"networks.{key}": name for name, key in joined.items()}
    for rule in RULES:
        found |= dict(_shown(rule, pair))
    spelling = _spelling((definition.get("services") or {}).get(seen.service) or {})
    volumes = {
        str((volume or {}).get("name") or f"{project}_{key}"): key for key, volume in (definition.get("volumes") or {}).items()
    }
    told = {spelling.get(path, path): _with_volume(path, value, volumes) for path, value in found.items()}
    return dict(sorted(told.items()))


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _container(seen: ContainerSeen) -> Container:
    document = unsealed(seen.configuration)

    def part(name: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = document.get(name) or {}
        return value

    return Container(
        id=seen.engine_id,
        name=seen.name,
        image_id=seen.image_id,
        state=seen.state,
        exit_code=seen.exit_code,
        created_at=seen.created_at,
        started_at=seen.started_at,
        finished_at=None,
        labels=part("Labels"),
        environment=part("Env"),
        # volumes that the image declares are told as well: whether it was the image that did nobody knows any more
        config={key: value for key, value in part("Config").items() if key != "Volumes"},
        host_config=part("HostConfig"),
        mounts=part("Mounts"),
        networks=part("Networks"),
    )


def _key(name: str, project: str, networks: Mapping[str, JsonObject]) -> str:
    """What a network is called in the file."""
    called = (key for key, network in networks.items() if network.get("name") == name)
    return next(called, name.removeprefix(f"{project}_"))


def _shown(rule: Rule, pair: Pair) -> Iterator[tuple[str, str]]:
    """What one rule finds the container to have; nothing of what is in a form that nobody foresaw."""
    try:
        for found in rule.differences(pair):
            if found.note is None and not found.path.endswith(".*"):
                yield from _told(found)
    except UNREADABLE:
        return


def _told(found: Difference) -> Iterator[tuple[str, str]]:
    have = found.have
    if isinstance(have, Mapping):  # a whole health check: its fields, each with its text
        yield from ((f"{found.path}.{name}", str(text)) for name, text in have.items())
    elif have not in (None, False) and have not in _BY_ITSELF.get(found.path, ()):
        text = found.shown(have)
        if text is not None:
            yield found.path, text


def _spelling(service: JsonObject) -> Mapping[str, str]:
    """The keys that a service has in the long form, by the short one."""
    found = {}
    for short, long in OTHER_SPELLING.items():
        value: Any = service
        for step in long.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value and not service.get(short):
            found[short] = long
    return found


def _with_volume(path: str, value: str, volumes: Mapping[str, str]) -> str:
    """A mount of one of the project's volumes, called as the file calls that."""
    name, colon, rest = value.partition(":")
    return f"{volumes[name]}{colon}{rest}" if path.startswith("volumes.") and name in volumes else value
