"""The watch over one host, turn by turn, over real engines and a real database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from lab.engines import Engine

from anchorwatch import clock
from anchorwatch.app.writing import take_engine
from anchorwatch.check.memory import Ground
from anchorwatch.errors import HostRefused
from anchorwatch.ledger.look import Patiences
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredProject, DesiredState, ProjectKey
from anchorwatch.model.drifts import Trigger
from anchorwatch.model.report import HostStatus, StackStatus
from anchorwatch.model.service import Patience
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Commit
from anchorwatch.store import Store, checks, drifts, hosts, transitions
from anchorwatch.watch.host import HostWatch, Surroundings
from anchorwatch.watch.turns import Cause

RESYNC = Cause(Trigger.RESYNC, "a test")


class NoPast:
    """A repo without one."""

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        return None

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> tuple[Commit, ...]:
        return ()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state.db", at=clock.now(), who="a test") as store:
        yield store


def watch_over(socket: Path, store: Store) -> HostWatch:
    """A host of which the repo wants nothing."""
    ground = Ground(store, Patiences(Patience(0.0), Patience(0.0)), NoPast(), lambda *_: None)
    nothing = DesiredState("a" * 40, ())
    around = Surroundings(ground, 0.1, lambda: nothing, lambda: None)
    address = HostAddress("pi5", f"unix://{socket}", timeout=2.0, deadline=5.0)
    return HostWatch(address, Policy(), around)


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


def test_a_listener_that_hears_nothing_of_a_host_that_answers_makes_it_limited(emptied_old_engine: Engine, store: Store) -> None:
    watch = watch_over(emptied_old_engine.socket, store)
    look(watch)
    watch.lost("pi5", HostRefused("no events"))
    while watch.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.LIMITED, "refused")
    watch.listening("pi5", gap=True)
    while watch.turn(0.3):
        pass
    assert reachable(store) == (HostStatus.OK, None)
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
