"""What was heard and not looked at yet. Events have the shape that engines 20.10 and 28.5 give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.watch.heard import MOST, STALE_FOR, Heard, Touched, event_seen


def event(action: str = "update", actor: str = "c1", kind: str = "container", **attributes: str) -> Any:
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": actor, "Attributes": attributes},
        "timeNano": 1_700_000_000_123_456_789,
    }


def test_only_what_is_listed_is_kept_of_an_event() -> None:
    labels = {"com.docker.compose.project": "media", "com.docker.compose.service": "tv", "secret.label": "hunter2"}
    seen = event_seen("pi5", event("die", name="tv-1", exitCode="137", image="tv:1", **labels))
    assert (seen.host, seen.action, seen.actor, seen.name) == ("pi5", "die", "c1", "tv-1")
    assert (seen.project, seen.service) == ("media", "tv")
    assert seen.details == {"exitCode": "137", "image": "tv:1"}
    assert seen.at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert "hunter2" not in repr(seen)


def test_a_command_line_behind_an_action_is_cut() -> None:
    assert event_seen("pi5", event("exec_start: mysql -phunter2")).action == "exec_start"


def test_other_types_say_what_they_are() -> None:
    assert event_seen("pi5", event("connect", "n1", "network", container="c7")).action == "network connect"


def test_what_was_heard_a_moment_ago_is_read_again_by_the_next_look_too() -> None:
    heard = Heard()
    heard.note("pi5", event(actor="c1"), 100.0)
    assert heard.touched(100.01) == Touched(frozenset({"c1"}), False)
    assert heard.touched(100.0 + STALE_FOR + 0.01) == Touched(frozenset({"c1"}), False)
    assert heard.touched(101.0) == Touched()


def test_a_network_event_touches_the_container_and_the_networks() -> None:
    heard = Heard()
    heard.note("pi5", event("connect", "n1", "network", container="c7"), 5.0)
    assert heard.touched(6.0) == Touched(frozenset({"c7"}), True)
    assert heard.touched(7.0) == Touched()


def test_a_look_that_came_to_nothing_gives_back_what_it_was_to_read() -> None:
    heard = Heard()
    heard.note("pi5", event(actor="c1"), 1.0)
    heard.note("pi5", event("create", "v1", "volume"), 1.0)
    took = heard.touched(10.0)
    heard.again(took, 11.0)
    assert heard.touched(12.0) == took == Touched(frozenset({"c1"}), True)


def test_events_that_could_not_be_written_come_before_later_ones() -> None:
    heard = Heard()
    heard.note("pi5", event(actor="c1"), 1.0)
    took = heard.take_events()
    heard.note("pi5", event(actor="c2"), 2.0)
    heard.put_back(took)
    assert [one.actor for one in heard.take_events()] == ["c1", "c2"]
    assert heard.take_events() == ()


def test_events_are_unwritten_until_they_are_written_or_counted_only() -> None:
    heard = Heard()
    for number in range(MOST + 3):
        heard.note("pi5", event(actor=f"c{number}"), 1.0)
    assert heard.unwritten == MOST
    took = heard.take_events()
    heard.note("pi5", event(actor="later"), 2.0)
    assert heard.unwritten == MOST + 1, "who has taken them has not written them yet"
    heard.put_back(took)
    assert (heard.unwritten, heard.dropped) == (MOST, 4)
    heard.written(heard.take_events())
    assert heard.unwritten == 0


def test_a_flood_keeps_the_newest_and_counts_the_rest() -> None:
    heard = Heard()
    for number in range(MOST + 3):
        heard.note("pi5", event(actor=f"c{number}"), 1.0)
    assert heard.dropped == 3
    assert heard.take_events()[0].actor == "c3"


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abc")), max_size=20), st.floats(0, 200))
def test_nothing_that_was_touched_is_ever_forgotten_before_it_was_read(noted: list[tuple[float, str]], began: float) -> None:
    heard = Heard()
    for at, actor in sorted(noted):
        heard.note("pi5", event(actor=actor), at)
    assert heard.touched(began).containers == {actor for _, actor in noted}
    again = heard.touched(began + timedelta(days=1).total_seconds()).containers
    assert again == {actor for actor in "abc" if any(one == actor and at + STALE_FOR > began for at, one in noted)}
