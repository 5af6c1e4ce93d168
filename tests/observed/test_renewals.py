"""A snapshot that renews an earlier one says what a whole one says, on real engines, and asks for little."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lab.compose import Compose
from lab.engines import Engine
from lab.images import hold, like, load
from lab.tools import EngineRole

from anchorwatch.model.address import HostAddress
from anchorwatch.model.observed import Renewal, Snapshot
from anchorwatch.observed import connect
from anchorwatch.observed.engine import EngineConnection
from tests.lab_fixtures import eventually
from tests.observed.cutting_relay import CuttingRelay
from tests.observed.fake_engine import HANG_UP, NOT_FOUND, Answer, FakeEngine, answer, inspection, row, told

IMAGES = ("app:1", "nowhere:1")


@pytest.fixture(scope="module", params=["old", "newest"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, name=f"renewed-{request.param}") as engine:
        load(engine, [hold(), like("app:1"), like("app:2"), like("app:3")])
        yield engine


@pytest.fixture
def deployed(engine: Engine) -> Iterator[Engine]:
    """Four containers: three running, of which one is in a network with a volume, and one that was never started."""
    engine.docker("tag", "app:3", "app:1")
    engine.docker("network", "create", "back")
    engine.docker("run", "--detach", "--name", "db", "--network", "back", "--volume", "data:/data", "app:1")
    engine.docker("run", "--detach", "--name", "web", "--label", "com.docker.compose.project=shop", "hold:1")
    engine.docker("run", "--detach", "--name", "cache", "app:2")
    engine.docker("create", "--name", "idle", "hold:1")
    yield engine
    engine.remove_everything()


@pytest.fixture
def address(engine: Engine) -> HostAddress:
    return HostAddress("host", engine.url, timeout=30)


SHOWN: list[str] = [
    "rename web www",
    "rename www web",
    "network connect --alias shop back web",
    "network disconnect back db",
    "stop web",
    "start web",
    "restart web",
    "pause web",
    "unpause web",
    "kill web",
    "start idle",
    "rm --force cache",
    "create --name new app:2",
    "run --detach --name newer --volume /anonymous app:3",
    "rm --force web; network create front; run --detach --name web --network front --volume more:/data hold:1",
    "tag app:2 app:1; rm --force db; run --detach --name db app:1",
]
"""Changes that the list of containers shows."""

HIDDEN = ["update --memory 64m --memory-swap 128m web", "update --restart always web"]
"""Changes that it does not show."""


def do(engine: Engine, commands: str) -> None:
    for command in commands.split("; "):
        engine.docker(*command.split())


def says(snapshot: Snapshot) -> dict[str, Any]:
    """All that is compared of a snapshot; `/info` counts goroutines, too."""
    engine = snapshot.engine
    whole = ("containers", "images", "image_ids", "networks", "volumes", "not_permitted")
    return {name: getattr(snapshot, name) for name in whole} | {"engine": (engine.id, engine.version, engine.api_version)}


def test_a_chain_of_renewals(deployed: Engine, address: HostAddress) -> None:
    """Nobody says what has happened; each renews the one before."""
    with connect(address) as connection:
        now = connection.snapshot(images_for=IMAGES)
        for change in SHOWN:
            do(deployed, change)
            now = renewed(connection, Renewal(now), change)


def test_what_was_touched(deployed: Engine, address: HostAddress) -> None:
    """Whether or not the list shows it."""
    with connect(address) as connection:
        now = connection.snapshot(images_for=IMAGES)
        for change in [*HIDDEN, *SHOWN]:
            do(deployed, change)
            touched = frozenset({"web", "www", "db", "idle", "new", "newer"}) | frozenset(now.by_id)
            now = renewed(connection, Renewal(now, touched=touched), change)


def renewed(connection: EngineConnection, renew: Renewal, change: str) -> Snapshot:
    """The renewed snapshot, as soon as it is what a whole one is: what was done takes its time to show."""

    def alike() -> Snapshot | None:
        found = connection.snapshot(images_for=IMAGES, renew=renew)
        return found if says(found) == says(connection.snapshot(images_for=IMAGES)) else None

    found = eventually(alike, within=5, what=change)
    assert found is not None
    return found


@pytest.mark.parametrize("named", [{"project": "shop"}, {"names": frozenset({"web"})}, {"touched": frozenset({"web"})}])
def test_what_the_list_does_not_show_must_be_named(named: dict[str, Any], deployed: Engine, address: HostAddress) -> None:
    with connect(address) as connection:
        before = connection.snapshot()
        do(deployed, HIDDEN[0])
        now = connection.snapshot(renew=Renewal(before, **named))
        assert says(now) == says(connection.snapshot()) != says(before)
        (web,) = (container for container in now.containers if container.name == "web")
        assert [container for container in now.containers if container is not before.by_id[container.id]] == [web]
        assert connection.snapshot(renew=Renewal(before)).containers == before.containers


def test_little_is_asked_and_the_rest_is_the_same(deployed: Engine, address: HostAddress, tmp_path: Path) -> None:
    with CuttingRelay(tmp_path / "s", deployed.socket) as relay, connect(replace(address, docker=relay.docker)) as connection:
        before = connection.snapshot(images_for=IMAGES)
        web = next(container.id for container in before.containers if container.name == "web")

        def asked(renew: Renewal) -> tuple[Snapshot, list[str]]:
            begin = len(relay.asked)
            return connection.snapshot(images_for=IMAGES, renew=renew), relay.asked[begin:]

        now, paths = asked(Renewal(before))
        assert paths == ["/containers/json"]
        assert says(now) == says(before)
        for seen, known in itertools.chain(
            zip(now.containers, before.containers, strict=True),
            [(now.engine, before.engine), (now.images, before.images), (now.networks, before.networks)],
        ):
            assert seen is known
        now, paths = asked(Renewal(now, project="shop"))
        assert paths == ["/containers/json", f"/containers/{web}/json"]
        assert now.by_id[web] is before.by_id[web]
        now, paths = asked(Renewal(now, resources=True))
        assert paths == ["/containers/json", "/networks", "/volumes"]
        deployed.docker("network", "create", "front")
        assert says(asked(Renewal(now))[0]) == says(before)
        assert "front" in {network.name for network in asked(Renewal(now, resources=True))[0].networks}


OF_THE_PROJECT = [
    HIDDEN[0],
    "rename web www",
    "rename www web",
    "kill web",
    "start web",
    "create --name second --label com.docker.compose.project=shop app:2",
    "network create front; network connect front second",
    "rm --force web; run --detach --name web --label com.docker.compose.project=shop --volume more:/data hold:1",
    "rm --force second web",
    "run --detach --name web --label com.docker.compose.project=shop hold:1",
]


def test_a_project_alone(deployed: Engine, address: HostAddress) -> None:
    """All others count as they were, each in its place: where something has happened to the project only, that is the whole."""
    with connect(address) as connection:
        now = connection.snapshot(images_for=IMAGES)
        for change in OF_THE_PROJECT:
            do(deployed, change)
            now = renewed(connection, Renewal(now, project="shop", resources="front" in change, alone=True), change)
        do(deployed, "pause web; kill cache; rm --force idle")
        glance = connection.snapshot(images_for=IMAGES, renew=Renewal(now, project="shop", alone=True))
        assert [(one.name, one.state) for one in glance.containers] == [
            (one.name, "paused" if one.name == "web" else one.state) for one in now.containers
        ]
        renewed(connection, Renewal(glance), "what it did not look at, seen by the next one")


@pytest.mark.parametrize(
    ("project", "change"),
    [
        *itertools.product(["shop"], ["kill cache", "rm --force cache", "rename cache other", "run --detach --name new app:2"]),
        *itertools.product(["", None], ["kill cache"]),
    ],
)
def test_who_is_named_is_seen_beside_a_project(change: str, project: str | None, deployed: Engine, address: HostAddress) -> None:
    """By what was touched, or by a name that the project claims; and no label tells of those that are of no project."""
    with connect(address) as connection:
        before = connection.snapshot(images_for=IMAGES)
        do(deployed, change)
        then = frozenset(deployed.docker("ps", "--all", "--quiet", "--no-trunc").split()) ^ frozenset(before.by_id)
        cache = frozenset(one.id for one in before.containers if one.name == "cache")
        renewed(connection, Renewal(before, project=project, touched=then | cache, alone=True), change)
        if "cache" in change:
            renewed(connection, Renewal(before, project=project, names=frozenset({"cache"}), alone=True), change)


def test_a_project_alone_costs_a_list_of_its_own(deployed: Engine, address: HostAddress, tmp_path: Path) -> None:
    with CuttingRelay(tmp_path / "s", deployed.socket) as relay, connect(replace(address, docker=relay.docker)) as connection:
        before = connection.snapshot(images_for=IMAGES)
        web = next(container.id for container in before.containers if container.name == "web")
        begin = len(relay.asked)
        now = connection.snapshot(images_for=IMAGES, renew=Renewal(before, project="shop", touched=frozenset({web}), alone=True))
        assert relay.asked[begin:] == ["/containers/json", f"/containers/{web}/json"]
        assert all(one is before.by_id[one.id] for one in now.containers)


def test_a_new_connection_knows_nothing(deployed: Engine, address: HostAddress, tmp_path: Path) -> None:
    """The engine behind it may have become another one."""
    with connect(address) as connection:
        before = connection.snapshot()
    with CuttingRelay(tmp_path / "s", deployed.socket) as relay, connect(replace(address, docker=relay.docker)) as connection:
        assert says(connection.snapshot(renew=Renewal(before))) == says(before)
    assert {"/version", "/info", "/networks", "/volumes"} <= set(relay.asked)


@pytest.mark.parametrize("roles", [("newest", "old"), ("old", "newest")], ids=" then ".join)
def test_another_engine_answers_at_the_same_address(roles: tuple[EngineRole, EngineRole], tmp_path: Path) -> None:
    """A machine was swapped, or a proxy switched: the same connection's next renewal is of that engine, and of nothing else."""
    way = tmp_path / "s"
    with Engine(roles[0], name="before") as one, Engine(roles[1], name="after") as other:
        load(other, [hold()])
        for engine in (one, other):
            engine.docker("network", "create", f"of-{engine.name}")
            engine.docker("volume", "create", f"of-{engine.name}")
        other.docker("run", "--detach", "--name", "web", "hold:1")
        way.symlink_to(one.socket)
        with connect(HostAddress("host", f"unix://{way}", timeout=30)) as connection:
            before = connection.snapshot()
            one.kill()
            way.unlink()
            way.symlink_to(other.socket)
            now = connection.snapshot(renew=Renewal(before))
            with connect(HostAddress("host", other.url, timeout=30)) as direct:
                assert says(now) == says(direct.snapshot())
            assert now.engine.id == other.docker("info", "--format", "{{.ID}}") != before.engine.id
            assert connection.snapshot(renew=Renewal(now)).engine is now.engine


def test_an_engine_that_was_restarted(tmp_path: Path) -> None:
    with Engine("newest", name="restarted") as engine, connect(HostAddress("host", engine.url, timeout=30)) as connection:
        before = connection.snapshot()
        engine.docker("network", "create", "front")
        engine.shut_down()
        engine.start()
        now = connection.snapshot(renew=Renewal(before))
        assert says(now) == says(connection.snapshot())
    assert "front" in {network.name for network in now.networks}


def test_stacks_that_compose_deploys_anew(deployed: Engine, address: HostAddress, tmp_path: Path) -> None:
    text = "name: blog\nservices: {blog: {image: 'app:3', init: true, volumes: ['posts:/posts']}}\nvolumes: {posts: {}}\n"
    file, compose = tmp_path / "compose.yaml", Compose("newest" if "28" in deployed.version else "oldest")
    with connect(address) as connection:
        now = connection.snapshot(images_for=IMAGES)
        for change in (("", ""), ("init: true", "init: false"), ("app:3", "app:2"), ("blog: {image", "press: {image")):
            text = text.replace(*change)
            file.write_text(text)
            compose.up(tmp_path, deployed, "--remove-orphans", "--timeout", "1")
            now = renewed(connection, Renewal(now), text)


class Told:
    """An engine that does as a real one never does on demand."""

    def __init__(self, *containers: tuple[str, str, str], project: str | None = None) -> None:
        self.rows = [row(*container, project=project) for container in containers]
        self.seen = {container[0]: inspection(*container) for container in containers}
        self.answers: dict[str, Answer] = {}

    def __call__(self, path: str) -> Answer:
        seen = {f"/containers/{identity}/json": answer(one) for identity, one in self.seen.items()}
        return told({"/containers/json": answer(self.rows), **seen, **self.answers})(path)


def test_one_that_is_listed_and_gone_is_not_taken_from_before(tmp_path: Path) -> None:
    teller = Told(("a", "web", "running"), ("b", "db", "running"))
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        teller.answers["/containers/a/json"] = NOT_FOUND
        now = connection.snapshot(renew=Renewal(before, touched=frozenset({"a"})))
    assert [container.id for container in now.containers] == ["b"]
    assert now.containers[0] is before.by_id["b"]


def test_a_successor_on_the_way_to_a_name(tmp_path: Path) -> None:
    teller = Told(("a", "web", "running"), ("b", "aaaaaaaaaaaa_web", "created"))
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        teller.seen["b"]["HostConfig"] = {"Memory": 1}
        now = connection.snapshot(renew=Renewal(before, names=frozenset({"web"})))
    assert now.by_id["b"].host_config == {"Memory": 1}


@pytest.mark.parametrize(("project", "named"), [("shop", "shop"), (None, "")])
def test_a_project_and_those_without_one(project: str | None, named: str, tmp_path: Path) -> None:
    teller = Told(("a", "web", "running"), project=project)
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        teller.seen["a"]["HostConfig"] = {"Memory": 1}
        assert connection.snapshot(renew=Renewal(before, project="another")).containers == before.containers
        assert connection.snapshot(renew=Renewal(before, project=named)).by_id["a"].host_config == {"Memory": 1}


def test_what_a_proxy_refuses_is_not_asked_for_again(tmp_path: Path) -> None:
    teller = Told(("a", "web", "running"))
    teller.seen["a"]["NetworkSettings"] = {"Networks": {"back": {"NetworkID": "n"}}}
    teller.answers = {"/networks": answer({"message": "no"}, "403 Forbidden")}
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        teller.seen["a"]["HostConfig"] = {"Memory": 1}
        now = connection.snapshot(renew=Renewal(before, touched=frozenset({"web"}), resources=True))
    assert now.not_permitted == before.not_permitted == {"networks"}
    assert sum("/networks" in path for _, path in server.requests) == 1


def test_a_list_that_lags_behind_is_not_believed_for_ever(tmp_path: Path) -> None:
    """Docker 20.10 lists a container as running up to 0.1 s after it died."""
    teller = Told(("a", "web", "running"))
    teller.seen["a"] = inspection("a", "web", "exited")
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        teller.seen["a"] = inspection("a", "web", "running")
        now = connection.snapshot(renew=Renewal(before))
    assert (before.containers[0].state, now.containers[0].state) == ("exited", "running")


class Swapped:
    """One engine until it is asked for `at`, when it closes the connection; another one from then on."""

    def __init__(self, at: str) -> None:
        self.at: str | None = at
        self._one, self._other = Told(("a", "web", "running")), Told(("a", "web", "running"))
        for teller, name in ((self._one, "one"), (self._other, "other")):
            teller.answers = {"/info": answer({"ID": name}), "/networks": answer([{"Id": name, "Name": name}])}
        self.armed = True

    def __call__(self, path: str) -> Answer:
        if self.at is None:
            return self._other(path)
        if self.armed and self.at in path:
            self.at = None
            return [HANG_UP]
        return self._one(path)


@pytest.mark.parametrize("at", ["/containers/json", "/containers/a/json", "/networks"])
def test_the_connection_ends_in_the_middle_of_a_renewal(at: str, tmp_path: Path) -> None:
    swapped = Swapped(at)
    swapped.armed = False
    with FakeEngine(swapped, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        before = connection.snapshot()
        swapped.armed = True
        now = connection.snapshot(renew=Renewal(before, touched=frozenset({"a"}), resources=True))
    assert (before.engine.id, now.engine.id) == ("one", "other")
    assert [network.name for network in now.networks] == ["other"]
    assert server.connections == 2


def test_what_came_down_two_connections_is_not_renewed(tmp_path: Path) -> None:
    """It may be of two engines."""
    with (
        FakeEngine(Swapped("/networks"), path=tmp_path / "s") as server,
        connect(HostAddress("host", server.docker)) as connection,
    ):
        before = connection.snapshot()
        now = connection.snapshot(renew=Renewal(before))
    assert (before.engine.id, now.engine.id) == ("one", "other")
