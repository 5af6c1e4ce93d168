"""Deployed with values that Git does not tell, in every position: checked without them, nothing is called drift, and nothing is
called fine that hangs on one; checked with them, nothing is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.truth.deployment import Site
from tests.truth.judging import but_created, compared, line, resolved, snapshot
from tests.truth.random_projects import ProjectText

SERVICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "tag": ("image: 'truth/hold:${TAG}'", {"TAG": "1"}),
    "name": ("container_name: 'values-${NAME}'", {"NAME": "own"}),
    "port": ("ports: ['${IP}:${PORT}:80/udp', '9:9']", {"PORT": "8081", "IP": "127.0.0.1"}),
    "ports": ("ports: ['${PORTS}']", {"PORTS": "8082:82"}),
    "range": ("ports: ['${FIRST}-${LAST}:5000-5002']", {"FIRST": "5100", "LAST": "5102"}),
    "source": ("volumes: ['${DATA}/a:/a', '${DATA}/b:/b:ro']", {"DATA": "/srv/values"}),
    "target": ("volumes: ['./have:${TARGET}']", {"TARGET": "/opt/values"}),
    "mount": ("volumes: ['${MOUNT}']", {"MOUNT": "/srv/q:/w:ro"}),
    "variables": ("environment: ['A=${VALUE}', 'B=x${VALUE}y', '${KEY}=1']", {"VALUE": "v", "KEY": "ITS_NAME"}),
    "labels": ("labels: ['traefik.http.routers.${ROUTER}.rule=Host(`a`)']", {"ROUTER": "r"}),
    "command": ("command: 'serve ${WORDS}'", {"WORDS": "--a --b"}),
    "limits": ("mem_limit: '${MEM}', cpus: '${CPUS}', pids_limit: '${PIDS}'", {"MEM": "64m", "CPUS": "0.5", "PIDS": "50"}),
    "deployed": (
        "deploy: {replicas: '${COUNT}', resources: {limits: {memory: '${DMEM}', cpus: '${DCPUS}'}}}",
        {"COUNT": "2", "DMEM": "70m", "DCPUS": "0.25"},
    ),
    "policy": (
        "deploy: {restart_policy: {condition: '${WHEN}', max_attempts: '${TRIES}'}}",
        {"WHEN": "on-failure", "TRIES": "4"},
    ),
    "restart": ("restart: '${RESTART}'", {"RESTART": "always"}),
    "network": ("networks: [named, outside]", {"NET": "values-real-net", "EXT": "values-outside"}),
    "address": ("networks: {own: {ipv4_address: '${ADDRESS}'}}", {"ADDRESS": "10.219.3.9", "SUBNET": "10.219.3.0/24"}),
    "device": ("devices: ['${DEVICE}:/dev/x']", {"DEVICE": "/dev/null"}),
    "ulimit": ("ulimits: {nofile: {soft: '${SOFT}', hard: 2048}}", {"SOFT": "1000"}),
    "volume": ("volumes: ['kept:/x']", {"VOL": "values-real-volume"}),
}
TOP = """
networks:
  named: {name: '${NET}'}
  outside: {name: '${EXT}', external: true}
  own: {ipam: {config: [{subnet: '${SUBNET}'}]}}
volumes: {kept: {name: '${VOL}'}}
"""


def text() -> ProjectText:
    services = ""
    outside: dict[str, str] = {}
    for name, (keys, values) in SERVICES.items():
        services += f"  {name}: {{{keys}{'' if keys.startswith('image') else ', image: truth/hold:1'}}}\n"
        outside |= values
    files = {"compose.yaml": f"name: values\nservices:\n{services}{TOP}", "have/x": ""}
    return ProjectText("values", files, ("values-outside",), outside=outside)


def test_what_hangs_on_a_value_outside_git_is_no_drift(far_site: Site) -> None:
    with far_site.deployed(text()) as folder:
        seen = snapshot(far_site)
        known = compared([resolved(far_site, folder)], seen).stacks[0]
        far_site.write(replace(text(), outside={}))
        unknown = compared([resolved(far_site, folder)], seen).stacks[0]
    for found in (known, unknown):
        assert [line(one) for one in but_created(found.findings)] == []
        assert list(found.notes) == []
    assert list(known.unknown) == []
    left = {entry.service for entry in unknown.unknown if entry.service}
    assert left >= SERVICES.keys() - {"network", "volume"}, "each hangs on one, and is said to"


def test_a_project_whose_name_is_not_known_is_not_missing(newest_site: Site) -> None:
    file = "name: '${PROJECT}'\nservices: {web: {image: 'truth/hold:1'}}\n"
    deployed = ProjectText("its-name", {"compose.yaml": file}, outside={"PROJECT": "its-name"})
    with newest_site.deployed(deployed) as folder:
        newest_site.start(folder, ["web"])
        newest_site.write(replace(deployed, outside={}))
        moved = folder.rename(folder.with_name("elsewhere"))
        try:
            found = compared([resolved(newest_site, moved)], snapshot(newest_site))
        finally:
            moved.rename(folder)
    assert [line(one) for one in found.stacks[0].findings] == []
    assert [entry.path for entry in found.stacks[0].unknown] == ["name"]
    assert not found.stacks[0].judged


def test_a_project_may_be_called_like_a_network_mode(far_site: Site) -> None:
    hosting = ProjectText("hosting", {"compose.yaml": "name: hosting\nservices: {web: {image: 'truth/hold:1'}}\n"})
    with far_site.deployed(hosting) as folder:
        found = compared([resolved(far_site, folder)], snapshot(far_site)).stacks[0]
    assert [line(one) for one in but_created(found.findings)] == []


JOINED = """
name: joined
services:
  web: {image: 'truth/hold:1', ipc: shareable}
  side: {image: 'truth/hold:1', network_mode: 'service:web', ipc: 'service:web', pid: 'service:web', volumes_from: [web]}
"""


def test_who_joined_a_container_that_is_gone_does_not_differ(far_site: Site) -> None:
    with far_site.deployed(ProjectText("joined", {"compose.yaml": JOINED})) as folder:
        project = resolved(far_site, folder)
        far_site.client.remove_container("joined-web-1", force=True)
        gone = but_created(compared([project], snapshot(far_site)).stacks[0].findings)
        assert [(one.service, one.path, one.observed) for one in gone] == [("web", None, "absent")]
        far_site.run(folder, "up", "--no-start", "--no-build", "--no-deps", "web")
        stale = but_created(compared([project], snapshot(far_site)).stacks[0].findings)
        assert {(one.service, one.path) for one in stale} == {
            ("side", path) for path in ("network_mode", "ipc", "pid", "volumes_from")
        }
