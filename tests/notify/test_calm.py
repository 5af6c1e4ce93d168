"""One message instead of thirty, in virtual time: what is told, when, and what becomes of the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Acceptance, DeliveryState
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.messages import Arrival, Outcome
from anchorwatch.model.report import HostStatus
from anchorwatch.model.service import Digest, Patience, QuietHours, RateLimit
from anchorwatch.model.silences import Matcher, Silence
from anchorwatch.notify.fates import SAID, Fate
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Store, deliveries, silences
from tests.notify.world import ARRIVED, World, destination, findings, lanes
from tests.store.make import BEGIN, after, finding

DRIFT = finding()
ELSEWHERE = finding("image", stack="db", project="db", service="db", container="db")
FAR = finding("image", host="nas")
GONE = finding(None, kind=Kind.MISSING, observed="restarting", desired=None)


@pytest.fixture
def world(file_store: Store) -> World:
    return World(file_store)


def test_a_drift_is_told_when_it_opens_and_when_it_is_gone(world: World) -> None:
    world.look(0, DRIFT)
    world.look(30, DRIFT)
    world.look(100)
    world.until(200)
    assert [(one.at, one.what) for one in world.sent] == [(35, "news: open pi5/mealie"), (130, "news: resolved pi5/mealie")]
    assert world.fates() == [("grace over", "sent", None), ("mended on the host", "sent", None)]


def test_what_has_come_of_it_is_counted_once(file_store: Store) -> None:
    """A pager is told of nothing that it does not ask for; a message that is tried again counts when it has arrived."""
    world = World(file_store, lanes(destination(), destination("pager", min_severity=Severity.CRITICAL)))
    none = {(name, state): 0 for name in ("chat", "pager") for state in deliveries.FINISHED}
    assert world.dispatcher.finished == none
    world.answer = lambda url, message: Outcome(Arrival.FAILED, "connection refused")
    world.drift(100, DRIFT, ELSEWHERE)
    world.until(150)
    assert world.dispatcher.finished == none
    world.answer = lambda url, message: ARRIVED
    world.until(5000)
    assert world.dispatcher.finished == {**none, ("chat", DeliveryState.SENT): 2}
    world.look(5010, replace(DRIFT, observed="2 GiB"))
    world.look(5011, DRIFT)
    world.until(6000)
    skipped = sum(state == "skipped" and why != Fate.MINOR for _, state, why in world.fates())
    assert skipped > 0
    assert world.dispatcher.finished == {**none, ("chat", DeliveryState.SENT): 2, ("chat", DeliveryState.SKIPPED): skipped}


def test_a_deployment_is_told_to_nobody(world: World) -> None:
    world.look(0, *findings(30))
    world.look(20)
    assert world.until(1000) == []
    assert world.fates() == []


def test_what_happens_on_one_host_within_a_window_is_one_message(world: World) -> None:
    world.look(0, *findings(30))
    world.look(2, ELSEWHERE)
    world.look(3, FAR)
    world.look(30, *findings(30))
    world.look(32, ELSEWHERE)
    world.look(33, FAR)
    world.until(100)
    assert [(one.at, len(one.bundle.items), one.bundle.items[0].transition.host) for one in world.sent] == [
        (35, 31, "pi5"),
        (38, 1, "nas"),
    ]


def test_appeared_and_resolved_before_anybody_was_told(world: World) -> None:
    world.drift(30, DRIFT)
    world.look(32)
    assert world.until(1000) == []
    assert world.fates() == [
        ("grace over", "skipped", "gone before it was told"),
        ("mended on the host", "skipped", "gone before it was told"),
    ]


def test_back_before_anybody_was_told_that_it_was_gone(world: World) -> None:
    world.drift(30, DRIFT)
    world.look(100)
    world.look(120, DRIFT)
    assert world.until(1000) == []
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"]
    assert [fate for _, _, fate in world.fates()][1:] == ["back before it was told"] * 2


def test_good_news_waits_though_what_came_before_it_does_not(world: World) -> None:
    world.drift(30, DRIFT)
    world.look(70, ELSEWHERE)
    world.look(100, replace(DRIFT, observed="2 GiB"))
    world.look(100, ELSEWHERE)
    world.look(102)
    world.until(200)
    assert [(one.at, one.what) for one in world.sent[1:]] == [(105, "news: open pi5/db"), (132, "news: resolved pi5/mealie")]
    assert world.fates()[1] == ("value changed", "skipped", "overtaken by newer news")


def test_another_value_is_news_and_the_same_again_is_not(world: World) -> None:
    world.drift(30, DRIFT)
    world.look(60, replace(DRIFT, observed="2 GiB"))
    world.look(62, replace(DRIFT, observed="3 GiB"))
    world.until(100)
    assert [one.bundle.items[0].transition.observed for one in world.sent] == ["1 GiB", "3 GiB"]
    assert world.fates()[1] == ("value changed", "skipped", "overtaken by newer news")
    world.look(100, replace(DRIFT, observed="4 GiB"))
    world.look(102, replace(DRIFT, observed="3 GiB"))
    assert world.until(110) == []


def test_a_crash_loop_of_an_hour_is_two_messages(world: World) -> None:
    """It runs for five seconds and is down for as long as Docker makes it wait: twice as long each time, a minute at most."""
    at, wait = 0.0, 0.1
    while at < 3600:
        world.look(at, GONE)
        if wait > 30:
            world.look(at + 30, GONE)
        world.look(at + wait)
        at += wait + 5
        wait = min(60.0, 2 * wait)
    world.until(9000)
    assert [one.what for one in world.sent] == ["flapping: open pi5/mealie", "flapping: resolved pi5/mealie"]
    begin, end = world.sent
    assert begin.at < 200
    assert begin.bundle.items[0].times >= 3
    assert end.bundle.items[0].times == 0
    assert end.at == pytest.approx(at - 5 + 900, abs=70)


def test_a_crash_loop_that_ends_down_is_said_to_be_so(world: World) -> None:
    for at in range(0, 3600, 70):
        world.look(at, GONE)
        world.look(at + 40, GONE)
        world.look(at + 50)
    world.drift(3660, GONE)
    world.until(9000)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie", "flapping: open pi5/mealie"]
    assert world.sent[1].bundle.items[0].times == 0


def test_a_drift_is_there_again_only_if_it_was_more_than_a_deployment_before(world: World) -> None:
    drift = finding()
    for deployed_at in (0, 1000, 2000):
        world.look(deployed_at, drift)
        world.look(deployed_at + 5)
    world.drift(4000, drift)
    world.look(5000)
    world.look(9000, drift)
    world.look(9005)
    world.drift(20000, drift)
    world.until(20100)
    first, _, second = (one.message.text for one in world.sent)
    assert "before:" not in first
    assert "before: this is the 2nd time\n" in second


@pytest.mark.parametrize(
    "held",
    [
        {"digest": Digest("hourly")},
        {"quiet_hours": QuietHours(BEGIN.time(), after(3000).time(), "UTC")},
        {"rate_limit": RateLimit(1, 3600)},
        {},
    ],
)
def test_nobody_is_told_of_what_is_gone_who_does_not_ask_to_hear_of_the_end(held: dict[str, Any], file_store: Store) -> None:
    world = World(file_store, lanes(destination(on=("appeared",), **held)))
    if not held:
        with file_store.write() as write:
            silences.add(write, Silence(Matcher(host="pi5"), after(0), after(3000)))
    world.drift(100, FAR)
    world.drift(200, DRIFT)
    world.look(600)
    world.until(9000)
    assert {one.transition.host for sent in world.sent for one in sent.bundle.items} == {"nas"}
    assert {fate for _, _, fate in world.fates()[1:]} == {"gone before it was told"}


def test_a_flapping_drift_that_is_calm_and_gone_is_not_told_as_drifted(file_store: Store) -> None:
    world = World(file_store, lanes(destination(on=("appeared",))))
    for begin in range(100, 800, 140):
        world.look(begin, GONE)
        world.look(begin + 31, GONE)
        world.look(begin + 45)
    world.until(9000)
    assert [(one.at, one.what) for one in world.sent] == [(136, "news: open pi5/mealie"), (276, "news: open pi5/mealie")]


def test_a_host_that_is_back_by_the_morning_was_never_away(file_store: Store) -> None:
    quiet = QuietHours(BEGIN.time(), after(3000).time(), "UTC")
    world = World(file_store, lanes(destination(on=("appeared",), quiet_hours=quiet)))
    world.host(0, HostStatus.OK)
    world.host(100, HostStatus.UNREACHABLE)
    world.host(900, HostStatus.OK)
    assert world.until(9000) == []


@pytest.mark.parametrize(
    "held",
    [
        {"digest": Digest("weekly", time(8), 0)},
        {"quiet_hours": QuietHours(time(0), time(23, 59))},
        {"rate_limit": RateLimit(1, 3600)},
    ],
)
def test_what_an_earlier_config_held_back_is_told_by_the_one_that_does_not(held: dict[str, Any], file_store: Store) -> None:
    world = World(file_store, lanes(destination(**held)))
    world.drift(100, FAR)
    world.drift(200, DRIFT)
    world.until(300)
    world.start()
    assert world.until(400) == [], "with the same config it waits on"
    world.telling = lanes()
    world.start()
    assert world.until(500) != []
    assert sum(len(one.bundle.items) for one in world.sent) == 2
    assert world.states() == {DeliveryState.SENT}


def test_a_digest_that_was_due_while_nobody_ran_goes_out_at_the_start(file_store: Store) -> None:
    world = World(file_store, lanes(destination(digest=Digest("hourly"))))
    world.drift(100, DRIFT)
    world.until(200)
    world.now += 3700
    world.start()
    assert world.until(world.now + 1) == ["digest: open pi5/mealie"]


def test_how_a_container_is_missing_is_no_news(world: World) -> None:
    world.drift(30, GONE)
    for at in range(100, 3600, 60):
        world.look(at, replace(GONE, observed="exited (1)" if at % 120 else "restarting"))
    assert world.until(4000) == []
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"]
    assert {fate for _, _, fate in world.fates()[1:]} == {"another word for the same"}


def test_three_things_mended_one_after_the_other_are_one_message(world: World) -> None:
    world.drift(100, *findings(4), ELSEWHERE, FAR)
    world.look(200, *findings(2))
    world.look(203, key=ProjectKey("pi5", "db"))
    world.look(204, key=ProjectKey("nas", "mealie"))
    world.look(207)
    world.until(300)
    assert [(one.at, one.bundle.items[0].transition.host, len(one.bundle.items)) for one in world.sent[2:]] == [
        (234, "nas", 1),
        (237, "pi5", 5),
    ]
    assert world.sent[-1].message.title == "pi5: 5 drifts resolved in 2 stacks"


def test_good_news_waits_for_more_of_it_for_a_minute_at_most_and_goes_along_with_bad_news(world: World) -> None:
    world.drift(100, *findings(40))
    for number in range(39):
        world.look(200 + 4 * number, *findings(39 - number))
        if number in (20, 33):
            world.look(200 + 4 * number, ELSEWHERE)
    world.until(1000)
    assert [(one.at, len(one.bundle.items)) for one in world.sent[1:]] == [(290, 16), (337, 11 + 1), (382, 12)]


def test_a_host_with_a_grace_of_its_own_is_back_in_one_message(file_store: Store) -> None:
    telling = lanes()
    world = World(file_store, replace(telling, grace=Patience(30.0, by_host={"pi5": 120.0})))
    world.host(0, HostStatus.OK)
    world.drift(100, *findings(3))
    world.host(102, HostStatus.UNREACHABLE)
    world.until(5000)
    world.host(5000, HostStatus.OK)
    world.look(5002, *findings(3))
    assert world.until(6000) == ["news: open pi5/mealie, open pi5/mealie, open pi5/mealie, ok pi5"]


def test_a_value_that_goes_to_and_fro_is_told_twice_and_once_when_it_is_calm(world: World) -> None:
    world.drift(30, DRIFT)
    for at in range(60, 3600, 60):
        world.look(at, replace(DRIFT, observed=f"{at} MiB"))
    world.until(9000)
    assert [(one.bundle.occasion.value, one.bundle.items[0].transition.observed) for one in world.sent] == [
        ("news", "1 GiB"),
        ("news", "60 MiB"),
        ("flapping", "3540 MiB"),
    ]


def test_a_host_out_of_reach_is_one_message_and_its_stacks_wait(world: World) -> None:
    world.host(0, HostStatus.OK)
    world.drift(100, *findings(30))
    world.host(102, HostStatus.UNREACHABLE)
    assert world.until(5000) == ["news: unreachable pi5"]
    assert world.sent[0].bundle.items[0].frozen == 30
    assert {fate for reason, _, fate in world.fates() if reason == "grace over"} == {"host out of reach"}
    world.host(5000, HostStatus.OK)
    world.look(5010, *findings(2))
    assert world.until(6000) == ["news: open pi5/mealie, open pi5/mealie, ok pi5"]


def test_what_is_another_when_its_host_is_back_is_told_with_that(world: World) -> None:
    """It needs no grace of its own: it was open, and nobody saw it change."""
    world.host(0, HostStatus.OK)
    world.drift(40, DRIFT)
    world.until(190)
    world.host(200, HostStatus.UNREACHABLE)
    world.until(4900)
    world.host(5000, HostStatus.OK)
    world.look(5001, replace(DRIFT, observed="2 GiB"))
    world.until(6000)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie", "news: unreachable pi5", "news: ok pi5, open pi5/mealie"]


@pytest.mark.parametrize(("severity", "told"), [(Severity.WARNING, 1), (Severity.CRITICAL, 2)])
def test_what_is_critical_does_not_wait_for_good_news_of_a_host_that_is_back(world: World, severity: Severity, told: int) -> None:
    world.host(0, HostStatus.OK)
    world.drift(40, ELSEWHERE)
    world.drift(100, finding("privileged", severity=severity))
    world.host(102, HostStatus.UNREACHABLE)
    world.host(5000, HostStatus.OK)
    world.look(5005, key=ProjectKey("pi5", "db"))
    assert len(world.until(5900)) == told


def test_a_host_that_is_back_within_the_grace_was_not_away(world: World) -> None:
    world.host(0, HostStatus.OK)
    world.host(10, HostStatus.UNREACHABLE)
    world.host(100, HostStatus.OK)
    world.host(110, HostStatus.UNREACHABLE)
    assert world.until(1000) == []
    assert [one.what for one in world.sent] == ["news: unreachable pi5"]


def test_all_hosts_out_of_reach_at_the_start_are_said_once_each(world: World) -> None:
    for name in ("pi5", "nas", "proxmox"):
        world.host(0, HostStatus.UNREACHABLE, name)
    for at in range(60, 600, 60):
        for name in ("pi5", "nas", "proxmox"):
            world.host(at, HostStatus.UNREACHABLE, name)
    world.until(1000)
    assert sorted(one.what for one in world.sent) == [f"news: unreachable {name}" for name in ("nas", "pi5", "proxmox")]


def test_resolved_is_not_told_to_who_was_not_told_that_it_appeared(file_store: Store) -> None:
    world = World(file_store, lanes(destination("chat"), destination("pager", min_severity=Severity.CRITICAL)))
    world.drift(30, DRIFT)
    world.look(100)
    world.until(1000)
    assert {one.destination for one in world.sent} == {"chat"}
    assert world.fates("pager") == [
        ("grace over", "skipped", "below min_severity"),
        ("mended on the host", "skipped", "never told that it appeared"),
    ]


def test_who_asks_only_for_what_is_resolved_is_told_that(file_store: Store) -> None:
    world = World(file_store, lanes(destination(on=frozenset({"resolved"}))))
    world.drift(30, DRIFT)
    world.look(100)
    assert world.until(1000) == ["news: resolved pi5/mealie"]
    assert world.fates()[0] == ("grace over", "skipped", "not asked for")


def test_who_was_told_hears_of_the_end_whatever_is_configured_since(file_store: Store) -> None:
    world = World(file_store)
    world.drift(30, DRIFT)
    world.until(100)
    world.telling = lanes(destination(only=(Matcher(host="nas"),)))
    world.start()
    world.look(100)
    assert world.until(1000) == ["news: resolved pi5/mealie"]


def test_everybody_is_told_what_he_asks_for(file_store: Store) -> None:
    world = World(
        file_store,
        lanes(
            destination("pi", only=(Matcher(host="pi*"),)),
            destination("nas", only=(Matcher(host="nas"), Matcher(stack="pi5/db"))),
            destination("images", only=(Matcher(path="image", kind=Kind.CHANGED),)),
        ),
    )
    world.host(0, HostStatus.OK, "nas")
    world.drift(100, DRIFT, ELSEWHERE, FAR)
    world.host(101, HostStatus.UNREACHABLE, "nas")
    world.until(1000)
    told = {name: sorted(item for one in world.sent if one.destination == name for item in one.what[6:].split(", ")) for name in
            ("pi", "nas", "images")}  # fmt: skip
    assert told == {
        "pi": ["open pi5/db", "open pi5/mealie"],
        "nas": ["open pi5/db", "unreachable nas"],
        "images": ["open pi5/db"],
    }
    assert world.fates("images")[0] == ("grace over", "skipped", "meant for others")


def test_what_was_there_already_is_one_summary(file_store: Store) -> None:
    world = World(file_store, lanes(destination(), destination("mail", digest=Digest("daily", time(8)))))
    world.look(0, *findings(3), baseline=True)
    world.look(50, ELSEWHERE, baseline=True)
    world.look(100, FAR, baseline=True)
    world.until(1000)
    assert [(one.at, one.destination, one.bundle.occasion.value, len(one.bundle.items)) for one in world.sent] == [
        (160, "chat", "summary", 5),
        (160, "mail", "summary", 5),
    ]
    world.look(1000, *findings(3))
    assert world.until(2000) == []


def test_a_new_destination_is_told_where_things_stand(file_store: Store) -> None:
    world = World(file_store)
    world.look(0, DRIFT, baseline=True)
    world.drift(100, ELSEWHERE)
    world.until(1000)
    told = len(world.sent)
    world.telling = lanes(destination(), destination("mail"))
    world.start()
    assert world.until(2000) == ["summary: open pi5/mealie, open pi5/db"]
    assert world.sent[told].destination == "mail"
    for _ in range(20):
        world.start()
        assert world.until(world.now + 1000) == []


def test_twenty_restarts_with_standing_drift_tell_nothing(world: World) -> None:
    world.drift(100, *findings(5))
    world.until(1000)
    told = len(world.sent)
    for _ in range(20):
        world.start()
        world.look(world.now + 100, *findings(5))
    world.until(world.now + 10_000)
    assert len(world.sent) == told == 1


def test_a_digest_gathers_what_is_left_of_the_day(file_store: Store) -> None:
    world = World(file_store, lanes(destination(digest=Digest("hourly"))))  # it begins at 22:40, in a zone of whole hours
    world.drift(100, DRIFT)
    world.drift(200, FAR)
    world.look(300)
    world.drift(400, ELSEWHERE)
    assert world.until(3600) == ["digest: open nas/mealie, open pi5/db"]
    assert world.clock().replace(microsecond=0) == after(3600).replace(microsecond=0)
    assert world.sent[0].at == pytest.approx(20 * 60, abs=1)


def test_quiet_hours_hold_back_until_they_are_over(file_store: Store) -> None:
    quiet = QuietHours(time(22), time(7), "UTC")
    pager = destination("pager", quiet_hours=quiet, critical_at_once=True)
    world = World(file_store, lanes(destination(quiet_hours=quiet), pager))
    world.drift(100, DRIFT)
    world.drift(200, FAR)
    world.drift(300, replace(ELSEWHERE, severity=Severity.CRITICAL))
    world.look(400)
    world.until(500)
    assert [(one.destination, one.what) for one in world.sent] == [("pager", "news: open pi5/db")]
    assert {fate for _, _, fate in world.fates()} == {"quiet hours", "gone before it was told"}
    morning = 8 * 3600 + 20 * 60
    world.until(morning)
    assert [(one.destination, one.what) for one in world.sent[1:]] == [
        ("chat", "backlog: open nas/mealie, open pi5/db"),
        ("pager", "news: open nas/mealie"),
    ]
    assert world.sent[1].at == pytest.approx(morning, abs=1)


def test_what_is_held_back_goes_out_though_nothing_else_happens(file_store: Store) -> None:
    quiet = QuietHours(time(22), time(7), "UTC")
    world = World(file_store)
    url = destination(quiet_hours=quiet)
    world.telling = Telling((Lane(url, "ann@example.org"), Lane(url, "bob@example.org")), lanes().grace)
    world.start()
    world.drift(100, DRIFT)
    world.until(200)
    assert {fate for _, _, fate in world.fates()} == {"quiet hours"}
    assert world.until(40_000) == ["news: open pi5/mealie"] * 2
    assert world.sent[-1].at == pytest.approx(8 * 3600 + 20 * 60, abs=1)


def test_a_rate_limit_holds_back_and_sums_up(file_store: Store) -> None:
    world = World(file_store, lanes(destination(rate_limit=RateLimit(2, 3600))))
    for number in range(8):
        world.drift(100 + 60 * number, finding("image", host=f"host{number}"))
    world.until(3600)
    assert [one.what for one in world.sent] == ["news: open host0/mealie", "news: open host1/mealie"]
    assert {fate for _, _, fate in world.fates()[2:]} == {"rate limit"}
    world.until(8000)
    assert [(one.bundle.occasion.value, len(one.bundle.items)) for one in world.sent[2:]] == [("backlog", 6)]


def test_a_reminder_of_all_that_stands(file_store: Store) -> None:
    world = World(file_store, lanes(destination(remind_every=86400.0)))
    world.drift(100, DRIFT)
    world.drift(4000, FAR)
    world.drift(50_000, ELSEWHERE)
    world.look(60_000, key=None)
    world.until(100_000)
    assert [(one.bundle.occasion.value, one.what.partition(": ")[2]) for one in world.sent[3:]] == [
        ("news", "resolved pi5/mealie"),
        ("reminder", "open nas/mealie"),
    ]
    world.until(300_000)
    assert [one.what for one in world.sent[5:]] == ["reminder: open pi5/db, open nas/mealie"] * 2
    assert {row for row in world.fates() if row[1] != "sent"} == set()


def test_a_silence_delays_what_is_still_so_when_it_ends(world: World) -> None:
    with world.store.write() as write:
        silences.add(write, Silence(Matcher(stack="pi5/*"), BEGIN, after(7200), reason="moving the rack"))
    world.drift(100, DRIFT, ELSEWHERE, FAR)
    world.look(1000)
    world.until(7000)
    assert [one.what for one in world.sent] == ["news: open nas/mealie"]
    assert world.until(8000) == ["news: open pi5/db"]
    assert "gone before it was told" in {fate for _, _, fate in world.fates()}


def test_an_accepted_drift_is_told_again_when_the_acceptance_ends(world: World) -> None:
    world.drift(100, DRIFT)
    world.until(150)
    world.change_drift(DRIFT, acceptance=Acceptance(after(150), DRIFT.observed, after(5000), "until the new disk is here"))
    world.look(1000, DRIFT)
    assert world.until(4000) == []
    world.look(5001, DRIFT)
    assert world.until(6000) == ["news: open pi5/mealie"]
    assert world.sent[1].bundle.items[0].transition.reason == "acceptance over"
    world.change_drift(DRIFT, acceptance=Acceptance(after(6000), DRIFT.observed))
    world.look(7000, replace(DRIFT, observed="3 GiB"))
    assert world.until(8000) == ["news: open pi5/mealie"]


def test_the_end_of_an_accepted_drift_is_told_once_to_who_was_told_of_it_and_the_next_one_is_news(file_store: Store) -> None:
    world = World(file_store, lanes(destination(), destination("pager", min_severity=Severity.CRITICAL)))
    world.drift(100, DRIFT)
    world.until(150)
    world.change_drift(DRIFT, acceptance=Acceptance(after(150), DRIFT.observed, after(9999), "until the new disk is here"))
    world.look(1000)
    world.look(1200)
    world.until(2000)
    assert [(one.destination, one.what) for one in world.sent[1:]] == [("chat", "news: resolved pi5/mealie")]
    assert "accepted: since" in world.sent[-1].message.text
    assert "until the new disk is here" in world.sent[-1].message.text
    world.drift(3000, DRIFT)
    assert world.until(4000) == ["news: open pi5/mealie"]
    assert "accepted" not in world.sent[-1].message.text


def test_who_was_not_told_because_it_was_accepted_hears_nothing_of_its_end(world: World) -> None:
    world.look(70, DRIFT)
    world.change_drift(DRIFT, acceptance=Acceptance(after(70), DRIFT.observed))
    world.look(100, DRIFT)
    world.look(1000)
    assert world.until(2000) == []
    assert [fate for _, _, fate in world.fates()] == ["accepted", "never told that it appeared"]


def test_the_end_of_an_acceptance_is_told_though_the_value_is_one_that_was_told_before(world: World) -> None:
    world.drift(100, DRIFT)
    world.until(150)
    other = replace(DRIFT, observed="2 GiB")
    world.look(200, other)
    world.change_drift(other, acceptance=Acceptance(after(201), "2 GiB"))
    assert world.until(300) == []
    for at in (8000, 8100, 8200):
        world.look(at, DRIFT)
    world.until(9000)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"] * 2
    assert "accepted: until its value changed" in world.sent[-1].message.text


def test_the_end_of_an_acceptance_is_told_though_the_drift_was_away_for_a_moment(world: World) -> None:
    world.drift(100, DRIFT)
    world.until(150)
    world.change_drift(DRIFT, acceptance=Acceptance(after(150), DRIFT.observed, after(1010), "until the new disk is here"))
    world.look(1000)
    for at in (1020, 1021, 1100, 1200):
        world.look(at, DRIFT)
    world.until(2000)
    assert [one.what for one in world.sent] == ["news: open pi5/mealie"] * 2
    assert "until the new disk is here" in world.sent[-1].message.text


@pytest.mark.parametrize("quiet", [False, True])
def test_the_end_of_an_acceptance_is_told_though_the_value_is_back_before_it_was(file_store: Store, quiet: bool) -> None:
    night = QuietHours(BEGIN.time(), after(2000).time(), "UTC")
    world = World(file_store, lanes(destination(quiet_hours=night) if quiet else destination()))
    world.drift(3000, DRIFT)
    world.until(4000)
    day = 86400.0
    world.change_drift(DRIFT, acceptance=Acceptance(after(4000), DRIFT.observed, after(day + 1500), "until the new disk is here"))
    world.look(day + 1000, replace(DRIFT, observed="2 GiB"))
    for at in (1600, 1603) if quiet else (1003,):
        world.look(day + at, DRIFT)
    assert world.until(day + 3000) == ["news: open pi5/mealie"]
    (item,) = world.sent[-1].bundle.items
    assert (len(item.deliveries), item.transition.observed, world.states()) == (2, DRIFT.observed, {DeliveryState.SENT})
    assert world.sent[-1].message.title == "pi5/mealie mealie: no longer accepted: memory limit is 1 GiB, Git says 512 MiB"
    assert "accepted: until its value changed" in world.sent[-1].message.text
    assert "until the new disk is here" in world.sent[-1].message.text
    assert "until the new disk is here" in str(world.sent[-1].message.fields), "webhooks have it, too"
    assert world.until(2 * day) == []


def test_another_word_for_how_a_container_is_missing_ends_no_acceptance(world: World) -> None:
    world.drift(100, GONE)
    world.until(150)
    world.change_drift(GONE, acceptance=Acceptance(after(150), GONE.observed, after(5000), "until the new disk is here"))
    world.look(1000, replace(GONE, observed="exited (1)"))
    assert world.until(4000) == []
    world.look(5001, replace(GONE, observed="exited (1)"))
    assert world.until(6000) == ["news: open pi5/mealie"]
    assert world.sent[-1].message.title == "pi5/mealie mealie: no longer accepted: memory limit is 1 GiB, Git says 512 MiB"


def test_a_destination_that_is_away_for_a_day_gets_what_is_left_in_order(world: World) -> None:
    """N4: 500 transitions while it is down."""
    world.answer = lambda url, message: Outcome(Arrival.FAILED, "connection refused")
    for number in range(125):
        at = 600.0 * number
        world.drift(at + 60, finding(f"labels.{number % 10}"), *([DRIFT] if number % 2 else []))
        world.look(at + 500)
    assert world.sent == []
    with world.store.read() as read:
        waiting = deliveries.unfinished(read, "chat", "")
    assert len(waiting) < 40, "what cancels out does not wait"
    world.answer = lambda url, message: ARRIVED
    world.until(world.now + 7200)
    kinds = [one.bundle.occasion.value for one in world.sent]
    assert len(world.sent) <= 3
    assert kinds[0] == "news"
    told: dict[str, str] = {}
    for sent in world.sent:
        for item in sent.bundle.items:
            name, now = item.transition.drift or "", item.transition.to_state
            assert now == "open" or told.get(name) == "open"
            told[name] = now


def test_what_is_given_up_is_said_in_the_next_message(world: World) -> None:
    world.answer = lambda url, message: Outcome(Arrival.FAILED, "connection refused")
    world.drift(100, DRIFT)
    world.until(2 * 86400)
    assert world.fates()[0] == ("grace over", "dead", "given up after a day")
    with world.store.read() as read:
        assert deliveries.given_up(read, SAID) == {"chat": 1}
    world.answer = lambda url, message: ARRIVED
    world.drift(3 * 86400, FAR)
    world.drift(3 * 86400 + 1000, ELSEWHERE)
    world.until(4 * 86400)
    assert [one.bundle.lost for one in world.sent] == [1, 0]
    assert world.fates()[0] == ("grace over", "dead", "given up after a day, and said")
    with world.store.read() as read:
        assert deliveries.given_up(read, SAID) == {}


def test_a_message_that_is_refused_is_sent_short_and_plain_and_blocks_nobody(world: World) -> None:
    def picky(url: object, message: object) -> Outcome:
        text = getattr(message, "text", "")
        return Outcome(Arrival.REFUSED, "400") if "mem_limit" in text or "memory" in text else ARRIVED

    world.answer = picky
    world.drift(100, DRIFT, FAR)
    world.until(130)
    assert [one.what for one in world.sent] == ["news: open nas/mealie"]
    world.until(7200)
    assert [one.what for one in world.sent] == ["news: open nas/mealie", "news: open pi5/mealie"]
    assert world.sent[1].message.text.startswith("anchorwatch: one thing to tell of pi5")


def test_a_message_that_is_refused_for_good_is_given_up(world: World) -> None:
    world.answer = lambda url, message: Outcome(Arrival.REFUSED, "404 no such channel")
    world.drift(100, DRIFT)
    world.until(86400)
    assert world.fates() == [("grace over", "dead", "refused for good")]


def test_resolved_waits_for_the_message_that_it_appeared(world: World) -> None:
    """Which is refused, and so holds back nothing else."""
    world.answer = lambda url, message: ARRIVED if message.resolved else Outcome(Arrival.REFUSED, "400")
    world.drift(100, DRIFT)
    world.look(110)
    assert world.until(150) == []
    assert [(state, why) for _, state, why in world.fates()] == [
        ("retry", "refused 3 times"),
        ("held", "after an earlier message"),
    ]
    assert world.until(7200) == []
    assert [row[1:] for row in world.fates()] == [
        ("dead", "refused for good"),
        ("skipped", "never told that it appeared"),
    ]


def test_doubt_makes_a_repeat_with_the_same_id(world: World) -> None:
    seen: list[str] = []

    def doubtful(url: object, message: object) -> Outcome:
        seen.append(getattr(message, "id", ""))
        return ARRIVED if len(seen) > 2 else Outcome(Arrival.DOUBTFUL, "no answer")

    world.answer = doubtful
    world.drift(100, DRIFT)
    world.until(1000)
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert world.sent[0].bundle.repeat


def test_a_destination_that_is_not_configured_any_more(world: World) -> None:
    world.drift(100, DRIFT)
    world.telling = lanes(destination("mail"))
    world.start()
    world.until(1000)
    assert [one.destination for one in world.sent] == ["mail"]
    assert world.fates() == [("grace over", "skipped", "no such destination any more")]


def test_a_long_message_says_how_much_it_leaves_out(world: World) -> None:
    world.drift(100, *findings(250), finding("mem_limit", severity=Severity.CRITICAL))
    world.until(1000)
    (sent,) = world.sent
    assert (len(sent.bundle.items), sent.bundle.left_out) == (200, 51)
    assert Severity.CRITICAL in {one.transition.severity for one in sent.bundle.items}


def test_what_came_before_what_is_left_out_is_not_told_later(world: World) -> None:
    """250 are told of, and then resolved: what does not fit in is settled with all that it was."""
    world.drift(100, *findings(250))
    world.until(1000)
    assert len(world.sent) == 1
    world.look(2000)
    world.until(4000)
    assert world.states().isdisjoint(deliveries.WAITING)


def test_an_hour_has_as_many_messages_as_the_limit_says_even_after_restarts(file_store: Store) -> None:
    world = World(file_store, lanes(destination(rate_limit=RateLimit(3, 3600))))
    for number in range(10):
        world.drift(100 + 40 * number, finding("image", host=f"host{number}"))
        world.start()
    world.until(1000)
    assert len(world.sent) == 3
    assert world.clock() - BEGIN < timedelta(hours=1)


def test_what_begins_to_flap_and_what_has_calmed_are_two_messages(world: World) -> None:
    other = finding(
        None, kind=Kind.MISSING, stack="db", project="db", service="db", container="db", desired=None, observed="restarting"
    )
    world.drift(30, GONE)
    for at in (60, 120, 180):
        world.look(at)
        world.look(at + 10, GONE)
    world.look(200)
    for at in (1010, 1020, 1030):
        world.look(at, other)
        world.look(at + 5, key=ProjectKey("pi5", "db"))
    world.look(1060, other)
    world.look(1095, other)
    world.until(3000)
    assert [(one.what, one.bundle.items[0].times > 0) for one in world.sent] == [
        ("news: open pi5/mealie", False),
        ("flapping: resolved pi5/mealie", False),
        ("flapping: open pi5/db", True),
    ]
