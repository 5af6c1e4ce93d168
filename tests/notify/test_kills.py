"""SIGKILL between the transition and the recorded delivery: everything arrives, and only what was handed over arrives twice."""

from __future__ import annotations

import random
import signal
from collections import defaultdict

import pytest

from anchorwatch.notify.crash import POINTS
from tests.notify import kill_scenes as scenes
from tests.notify.endpoints import Web, web
from tests.store.crashing import Child
from tests.store.places import Place

BOTH = ("a", "b")


def arrived(site: Web, name: str) -> dict[int, list[str]]:
    """By transition: the IDs of the messages that told of it, in the order in which they arrived."""
    found: dict[int, list[str]] = defaultdict(list)
    for request in list(site.requests):
        whole = len(request.body) == int(request.headers.get("Content-Length") or 0)  # who is killed while he sends sends half
        if request.path == f"/ok/{name}" and whole and request.body:
            for transition in request.json["told"]:
                found[transition].append(request.json["id"])
    return found


def transitions(place: Place) -> set[int]:
    return {int(row[0]) for row in place.rows("SELECT id FROM transitions")}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_named_point(ready_place: Place, point: str) -> None:
    with web() as site:
        url = site.url("", "http").rstrip("/")
        killed = Child(scenes.tell_and_crash, ready_place, url, ("a",), 3, f"{point}:2", folder="no folder")
        assert killed.ended() == -signal.SIGKILL, killed.said
        again = Child(scenes.tell_and_crash, ready_place, url, ("a",), 1, None, folder="no folder")
        assert again.ended() == 0, again.said
        found = arrived(site, "a")
    committed = {one for child in (killed, again) for _, one in child.said if _ == "committed"}
    assert committed <= transitions(ready_place) == set(found)
    twice = [ids for ids in found.values() if len(ids) > 1]
    if point == "after_send":
        assert [len(set(ids)) for ids in twice] == [1], "once more, under the same ID"
    else:
        assert twice == []
    assert ready_place.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]


def test_killed_at_random(ready_sqlite_place: Place) -> None:
    """`python -m bench.kills` does it 200 times."""
    kills(ready_sqlite_place, 8)


def kills(place: Place, number: int) -> dict[str, int]:
    """Kills as often, at any moment, while drift opens and two destinations are told; what that came to."""
    luck = random.Random(2026)
    committed: set[int] = set()
    with web() as site:
        url = site.url("", "http").rstrip("/")
        for _ in range(number):
            child = Child(scenes.tell_for_ever, place, url, BOTH, folder="no folder")
            child.hear(luck.randint(1, 8))
            child.kill(after=luck.uniform(0, 0.2))
            child.ended()
            committed |= {one for word, one in child.said if word == "committed"}
        last = Child(scenes.tell_and_crash, place, url, BOTH, 1, None, folder="no folder")
        assert last.ended() == 0, last.said
        found = {name: arrived(site, name) for name in BOTH}
    everything = transitions(place)
    assert committed <= everything
    repeats = 0
    for name in BOTH:
        assert set(found[name]) == everything, f"{name}: every transition arrives"
        for ids in found[name].values():
            assert len(set(ids)) == 1, "a repeat has the ID of the first"
            repeats += len(ids) > 1
    assert place.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]
    assert place.sound()
    return {"transitions": len(everything), "kills": number, "repeated": repeats}
