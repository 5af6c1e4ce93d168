"""What left the file, while the container stays: found under the path where the file had it, also where something else could
explain what the container shows (an engine's default, an image, a second spelling, the container before it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from anchorwatch.ledger.decide import covers
from anchorwatch.model.findings import Comparison
from tests.truth import sites
from tests.truth.conftest import SiteOf
from tests.truth.deployment import Site
from tests.truth.judging import but_created, compared, resolved, snapshot
from tests.truth.random_projects import ProjectText

LIMITS = "{cpus: '0.50', memory: 128M, pids: 100}"

GONE: Sequence[tuple[str, str, str, str]] = (
    # service, its keys, what leaves, the path
    ("options", "logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}", "max-size: 10m, ",
     "logging.options.max-size"),
    ("ulimit", "ulimits: {nofile: {soft: 1024, hard: 2048}}", "ulimits: {nofile: {soft: 1024, hard: 2048}}", "ulimits.nofile"),
    ("single", "ulimits: {core: 0, nproc: 70}", "core: 0, ", "ulimits.core"),
    ("shm", "shm_size: 96m", "shm_size: 96m", "shm_size"),
    ("ipc", "ipc: shareable", "ipc: shareable", "ipc"),
    ("limit", f"deploy: {{resources: {{limits: {LIMITS}}}, labels: {{a: b}}}}", "memory: 128M, ",
     "deploy.resources.limits.memory"),
    ("pids", f"deploy: {{resources: {{limits: {LIMITS}}}}}", ", pids: 100", "deploy.resources.limits.pids"),
    ("cpus", f"deploy: {{replicas: 1, resources: {{limits: {LIMITS}}}}}", "cpus: '0.50', ", "deploy.resources.limits.cpus"),
    ("last", "deploy: {resources: {limits: {memory: 64M}}}", "limits: {memory: 64M}", "deploy.resources.limits.memory"),
    ("all", "deploy: {resources: {limits: {memory: 64M}}}", "deploy: {resources: {limits: {memory: 64M}}}",
     "deploy.resources.limits.memory"),
    ("reserved", "deploy: {resources: {reservations: {memory: 64M}}}", "deploy: {resources: {reservations: {memory: 64M}}}",
     "deploy.resources.reservations.memory"),
    ("gpu", "deploy: {resources: {limits: {memory: 64M}, reservations: {devices: [{driver: nvidia, capabilities: [gpu]}]}}}",
     "devices: [{driver: nvidia, capabilities: [gpu]}]", "deploy.resources.reservations.devices"),
    ("gpus", "deploy: {resources: {reservations: {memory: 64M, devices: [{device_ids: ['0'], capabilities: [gpu]}]}}}",
     "memory: 64M, ", "deploy.resources.reservations.memory"),
    ("plain", "mem_limit: 64m, deploy: {labels: {a: b}}", "mem_limit: 64m, ", "mem_limit"),
    ("policy", "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}",
     "restart_policy: {condition: on-failure, max_attempts: 3}", "deploy.restart_policy.condition"),
    ("home", "volumes: ['~/homely:/homely'], deploy: {resources: {limits: {memory: 64M}}}", "memory: 64M",
     "deploy.resources.limits.memory"),
    ("bind", "volumes: ['./have:/data', './have:/elsewhere:ro']", "'./have:/data', ", "volumes./data"),
    ("named", "volumes: ['named:/data', './have:/elsewhere:ro']", "'named:/data', ", "volumes./data"),
    ("label", "volumes: ['named:/data:Z']", "'named:/data:Z'", "volumes./data"),
    ("memory", "volumes: [{type: tmpfs, target: /data}]", "{type: tmpfs, target: /data}", "volumes./data"),
    ("config", "configs: [conf]", "configs: [conf]", "configs.conf"),
    ("secret", "secrets: [conf]", "secrets: [conf]", "secrets.conf"),
    ("entry", "entrypoint: [/bin/busybox, sleep]", "entrypoint: [/bin/busybox, sleep]", "entrypoint"),
    ("options2", "networks: {default: {driver_opts: {com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1}}}",
     "com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1",
     "networks.default.driver_opts.com.docker.network.endpoint.sysctls"),
)  # fmt: skip
TOP = """
networks: {default: {}}
volumes: {named: {}}
configs: {conf: {file: ./have/conf}}
secrets: {conf: {file: ./have/secret}}
"""
ONLY_NEWEST = {"options2": "Compose 2.26 sends no driver_opts"}


def text(without: str | None = None, more: str = "") -> ProjectText:
    """All of them, or all with one service's key gone, and `more` in that service."""
    services = ""
    for name, keys, gone, _ in GONE:
        kept = more + keys.replace(gone, "") if name == without else keys
        services += f"  {name}: {{image: 'truth/rich:1', {kept}}}\n"
    # Compose drops a config that nobody uses
    services += "  user: {image: 'truth/rich:1', configs: [{source: conf, target: /u}], secrets: [{source: conf, target: /u2}]}\n"
    return ProjectText(
        "removed", {"compose.yaml": f"name: removed\nservices:\n{services}{TOP}", "have/conf": "x", "have/secret": "x"}
    )


def said(found: Comparison) -> list[tuple[str | None, str | None]]:
    return [(one.service, one.path) for one in but_created(found.findings)]


def test_each_is_found_where_the_file_had_it(far_site: Site) -> None:
    with far_site.deployed(text()) as folder:
        seen = snapshot(far_site)
        assert said(compared([resolved(far_site, folder)], seen).stacks[0]) == []
        wrong = []
        for name, _, gone, path in GONE:
            if name in ONLY_NEWEST and far_site.compose_version < (2, 27, 1):
                continue
            far_site.write(text(without=name))
            found = compared([resolved(far_site, folder)], seen).stacks[0]
            if said(found) != [(name, path)] or found.unknown:
                wrong.append((name, gone, said(found), found.unknown))
        assert wrong == []


def test_each_stands_under_its_id_when_the_file_changes_once_more(newest_site: Site) -> None:
    """A second change that nobody deployed: the hash proves nothing any more, though nothing happened to the container."""
    with newest_site.deployed(text()) as folder:
        seen = snapshot(newest_site)
        lost = []
        for name, _, _, path in GONE:
            newest_site.write(text(without=name))
            (drift,) = but_created(compared([resolved(newest_site, folder)], seen).stacks[0].findings)
            newest_site.write(text(without=name, more="labels: {one: more}, "))
            later = compared([resolved(newest_site, folder)], seen)
            (stack,) = later.stacks
            not_judged = (*stack.unknown, *later.unseen.get(stack.project, ()))
            if drift.id not in {one.id for one in stack.findings} and not any(covers(entry, drift) for entry in not_judged):
                lost.append((name, path, said(stack)))
        assert lost == []


DEFAULTS = {
    "ulimit": "ulimits: {nofile: {soft: 1111, hard: 2222}}",
    "shm": "shm_size: 99m",
    "ipc": "ipc: shareable",
    "open": "labels: {a: b}",
}
"""What the engine with settings of its own fills in by itself, and a service that leaves it open."""


def test_a_key_that_said_what_the_engine_fills_in_is_no_drift(site_of: SiteOf) -> None:
    site = site_of(sites.Combination("newest", "newest", sites.SETTINGS))

    def project(without: str | None = None) -> ProjectText:
        services = "".join(
            f"  {name}: {{image: 'truth/hold:1', {'' if name == without else keys}}}\n" for name, keys in DEFAULTS.items()
        )
        return ProjectText("filled", {"compose.yaml": f"name: filled\nservices:\n{services}"})

    with site.deployed(project()) as folder:
        for name in DEFAULTS.keys() - {"open"}:
            site.write(project(without=name))
            assert said(compared([resolved(site, folder)], snapshot(site)).stacks[0]) == []
            before = site.client.inspect_container(f"filled-{name}-1")
            site.create(folder)
            after = site.client.inspect_container(f"filled-{name}-1")
            assert before["Id"] != after["Id"], "Compose makes a new one"
            assert _filled(before) == _filled(after), "which is as the old one was"
            site.write(project())
            site.create(folder)


def _filled(inspected: dict[str, Any]) -> list[object]:
    host_config = inspected["HostConfig"]
    limits = sorted((one["Name"], one["Soft"], one["Hard"]) for one in host_config["Ulimits"] or ())
    return [limits, host_config["ShmSize"], host_config["IpcMode"]]


CARRIED = """
name: carried
services:
  web:
    image: truth/rich:1
    volumes: [{}]
volumes: {{one: {{}}}}
"""


@pytest.mark.parametrize(("before", "after"), [("'./have:/data'", ""), ("'one:/data'", ""), ("'one:/data'", "/data")])
def test_what_compose_carries_over_is_no_drift(far_site: Site, before: str, after: str) -> None:
    """At a path that the image declares as VOLUME the new container gets what the old one had (Compose says: converged)."""

    def project(volumes: str) -> ProjectText:
        return ProjectText("carried", {"compose.yaml": CARRIED.format(volumes), "have/conf": "x"})

    with far_site.deployed(project(before)) as folder:
        far_site.write(project(after))
        assert said(compared([resolved(far_site, folder)], snapshot(far_site)).stacks[0]) == [("web", "volumes./data")]
        far_site.create(folder)
        inspected = far_site.client.inspect_container("carried-web-1")
        (mount,) = (one for one in inspected["Mounts"] if one["Destination"] == "/data")
        assert mount.get("Name") == "carried_one" or mount["Type"] == "bind", "it kept what it had"
        assert said(compared([resolved(far_site, folder)], snapshot(far_site)).stacks[0]) == []
