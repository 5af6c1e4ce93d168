"""Whatever happens, in whatever order: everybody hears of everything in order, once, and of nothing without its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Acceptance, DeliveryState
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.messages import Arrival, Occasion, Outcome
from anchorwatch.model.report import HostStatus
from anchorwatch.model.service import Digest, QuietHours, RateLimit
from anchorwatch.model.silences import Matcher, Silence
from anchorwatch.notify import route
from anchorwatch.notify.fates import Fate
from anchorwatch.store import deliveries, drifts, silences, transitions
from tests.notify.world import ARRIVED, World, destination, lanes
from tests.store.make import after, finding
from tests.store.places import Place

DRIFTS = (
    finding(),
    finding("image", severity=Severity.CRITICAL),
    finding(None, kind=Kind.MISSING, stack="db", project="db", service="db", container="db", observed="restarting"),
)
DB = ProjectKey("pi5", "db")
EVERYBODY = (
    destination("chat"),
    destination("pager", min_severity=Severity.CRITICAL, quiet_hours=QuietHours(time(23), time(1), "UTC"), critical_at_once=True),
    destination("mail", digest=Digest("hourly")),
    destination("slow", rate_limit=RateLimit(2, 3600), remind_every=20_000.0),
    destination("db", only=(Matcher(stack="db"),), on=frozenset({"appeared"})),
)
WORDS = {fate.value for fate in Fate} | {None}

step = st.tuples(
    st.sampled_from(("look", "look", "look", "other", "host", "silence", "accept", "down", "up", "refuse", "restart")),
    st.sampled_from((1.0, 3.0, 20.0, 31.0, 200.0, 1000.0, 5000.0)),
    st.integers(0, 7),
)


def play(world: World, what: str, number: int) -> None:
    at = world.now
    mealie, db = [one for bit, one in enumerate(DRIFTS[:2]) if number >> bit & 1], [DRIFTS[2]] if number & 4 else []
    match what:
        case "look":
            world.look(at, *mealie)
        case "other":
            observed = "exited (1)" if number & 1 else "restarting"
            world.look(at, *(replace(one, observed=observed) for one in db), key=DB)
        case "host":
            world.host(at, HostStatus.OK if number & 1 else HostStatus.UNREACHABLE)
        case "silence":
            with world.store.write() as write:
                silence = Silence(Matcher(stack="db" if number & 1 else "mealie"), world.clock(), after(at + 500 * number + 1))
                silences.add(write, silence)
        case "accept":
            with world.store.write() as write:
                for one in drifts.unresolved(write)[: number % 3]:
                    drifts.save(write, [replace(one, acceptance=Acceptance(world.clock(), one.finding.observed))])
        case "down" | "refuse":
            outcome = Outcome(Arrival.FAILED if what == "down" else Arrival.REFUSED, "no")
            world.answer = lambda url, message: outcome if number & 1 or url.reveal().endswith("chat") else ARRIVED
        case "up":
            world.answer = lambda url, message: ARRIVED
        case "restart":
            world.start()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(step, min_size=3, max_size=14))
def test_everything_has_one_end(
    many_sqlite_places: Callable[[], AbstractContextManager[Place]], steps: list[tuple[str, float, int]]
) -> None:
    with many_sqlite_places() as place, place.open() as store:
        world = World(store, lanes(*EVERYBODY))
        world.host(0, HostStatus.OK)
        for what, pause, number in steps:
            play(world, what, number)
            world.until(world.now + pause)
        # the end of the story: everything can be reached, nothing is drifted, and all the time in the world
        world.answer = lambda url, message: ARRIVED
        world.host(world.now, HostStatus.OK)
        world.look(world.now)
        world.look(world.now, key=DB)
        world.until(world.now + 3 * 86400)
        check(world)


def check(world: World) -> None:
    with world.store.read() as read:
        life = sorted(transitions.newest(read, limit=10_000), key=lambda one: one.id or 0)
        rows = {one.id: deliveries.of_transition(read, one.id or 0) for one in life}
    names = [one.name for one in EVERYBODY]
    for one in life:
        news = [row for row in rows[one.id] if row.occasion == "news"]
        if route.no_news(one) is None:
            assert sorted(row.destination for row in news) == sorted(names), "one fate a transition and destination"
        else:
            assert news == []
        for row in rows[one.id]:
            assert row.state in {DeliveryState.SENT, DeliveryState.SKIPPED, DeliveryState.DEAD}, row
            assert row.reason in WORDS or str(row.reason).endswith(", and said"), row.reason
            assert (row.reason is None) is (row.state is DeliveryState.SENT), row
    for name in names:
        believed: dict[str, bool] = {}
        last: dict[str, int] = {}
        seen: set[int] = set()
        for sent in world.sent:
            if sent.destination != name:
                continue
            for item in sent.bundle.items:
                transition, about = item.transition, f"{item.transition.subject}{item.transition.drift}{item.transition.host}"
                if sent.bundle.occasion is not Occasion.REMINDER:
                    assert transition.id not in seen, "nothing is told twice"
                    assert (transition.id or 0) > last.get(about, 0), "nothing overtakes"
                    seen.add(transition.id or 0)
                    last[about] = transition.id or 0
                bad = route.is_bad(transition)
                assert bad or believed.get(about), "resolved is told to who believes that it is drifted"
                believed[about] = bad
        dead = any(row.state is DeliveryState.DEAD for one in rows.values() for row in one if row.destination == name)
        if name != "db" and not dead:
            left = {about for about, bad in believed.items() if bad}
            assert left == set(), "nothing without its end"


@pytest.mark.parametrize("name", ["host", "stack", "service", "container", "project", "path", "id"])
def test_a_matcher_fits_what_it_names_and_nothing_else(name: str) -> None:
    one = finding(stack="mealie", project="p", service="s", container="c", path="x")
    given = {"host": "pi5", "stack": "pi5/mealie", "service": "s", "container": "c", "project": "p", "path": "x", "id": one.id}[
        name
    ]
    assert Matcher.of({name: given}).fits("pi5", "mealie", one)
    assert Matcher.of({name: given[:-1] + "?"}).fits("pi5", "mealie", one)
    assert not Matcher.of({name: given + "?"}).fits("pi5", "mealie", one)
    assert Matcher.of({name: given}).fits("pi5", "mealie", None) is (name in ("host", "stack"))
    assert Matcher.of(Matcher.of({name: given}).document) == Matcher.of({name: given})
