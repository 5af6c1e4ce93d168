"""Every rule, and every key of the Compose specification that none of them compares, with the reason.

A test holds both lists against the specification's JSON schema: each key is claimed exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping

from anchorwatch.compare.difference import Rule
from anchorwatch.compare.rules import (
    blkio,
    command,
    cpu,
    devices,
    engine_only,
    environment,
    healthcheck,
    identity,
    image,
    kernel,
    labels,
    lifecycle,
    logging,
    memory,
    names,
    namespaces,
    networks,
    ports,
    processes,
    restart,
    security,
    volumes,
)

RULES: tuple[Rule, ...] = (
    image.RULE,
    command.RULE,
    environment.RULE,
    labels.RULE,
    identity.RULE,
    restart.RULE,
    memory.RULE,
    cpu.RULE,
    processes.RULE,
    blkio.RULE,
    devices.RULE,
    security.RULE,
    namespaces.RULE,
    kernel.RULE,
    names.RULE,
    ports.RULE,
    volumes.RULE,
    networks.RULE,
    healthcheck.RULE,
    logging.RULE,
    lifecycle.RULE,
    engine_only.RULE,
)

NOT_OBSERVABLE = "not observable: "
"""How the reasons begin of keys that leave no trace in a container; what of them is hashed still shows as a note."""

NOT_COMPARED: Mapping[str, str] = {
    "attach": NOT_OBSERVABLE + "tells the client whose output to show",
    "build": NOT_OBSERVABLE
    + "what an image was built from cannot be seen in a container, beyond the name that a built image gets",
    "cpu_percent": NOT_OBSERVABLE + "an engine on Linux drops it",
    "credential_spec": NOT_OBSERVABLE + "Compose passes it on for Windows containers only",
    "depends_on": "an order for Compose, and no property of a container: changing it re-creates nothing",
    "deploy.endpoint_mode": NOT_OBSERVABLE + "for Swarm only",
    "deploy.labels": NOT_OBSERVABLE + "labels of a Swarm service, not of its containers",
    "deploy.mode": NOT_OBSERVABLE + "for Swarm only",
    "deploy.placement": NOT_OBSERVABLE + "for Swarm only",
    "deploy.rollback_config": NOT_OBSERVABLE + "for Swarm only",
    "deploy.update_config": NOT_OBSERVABLE + "for Swarm only",
    "deploy.resources.reservations.cpus": NOT_OBSERVABLE + "Compose does not pass it on",
    "deploy.resources.reservations.generic_resources": NOT_OBSERVABLE + "Compose does not pass it on",
    "deploy.restart_policy.delay": NOT_OBSERVABLE + "Compose does not pass it on",
    "deploy.restart_policy.window": NOT_OBSERVABLE + "Compose does not pass it on",
    "develop": NOT_OBSERVABLE + "for `docker compose watch` only",
    "extends": "resolved by Compose before anything is compared",
    "ports[].app_protocol": NOT_OBSERVABLE + "Compose does not pass it on",
    "ports[].mode": NOT_OBSERVABLE + "for Swarm only",
    "ports[].name": NOT_OBSERVABLE + "Compose does not pass it on",
    "post_start": NOT_OBSERVABLE + "run by Compose, not by the engine",
    "pre_start": NOT_OBSERVABLE + "run by Compose, not by the engine",
    "pre_stop": NOT_OBSERVABLE + "run by Compose, not by the engine",
    "profiles": "decides whether the service is expected to run",
    "provider": "no container is made of it",
    "pull_policy": NOT_OBSERVABLE + "tells Compose when to pull",
    "pull_refresh_after": NOT_OBSERVABLE + "tells Compose when to pull",
    "scale": "compared as the number of containers",
    "deploy.replicas": "compared as the number of containers, as `scale`",
    "volumes[].bind.create_host_path": NOT_OBSERVABLE + "acts when the container is made",
    "volumes[].consistency": NOT_OBSERVABLE + "for Docker Desktop only",
    "volumes[].volume.labels": NOT_OBSERVABLE + "acts when the volume is made",
}
"""Keys that no rule compares, and why."""
