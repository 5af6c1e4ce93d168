"""One look after another, from the comparison to the database: who moved, why, and what stands while it cannot be seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from anchorwatch.check.memory import Ground, Occasion, Scene, remember
from anchorwatch.check.project import verdict
from anchorwatch.compare import compare_host
from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, DesiredProject, ProjectKey
from anchorwatch.model.drifts import Drift, DriftState, Side, Trigger
from anchorwatch.model.findings import Kind
from anchorwatch.model.observed import Container, Network, Snapshot
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Commit, EventSeen
from anchorwatch.store import Store, drifts
from tests.compare.make import NOW, container, project, snapshot
from tests.ledger.looks import PATIENCES

KEY = ProjectKey("nas", "media")
R0, R1, R2 = "0" * 40, "1" * 40, "2" * 40


def at(revision: str, **config: Any) -> DesiredProject:
    return replace(project(web={"mem_limit": "512", **config}), revision=revision)


def web(memory: int = 512, **more: Any) -> Container:
    return container("media-web-1", "web", host_config={"Memory": memory}, **more)


@dataclass
class World:
    """A host, a stack in the repo, and the database of a service that looks at them."""

    store: Store
    history: dict[str, DesiredProject] = field(default_factory=dict)
    removed_at: str | None = None
    """The commit that has removed the stack."""
    seconds: float = 0.0

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        return self.history.get(revision)

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> Sequence[Commit]:
        known = sorted({*self.history, *filter(None, [self.removed_at])})
        since = known[known.index(after) + 1 :] if after in known else known
        return [Commit(one, NOW, "Anna", f"change {one[:2]}") for one in reversed(since) if one <= upto]

    def histories(
        self, asked: Mapping[ProjectKey, tuple[Iterable[str], str]], *, limit: int = 100
    ) -> Mapping[ProjectKey, Sequence[Commit]]:
        return {key: self.commits(paths, None, upto, limit=limit) for key, (paths, upto) in asked.items()}

    def looks(
        self,
        wanted: DesiredProject | BrokenStack | None,
        *seen: Container,
        baseline: bool = False,
        settled: bool = True,
        heard: Sequence[EventSeen] = (),
        networks: Sequence[Network] = (),
    ) -> dict[str | None, Drift]:
        """One look ten seconds after the one before; the drifts that are pending or open then, by path."""
        self.seconds += 10
        moment = NOW + timedelta(seconds=self.seconds)
        broken = [wanted] if isinstance(wanted, BrokenStack) else []
        projects = [wanted] if isinstance(wanted, DesiredProject) else []
        for one in projects:
            self.history[one.revision or ""] = one
        host = snapshot(*seen)
        host = replace(host, taken_at=moment, networks=(*host.networks, *networks))
        compared = compare_host(projects, broken, host, Policy())
        key_is_of = next((one for one in broken if one.project == KEY.project), None)
        found = verdict(KEY, projects[0] if projects else None, key_is_of, host, compared)
        occasion = Occasion(Trigger.RESYNC, "a test", moment, 0.01, settled, baseline)
        ground = Ground(self.store, PATIENCES, self, lambda *_: None)
        head = self.removed_at or max(self.history)
        scene = Scene(host, projects[0] if projects else None, lambda then: self._differs(then, host), head)
        remember(found, occasion, ground, scene, heard)
        with self.store.read() as read:
            return {one.finding.path: one for one in drifts.of_project(read, KEY)}

    def _differs(self, then: DesiredProject, host: Snapshot) -> Collection[str]:
        return {finding.id for one in compare_host([then], [], host, Policy()).stacks for finding in one.findings}


def cause(drift: Drift) -> tuple[str, str]:
    assert drift.cause is not None
    return drift.cause["kind"], drift.cause["text"]


def test_what_the_host_did_and_what_git_did(store: Store) -> None:
    world = World(store)
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    update = EventSeen("nas", NOW + timedelta(seconds=29), "update", web().id, "media-web-1", "media", "web")
    drift = world.looks(at(R0), web(1024), heard=[update])["mem_limit"]
    assert drift.side is Side.HOST
    assert cause(drift) == ("docker-update", "`docker update` on the host at 02:00 UTC")
    world.looks(at(R0), web())
    drift = world.looks(at(R1, cpu_shares=5), web())["cpu_shares"]
    assert drift.side is Side.GIT
    assert cause(drift) == ("commit", "commit 1111111 by Anna: change 11")


def test_a_stack_that_a_commit_removed(store: Store) -> None:
    """Its files are not there any more, and the commit that took them away is."""
    world = World(store)
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    world.removed_at = R1
    drift = world.looks(None, web())[None]
    assert (drift.finding.kind, drift.side) == (Kind.UNMANAGED, Side.GIT)
    assert cause(drift) == ("commit", "commit 1111111 by Anna: change 11")


def test_a_commit_that_was_written_anew_before_it_was_rolled_out(store: Store) -> None:
    """By a rebase or an amend: the commit that was found first is in nobody's repo any more."""
    world = World(store)
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    world.looks(at(R1, cpu_shares=5), web())
    del world.history[R1]
    drift = world.looks(at(R2, cpu_shares=5), web())["cpu_shares"]
    assert (drift.state, drift.side) == (DriftState.PENDING, Side.GIT)
    assert cause(drift) == ("commit", "commit 2222222 by Anna: change 22")


def test_another_update_of_what_is_drifted(store: Store) -> None:
    """The look at once has written down how the container is by the time the look after the quiet asks how it was."""
    world = World(store)
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    world.looks(at(R0), web(1024))
    world.seconds += 3600
    assert world.looks(at(R0), web(1024))["mem_limit"].state is DriftState.OPEN
    update = EventSeen("nas", NOW + timedelta(seconds=world.seconds + 10), "update", web().id, "media-web-1", "media", "web")
    world.looks(at(R0), web(2048), heard=[update], settled=False)
    drift = world.looks(at(R0), web(2048))["mem_limit"]
    assert (drift.state, drift.finding.observed) == (DriftState.OPEN, "2 KiB")
    assert cause(drift) == ("docker-update", "`docker update` on the host at 03:00 UTC")


END = NOW + timedelta(seconds=29)
GONE = web(state="exited", exit_code=143, finished_at=END)


def seen_being_stopped(world: World) -> None:
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    stop = [EventSeen("nas", END, action, web().id, "media-web-1", "media", "web") for action in ("kill", "die", "stop")]
    drift = world.looks(at(R0), GONE, heard=stop)[None]
    assert cause(drift) == ("stopped", "stopped on the host at 02:00 UTC")


def engine_started(seconds: float) -> Network:
    """So long after the container ended: its network `bridge` tells."""
    made = (END + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    return Network("b" * 64, "bridge", {}, {"Created": made})


def test_a_container_that_went_down_with_its_engine(store: Store) -> None:
    """An engine that goes down stops its containers one by one: the first look finds them stopped, and the engine still there."""
    world = World(store)
    seen_being_stopped(world)
    drift = world.looks(at(R0), GONE, networks=(engine_started(5),))[None]
    assert (drift.state, drift.side, cause(drift)[0]) == (DriftState.PENDING, Side.HOST, "engine-restart")
    assert drift.cause is not None
    assert drift.cause["confidence"] == "likely", "somebody may have stopped it right before"


def test_a_container_that_was_stopped_before_its_engine_let_others_run(store: Store) -> None:
    """With `live-restore` an engine that goes down ends nobody: what was seen of the stop stays what is known of it."""
    world = World(store)
    seen_being_stopped(world)
    world.seconds += 9
    other = container("x-other-1", "other", of="x", started_at=NOW - timedelta(days=1))
    drift = world.looks(at(R0), GONE, other, networks=(engine_started(10),))[None]
    assert cause(drift) == ("stopped", "stopped on the host at 02:00 UTC")


def test_what_was_there_at_the_first_look_stays_of_unknown_origin(store: Store) -> None:
    """At the second look the revision of the last one is known; that says nothing about what had differed then already."""
    world = World(store)
    drift = world.looks(at(R0), web(1024), baseline=True)["mem_limit"]
    assert (drift.state, drift.side, drift.cause) == (DriftState.OPEN, Side.UNKNOWN, None)
    for _ in range(3):
        drift = world.looks(at(R0), web(1024))["mem_limit"]
        assert (drift.side, drift.cause) == (Side.UNKNOWN, None)
    again = world.looks(at(R0), web(2048))["mem_limit"]
    assert (again.side, cause(again)[0]) == (Side.HOST, "docker-update")


def test_a_revision_that_could_not_be_read_for_a_while(store: Store) -> None:
    world = World(store)
    world.looks(at(R0), web(), baseline=True)
    world.looks(at(R0), web())
    kept = world.history.pop(R0)
    drift = world.looks(at(R1, mem_limit="600"), web())["mem_limit"]
    assert drift.side is Side.UNKNOWN
    world.history[R0] = kept
    assert world.looks(at(R1, mem_limit="600"), web())["mem_limit"].side is Side.GIT


def test_a_stack_that_cannot_be_read_keeps_its_drift(store: Store) -> None:
    """Also where nobody can tell what its project is called, so that the key belongs to no stack for a while."""
    for name in ("media", None):
        world = World(store, seconds=1000.0 if name is None else 0.0)
        world.looks(at(R0), web(), baseline=True)
        world.looks(at(R0), web(1024))
        broken = BrokenStack(at(R0).stack, StackError("bad_yaml", "broken"), name, R2)
        for _ in range(5):
            drift = world.looks(broken, web(1024))["mem_limit"]
            assert drift.state is DriftState.PENDING, "it neither opens nor passes"
        assert world.looks(at(R0), web()) == {}, "mended"


def test_a_drift_of_a_container_that_is_being_made_anew(store: Store) -> None:
    world = World(store)
    lost = replace(web(), networks={"media_default": {"Aliases": ["media-web-1"]}})
    world.looks(at(R0), web(), baseline=True)
    path = "networks.default.aliases"
    assert world.looks(at(R0), lost)[path].state is DriftState.PENDING
    new = container(
        "0123456789ab_media-web-1",
        "web",
        id="e" * 64,
        state="created",
        created_at=NOW + timedelta(seconds=world.seconds + 5),
        host_config={"Memory": 512},
        labels={"com.docker.compose.replace": "media-web-1"},
    )
    assert world.looks(at(R0), lost, replace(new, networks={}))[path].state is DriftState.PENDING
    done = replace(new, name="media-web-1", state="running", networks={"media_default": {"Aliases": ["media-web-1", "web"]}})
    assert world.looks(at(R0), done) == {}, "mended"
