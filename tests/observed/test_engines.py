"""Snapshots of real engines, the oldest and the newest: what the Docker CLI was told is what they say."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lab.compose import Compose
from lab.engines import Engine
from lab.images import hold, like, load, rich

from anchorwatch.errors import HostError, HostRefused, HostTimeout
from anchorwatch.model.address import HostAddress
from anchorwatch.model.observed import Renewal, Snapshot
from anchorwatch.observed import connect, observe
from tests.observed.cutting_relay import CuttingRelay

CANARY = "c4n4ry"


@pytest.fixture(scope="module", params=["old", "newest"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, name=f"observed-{request.param}") as engine:
        load(engine, [hold(), rich(), like("app:1"), like("app:2"), like("app:3")])
        yield engine


@pytest.fixture
def clean(engine: Engine) -> Iterator[Engine]:
    yield engine
    engine.thaw()
    engine.remove_everything()


@pytest.fixture
def address(engine: Engine) -> HostAddress:
    return HostAddress("host", engine.url, timeout=30)


def api_version(engine: Engine) -> tuple[int, int]:
    major, minor = engine.docker("version", "--format", "{{.Server.APIVersion}}").split(".")
    return int(major), int(minor)


def test_the_engine_itself(clean: Engine, address: HostAddress) -> None:
    before = datetime.now(UTC)
    snapshot = observe(address)
    assert snapshot.host == "host"
    assert before <= snapshot.taken_at <= datetime.now(UTC)
    assert snapshot.engine.id == clean.docker("info", "--format", "{{.ID}}")
    assert snapshot.engine.version == clean.docker("version", "--format", "{{.Server.Version}}")
    assert snapshot.engine.api_version == min(api_version(clean), (1, 51))
    assert snapshot.engine.info["LoggingDriver"] == "json-file"
    assert snapshot.not_permitted == frozenset()


def test_a_container_says_what_it_was_told(clean: Engine, address: HostAddress) -> None:
    clean.docker("network", "create", "front")
    words = f"""run --detach --name web --network front --network-alias shop --restart on-failure:3 --memory 64m
        --env PASSWORD={CANARY} --env BARE --label com.docker.compose.project=shop --label com.docker.compose.service=web
        --label token={CANARY} --volume data:/data --volume /etc:/host/etc:ro --publish 18080:80 --hostname inner
        --log-opt max-size=1m --health-cmd {CANARY} --ulimit nofile=100:200 rich:1 serve --password={CANARY}"""
    clean.docker(*words.split())
    (web,) = observe(address).containers
    assert (web.name, web.project, web.service, web.state, web.running) == ("web", "shop", "web", "running", True)
    assert web.id == clean.docker("inspect", "--format", "{{.Id}}", "web")
    assert web.image_id == clean.docker("image", "inspect", "--format", "{{.Id}}", "rich:1")
    assert web.environment["PASSWORD"] == CANARY
    assert web.environment["RICH_VERSION"] == "1.2.3"
    assert web.labels["token"] == CANARY
    assert web.config["Cmd"] == ["serve", f"--password={CANARY}"]
    assert web.config["Image"] == "rich:1"
    assert web.config["Healthcheck"]["Test"] == ["CMD-SHELL", CANARY]
    assert web.host_config["Memory"] == 64 * 1024 * 1024
    assert web.host_config["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert web.host_config["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "18080"}]}
    assert web.host_config["LogConfig"]["Config"] == {"max-size": "1m"}
    assert web.host_config["Ulimits"] == [{"Name": "nofile", "Hard": 200, "Soft": 100}]
    assert web.mounts["/host/etc"]["RW"] is False
    assert web.mounts["/data"]["Name"] == "data"
    assert "shop" in web.networks["front"]["Aliases"]
    assert web.started_at is not None
    assert abs(web.started_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert web.finished_at is None
    assert CANARY not in repr(web)


def test_containers_in_every_state(clean: Engine, address: HostAddress) -> None:
    clean.docker("create", "--name", "made", "hold:1")
    for name in ("runs", "halts", "fails", "pauses"):
        clean.docker("run", "--detach", "--name", name, "--env", "HOLD_EXIT=3", "hold:1")
    clean.docker("stop", "fails")
    clean.docker("kill", "halts")
    clean.docker("pause", "pauses")
    seen = {
        container.name: (container.state, container.exit_code, container.running) for container in observe(address).containers
    }
    assert seen == {
        "made": ("created", 0, False),
        "runs": ("running", 0, True),
        "halts": ("exited", 137, False),
        "fails": ("exited", 3, False),
        "pauses": ("paused", 0, True),
    }


def test_images_of_containers_and_of_git(clean: Engine, address: HostAddress) -> None:
    clean.docker("run", "--detach", "--name", "web", "rich:1")
    clean.docker("tag", "app:1", "ghcr.io/somebody/app:9")
    wanted = ["rich:1", "docker.io/library/app:2", "ghcr.io/somebody/app:9", "nowhere:1", "Not A Name", "../info", ""]
    with connect(address) as connection:
        snapshot = connection.snapshot(images_for=wanted)

    def identity(name: str) -> str:
        return clean.docker("image", "inspect", "--format", "{{.Id}}", name)

    assert snapshot.image_ids["rich:1"] == identity("rich:1")
    assert snapshot.image_ids["app:2"] == identity("app:2")
    assert snapshot.image_ids["ghcr.io/somebody/app:9"] == identity("app:1")
    assert set(snapshot.images) == {identity("rich:1"), identity("app:1"), identity("app:2")}
    config = snapshot.images[identity("rich:1")].config
    assert config["Env"]["FROM_IMAGE"] == "yes"
    assert config["Labels"]["rich.label"] == "from the image"
    assert config["Cmd"] == ["serve", "--port", "8080"]
    assert set(config["Volumes"]) == {"/data", "/config"}


def test_the_image_a_container_was_made_from_after_its_tag_moved_and_after_it_was_removed(
    clean: Engine, address: HostAddress
) -> None:
    clean.docker("run", "--detach", "--name", "web", "app:3")
    first = clean.docker("image", "inspect", "--format", "{{.Id}}", "app:3")
    clean.docker("tag", "app:2", "app:3")
    with connect(address) as connection:
        snapshot = connection.snapshot(images_for=["app:3"])
        assert snapshot.containers[0].image_id == first
        assert snapshot.images[first].tags == ()
        assert snapshot.image_ids["app:3"] == clean.docker("image", "inspect", "--format", "{{.Id}}", "app:2")
        clean.docker("stop", "--time", "0", "web")
        clean.docker("rmi", "--force", first)
        assert first not in connection.snapshot().images


def test_networks_and_volumes(clean: Engine, address: HostAddress) -> None:
    clean.docker("network", "create", "--internal", "--label", f"a={CANARY}", "--subnet", "10.213.7.0/24", "back")
    volume = ["--opt", "type=nfs", "--opt", f"o=addr=10.0.0.1,password={CANARY}", "--opt", "device=:/x"]
    clean.docker("volume", "create", *volume, "--label", "com.docker.compose.volume=data", "data")
    snapshot = observe(address)
    back = next(network for network in snapshot.networks if network.name == "back")
    assert snapshot.network_names[back.id] == "back"
    assert back.doc["Internal"] is True
    assert back.doc["Driver"] == "bridge"
    assert back.doc["IPAM"]["Config"][0]["Subnet"] == "10.213.7.0/24"
    (data,) = snapshot.volumes
    assert (data.name, data.driver) == ("data", "local")
    assert data.options["type"] == "nfs"
    assert data.labels == {"com.docker.compose.volume": "data"}
    assert CANARY not in repr((back, data))


def test_a_frozen_engine_is_given_up_and_read_again_when_it_goes_on(clean: Engine, engine: Engine) -> None:
    with connect(HostAddress("host", engine.url, timeout=3)) as connection:
        connection.snapshot()
        engine.freeze()
        began = time.monotonic()
        with pytest.raises(HostTimeout):
            connection.snapshot()
        assert time.monotonic() - began < 7
        engine.thaw()
        assert connection.snapshot().engine.id


def test_an_engine_that_died_and_came_back(clean: Engine, address: HostAddress) -> None:
    clean.docker("run", "--detach", "--name", "web", "--restart", "always", "hold:1")
    with connect(address) as connection:
        connection.snapshot()
        clean.kill()
        with pytest.raises(HostRefused):
            connection.snapshot()
        clean.start()
        assert [container.name for container in connection.snapshot().containers] == ["web"]


@pytest.mark.parametrize("cut_after", [0, 1, 300, 1500, 4000, 9000])
def test_a_connection_that_is_cut_gives_an_error_or_the_whole_truth(
    cut_after: int, clean: Engine, address: HostAddress, tmp_path: Path
) -> None:
    clean.docker("run", "--detach", "--name", "web", "rich:1")
    whole = observe(address)
    with CuttingRelay(tmp_path / "s", clean.socket, cut_after) as relay, connect(replace(address, docker=relay.docker)) as cut:
        with contextlib.suppress(HostError):
            assert parts(cut.snapshot()) == parts(whole)
        assert parts(cut.snapshot()) == parts(whole)


def parts(snapshot: Snapshot) -> object:
    return snapshot.containers, snapshot.images, snapshot.networks, snapshot.volumes, snapshot.not_permitted, snapshot.engine.id


@pytest.mark.parametrize("renew", [False, True])
def test_a_recreate_in_progress_never_looks_as_if_nothing_were_there(
    renew: bool, clean: Engine, address: HostAddress, tmp_path: Path
) -> None:
    """While Compose recreates a container, each snapshot has it under its name, old or new, or on the way to it."""
    (tmp_path / "compose.yaml").write_text("name: shop\nservices: {web: {image: hold:1, container_name: web, init: true}}\n")
    compose = Compose("newest" if api_version(clean) >= (1, 44) else "oldest")
    compose.up(tmp_path, clean)
    stop = threading.Event()
    seen: list[Snapshot] = []

    def look() -> None:
        with connect(address) as connection:
            seen.append(connection.snapshot())
            while not stop.is_set():
                renewed = Renewal(seen[-1], project="shop", names=frozenset({"web"}))
                seen.append(connection.snapshot(renew=renewed if renew else None))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(4):
            compose.up(tmp_path, clean, "--force-recreate", "--timeout", "1")
    finally:
        stop.set()
        watcher.join()
    assert len(seen) > 10
    for snapshot in seen:
        assert snapshot.containers, "there was always one"
        assert all(container.name == "web" or container.name.endswith("_web") for container in snapshot.containers)
    assert len({container.id for snapshot in seen for container in snapshot.containers}) == 5
