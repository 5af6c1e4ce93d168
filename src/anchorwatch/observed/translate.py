"""From the engine's JSON to the model: pure, and tolerant of whatever comes.

What an answer leaves out, says as null or says in another type than it should is missing afterwards; nothing is made up
in its place, and nothing here raises. Values that may be a secret become `Secret` here, at the door. Shapes are those of
the Docker Engine API 1.41 to 1.51 (moby `api/swagger.yaml`); members that newer engines add pass through.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from anchorwatch.model.observed import LABEL, Container, Engine, Image, Network, Volume
from anchorwatch.model.values import Secret

UNKNOWN_EXIT_CODE = -1
"""Where an answer names none: not 0, which would mean that the container finished well."""

_ENDPOINT_MEMBERS = (
    "IPAMConfig",
    "Links",
    "Aliases",
    "DNSNames",
    "DriverOpts",
    "MacAddress",
    "NetworkID",
    "IPAddress",
    "GlobalIPv6Address",
    "GwPriority",
)
_NETWORK_MEMBERS = (
    "Driver",
    "Options",
    "IPAM",
    "Scope",
    "Internal",
    "Attachable",
    "Ingress",
    "ConfigOnly",
    "ConfigFrom",
    "EnableIPv4",
    "EnableIPv6",
    "Created",
)
_DEEPEST = 32
"""Levels; what is nested deeper below a value that may be a secret is no answer of an engine, and dropped."""


def engine(version: Any, info: Any, api_version: tuple[int, int]) -> Engine:
    """The engine from `GET /version` and `GET /info`, either None where it is not permitted."""
    version, info = _object(version), _object(info)
    proxies = {key: _secrets(value) for key, value in info.items() if key in {"HttpProxy", "HttpsProxy", "NoProxy"}}
    return Engine(
        id=_text(info.get("ID")),
        version=_text(version.get("Version")) or _text(info.get("ServerVersion")),
        api_version=api_version,
        info={**info, **proxies},
    )


def container(document: Any) -> Container:
    """A container from `GET /containers/{id}/json`."""
    document = _object(document)
    state, config = _object(document.get("State")), _object(document.get("Config"))
    health = _text(_object(state.get("Health")).get("Status"))
    return Container(
        id=_text(document.get("Id")),
        name=_text(document.get("Name")).removeprefix("/"),
        image_id=_text(document.get("Image")),
        state=_text(state.get("Status")),
        exit_code=_number(state.get("ExitCode"), UNKNOWN_EXIT_CODE),
        created_at=moment(document.get("Created")),
        started_at=moment(state.get("StartedAt")),
        finished_at=moment(state.get("FinishedAt")),
        labels=_labels(config.get("Labels")),
        environment=_environment(config.get("Env")),
        config=_config(config),
        host_config=_host_config(_object(document.get("HostConfig"))),
        mounts={
            destination: mount for mount in _objects(document.get("Mounts")) if (destination := _text(mount.get("Destination")))
        },
        networks={
            name: _endpoint(endpoint)
            for name, endpoint in _object(_object(document.get("NetworkSettings")).get("Networks")).items()
        },
        restart_count=_number(document.get("RestartCount"), 0),
        oom_killed=state.get("OOMKilled") is True,
        health=None if health in {"", "none"} else health,
    )


def image(document: Any) -> Image:
    """An image from `GET /images/{name}/json`."""
    document = _object(document)
    config = _object(document.get("Config"))
    inherited = {"Env": _environment(config.get("Env")), "Labels": _labels(config.get("Labels"))}
    return Image(
        id=_text(document.get("Id")),
        tags=_texts(document.get("RepoTags")),
        digests=_texts(document.get("RepoDigests")),
        config=_config(config) | inherited,
        created_at=_text(document.get("Created")) or None,
        architecture=_text(document.get("Architecture")) or None,
        variant=_text(document.get("Variant")) or None,
        os=_text(document.get("Os")) or None,
    )


def networks(document: Any) -> tuple[Network, ...]:
    """All networks from `GET /networks`, by name: the engine lists them in random order."""
    return tuple(sorted((_network(network) for network in _objects(document)), key=lambda network: (network.name, network.id)))


def _network(document: dict[str, Any]) -> Network:
    members = _with_secrets({key: document[key] for key in _NETWORK_MEMBERS if key in document}, "Options")
    if isinstance(ipam := members.get("IPAM"), dict):
        members["IPAM"] = _with_secrets(ipam, "Options")
    return Network(
        id=_text(document.get("Id")),
        name=_text(document.get("Name")),
        labels=_labels(document.get("Labels")),
        doc=members,
    )


def volumes(document: Any) -> tuple[Volume, ...]:
    """All volumes from `GET /volumes`, by name."""
    found = (
        Volume(
            name=_text(volume.get("Name")),
            driver=_text(volume.get("Driver")),
            labels=_labels(volume.get("Labels")),
            options={key: Secret(value) for key, value in _object(volume.get("Options")).items() if isinstance(value, str)},
        )
        for volume in _objects(_object(document).get("Volumes"))
    )
    return tuple(sorted(found, key=lambda volume: volume.name))


def moment(value: Any) -> datetime | None:
    """A time as Go writes it (RFC 3339, to the nanosecond), in UTC to the microsecond; None for Go's zero time."""
    if not isinstance(value, str) or value.startswith("0001-01-01"):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in {"Env", "Labels"}}
    for key in ("Cmd", "Entrypoint", "Shell", "OnBuild"):
        if key in kept:
            kept[key] = _secrets(kept[key])
    healthcheck = kept.get("Healthcheck")
    if isinstance(healthcheck, dict):
        kept["Healthcheck"] = _with_secrets(healthcheck, "Test")
    return kept


def _host_config(config: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = _with_secrets(config, "Annotations")
    if isinstance(log := kept.get("LogConfig"), dict):
        kept["LogConfig"] = _with_secrets(log, "Config")
    if isinstance(requests := kept.get("DeviceRequests"), list):
        kept["DeviceRequests"] = [_with_secrets(request, "Options") for request in requests]
    if isinstance(mounts := kept.get("Mounts"), list):
        kept["Mounts"] = [_mount(mount) for mount in mounts]
    return kept


def _mount(mount: Any) -> Any:
    options = mount.get("VolumeOptions") if isinstance(mount, dict) else None
    if not isinstance(options, dict):
        return mount
    options = _with_secrets(options, "Labels")
    if "DriverConfig" in options:
        options["DriverConfig"] = _with_secrets(options["DriverConfig"], "Options")
    return {**mount, "VolumeOptions": options}


def _endpoint(endpoint: Any) -> dict[str, Any]:
    endpoint = _object(endpoint)
    kept: dict[str, Any] = _with_secrets({key: endpoint[key] for key in _ENDPOINT_MEMBERS if key in endpoint}, "DriverOpts")
    return kept


def _environment(value: Any) -> dict[str, Secret | None]:
    """Variables by name; the last one of a name counts, as for the process; None for a name without `=`."""
    variables: dict[str, Secret | None] = {}
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str):
            name, given, text = entry.partition("=")
            variables[name] = Secret(text) if given else None
    return variables


def _labels(value: Any) -> dict[str, str | Secret]:
    return {
        name: text if name.startswith(LABEL) else Secret(text) for name, text in _object(value).items() if isinstance(text, str)
    }


def _with_secrets(document: Any, key: str) -> Any:
    """`document`, if it is an object, with the texts below `key` as secrets."""
    if not isinstance(document, dict):
        return _secrets(document)
    return {**document, key: _secrets(document[key])} if key in document else dict(document)


def _secrets(value: Any, depth: int = 0) -> Any:
    """`value` with every text in it as a secret; names of members stay."""
    if isinstance(value, str):
        return Secret(value)
    if depth == _DEEPEST:
        return None
    if isinstance(value, list):
        return [_secrets(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _secrets(item, depth + 1) for key, item in value.items()}
    return value


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
