"""What the watch over a fleet remembers of its repo: real git, real Compose, a real database; turn by turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch import clock
from anchorwatch.check.memory import Ground
from anchorwatch.desired.past import Past
from anchorwatch.model.address import HostAddress
from anchorwatch.model.settings import Policy, RepoSource
from anchorwatch.store import Store, commits, cursors, moment
from anchorwatch.watch.docker_events import DockerListener
from anchorwatch.watch.fleet import BLIND_PATIENCE, FleetWatch
from anchorwatch.watch.git_commits import GitListener
from anchorwatch.watch.host import Surroundings
from tests.desired.trees import commit, git, repo
from tests.ledger.looks import PATIENCES
from tests.store.places import Place
from tests.watch.following import STACKS, Clock, reader_of, sources


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/state/anchorwatch.db", tmp_path / "state")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as store:
        yield store


class World:
    """A fleet of one host that is never asked, and a repo that is looked at by hand."""

    def __init__(self, store: Store, ops: Path, compose: Compose, state: Path) -> None:
        reader = reader_of(sources(RepoSource(str(ops), branch="main"), compose, state))
        around = Surroundings(Ground(store, PATIENCES, Past(reader), lambda *_: None), 0.5, lambda: None, lambda: None)
        host = HostAddress("pi5", f"unix://{state}/nobody.sock")
        self.clock = Clock()

        def follow(ears: FleetWatch) -> GitListener:
            self.listener = GitListener(reader, ears, since=ears.recorded, clock=self.clock, dice=lambda: 0.5)
            return self.listener

        self.fleet = FleetWatch([(host, Policy())], around, follow, lambda *_: None, self.clock)

    def turn(self, after: float = 3.0) -> None:
        self.clock.at += after
        self.listener.turn()

    def chores(self) -> None:
        self.fleet.look_at_the_repo()
        self.fleet.catch_up()


def test_what_the_repo_said_while_the_database_could_not_be_written(
    place: Place, store: Store, newest_compose: Compose, tmp_path: Path
) -> None:
    ops = repo(tmp_path / "ops", STACKS)
    world = World(store, ops, newest_compose, tmp_path)
    world.turn()
    world.chores()
    first = git(ops, "rev-parse", "HEAD")
    assert (world.fleet.recorded, world.fleet.repo_trouble) == (first, None)

    place.run("ALTER TABLE commits RENAME TO away")
    made = []
    for tag in (2, 3):
        made.append(commit(ops, {"web/compose.yml": f"services: {{web: {{image: 'web:{tag}'}}}}\n"}))
        world.turn()
        world.chores()
        trouble = world.fleet.repo_trouble
        assert trouble is not None
        assert trouble.kind == "store"
        assert world.fleet.desired is not None
        assert world.fleet.desired.revision == made[-1]  # it is acted upon all the same
        assert world.fleet.recorded == first
    place.run("ALTER TABLE away RENAME TO commits")

    world.chores()
    assert (world.fleet.recorded, world.fleet.repo_trouble) == (made[-1], None)
    with store.read() as read:
        assert [one.revision for one in commits.of_stack(read, "pi5", "web")][:2] == made[::-1]
        assert moment.now(read, clock.now()).repo.revision == made[-1]
        stacks = {one.stack: one.revision for one in moment.now(read, clock.now()).stacks}
    assert stacks == {"web": made[-1], "db": first}


def test_commits_that_came_while_nobody_watched(store: Store, newest_compose: Compose, tmp_path: Path) -> None:
    ops = repo(tmp_path / "ops", STACKS)
    World(store, ops, newest_compose, tmp_path).turn()
    made = [commit(ops, {"db/compose.yml": f"services: {{db: {{image: 'db:{tag}'}}}}\n"}) for tag in (2, 3)]
    World(store, ops, newest_compose, tmp_path).turn()
    with store.read() as read:
        assert {one.revision for one in commits.of_stack(read, "pi5", "db")} == set(made)


def test_a_rewritten_history_is_said(
    store: Store, newest_compose: Compose, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which shows nowhere else where it brought no commit, but took one back."""
    ops = repo(tmp_path / "ops", STACKS)
    world = World(store, ops, newest_compose, tmp_path)
    world.turn()
    taken_back = commit(ops, {"db/compose.yml": "services: {db: {image: 'db:2'}}\n"})
    world.turn()
    assert "rewritten" not in caplog.text
    git(ops, "reset", "--quiet", "--hard", "HEAD~1")
    world.turn()
    head = git(ops, "rev-parse", "HEAD")
    assert f"the history of the repo was rewritten: {head} does not come from {taken_back}" in caplog.text


def test_a_repo_that_could_never_be_read(store: Store, newest_compose: Compose, tmp_path: Path) -> None:
    """`status` says so, also where it could not be read from the start; and no longer once it can be."""
    world = World(store, tmp_path / "ops", newest_compose, tmp_path)
    world.turn()
    world.chores()
    with store.read() as read:
        assert moment.now(read, clock.now()).repo.error is None  # it may pass
    world.turn(BLIND_PATIENCE + 1)
    world.chores()
    with store.read() as read:
        found = moment.now(read, clock.now()).repo
    assert found.error is not None
    assert found.error.kind == "not_a_repo"
    assert found.at is not None

    repo(tmp_path / "ops", {**STACKS, "notes/README.md": "nothing"})
    world.turn(BLIND_PATIENCE)
    world.chores()
    with store.read() as read:
        found = moment.now(read, clock.now()).repo
    assert (found.error, found.revision) == (None, git(tmp_path / "ops", "rev-parse", "HEAD"))


def test_nobody_is_told_that_a_repo_can_be_read_before_it_was(store: Store, newest_compose: Compose, tmp_path: Path) -> None:
    one = World(store, tmp_path / "ops", newest_compose, tmp_path)
    one.turn()
    one.turn(BLIND_PATIENCE + 1)
    one.chores()
    World(store, tmp_path / "ops", newest_compose, tmp_path).chores()  # a new start, before its first look
    with store.read() as read:
        assert moment.now(read, clock.now()).repo.error is not None


def test_how_far_a_listener_has_read_is_remembered_once_that_is_written(
    store: Store, newest_compose: Compose, tmp_path: Path
) -> None:
    """What was heard and not written when the service is killed is heard again by the next run."""
    world = World(store, repo(tmp_path / "ops", STACKS), newest_compose, tmp_path)
    host = world.fleet.hosts["pi5"]

    def remembered_at(cursor: str) -> str | None:
        """What is remembered where the listener has read so far."""
        world.fleet.listeners = {"pi5": DockerListener(HostAddress("pi5", "unix:///nowhere"), host, cursor=cursor)}
        world.fleet.save_cursors()
        with store.read() as read:
            found = cursors.get(read, "docker:pi5")
        return None if found is None else found.position

    assert remembered_at("5 container start a") == "5 container start a"
    actor = {"ID": "a", "Attributes": {"name": "a"}}
    host.heard("pi5", {"Type": "container", "Action": "die", "Actor": actor, "timeNano": 9})
    assert remembered_at("9 container die a") == "5 container start a"
    host._heard.written(host._heard.take_events())
    assert remembered_at("9 container die a") == "9 container die a"
    before = earlier = "9 container die a"
    for at in range(10, 20, 2):  # and on a host that is never silent: up to where the listener was the last time
        host.heard("pi5", {"Type": "container", "Action": "die", "Actor": actor, "timeNano": at})
        took = host._heard.take_events()
        host.heard("pi5", {"Type": "container", "Action": "die", "Actor": actor, "timeNano": at + 1})
        assert remembered_at(f"{at + 1} container die a") == earlier, "who has taken them has not written them yet"
        host._heard.written(took)
        assert remembered_at(f"{at + 1} container die a") == before
        before, earlier = f"{at + 1} container die a", before
