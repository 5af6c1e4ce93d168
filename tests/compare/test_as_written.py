"""A container in Compose's words: members of the Docker Engine's API in, keys and notation of the Compose specification out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from lab.engines import Engine

from anchorwatch.compare.as_written import as_written
from anchorwatch.model.observed import Container
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.values import Secret, fingerprint
from anchorwatch.observed.translate import container as translated
from anchorwatch.store.documents import stored
from tests.compare.make import container

DEFINITION: dict[str, Any] = {
    "services": {"web": {"deploy": {"resources": {"limits": {"memory": "536870912"}}}}},
    "networks": {"default": {"name": "media_default"}},
    "volumes": {"data": {"name": "media_data"}},
}


def remembered(container: Container) -> ContainerSeen:
    """As it comes out of the database."""
    seen = ContainerSeen.of(container)
    return replace(seen, configuration=stored(seen.configuration))


def test_one_that_nothing_was_asked_of_shows_its_image_and_its_network() -> None:
    written = as_written(remembered(container("media-web-1", "web")))
    assert written == {"image": "hold:1", "networks.default": "media_default"}


def test_members_of_the_engine_are_told_as_compose_has_them() -> None:
    mount = {"Type": "volume", "Name": "media_data", "Destination": "/data", "RW": True}
    bind = {"Type": "bind", "Source": "/srv/media", "Destination": "/media", "RW": False, "Propagation": "rprivate"}
    one = container(
        "web", "web", environment={"TOKEN": Secret("correct horse")}, mounts={"/data": mount, "/media": bind},
        config={"Hostname": "attic", "Healthcheck": {"Test": ["CMD", "true"], "Interval": 60_000_000_000}},
        host_config={
            "Memory": 512 * 2**20, "NanoCpus": 1_500_000_000, "CapAdd": ["CAP_NET_ADMIN"], "ReadonlyRootfs": True,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        },
    )  # fmt: skip
    secret = f"•••• ({fingerprint('correct horse')[:4]})"
    expected = {
        "cap_add": "NET_ADMIN",
        "container_name": "web",
        "cpus": "1.5",
        "environment.TOKEN": secret,
        "healthcheck.interval": "1m0s",
        "healthcheck.test": '["CMD", "true"]',
        "hostname": "attic",
        "image": "hold:1",
        "mem_limit": "512 MiB",
        "networks.default": "media_default",
        "ports.80/tcp": "127.0.0.1:8080:80/tcp",
        "read_only": "true",
        "restart": "on-failure:3",
        "volumes./data": "media_data:/data",
        "volumes./media": "/srv/media:/media:ro",
    }
    assert as_written(remembered(one)) == expected
    spelled = as_written(remembered(one), DEFINITION)
    assert spelled["deploy.resources.limits.memory"] == "512 MiB", "as its service spells it"
    assert "mem_limit" not in spelled
    assert spelled["volumes./data"] == "data:/data", "as its project calls it"


def test_reserved_devices_are_called_as_their_service_calls_them() -> None:
    request = {"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": None}
    seen = remembered(container("media-web-1", "web", host_config={"DeviceRequests": [request]}))
    devices = [{"capabilities": ["gpu"], "count": -1}]
    service = {"deploy": {"resources": {"reservations": {"devices": devices}}}}
    (short,) = as_written(seen).keys() - {"image", "networks.default"}
    (long,) = as_written(seen, {"services": {"web": service}}).keys() - {"image", "networks.default"}
    assert (short, long) == ("gpus", "deploy.resources.reservations.devices")


def test_what_nobody_foresaw_costs_its_own_key_only() -> None:
    broken = container("media-web-1", "web", host_config={"PortBindings": 7, "Memory": 2**30})
    assert as_written(remembered(broken)) == {"image": "hold:1", "mem_limit": "1 GiB", "networks.default": "media_default"}


def test_of_one_whose_configuration_was_not_read_nothing_is_told() -> None:
    assert as_written(replace(remembered(container("x")), configuration={})) == {}


RUN = (
    "--name", "written", "--memory", "64m", "--memory-swap", "64m", "--cpus", "0.5", "--restart", "unless-stopped",
    "--hostname", "attic", "--publish", "127.0.0.1:8080:80", "--cap-drop", "ALL", "--read-only", "--user", "1000:1000",
    "--shm-size", "128m", "--add-host", "db:10.0.0.7", "--dns", "9.9.9.9", "--ulimit", "nofile=1024:2048",
    "--tmpfs", "/scratch:size=16m", "--pids-limit", "50", "--stop-timeout", "30", "--init", "--volume", "kept:/data",
    "--log-driver", "local", "--security-opt", "no-new-privileges:true", "--sysctl", "net.core.somaxconn=512",
)  # fmt: skip


def test_what_docker_run_was_told_is_told_again(emptied_new_engine: Engine) -> None:
    """On a real engine: options on one side, keys of Compose on the other."""
    emptied_new_engine.docker("run", "--detach", *RUN, "hold:1", "any")
    answer = json.loads(emptied_new_engine.request("GET", "/containers/written/json"))
    written = as_written(remembered(translated(answer)))
    expected = {
        "cap_drop": "ALL",
        "cpus": "0.5",
        "dns": '["9.9.9.9"]',
        "extra_hosts.db": "10.0.0.7",
        "hostname": "attic",
        "image": "hold:1",
        "init": "true",
        "logging.driver": "local",
        "mem_limit": "64 MiB",
        "memswap_limit": "64 MiB",
        "network_mode": "bridge",
        "pids_limit": "50",
        "ports.80/tcp": "127.0.0.1:8080:80/tcp",
        "read_only": "true",
        "restart": "unless-stopped",
        "security_opt": '["no-new-privileges:true"]',
        "shm_size": "128 MiB",
        "stop_grace_period": "30s",
        "sysctls.net.core.somaxconn": "512",
        "tmpfs./scratch": "size=16m",
        "ulimits.nofile": "soft 1024, hard 2048",
        "user": "1000:1000",
        "volumes./data": "kept:/data",
    }
    assert {path: written.get(path) for path in expected} == expected
    others = {path.partition(".")[0] for path in written.keys() - expected.keys()}
    assert others <= {"command", "entrypoint", "environment", "labels", "container_name"}, "and nothing is made up"
