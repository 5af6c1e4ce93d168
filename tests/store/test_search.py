"""The log, searched: whatever is asked for, page by page, is what a look at every single row would give."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from anchorwatch.errors import StoreCancelled
from anchorwatch.model.drifts import Delivery, DeliveryState, Drift, DriftState, Side, Transition
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.log import CommitArrived, ContainerChange, Told, Wanted
from anchorwatch.model.options import Filters
from anchorwatch.model.timeline import Commit
from anchorwatch.store import Store, commits, container_changes, containers, deliveries, drifts, runs, search, transitions
from tests.lab_fixtures import eventually
from tests.store import make
from tests.store.make import after
from tests.store.places import Place

HOSTS = {"pi5": ("mealie", "media"), "proxmox": ("dns",)}
PATHS = ("image", "labels.traefik.enable", "labels.x", "environment.TZ", "ports.[1]")
CAUSES = (None, {"kind": "commit", "text": "a"}, {"kind": "docker-update", "text": "b"})


@pytest.fixture
def log(store: Store) -> Sequence[tuple[Transition, Drift]]:
    """A hundred transitions of thirty drifts, two of each at one moment."""
    written: list[tuple[Transition, Drift]] = []
    for number in range(100):
        host = ("pi5", "proxmox")[number % 2]
        stack = HOSTS[host][number // 2 % len(HOSTS[host])]
        path, service = PATHS[number % len(PATHS)], ("web", "db")[number // 4 % 2]
        found = make.finding(
            path, host=host, stack=stack, project=stack, service=service, container=service, severity=Severity(1 + number % 3)
        )
        at = after(60 * (number // 2))
        drift = make.drift(found, at, state=DriftState.OPEN, side=Side.HOST, cause=CAUSES[number % 3])
        one = make.appeared(drift, at=at, to_state="open", cause=CAUSES[number % 3], side=Side.HOST)
        with store.write() as write:
            drifts.save(write, [drift])
            (told,) = transitions.add(write, [one])
        written.append((told, drift))
    return written


wanteds = st.builds(
    Wanted,
    st.builds(
        Filters,
        hosts=st.sampled_from([(), ("pi5",), ("pi5", "proxmox"), ("nowhere",)]),
        stacks=st.sampled_from([(), (), (("pi5", "media"),), (("pi5", "media"), ("proxmox", "dns"))]),
        kinds=st.sampled_from([(), (Kind.CHANGED,), (Kind.MISSING,)]),
        severity=st.sampled_from(Severity),
    ),
    services=st.sampled_from([(), ("web",), ("web", "db")]),
    paths=st.sampled_from([(), ("labels.*",), ("image",), ("labels.[xy]",), ("*",), ("Image",), ("ports.*",), ("nothing",)]),
    causes=st.sampled_from([(), ("commit",), ("unknown", "docker-update")]),
    since=st.sampled_from([None, after(600)]),
    until=st.sampled_from([None, after(2400)]),
)


def fits(told: Transition, drift: Drift, wanted: Wanted) -> bool:
    """The filters once more, on plain values."""
    finding, filters = drift.finding, wanted.filters
    cause = told.cause["kind"] if told.cause else "unknown"
    return (
        (not filters.hosts or finding.host in filters.hosts)
        and (not filters.stacks or (finding.host, finding.stack) in filters.stacks)
        and (not filters.kinds or finding.kind in filters.kinds)
        and (told.severity or Severity.INFO) >= filters.severity
        and (not wanted.services or finding.service in wanted.services)
        and (not wanted.paths or any(fnmatchcase(finding.path or "", glob) for glob in wanted.paths))
        and (not wanted.causes or cause in wanted.causes)
        and (wanted.since is None or told.at >= wanted.since)
        and (wanted.until is None or told.at < wanted.until)
    )


def paged(store: Store, wanted: Wanted, page: int) -> list[Told]:
    found: list[Told] = []
    with store.read() as read:
        scope = search.scope(read, wanted)
    while True:
        with store.read() as read:
            some = search.transitions(read, scope, after=found[-1] if found else None, limit=page)
        found += some
        if len(some) < page:
            return found


def test_filters_and_pages(store: Store, log: Sequence[tuple[Transition, Drift]]) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(wanteds, st.sampled_from([1, 7, 500]))
    def holds(wanted: Wanted, page: int) -> None:
        newest_first = sorted(log, key=lambda one: (one[0].at, one[0].id or 0), reverse=True)
        expected = [told for told, drift in newest_first if fits(told, drift, wanted)]
        if page == 1 and len(expected) > 20:
            page = 3
        assert [one.transition for one in paged(store, wanted, page)] == expected

    holds()


def test_messages_stand_with_their_transitions(store: Store, log: Sequence[tuple[Transition, Drift]]) -> None:
    told = log[7][0]
    with store.write() as write:
        deliveries.promise(write, [Delivery(told.id or 0, name, told.at, state=DeliveryState.SENT) for name in ("mail", "chat")])
    with store.read() as read:
        found = search.transitions(read, search.scope(read, Wanted()), messages=True)
    by_id = {one.transition.id: [message.destination for message in one.deliveries] for one in found}
    assert by_id[told.id] == ["mail", "chat"]
    assert sum(map(len, by_id.values())) == 2


def test_a_drift_by_the_beginning_of_its_id(store: Store, log: Sequence[tuple[Transition, Drift]]) -> None:
    name = log[0][1].id
    with store.read() as read:
        assert [one.id for one in search.drifts_like(read, name[:6])] == [name]
        assert search.drifts_like(read, "zzz") == ()
        assert len(search.drifts_like(read, "", limit=3)) == 3
        (drift,) = search.drifts_like(read, name)
        life, many = search.life(read, drift)
        newest, _ = search.life(read, drift, limit=1)
    own = [told for told, of in log if of.id == name]
    assert ([one.transition for one in life], many) == (own, len(own))
    assert [one.transition for one in newest] == own[-1:]


LOOKS: tuple[tuple[int, dict[str, str]], ...] = (
    (0, {"web": "running", "db": "running"}),
    (10, {"web": "exited", "db": "running"}),
    (20, {"web": "running"}),
    (30, {"web": "running"}),
    (40, {"web": "running", "db": "running"}),
    (50, {}),
)


def change(one: ContainerChange) -> tuple[datetime, str, str | None, str | None]:
    known = one.now or one.before
    assert known is not None
    before = None if one.before is None else one.before.seen.state
    return one.at, known.seen.name, before, None if one.now is None else one.now.seen.state


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_how_containers_changed(store: Store, limit: int) -> None:
    for seconds, seen in LOOKS:
        with store.write() as write:
            containers.record(write, "pi5", after(seconds), [make.container(name, state=state) for name, state in seen.items()])
    found: list[ContainerChange] = []
    before: datetime | None = after(99)
    with store.read() as read:
        scope = search.scope(read, Wanted())
        while before is not None:
            page, before = container_changes.page(read, scope, before, limit=limit)
            assert [one.at for one in page] == sorted((one.at for one in page), reverse=True)
            found += page
    assert sorted(map(change, found), key=str) == sorted(
        [
            (after(0), "web", None, "running"),
            (after(0), "db", None, "running"),
            (after(10), "web", "running", "exited"),
            (after(20), "web", "exited", "running"),
            (after(20), "db", "running", None),
            (after(40), "db", None, "running"),
            (after(50), "web", "running", None),
            (after(50), "db", "running", None),
        ],
        key=str,
    )


def test_containers_of_a_piece_of_time(store: Store) -> None:
    for seconds, seen in LOOKS:
        with store.write() as write:
            containers.record(write, "pi5", after(seconds), [make.container(name, state=state) for name, state in seen.items()])
    with store.read() as read:
        scope = search.scope(read, Wanted(since=after(15), until=after(45)))
        page, more = container_changes.page(read, scope, after(45))
    assert more is None
    assert [change(one)[:2] for one in page] == [(after(40), "db"), (after(20), "web"), (after(20), "db")]


def test_commits_and_what_they_touched(store: Store) -> None:
    with store.write() as write:
        for number in range(9):
            commit = Commit(f"{number}" * 40, after(number), "Ada", f"commit {number}")
            commits.record(write, commit, [("pi5", "mealie"), ("pi5", "media")][: number % 3], after(number // 2))
    found: list[CommitArrived] = []
    before: datetime | None = after(99)
    with store.read() as read:
        scope = search.scope(read, Wanted(Filters(hosts=("pi5",))))
        while before is not None:
            page, before = search.commits(read, scope, before, limit=2)
            found += page
    assert [int(one.commit.revision[0]) for one in found] == [8, 7, 5, 4, 2, 1]
    assert found[0].stacks == (("pi5", "mealie"), ("pi5", "media")) or found[0].stacks == (("pi5", "media"), ("pi5", "mealie"))


def test_when_somebody_watched(store: Store) -> None:
    with store.write() as write:
        runs.end(write, runs.begin(write, "1.0", after(0)), after(10))
        runs.begin(write, "1.1", after(20))
    with store.read() as read:
        told = [(one.at, one.began, one.version) for one in search.runs(read, Wanted(), after(99), after(15))]
        late = [one.at for one in search.runs(read, Wanted(since=after(5)), after(15), after(15))]
        killed = [(one.at, one.began) for one in search.runs(read, Wanted(), after(99), after(50)) if one.killed]
    assert told == [(after(20), True, "1.1"), (after(10), False, "1.0"), (after(0), True, "1.0")]
    assert late == [after(10)]
    assert killed == [(after(20), False)]


LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(120)",
}


def read_for_long(store: Store, reading: threading.Event) -> None:
    with store.read() as read:
        reading.set()
        read.session.execute(text(LONG[read.session.get_bind().dialect.name])).all()


def test_reading_is_ended_by_another_thread(ready_place: Place) -> None:
    ready_place.open().close()
    with Store.open_to_read(ready_place.url) as store:
        reading, ended = threading.Event(), threading.Event()

        def again_and_again() -> None:
            reading.wait(30)
            while not ended.is_set():
                store.cancel()
                ended.wait(0.02)

        thread = threading.Thread(target=again_and_again)
        thread.start()
        try:
            with pytest.raises(StoreCancelled):
                read_for_long(store, reading)
        finally:
            ended.set()
            thread.join()
        with store.read() as read:  # and it goes on
            assert search.transitions(read, search.scope(read, Wanted())) == []


def test_who_holds_it(ready_place: Place) -> None:
    with ready_place.open(who="anchorwatch watch"), Store.open_to_read(ready_place.url) as reader:
        assert "anchorwatch watch" in (reader.holder() or "")
    with Store.open_to_read(ready_place.url) as reader:
        eventually(lambda: reader.holder() is None, within=10, what="the lock to be let go")
