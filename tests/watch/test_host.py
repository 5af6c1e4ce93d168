"""The watch over one host, turn by turn, over real engines and a real database."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab.engines import Engine
from lab.waiting import eventually

from anchorwatch import clock
from anchorwatch.app.writing import take_engine
from anchorwatch.check.memory import Ground
from anchorwatch.errors import HostRefused
from anchorwatch.ledger.look import Patiences
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredProject, DesiredState, ProjectKey
from anchorwatch.model.drifts import Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.service import Patience
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Commit
from anchorwatch.store import Store, checks, drifts, hosts, transitions
from anchorwatch.watch.health import due
from anchorwatch.watch.host import HostWatch, Surroundings
from anchorwatch.watch.turns import Cause

RESYNC = Cause(Trigger.RESYNC, "a test")


class NoPast:
    """A repo without one."""

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        return None

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> tuple[Commit, ...]:
        return ()

    def histories(
        self, asked: Mapping[ProjectKey, tuple[Iterable[str], str]], *, limit: int = 100
    ) -> Mapping[ProjectKey, Sequence[Commit]]:
        return dict.fromkeys(asked, ())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state.db", at=clock.now(), who="a test") as store:
        yield store


NOTHING = DesiredState("a" * 40, ())
"""A repo that wants nothing of anybody."""


def watch_over(
    socket: Path,
    store: Store,
    desired: Callable[[], DesiredState | None] = lambda: NOTHING,
    monotonic: Callable[[], float] = time.monotonic,
    deadline: float = 30.0,
    docker: str | None = None,
) -> HostWatch:
    """One host."""
    ground = Ground(store, Patiences(Patience(0.0), Patience(0.0)), NoPast(), lambda *_: None)
    around = Surroundings(ground, 0.1, desired, lambda: None)
    address = HostAddress("pi5", docker or f"unix://{socket}", timeout=10.0, deadline=deadline)
    return HostWatch(address, Policy(), around, monotonic)


def look(watch: HostWatch) -> None:
    """At everything, until nothing is to be done."""
    watch.look_at_all(RESYNC, whole=True)
    while watch.turn(0.3):
        pass


def reachable(store: Store) -> tuple[HostStatus, str | None]:
    with store.read() as read:
        seen = hosts.current(read)["pi5"].seen
    return seen.status, seen.error.kind if seen.error else None


def test_another_engine_at_the_address_is_held_until_it_is_accepted(
    emptied_new_engine: Engine, emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_new_engine.socket)
    emptied_new_engine.docker("run", "-d", "--name", "mine", "hold:1")
    watch = watch_over(socket, store)
    look(watch)
    assert reachable(store) == (HostStatus.OK, None)
    with store.read() as read:
        before = [one.finding.container for one in drifts.unresolved(read)]
    assert before == ["mine"]
    socket.unlink()
    socket.symlink_to(emptied_old_engine.socket)
    watch.lost("pi5", HostRefused("the connection ended"))
    watch.found("pi5")
    for _ in range(3):
        look(watch)
        assert reachable(store) == (HostStatus.UNREACHABLE, "other_engine")
        with store.read() as read:
            assert [one.finding.container for one in drifts.unresolved(read)] == before
    take_engine(store, {"host": "pi5"}, clock.now())
    look(watch)
    assert reachable(store) == (HostStatus.OK, None)
    with store.read() as read:
        assert drifts.unresolved(read) == ()
    watch.stop()
    watch.work()  # lets go of the engine


def test_an_address_that_led_elsewhere_for_a_while(
    emptied_new_engine: Engine, emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    """Both engines live, so the connection to the wrong one would last, and nobody has to accept anything."""
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_new_engine.socket)
    watch = watch_over(socket, store)
    look(watch)
    watch.lost("pi5", HostRefused("the connection ended"))
    watch.found("pi5")
    watch._eyes.close()  # as where the engine was restarted
    socket.unlink()
    socket.symlink_to(emptied_old_engine.socket)
    look(watch)
    assert reachable(store) == (HostStatus.UNREACHABLE, "other_engine")
    socket.unlink()
    socket.symlink_to(emptied_new_engine.socket)
    look(watch)
    assert reachable(store) == (HostStatus.OK, None)
    watch.stop()
    watch.work()  # lets go of the engine


def test_a_context_that_names_another_address_is_noticed_by_the_next_resync(
    emptied_new_engine: Engine, emptied_old_engine: Engine, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `docker context update` does it."""
    skipped = 0.0
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"nas").hexdigest()
    folder.mkdir(parents=True)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def update(engine: Engine) -> None:
        (folder / "meta.json").write_text(json.dumps({"Name": "nas", "Endpoints": {"docker": {"Host": engine.url}}}))

    update(emptied_new_engine)
    watch = watch_over(tmp_path, store, monotonic=lambda: time.monotonic() + skipped, docker="context:nas")
    look(watch)
    assert reachable(store) == (HostStatus.OK, None)
    update(emptied_old_engine)
    skipped = 300.0
    look(watch)
    assert reachable(store) == (HostStatus.UNREACHABLE, "other_engine")
    watch.stop()
    watch.work()  # lets go of the engine


def test_an_address_that_leads_elsewhere_while_both_live_is_noticed_by_the_next_resync(
    emptied_new_engine: Engine, emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    """Nothing ends the connection to the first one, as where a name is given to another machine."""
    skipped = 0.0
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_new_engine.socket)
    emptied_new_engine.docker("run", "-d", "--name", "mine", "hold:1")
    watch = watch_over(socket, store, monotonic=lambda: time.monotonic() + skipped)
    look(watch)
    socket.unlink()
    socket.symlink_to(emptied_old_engine.socket)
    skipped = 300.0
    look(watch)
    assert reachable(store) == (HostStatus.UNREACHABLE, "other_engine")
    with store.read() as read:
        assert [one.finding.container for one in drifts.unresolved(read)] == ["mine"]
    watch.stop()
    watch.work()  # lets go of the engine


def test_a_host_that_is_lost_and_found(emptied_old_engine: Engine, store: Store, tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_old_engine.socket)
    emptied_old_engine.docker("run", "-d", "--name", "mine", "hold:1")
    watch = watch_over(socket, store)
    look(watch)
    socket.unlink()
    watch.lost("pi5", HostRefused("nobody listens"))
    while watch.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.UNREACHABLE, "refused")
    with store.read() as read:
        assert {verdict.status for verdict in checks.verdicts(read).values()} == {StackStatus.UNKNOWN}
        assert [one.finding.container for one in drifts.unresolved(read)] == ["mine"]
    assert [watch.trouble is None] == [False]
    socket.symlink_to(emptied_old_engine.socket)
    watch.found("pi5")
    while watch.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.OK, None)
    assert watch.trouble is None
    with store.read() as read:
        told = [(one.subject.value, one.reason) for one in reversed(transitions.newest(read))]
    assert told == [("drift", "already there"), ("host", "host unreachable"), ("host", "host back")]
    watch.stop()
    watch.work()  # lets go of the engine


def test_a_look_that_is_given_up_says_why(emptied_old_engine: Engine, store: Store) -> None:
    """It waits for a frozen engine when the listener loses patience."""
    watch = watch_over(emptied_old_engine.socket, store)
    look(watch)
    emptied_old_engine.freeze()
    try:
        watch.look_at_all(RESYNC, whole=True)
        with ThreadPoolExecutor(1) as pool:
            turn = pool.submit(watch.turn, 0.3)
            eventually(watch.queue.flying, within=5, what="the look to begin")

            def is_over() -> bool:
                watch.lost("pi5", HostRefused("nobody listens"))
                return turn.done()

            eventually(is_over, within=5, what="the look to be given up", every=0.2)
        with store.read() as read:
            assert hosts.current(read)["pi5"].seen.error == ErrorInfo.of(HostRefused("nobody listens"))
    finally:
        emptied_old_engine.thaw()
    watch.stop()
    watch.work()  # lets go of the engine


@pytest.mark.parametrize(("deadline", "within"), [(30.0, 90.0), (600.0, 630.0)])
def test_a_worker_that_comes_no_further_is_stuck(store: Store, tmp_path: Path, deadline: float, within: float) -> None:
    """In the middle of a check, too; but not while it waits for a host that may take so long."""
    watch = watch_over(tmp_path / "no.sock", store, deadline=deadline)
    watch.look_at_all(RESYNC)
    assert watch.queue.take(5) is not None, "a check has begun"
    for ago, late in ((within - 1, False), (within + 1, True)):
        (worker,) = due(watch, watch.turned_at + ago, 300.0)
        assert (worker.name, worker.ago > worker.within) == ("worker:pi5", late)


def test_a_listener_that_hears_nothing_of_a_host_that_answers_makes_it_limited(emptied_old_engine: Engine, store: Store) -> None:
    skipped = 0.0
    watch = watch_over(emptied_old_engine.socket, store, monotonic=lambda: time.monotonic() + skipped)
    look(watch)
    watch.lost("pi5", HostRefused("no events"))
    while watch.turn(0.3):
        pass
    assert (reachable(store), watch.is_deaf) == ((HostStatus.OK, None), True)  # it was frozen, and listening is tried again soon
    skipped = 61.0
    look(watch)
    assert reachable(store) == (HostStatus.LIMITED, "refused")
    watch.listening("pi5", gap=True)
    while watch.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.OK, None)
    watch.stop()
    watch.work()  # lets go of the engine


def test_a_host_that_is_back_has_a_moment_before_its_events_count_as_not_permitted(
    emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    """The worker may be the first to find it; the listener tries again up to half a minute later."""
    skipped = 0.0
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_old_engine.socket)
    watch = watch_over(socket, store, monotonic=lambda: time.monotonic() + skipped)
    look(watch)
    socket.unlink()
    watch.lost("pi5", HostRefused("nobody listens"))
    while watch.turn(0.3):
        pass
    assert (reachable(store), watch.is_deaf) == ((HostStatus.UNREACHABLE, "refused"), False)
    socket.symlink_to(emptied_old_engine.socket)
    look(watch)
    assert (reachable(store), watch.is_deaf) == ((HostStatus.OK, None), True)
    skipped = 61.0
    look(watch)
    assert (reachable(store), watch.is_deaf) == ((HostStatus.LIMITED, "refused"), True)
    watch.listening("pi5", gap=True)
    look(watch)
    assert (reachable(store), watch.is_deaf) == ((HostStatus.OK, None), False)
    watch.stop()
    watch.work()  # lets go of the engine


def test_odd_events_do_not_end_the_listener(emptied_old_engine: Engine, store: Store) -> None:
    watch = watch_over(emptied_old_engine.socket, store)
    actor = {"ID": "c1", "Attributes": ["a"]}
    for event in ({}, {"Type": "container", "Action": "die", "Actor": actor, "timeNano": 10**30}, {"Type": 1, "Actor": 7}):
        watch.heard("pi5", event)
    look(watch)
    assert watch.trouble is None
    watch.stop()
    watch.work()  # lets go of the engine


def run(engine: Engine, project: str) -> None:
    """A container of a project."""
    engine.docker("run", "-d", "--name", project, "--label", f"com.docker.compose.project={project}", "hold:1")


def looks_until_known(watch: HostWatch) -> int:
    """How many looks it takes until it is known how everything on the host stands."""
    before = sum(watch.counted.checks.values())
    while watch.first_look.over_at is None:
        assert watch.turn(5.0), "nobody looks, and nobody knows"
    return sum(watch.counted.checks.values()) - before


def test_nobody_knows_how_things_stand_before_every_project_was_looked_at(emptied_old_engine: Engine, store: Store) -> None:
    for project in ("one", "two"):
        run(emptied_old_engine, project)
    desired: list[DesiredState | None] = [None]
    watch = watch_over(emptied_old_engine.socket, store, lambda: desired[0])
    watch.listening("pi5", gap=False)
    while watch.turn(0.3):
        pass
    assert watch.first_look.over_at is None, "the repo was not read yet"
    desired[0] = NOTHING
    watch.look_at_all(RESYNC)
    assert looks_until_known(watch) == 3  # two projects, and what belongs to none
    watch.stop()
    watch.work()  # lets go of the engine

    later = watch_over(emptied_old_engine.socket, store)
    look(later)
    assert later.first_look.over_at is None, "what the listener has not followed may have changed since"
    later.listening("pi5", gap=False)
    assert looks_until_known(later) == 3
    later.stop()
    later.work()


def test_a_host_that_comes_back_is_looked_at_as_a_whole_before_all_is_well(
    emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    socket = tmp_path / "docker.sock"
    socket.symlink_to(emptied_old_engine.socket)
    run(emptied_old_engine, "one")
    watch = watch_over(socket, store)
    watch.listening("pi5", gap=False)
    looks_until_known(watch)
    socket.unlink()
    watch.lost("pi5", HostRefused("nobody listens"))
    while watch.turn(0.3):
        pass
    assert watch.first_look.over_at is None
    run(emptied_old_engine, "two")
    socket.symlink_to(emptied_old_engine.socket)
    watch.found("pi5")
    looks_until_known(watch)
    with store.read() as read:
        found = {key.project: verdict.status for key, verdict in checks.verdicts(read).items()}
    assert found.keys() >= {"one", "two"}
    assert StackStatus.UNKNOWN not in found.values()
    watch.stop()
    watch.work()  # lets go of the engine


def test_a_host_that_has_moved_is_not_another_one(
    emptied_new_engine: Engine, emptied_old_engine: Engine, store: Store, tmp_path: Path
) -> None:
    """The config has another address for it, which is out of reach at first."""
    here = watch_over(emptied_new_engine.socket, store)
    look(here)
    there = watch_over(tmp_path / "docker.sock", store)
    there.lost("pi5", HostRefused("nobody listens"))
    while there.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.UNREACHABLE, "refused")
    (tmp_path / "docker.sock").symlink_to(emptied_old_engine.socket)
    there.found("pi5")
    while there.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.OK, None)
    for watch in (here, there):
        watch.stop()
        watch.work()  # lets go of the engine
