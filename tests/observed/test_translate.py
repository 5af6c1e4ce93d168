"""Whatever an engine answers is translated: what is odd is missing afterwards, nothing is made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.model.values import Secret
from anchorwatch.observed import translate

MEMBERS = st.sampled_from(
    [
        *("Id", "Name", "Image", "State", "Status", "ExitCode", "StartedAt", "FinishedAt", "Health", "Created", "RestartCount"),
        *("Config", "Env", "Labels", "Cmd", "Entrypoint", "Healthcheck", "Test", "HostConfig", "LogConfig", "DeviceRequests"),
        *("Mounts", "Destination", "VolumeOptions", "DriverConfig", "Options", "Annotations", "NetworkSettings", "Networks"),
        *("IPAM", "DriverOpts", "OOMKilled", "RepoTags", "RepoDigests", "Volumes", "ID", "Version", "HttpProxy"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("2026-11-23T00:00:00.1Z")


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(MEMBERS | st.text(max_size=4), inner, max_size=6)


ANYTHING = st.recursive(LEAVES, nested, max_leaves=40)
OBJECT = st.dictionaries(MEMBERS, ANYTHING, max_size=8)


@given(ANYTHING | OBJECT)
def test_no_shape_is_too_odd(document: Any) -> None:
    container = translate.container(document)
    assert container.number >= 0
    assert container.is_replica in {True, False}
    assert isinstance(container.compose_version, tuple)
    image = translate.image(document)
    assert isinstance(image.config["Env"], dict)
    translate.networks(document)
    translate.volumes(document)
    translate.engine(document, document, (1, 41))


@given(OBJECT, OBJECT)
def test_odd_members_do_not_spoil_the_others(config: dict[str, Any], odd: dict[str, Any]) -> None:
    document = {**odd, "Id": "a", "Name": "/web", "Config": {**config, "Env": ["A=1", None, 3, "B"], "Labels": None}}
    container = translate.container(document)
    assert (container.id, container.name) == ("a", "web")
    assert container.environment == {"A": "1", "B": None}
    assert container.labels == {}


def test_what_is_missing_is_not_made_up() -> None:
    container = translate.container({})
    assert container.state == ""
    assert not container.running
    assert container.exit_code != 0  # 0 would say that it finished well
    assert container.created_at is container.started_at is container.finished_at is None
    assert container.health is None
    assert (container.config, container.host_config, container.mounts, container.networks) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-23T01:02:03.123456789Z", datetime(2026, 11, 23, 1, 2, 3, 123456, UTC)),
        ("2026-11-23T01:02:03Z", datetime(2026, 11, 23, 1, 2, 3, 0, UTC)),
        ("2026-11-23T01:02:03.1+02:00", datetime(2026, 11, 22, 23, 2, 3, 100000, UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59.9-14:00", None),
        ("2026-11-23T01:02:03", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1795389527, None),
    ],
)
def test_times(written: Any, read: datetime | None) -> None:
    assert translate.moment(written) == read


CANARY = "c4n4ry"

INSPECTED = {
    "Id": "a",
    "Name": "/web",
    "State": {"Status": "running", "ExitCode": 0, "Health": {"Status": "healthy", "Log": [{"Output": CANARY}]}},
    "Path": CANARY,
    "Args": [CANARY],
    "Config": {
        "Env": [f"PASSWORD={CANARY}", f"MULTI=a={CANARY}\nb"],
        "Labels": {"com.docker.compose.project": "shop", "traefik.auth": CANARY},
        "Cmd": ["serve", f"--password={CANARY}"],
        "Entrypoint": [CANARY],
        "Shell": [CANARY],
        "OnBuild": [f"ENV A={CANARY}"],
        "Healthcheck": {"Test": ["CMD", "curl", CANARY], "Interval": 1},
        "Image": "nginx:1",
    },
    "HostConfig": {
        "LogConfig": {"Type": "splunk", "Config": {"splunk-token": CANARY}},
        "Annotations": {"a": CANARY},
        "DeviceRequests": [{"Driver": "nvidia", "Options": {"a": CANARY}}],
        "Mounts": [
            {
                "Type": "volume",
                "VolumeOptions": {"Labels": {"a": CANARY}, "DriverConfig": {"Name": "local", "Options": {"o": CANARY}}},
            }
        ],
        "Memory": 7,
    },
    "Mounts": [{"Type": "bind", "Source": "/etc", "Destination": "/host", "RW": False}],
    "NetworkSettings": {"Networks": {"front": {"Aliases": ["web"], "DriverOpts": {"a": CANARY}, "EndpointID": "e"}}},
}


def test_no_value_that_may_be_a_secret_stays_in_the_open() -> None:
    container = translate.container(INSPECTED)
    assert CANARY not in repr(container)
    assert container.environment["PASSWORD"] == CANARY
    assert container.environment["MULTI"] == f"a={CANARY}\nb"
    assert container.labels["traefik.auth"] == CANARY
    assert container.config["Cmd"] == ["serve", f"--password={CANARY}"]
    assert container.config["Healthcheck"]["Test"] == ["CMD", "curl", CANARY]
    assert container.host_config["LogConfig"] == {"Type": "splunk", "Config": {"splunk-token": Secret(CANARY)}}
    assert container.host_config["Mounts"][0]["VolumeOptions"]["DriverConfig"]["Options"]["o"] == CANARY
    assert container.networks["front"]["DriverOpts"]["a"] == CANARY


def test_what_is_no_secret_is_plain() -> None:
    container = translate.container(INSPECTED)
    assert (container.project, container.health) == ("shop", "healthy")
    assert isinstance(container.labels["com.docker.compose.project"], str)
    assert container.config["Image"] == "nginx:1"
    assert container.config["Healthcheck"]["Interval"] == 1
    assert container.host_config["Memory"] == 7
    assert container.mounts == {"/host": {"Type": "bind", "Source": "/etc", "Destination": "/host", "RW": False}}
    assert container.networks["front"]["Aliases"] == ["web"]


def test_the_answer_itself_is_left_as_it_was() -> None:
    before = json.dumps(INSPECTED)
    translate.container(INSPECTED)
    assert json.dumps(INSPECTED) == before


def test_no_secret_of_images_networks_volumes_and_engine_stays_in_the_open() -> None:
    image = translate.image({"Id": "i", "Config": INSPECTED["Config"]})
    network = translate.networks(
        [
            {
                "Id": "n",
                "Name": "front",
                "Labels": {"a": CANARY},
                "Options": {"b": CANARY},
                "IPAM": {"Driver": "x", "Options": {"c": CANARY}},
            }
        ]
    )[0]
    volume = translate.volumes(
        {"Volumes": [{"Name": "v", "Driver": "local", "Labels": {"a": CANARY}, "Options": {"o": CANARY}}]}
    )[0]
    engine = translate.engine({"Version": "28"}, {"ID": "e", "HttpProxy": f"http://me:{CANARY}@proxy"}, (1, 51))
    assert CANARY not in repr((image, network, volume, engine))
    assert image.config["Env"]["PASSWORD"] == CANARY
    assert network.doc["IPAM"] == {"Driver": "x", "Options": {"c": Secret(CANARY)}}
    assert volume.options["o"] == CANARY


def test_the_last_of_two_variables_with_one_name_counts() -> None:
    assert translate.container({"Config": {"Env": ["A=1", "A=2", "=odd", "B=", "C"]}}).environment == {
        "A": "2",
        "": "odd",
        "B": "",
        "C": None,
    }
