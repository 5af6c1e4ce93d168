"""Causes of what is really done to real engines, the oldest and the newest: the cause must be what was done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from lab.compose import Compose
from lab.engines import Engine
from lab.images import Image, hold, like, load
from lab.waiting import eventually

from anchorwatch.compare import compare_host
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.state import read_state
from anchorwatch.ledger.cause import Evidence, cause
from anchorwatch.model.address import HostAddress
from anchorwatch.model.cause import Cause
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.drifts import Side
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container, Snapshot
from anchorwatch.model.settings import HostLayout, Policy
from anchorwatch.model.timeline import ContainerSeen, EventSeen
from anchorwatch.observed import observe
from anchorwatch.store.documents import stored
from anchorwatch.watch.heard import event_seen

SERVICES = (
    "updated", "restarted", "renamed", "disconnected", "stopped", "killed", "slain", "removed", "paused", "edited",
    "elsewhere", "portainer", "byhand", "watched", "gone", "shared",
)  # fmt: skip
FILE = "name: deeds\nservices:\n" + "".join(f"  {name}:\n    image: hold:1\n    restart: unless-stopped\n" for name in SERVICES)
FILE = FILE.replace("  watched:\n    image: hold:1\n", "  watched:\n    image: app:1\n")
FILE = FILE.replace("  slain:\n    image: hold:1\n    restart: unless-stopped\n", "  slain:\n    image: hold:1\n")
FILE = FILE.replace("  shared:\n", "  shared:\n    network_mode: service:gone\n").replace(
    "  disconnected:\n", "  disconnected:\n    networks: [default, extra]\n"
)
FILE += """\
  crashing:
    image: hold:1
    entrypoint: ["/bin/busybox", "sh", "-c", "test ! -e /gate/open || exit 3; exec /bin/hold"]
    restart: unless-stopped
    volumes: ["./gate:/gate"]
  hungry:
    image: hold:1
    mem_limit: 16m
    memswap_limit: 16m
    entrypoint: [/bin/busybox, sh, -c, "while ! test -e /gate/open; do sleep 0.1; done; x=aaaaaaaa; while :; do x=$$x$$x; done"]
    volumes: ["./gate:/gate"]
  ending:
    image: hold:1
    entrypoint: ["/bin/busybox", "sh", "-c", "while ! test -e /gate/open; do sleep 0.1; done; exit 4"]
    volumes: ["./gate:/gate"]
networks:
  extra: {}
"""
OTHER_FILE = """\
name: deeds
services:
  SERVICE:
    image: hold:1
    restart: unless-stopped
    environment: {SNEAKED: in}
"""


@dataclass
class World:
    """A project that is deployed on one engine, in sync, and how it was then."""

    engine: Engine
    compose: Compose
    folder: Path
    project: DesiredProject

    def observe(self) -> Snapshot:
        return observe(HostAddress("host", self.engine.url, timeout=30))

    def findings(self, seen: Snapshot) -> Sequence[Finding]:
        compared = compare_host([self.project], (), seen, Policy())
        return (*compared.stacks[0].findings, *compared.unmanaged)

    def deed(self, service: str) -> Deed:
        return Deed(self, service, self.observe(), time.time())


@dataclass
class Deed:
    """Something that is about to be done to one service."""

    world: World
    service: str
    before: Snapshot
    began: float

    @property
    def name(self) -> str:
        return f"deeds-{self.service}-1"

    def docker(self, *arguments: str) -> str:
        return self.world.engine.docker(*arguments)

    def found(self) -> list[Finding]:
        """What differs of the service, and did not before."""
        known = {finding.id for finding in self.world.findings(self.before)}
        now = self.world.findings(self.world.observe())
        return [one for one in now if one.id not in known and (one.service or one.container) in {self.service, "byhand-own"}]

    def cause(self, path: str | None = None) -> Cause:
        """What is said to have brought it about, once it is seen."""
        eventually(lambda: any(one.path == path for one in self.found()), within=15, what=f"drift at {self.service} {path}")
        eventually(self._calm, within=15, what="the events")
        seen = self.world.observe()
        (finding,) = [one for one in self.found() if one.path == path]
        return cause(finding, Side.HOST, Evidence(seen, self.remembered(), self.events()))

    def _calm(self) -> bool:
        before = len(self.events())
        time.sleep(0.05)
        return len(self.events()) == before

    def remembered(self) -> list[ContainerSeen]:
        """As the database gives them back."""
        kept = [ContainerSeen.of(container) for container in self.before.containers]
        return [replace(one, configuration=stored(one.configuration)) for one in kept]

    def events(self) -> list[EventSeen]:
        until = f"{time.time():.6f}"
        lines = self.world.engine.request("GET", f"/events?since={self.began:.6f}&until={until}").splitlines()
        return [event_seen("host", event) for line in lines if (event := json.loads(line))["Type"] in {"container", "network"}]

    def container(self) -> Container:
        (found,) = [one for one in self.before.containers if one.name == self.name]
        return found


@pytest.fixture(scope="module", params=["old", "newest"])
def world(request: pytest.FixtureRequest, newest_compose: Compose, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("repo") / "deeds"
    (folder / "gate").mkdir(parents=True)
    (folder / "compose.yaml").write_text(FILE)
    with Engine(request.param, name=f"causes-{request.param}") as engine:
        load(engine, [hold(), like("app:1")])
        newest_compose.up(folder, engine)
        state = read_state(
            open_folder(folder.parent),
            [HostLayout("host", ("deeds",))],
            compose=lambda: find_compose(str(newest_compose.program)),
            environ={},
        )
        (project,) = state.projects
        made = World(engine, newest_compose, folder, project)
        assert made.findings(made.observe()) == (), "deployed, and in sync"
        yield made


def said(found: Cause) -> tuple[str, str]:
    return found.kind.value, found.confidence.value


def test_docker_update(world: World) -> None:
    deed = world.deed("updated")
    deed.docker("update", "--cpu-shares", "77", "--memory", "64m", "--memory-swap", "64m", deed.name)
    found = deed.cause("mem_limit")
    assert said(found) == ("docker-update", "certain")
    assert found.text.startswith("`docker update` on the host at ")
    assert "Memory was 0, is 67108864" in found.evidence
    assert said(deed.cause("cpu_shares")) == ("docker-update", "certain")


def test_docker_update_of_the_restart_policy(world: World) -> None:
    deed = world.deed("restarted")
    deed.docker("update", "--restart", "always", deed.name)
    found = deed.cause("restart")
    assert said(found) == ("docker-update", "certain")
    assert "RestartPolicy was unless-stopped, is always" in found.evidence


def test_docker_rename(world: World) -> None:
    deed = world.deed("renamed")
    deed.docker("rename", deed.name, "other-name")
    found = deed.cause("container_name")
    assert said(found) == ("by-hand", "certain")
    assert found.text.endswith("from deeds-renamed-1")


def test_docker_network_disconnect(world: World) -> None:
    deed = world.deed("disconnected")
    deed.docker("network", "disconnect", "deeds_extra", deed.name)
    found = deed.cause("networks.extra")
    assert said(found) == ("by-hand", "certain")
    assert found.text.startswith("`docker network disconnect` on the host")
    deed.docker("network", "connect", "deeds_extra", deed.name)  # without the service's alias
    assert said(deed.cause("networks.extra.aliases")) == ("by-hand", "certain")


def test_docker_stop(world: World) -> None:
    deed = world.deed("stopped")
    deed.docker("stop", deed.name)
    found = deed.cause()
    assert said(found) == ("stopped", "certain")
    assert found.text.startswith("stopped on the host at ")
    assert "signal SIGTERM" in found.evidence


def test_docker_kill(world: World) -> None:
    deed = world.deed("killed")
    deed.docker("kill", deed.name)
    found = deed.cause()
    assert said(found) == ("stopped", "certain")
    assert found.text.startswith("killed on the host at ")
    assert found.text.endswith("with SIGKILL")


def test_a_process_that_is_killed_behind_the_engines_back(world: World) -> None:
    deed = world.deed("slain")
    pid = deed.docker("inspect", "-f", "{{.State.Pid}}", deed.name)
    world.engine.machine.run("kill", "-9", pid)
    found = deed.cause()
    assert said(found) == ("crash", "likely")
    assert "not by the engine" in found.text


def test_docker_rm(world: World) -> None:
    deed = world.deed("removed")
    deed.docker("rm", "-f", deed.name)
    found = deed.cause()
    assert said(found) == ("by-hand", "certain")
    assert found.text.startswith("removed on the host at ")
    assert "with the whole project" not in found.text


def test_docker_pause(world: World) -> None:
    deed = world.deed("paused")
    deed.docker("pause", deed.name)
    found = deed.cause()
    assert said(found) == ("stopped", "certain")
    assert found.text.startswith("paused on the host at ")
    deed.docker("unpause", deed.name)


def test_out_of_memory_a_crash_and_a_crash_loop(world: World) -> None:
    hungry, ending, crashing = (world.deed(name) for name in ("hungry", "ending", "crashing"))
    (world.folder / "gate" / "open").touch()
    found = hungry.cause()
    assert said(found) == ("oom", "certain")
    assert found.text.endswith("at a limit of 16 MiB")
    found = ending.cause()
    assert said(found) == ("crash", "certain")
    assert found.text.endswith("with exit code 4")
    crashing.docker("restart", "-t", "1", crashing.name)  # it meets the open gate
    crashing.began = time.time()
    eventually(lambda: sum(event.action == "die" for event in crashing.events()) > 2, within=20, what="several ends")
    found = crashing.cause()
    assert said(found) == ("crash", "certain")
    assert "again and again" in found.text
    crashing.docker("rm", "-f", crashing.name)


def _up_elsewhere(world: World, service: str, folder: Path, *more: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compose.yaml").write_text(OTHER_FILE.replace("SERVICE", service))
    world.compose.run(
        folder, *more, "-f", "compose.yaml", "up", "-d", "--timeout", "1", "--no-deps", service, engine=world.engine
    )


def test_compose_up_after_the_file_was_edited_in_place(world: World) -> None:
    deed = world.deed("edited")
    edited = world.folder / "compose.yaml"
    edited.write_text(FILE.replace("  edited:\n", "  edited:\n    environment: {SNEAKED: in}\n"))
    try:
        world.compose.up(world.folder, world.engine, "--no-deps", "edited")
    finally:
        edited.write_text(FILE)
    found = deed.cause("environment.SNEAKED")
    assert said(found) == ("recreated", "certain")
    assert "from another definition than before" in found.text
    assert str(world.folder) in found.text


def test_compose_up_from_another_folder(world: World, tmp_path: Path) -> None:
    deed = world.deed("elsewhere")
    _up_elsewhere(world, "elsewhere", tmp_path / "mine")
    found = deed.cause("environment.SNEAKED")
    assert said(found) == ("recreated", "certain")
    assert f"in {tmp_path / 'mine'}, before in {world.folder}" in found.text


def test_portainers_folder(world: World, tmp_path: Path) -> None:
    deed = world.deed("portainer")
    _up_elsewhere(world, "portainer", tmp_path, "--project-directory", "/data/compose/7")
    found = deed.cause("environment.SNEAKED")
    assert (*said(found), found.by) == ("recreated", "likely", "Portainer")
    assert found.text.startswith("re-created at ")
    assert found.text.endswith("by Portainer (its folder /data/compose/7 is in the container's labels)")


def test_docker_run_in_its_place(world: World) -> None:
    deed = world.deed("byhand")
    deed.docker("rm", "-f", deed.name)
    deed.docker("run", "-d", "--name", deed.name, "--restart", "always", "--network", "deeds_default", "hold:1")
    found = deed.cause("restart")
    assert said(found) == ("by-hand", "certain")
    assert "without Compose" in found.text


def test_watchtowers_way(world: World) -> None:
    """Its requests, in its order (containrrr/watchtower `client.go`): pull, stop, remove, create from the inspection, start."""
    deed = world.deed("watched")
    was = json.loads(world.engine.request("GET", f"/containers/{deed.name}/json"))
    load(world.engine, [Image(("app:1",), {"Env": ["APP_VERSION=2"]})])
    deed.docker("rm", "-f", deed.name)
    _create(world.engine, deed.name, was)
    deed.docker("start", deed.name)
    found = deed.cause("environment.APP_VERSION")  # copied out of the image that was there before
    assert said(found) == ("recreated", "likely")
    assert "as Watchtower and its like do" in found.text
    assert "another image than before, the same labels" in found.evidence


def _create(engine: Engine, name: str, was: Mapping[str, Any]) -> None:
    import http.client

    from lab.engines import UnixConnection

    connection = UnixConnection(engine.socket, 30)
    endpoints = {key: {"Aliases": value["Aliases"]} for key, value in was["NetworkSettings"]["Networks"].items()}
    body = {**was["Config"], "HostConfig": was["HostConfig"], "NetworkingConfig": {"EndpointsConfig": endpoints}}
    connection.request("POST", f"/containers/create?name={name}", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == http.client.CREATED, answer.read()
    connection.close()


def test_the_container_whose_network_is_shared_is_made_anew(world: World) -> None:
    deed = world.deed("shared")
    world.compose.up(world.folder, world.engine, "--no-deps", "--force-recreate", "--timeout", "1", "gone")
    found = deed.cause("network_mode")
    assert said(found) == ("recreated", "certain")
    assert "was made anew, and deeds-shared-1 was not" in found.text


def test_a_container_that_nobody_declares(world: World) -> None:
    deed = world.deed("byhand-own")
    deed.docker("run", "-d", "--name", "byhand-own", "hold:1")
    found = deed.cause()
    assert said(found) == ("by-hand", "certain")
    assert found.text.startswith("made at ")
    deed.docker("rm", "-f", "byhand-own")


@pytest.mark.parametrize("role", ["old", "newest"])
@pytest.mark.parametrize("cleanly", [True, False])
def test_a_restart_of_the_engine(role: Any, cleanly: bool, newest_compose: Compose, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    text = "name: small\nservices:\n  keeps: {image: 'hold:1', restart: always}\n  ends: {image: 'hold:1', restart: 'no'}\n"
    (folder / "compose.yaml").write_text(text)
    with Engine(role, name="restarts") as engine:
        load(engine, [hold()])
        newest_compose.up(folder, engine)
        before = observe(HostAddress("host", engine.url))
        if cleanly:
            engine.shut_down()
        else:
            engine.kill()
        engine.start()
        eventually(lambda: engine.running() == ["small-keeps-1"], within=20, what="the engine's own restarts")
        seen = observe(HostAddress("host", engine.url))
    finding = Finding(
        "host",
        Kind.MISSING,
        "",
        project="small",
        service="ends",
        container="small-ends-1",
        desired="running",
        observed="exited (0)",
    )
    evidence = Evidence(seen, [ContainerSeen.of(one) for one in before.containers])
    found = cause(finding, Side.HOST, evidence)
    assert said(found) == ("engine-restart", "certain")
    assert "and was not started again" in found.text
    booted_at = next(one.finished_at for one in seen.containers if one.name == "small-ends-1")
    rebooted = cause(finding, Side.HOST, replace(evidence, booted_at=booted_at))
    assert said(rebooted) == ("host-reboot", "certain")
