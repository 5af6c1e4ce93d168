"""Small worlds for the pure core: a project, containers as the engine shows them, a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from anchorwatch.model.desired import DesiredProject, DesiredService, Stack
from anchorwatch.model.observed import Container, Engine, Image, Network, Snapshot
from anchorwatch.model.values import Secret

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


def project(name: str = "media", host: str = "nas", **services: Mapping[str, Any]) -> DesiredProject:
    made = {
        key: DesiredService(key, {"image": "hold:1", "networks": {"default": None}, **dict(config)})
        for key, config in services.items()
    }
    stack = Stack(host, name, f"{host}/{name}", (f"{host}/{name}/compose.yaml",))
    return DesiredProject(stack, name, None, made, networks={"default": {"name": f"{name}_default"}}, compose_version="2.40.3")


def container(name: str, service: str | None = None, of: str = "media", **changes: Any) -> Container:
    """A container as Compose makes it for a service that sets nothing but `image: hold:1`."""
    labels: dict[str, str | Secret] = {}
    if service is not None:
        labels = {
            f"com.docker.compose.{key}": value
            for key, value in {
                "project": of,
                "service": service,
                "container-number": "1",
                "config-hash": "0" * 64,
                "oneoff": "False",
                "version": "2.40.3",
            }.items()
        }
    identifier = changes.pop("id", f"{abs(hash(name)):064x}"[-64:])
    made = Container(
        id=identifier,
        name=name,
        image_id="sha256:1",
        state="running",
        exit_code=0,
        created_at=LONG_AGO,
        started_at=LONG_AGO,
        finished_at=None,
        labels={**labels, **changes.pop("labels", {})},
        environment=changes.pop("environment", {}),
        config={"Image": "hold:1", "Hostname": identifier[:12], **changes.pop("config", {})},
        host_config={
            "NetworkMode": f"{of}_default",
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Runtime": "runc",
            "ShmSize": 64 * 2**20,
            "LogConfig": {"Type": "json-file", "Config": {}},
            **changes.pop("host_config", {}),
        },
        mounts=changes.pop("mounts", {}),
        networks={f"{of}_default": {"Aliases": [name, service or name]}},
    )
    return replace(made, **changes)


def snapshot(*containers: Container, host: str = "nas", **changes: Any) -> Snapshot:
    info = {"DefaultRuntime": "runc", "LoggingDriver": "json-file", "CgroupVersion": "2", "DockerRootDir": "/var/lib/docker"}
    image = Image("sha256:1", ("hold:1",), (), {})
    names = sorted({name for container in containers for name in container.networks})
    networks = tuple(Network(f"{number:064x}", name, {}, {"Driver": "bridge"}) for number, name in enumerate(names))
    made = Snapshot(host, NOW, Engine("ID", "28.5.2", (1, 51), info), containers, {"sha256:1": image}, networks)
    return replace(made, **changes)
