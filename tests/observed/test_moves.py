"""Containers that come, go and change between the list and their inspection are not misjudged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from anchorwatch.model.address import HostAddress
from anchorwatch.model.observed import Renewal, Snapshot
from anchorwatch.observed import connect
from tests.observed.fake_engine import NOT_FOUND, Answer, FakeEngine, answer, inspection, row, told


class Moving:
    """An engine whose containers are those of one scene until the script says that the next one begins."""

    def __init__(self, scenes: list[dict[str, Any]], next_after: str) -> None:
        self._scenes = scenes
        self._next_after = re.compile(next_after)
        self._healthy = told({})

    def __call__(self, path: str) -> Answer:
        scene = self._scenes[0]
        if self._next_after.search(path) and len(self._scenes) > 1:
            self._scenes.pop(0)
        if "/containers/json" in path:
            return answer(list(scene["rows"]))
        if found := re.search(r"/containers/(\w+)/json", path):
            seen = scene["seen"].get(found[1])
            return answer(seen) if seen else NOT_FOUND
        return self._healthy(path)


def scene(*containers: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "rows": [row(*container) for container in containers],
        "seen": {container[0]: inspection(*container) for container in containers},
    }


def look(teller: Moving, tmp_path: Path) -> tuple[Snapshot, list[str]]:
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        snapshot = connection.snapshot()
    return snapshot, [re.sub(r"^/v1\.51|\?.*", "", path) for _, path in server.requests]


def shown(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    return [(container.id, container.name, container.state) for container in snapshot.containers]


def test_a_host_at_rest_is_asked_once(tmp_path: Path) -> None:
    snapshot, asked = look(Moving([scene(("a", "web", "running"), ("b", "db", "exited"))], "never"), tmp_path)
    assert shown(snapshot) == [("a", "web", "running"), ("b", "db", "exited")]
    assert asked.count("/containers/json") == 1
    assert asked.count("/containers/a/json") == 1


def test_a_container_that_was_removed_for_good(tmp_path: Path) -> None:
    before, after = scene(("a", "web", "running"), ("b", "db", "running")), scene(("b", "db", "running"))
    snapshot, asked = look(Moving([before, after], "/containers/json"), tmp_path)
    assert shown(snapshot) == [("b", "db", "running")]
    assert asked.count("/containers/b/json") == 1


def test_a_recreated_container_is_found_under_its_new_id(tmp_path: Path) -> None:
    """Compose makes `<id>_web`, stops and removes the old one, and renames: the list was of the time before."""
    before, after = scene(("a", "web", "running")), scene(("b", "web", "running"))
    snapshot, _ = look(Moving([before, after], "/containers/json"), tmp_path)
    assert shown(snapshot) == [("b", "web", "running")]


def test_a_temporary_name_that_became_the_final_one_meanwhile(tmp_path: Path) -> None:
    before = scene(("a", "web", "running"), ("b", "aaaaaaaaaaaa_web", "created"))
    after = scene(("b", "web", "running"))
    snapshot, _ = look(Moving([before, after], "/containers/json"), tmp_path)
    assert shown(snapshot) == [("b", "web", "running")]


def test_the_old_container_stopping_brings_its_successor_into_view(tmp_path: Path) -> None:
    before = scene(("a", "web", "running"))
    after = scene(("a", "web", "exited"), ("b", "aaaaaaaaaaaa_web", "created"))
    snapshot, _ = look(Moving([before, after], "/containers/json"), tmp_path)
    assert shown(snapshot) == [("a", "web", "exited"), ("b", "aaaaaaaaaaaa_web", "created")]


def test_a_list_that_stays_behind_does_not_win_over_the_inspection(tmp_path: Path) -> None:
    """Docker 20.10 lists a container as running up to 0.1 s after it died."""
    stale = scene(("a", "web", "running"))
    stale["seen"] = {"a": inspection("a", "web", "exited")}
    snapshot, asked = look(Moving([stale], "never"), tmp_path)
    assert shown(snapshot) == [("a", "web", "exited")]
    assert asked.count("/containers/json") == 3


def test_a_list_that_stays_behind_while_it_is_renewed(tmp_path: Path) -> None:
    """What an engine tells twice in one renewal is not what it told before it."""
    stale = scene(("a", "web", "running"))
    stale["seen"] = {"a": inspection("a", "web", "exited")}
    teller = Moving([scene(("a", "web", "running")), stale], "/containers/a/json")
    with FakeEngine(teller, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        now = connection.snapshot()
        assert shown(now) == [("a", "web", "running")]
        for _ in range(2):
            now = connection.snapshot(renew=Renewal(now, touched=frozenset({"a"})))
            assert shown(now) == [("a", "web", "exited")]
