"""For any sequence of looks, undone transactions and restarts, the database recalls each moment as a plain list of looks does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from anchorwatch.model.drifts import Drift, DriftState, Transition
from anchorwatch.model.report import HostStatus, StackStatus
from anchorwatch.model.timeline import ContainerSeen, HostSeen
from anchorwatch.store import Writing, checks, containers, drifts, hosts, transitions
from tests.store import make
from tests.store.make import BEGIN, NO_PROJECT
from tests.store.places import Place

HOSTS = ("pi5", "proxmox")
PROJECTS = ("mealie", "media", None)
NAMES = {"mealie": ("mealie", "db"), "media": ("jellyfin",), None: ("watchtower",)}

containers_of = {
    project: st.lists(
        st.builds(
            make.container,
            st.sampled_from(NAMES[project]),
            project=st.just(project),
            engine_id=st.sampled_from(["1", "2"]),
            state=st.sampled_from(["running", "exited"]),
            configuration=st.sampled_from([{"a": 1}, {"a": 2}]),
        ),
        unique_by=lambda one: one.name,
        max_size=2,
    )
    for project in PROJECTS
}
ticks = st.integers(1, 10**9).map(lambda number: timedelta(microseconds=number))


class Aborted(Exception):
    """The transaction is not to be kept."""


class Recall(RuleBasedStateMachine):
    """The database beside lists of what it was told."""

    ready: Callable[[], Any]

    @initialize()
    def begin(self) -> None:
        self.context = self.ready()
        self.place: Place = self.context.__enter__()
        self.store = self.place.open()
        self.now = BEGIN
        self.looks: dict[str, list[tuple[datetime, tuple[ContainerSeen, ...]]]] = {host: [] for host in HOSTS}
        self.reach: dict[str, list[tuple[datetime, HostSeen]]] = {host: [] for host in HOSTS}
        self.drifts: dict[str, Drift] = {}
        self.told: list[Transition] = []
        self.checked: dict[str, list[tuple[datetime, StackStatus]]] = {host: [] for host in HOSTS}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.context.__exit__(None, None, None)

    @rule(by=ticks, host=st.sampled_from(HOSTS), seen=st.tuples(*containers_of.values()), kept=st.booleans())
    def look_at_a_host(self, by: timedelta, host: str, seen: tuple[list[ContainerSeen], ...], kept: bool) -> None:
        everything = [one for project in seen for one in project]
        self.now += by
        self.write(kept, lambda write: containers.record(write, host, self.now, everything))
        if kept:
            self.looks[host].append((self.now, tuple(everything)))

    @rule(by=ticks, host=st.sampled_from(HOSTS), project=st.sampled_from(PROJECTS), data=st.data(), kept=st.booleans())
    def look_at_a_project(self, by: timedelta, host: str, project: str | None, data: st.DataObject, kept: bool) -> None:
        seen = data.draw(containers_of[project])
        self.now += by
        self.write(kept, lambda write: containers.record(write, host, self.now, seen, project=project or NO_PROJECT))
        if kept:
            others = [one for one in self.containers_at(host, self.now) if one.project != project]
            self.looks[host].append((self.now, (*others, *seen)))

    @rule(by=ticks, host=st.sampled_from(HOSTS), status=st.sampled_from(HostStatus), kept=st.booleans())
    def reach_a_host(self, by: timedelta, host: str, status: HostStatus, kept: bool) -> None:
        self.now += by
        seen = make.host(self.now, host, status=status, engine_id=None if status is HostStatus.UNREACHABLE else "ENGINE-1")
        self.write(kept, lambda write: hosts.record(write, seen))
        if kept:
            self.reach[host].append((self.now, seen))

    @rule(
        by=ticks, path=st.sampled_from("abcd"), host=st.sampled_from(HOSTS), state=st.sampled_from(DriftState), kept=st.booleans()
    )
    def change_a_drift(self, by: timedelta, path: str, host: str, state: DriftState, kept: bool) -> None:
        self.now += by
        found = make.finding(path, host=host, project=PROJECTS[ord(path) % 3], observed=str(self.now))
        before = self.drifts.get(found.id)
        drift = replace(make.drift(found, self.now, state=state), episode=before.episode + 1 if before else 1)
        change = make.appeared(drift, from_state=before.state.value if before else None, at=self.now)

        def save(write: Writing) -> tuple[Transition, ...]:
            drifts.save(write, [drift])
            return tuple(transitions.add(write, [change]))

        written = self.write(kept, save)
        if kept:
            self.drifts[drift.id] = drift
            self.told.extend(written)

    @rule(by=ticks, host=st.sampled_from(HOSTS), status=st.sampled_from(StackStatus), eventful=st.booleans(), kept=st.booleans())
    def check(self, by: timedelta, host: str, status: StackStatus, eventful: bool, kept: bool) -> None:
        self.now += by
        found = make.check(self.now, replace(make.KEY, host=host), status=status)
        self.write(kept, lambda write: checks.record(write, found, eventful=eventful))
        if kept:
            self.checked[host].append((self.now, status))

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.place.open()

    @precondition(lambda self: hasattr(self, "store"))
    @rule(share=st.floats(0, 1.1))
    def recall_a_moment(self, share: float) -> None:
        moment = BEGIN + (self.now - BEGIN) * share
        with self.store.read() as read:
            for host in HOSTS:
                found = {one.seen.name: one.seen for one in containers.at(read, moment, host)}
                assert found == {one.name: one for one in self.containers_at(host, moment)}
                reached = hosts.at(read, moment).get(host)
                before = [seen for at, seen in self.reach[host] if at <= moment]
                assert (reached and reached.seen.status) == (before[-1].status if before else None)
                statuses = [status for at, status in self.checked[host] if at <= moment]
                check = checks.at(read, replace(make.KEY, host=host), moment)
                assert (check and check.check.status) == (statuses[-1] if statuses else None)

    @invariant()
    def what_is_now(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.read() as read:
            for host in HOSTS:
                found = {one.seen.name: one.seen for one in containers.current(read, host)}
                assert found == {one.name: one for one in self.containers_at(host, self.now)}
            unresolved = {one.id: one for one in drifts.unresolved(read)}
            assert unresolved == {name: one for name, one in self.drifts.items() if one.state is not DriftState.RESOLVED}
            assert transitions.newest(read, limit=10_000) == tuple(reversed(self.told))
            verdicts = {key.host: verdict for key, verdict in checks.verdicts(read).items() if key.project == "mealie"}
            for host, checked in self.checked.items():
                if checked:
                    same = next((n for n, one in enumerate(reversed(checked)) if one[1] is not checked[-1][1]), len(checked))
                    since = checked[len(checked) - same][0]
                    assert verdicts[host] == checks.Verdict(checked[-1][1], since, checked[-1][0])

    def containers_at(self, host: str, moment: datetime) -> tuple[ContainerSeen, ...]:
        return next((seen for at, seen in reversed(self.looks[host]) if at <= moment), ())

    def write(self, kept: bool, work: Callable[[Writing], Any]) -> Any:
        try:
            with self.store.write() as write:
                done = work(write)
                if not kept:
                    raise Aborted
        except Aborted:
            return None
        return done


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_recalls_every_moment(kind: str, request: pytest.FixtureRequest) -> None:
    class Machine(Recall):
        ready = staticmethod(request.getfixturevalue(f"many_{kind}_places"))

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
        ),
    )
