"""`status`, `history`, `at`, `show` and `diff --at` as a user runs them, on both databases."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import pytest

from anchorwatch.cli import main
from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.drifts import Side
from anchorwatch.model.timeline import Commit
from anchorwatch.store import Store, commits, containers, drifts, runs
from tests.cli.log_world import HOSTILE, LABEL, MEMORY, OLD, PASSWORD, REVISION, Lived, World, container
from tests.cli.program import ANCHORWATCH, environment
from tests.contract import faults
from tests.lab_fixtures import eventually
from tests.store.conftest import *  # noqa: F403  a fixture is found by its name in this module
from tests.store.places import Place


def lived(place: Place) -> Lived:
    with place.open() as store:
        return Lived(place.url, place.folder, World(store).now)


@pytest.fixture
def world(ready_place: Place) -> Lived:
    return lived(ready_place)


@pytest.fixture
def sqlite_world(ready_sqlite_place: Place) -> Lived:
    return lived(ready_sqlite_place)


def ask(place: Place, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What the command says, asked within this process: it is the same, and starting one takes longer than any answer."""
    out, err = io.StringIO(), io.StringIO()
    whole = environment(ANCHORWATCH_DATABASE=place.url, TZ="Europe/Berlin", **(env or {}))
    with patch.dict(os.environ, whole, clear=True), redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    assert PASSWORD not in out.getvalue() + err.getvalue()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def answer(place: Place, *words: str) -> Any:
    done = ask(place, *words, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_status_is_the_object_of_the_contract(world: Lived) -> None:
    found = answer(world, "status")
    assert faults(found, "status") == []
    assert found["summary"] == {
        "hosts": 2, "stacks": 3, "containers": 4, "drift": 3, "unknown": 0, "unknown_keys": 1, "ignored": 0,
    }  # fmt: skip
    assert (found["stale"], found["service"]["running"], found["revision"]) == (False, True, REVISION)
    assert found["coverage"] == {"running": 4, "in_git": 3}
    assert found["not_stacks"] == [{"path": "common/x.yml", "because": "fragment"}]
    statuses = {(stack["host"], stack["stack"]): stack["status"] for stack in found["stacks"]}
    assert statuses == {("pi5", "mealie"): "drifted", ("pi5", "media"): "in_sync", ("proxmox", "dns"): "in_sync"}
    media = next(stack for stack in found["stacks"] if stack["stack"] == "media")
    assert media["unknown"] == [{"service": "media", "path": "environment.TZ", "because": "TZ is set nowhere"}]
    assert media["notes"] == [{"service": "media", "path": "image", "message": "runs an older build"}]
    drift = {one["id"]: one for one in found["drift"]}
    memory, label = drift[MEMORY.id], drift[LABEL.id]
    assert (memory["state"], memory["side"], memory["resolved_at"]) == ("open", "host", None)
    assert memory["appeared_at"] == world.ago(minutes=180).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert memory["cause"]["kind"] == "docker-update"
    assert label["accepted_until"] == (world.now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert list(found["silenced"]) == [one["id"] for one in found["drift"] if one["container"] == "watchtower"]


def times(document: Any) -> set[str]:
    """Every text in it that reads like a moment."""
    if isinstance(document, dict):
        return {time for value in document.values() for time in times(value)}
    if isinstance(document, list):
        return {time for value in document for time in times(value)}
    return {document} if isinstance(document, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", document) else set()


def test_every_time_in_json_is_written_alike(sqlite_world: Lived) -> None:
    """As the contract has it: UTC, milliseconds, `Z`. Also what is read back from what was stored before that."""
    with sqlite_world.open() as store, store.write() as write:
        drift = drifts.get(write, LABEL.id)
        assert drift is not None
        assert drift.cause is not None
        stored = {**drift.cause, "at": "2026-11-20T03:00:00.123456+00:00"}
        drifts.save(write, [replace(drift, cause=stored)])
    verbs = (
        ("status",), ("at", "1h"), ("show", MEMORY.id), ("show", LABEL.id), ("history", "--changes", "--deliveries"),
        ("history", "--stats"), ("diff", "--at", "4h", "--to", "1h"), ("silence", "pi5", "--for", "2h"), ("silence",),
        ("accept", MEMORY.id, "--for", "2h"), ("db", "check"), ("db", "prune"),
    )  # fmt: skip
    found = {words: times(answer(sqlite_world, *words)) for words in verbs}
    assert "2026-11-20T03:00:00.123Z" in found["show", LABEL.id]
    assert all(found.values())
    wrong = {time for own in found.values() for time in own if not re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{3}Z", time)}
    assert wrong == set()


def test_status_for_people(sqlite_world: Lived) -> None:
    shown = ask(sqlite_world, "status").stdout
    assert "3 drifts (1 accepted, 1 silenced) · 3 of 4 containers are in Git · 3 stacks · 2 hosts" in shown
    assert "✓ media   in sync for 9d" in shown
    assert "✗ (in no stack)  1 drift  watchtower" in shown
    assert "✗ warning   pi5 watchtower  runs, and Git does not declare it" in shown, "the name is said once"
    assert shown.count("common/x.yml") == 0, "which files are no stacks `stacks` says"
    assert "changed on the host" in shown
    assert "docker update on the host (certain)" in shown
    assert "\x1b" not in shown


def test_how_far_behind_git(sqlite_world: Lived) -> None:
    with sqlite_world.open() as store, store.write() as write:
        drift = drifts.get(write, MEMORY.id)
        assert drift is not None
        cause = Cause(CauseKind.COMMIT, Confidence.CERTAIN, "commit 3f2a91c by Anna: more", commit=REVISION, behind=3)
        drifts.save(write, [replace(drift, side=Side.GIT, cause=cause.as_json())])
    for words in (("status",), ("status", "--format", "markdown"), ("show", MEMORY.id)):
        assert "behind Git (3 commits when it was found)" in ask(sqlite_world, *words).stdout
    (found,) = [one for one in answer(sqlite_world, "status")["drift"] if one["id"] == MEMORY.id]
    assert (found["side"], found["cause"]["behind"], found["cause"]["commit"]) == ("git", 3, REVISION)


def test_status_never_looks_well_where_nobody_watches(ready_sqlite_place: Place) -> None:
    with ready_sqlite_place.open() as store:
        World(store, silent_for=600)
    found = answer(ready_sqlite_place, "status")
    assert (found["stale"], found["service"]["running"]) == (True, False)
    assert {stack["status"] for stack in found["stacks"]} == {"unknown"}
    shown = ask(ready_sqlite_place, "status").stdout
    assert "the service is not running: its last sign of life was 10m" in shown
    assert "✓" not in shown


def test_status_of_a_service_that_ended(sqlite_world: Lived) -> None:
    with sqlite_world.open() as store, store.write() as write:
        runs.end(write, 1, sqlite_world.now)
    assert {stack["status"] for stack in answer(sqlite_world, "status")["stacks"]} == {"unknown"}


def test_status_of_a_host_out_of_reach(ready_sqlite_place: Place) -> None:
    with ready_sqlite_place.open() as store:
        past = World(store)
        past.lose("pi5", past.ago(seconds=10))
    found = answer(ready_sqlite_place, "status")
    statuses = {(stack["host"], stack["stack"]): stack["status"] for stack in found["stacks"]}
    assert statuses == {("pi5", "mealie"): "unknown", ("pi5", "media"): "unknown", ("proxmox", "dns"): "in_sync"}
    assert next(host for host in found["hosts"] if host["name"] == "pi5")["error"]["class"] == "timeout"
    assert {one["id"] for one in found["drift"]} >= {MEMORY.id}  # what was known stays known
    assert "? out of reach" in ask(ready_sqlite_place, "status").stdout


def test_status_before_the_first_look(ready_place: Place) -> None:
    ready_place.open().close()
    found = answer(ready_place, "status")
    assert faults(found, "status") == []
    assert (found["checked_at"], found["stale"], found["stacks"]) == (None, True, [])


def test_filters_of_status(sqlite_world: Lived) -> None:
    assert [one["path"] for one in answer(sqlite_world, "status", "--stack", "pi5/mealie")["drift"]] == [
        "labels.note",
        "mem_limit",
    ]
    assert [one["path"] for one in answer(sqlite_world, "status", "--severity", "warning", "--kind", "changed")["drift"]] == [
        "mem_limit"
    ]
    assert answer(sqlite_world, "status", "--host", "proxmox")["drift"] == []
    for words in (("--host", "nowhere"), ("--stack", "pi5/nothing"), ("--stack", "pi5")):
        done = ask(sqlite_world, "status", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "hint:" in done.stderr


class Tags(HTMLParser):
    """Which tags a page has, and which attributes that load or run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loading: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loading += [name for name, _ in attrs if name in {"src", "href", "onload", "onclick"}]


@pytest.mark.parametrize("words", [("status",), ("history", "--changes", "--deliveries")])
def test_pages_are_self_contained_and_harmless(sqlite_world: Lived, words: tuple[str, ...]) -> None:
    page = ask(sqlite_world, *words, "--format", "html").stdout
    tags = Tags(page)
    assert "script" not in tags.tags
    assert tags.loading == []
    assert "\u202e" not in page
    assert "mem_limit" in page


def test_junit_and_markdown_of_status(sqlite_world: Lived) -> None:
    tree = ElementTree.fromstring(ask(sqlite_world, "status", "--format", "junit").stdout)
    assert [case.get("name") for case in tree.iter("testcase") if case.find("failure") is not None] == [
        "pi5 watchtower",
        "mealie",
    ]
    page = ask(sqlite_world, "status", "--format", "markdown").stdout
    assert page.startswith("## 3 drifts")
    assert "| warning | `pi5/mealie mealie` | `mem_limit` | `512 MiB` | `1 GiB` |" in page


def test_history(world: Lived) -> None:
    found = answer(world, "history", "--deliveries")
    told = [(one["drift"], one["to"], one["reason"]) for one in found["entries"] if one["drift"] == MEMORY.id]
    assert told == [(MEMORY.id, "open", "grace over"), (MEMORY.id, "pending", "appeared")]
    assert [one["at"] for one in found["entries"]] == sorted((one["at"] for one in found["entries"]), reverse=True)
    opened = next(one for one in found["entries"] if one["drift"] == MEMORY.id)
    assert [(one["destination"], one["state"]) for one in opened["deliveries"]] == [("mail", "sent")]
    assert found["more"] is False
    assert answer(world, "history", "--limit", "2")["more"] is True


def test_a_history_in_which_nothing_happened(sqlite_world: Lived) -> None:
    done = ask(sqlite_world, "history", "--since", "1s")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing happened" in done.stderr
    assert answer(sqlite_world, "history", "--since", "1s")["entries"] == []
    assert len(ask(sqlite_world, "history", "--limit", "1").stdout.splitlines()) == 4, "a day, an entry, and that there are more"


def test_history_narrowed(sqlite_world: Lived) -> None:
    def drifts(*words: str) -> set[str]:
        return {one["drift"] for one in answer(sqlite_world, "history", *words)["entries"]}

    assert drifts("--stack", "proxmox/dns") == {OLD.id}
    assert drifts("--path", "mem*") == {MEMORY.id}
    assert drifts("--cause", "docker-update") == {MEMORY.id, LABEL.id}
    assert drifts("--since", "5h", "--severity", "warning") == {MEMORY.id}
    assert drifts("--until", "5d", "--host", "proxmox") == {OLD.id}
    assert drifts("--service", "dns", "--kind", "changed") == {OLD.id}
    for words in (("--since", "soon"), ("--since", "1h", "--until", "2h"), ("--host", "nowhere")):
        assert ask(sqlite_world, "history", *words).returncode == 2


def test_history_with_changes_tells_the_story(sqlite_world: Lived) -> None:
    found = answer(sqlite_world, "history", "--changes", "--limit", "0")["entries"]
    assert {one["entry"] for one in found} == {"drift", "container", "commit", "watch"}
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    shown = ask(sqlite_world, "history", "--changes", "--limit", "0").stdout
    assert "began to watch (1.0)" in shown
    assert {one["change"] for one in found if one["entry"] == "container"} == {"found"}, "nobody knows when they were made"
    assert "\x1b" not in shown


def test_what_a_clock_that_stood_ahead_wrote_is_shown(sqlite_world: Lived) -> None:
    """Else what changes on after that would be hidden until that time comes."""
    ahead = sqlite_world.now + timedelta(days=365)
    with sqlite_world.open() as store, store.write() as write:
        containers.record(write, "pi5", ahead, [container("media", "media", state="exited")], project="media")
        containers.record(write, "pi5", sqlite_world.now, [container("media", "media")], project="media")
        commits.record(write, Commit("b" * 40, ahead, "Ada", "a commit"), [("pi5", "media")], ahead)
    found = answer(sqlite_world, "history", "--changes", "--stack", "pi5/media")["entries"]
    late = [one["entry"] for one in found if one["at"] > f"{ahead:%Y-%m-%d}"]
    assert sorted(late) == ["commit", "container", "container"]


def test_in_a_pipe_every_entry_is_a_line(sqlite_world: Lived) -> None:
    up = container("media", "media")
    with sqlite_world.open() as store, store.write() as write:
        for number in range(20):
            seen = up if number % 2 else replace(up, state="exited", exit_code=1)
            containers.record(write, "pi5", sqlite_world.ago(seconds=20 - number), [seen], project="media")
    words = ("history", "--changes", "--stack", "pi5/media", "--since", "1h")
    entries = answer(sqlite_world, *words)["entries"]
    assert len(entries) >= 20
    lines = ask(sqlite_world, *words).stdout.splitlines()
    assert len([line for line in lines if re.match(r"  \d\d:\d\d:\d\d ", line)]) == len(entries)
    assert "steps like these" not in "".join(lines)


def test_history_as_csv_holds_no_formula(sqlite_world: Lived) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(sqlite_world, "history", "--changes", "--format", "csv").stdout, newline="")))
    label = next(row for row in rows if row["path"] == "labels.note" and row["to"] == "open")
    assert label["desired"] == "'" + HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_stats(world: Lived) -> None:
    found = answer(world, "history", "--stats", "--since", "9d")
    dns = next(stack for stack in found["stacks"] if stack["stack"] == "dns")
    assert (dns["drifts"], dns["resolved"], dns["longest_to_resolve"]) == (3, 3, 3600.0)
    assert dns["seconds"]["drifted"] == pytest.approx(3 * 3600)
    assert sum(dns["seconds"].values()) == pytest.approx(9 * 86400, abs=120)
    (again,) = found["recurrences"]
    assert (again["count"], again["drift"]["path"]) == (3, "image")
    assert sum(found["fleet"]["seconds"].values()) == pytest.approx(9 * 86400, abs=120), "no time is counted twice"
    assert found["fleet"]["drifts"] == sum(stack["drifts"] for stack in found["stacks"])
    shown = ask(world, "history", "--stats", "--since", "9d").stdout
    assert "3 times, mostly" in shown


def test_stats_begin_when_somebody_began_to_watch(sqlite_world: Lived) -> None:
    found = answer(sqlite_world, "history", "--stats")
    assert found["since"] == sqlite_world.ago(days=9).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert {stack["seconds"]["unwatched"] for stack in found["stacks"]} == {0.0}


def test_at_a_moment(world: Lived) -> None:
    before = answer(world, "at", (world.now - timedelta(minutes=200)).isoformat())
    assert faults(before, "at") == []
    assert [one["path"] for one in before["drift"] if one["stack"]] == []
    assert {stack["stack"]: stack["status"] for stack in before["stacks"]} == dict.fromkeys(("mealie", "media", "dns"), "in_sync")
    since = answer(world, "at", (world.now - timedelta(minutes=100)).isoformat(), "--stack", "pi5/mealie")
    assert {one["path"] for one in since["drift"]} == {"mem_limit", "labels.note"}
    assert {one["accepted_until"] for one in since["drift"]} == {None}  # that came later
    (only,) = since["containers"]
    assert (only["name"], only["state"], only["configuration"]["Config"]["Image"]) == ("mealie", "running", "mealie:1")
    assert only["configuration"]["Env"]["PASSWORD"].startswith("•••• (")
    assert since["desired"][0]["services"]["mealie"]["image"] == "mealie:1"
    password = only["configuration"]["Env"]["PASSWORD"]
    assert {"environment.PASSWORD": password, "image": "mealie:1", "mem_limit": "1 GiB"}.items() <= only["written"].items()


def test_at_a_moment_for_people(world: Lived) -> None:
    shown = ask(world, "at", (world.now - timedelta(minutes=100)).isoformat(), "--stack", "pi5/mealie").stdout
    assert "· pi5 mealie  running, mealie:1" in shown
    assert "\n      mem_limit: 1 GiB  (Git says 512 MiB)\n" in shown
    assert "HostConfig" not in shown
    overview = ask(world, "at", (world.now - timedelta(minutes=100)).isoformat()).stdout
    assert "· pi5 mealie  running, mealie:1" in overview
    assert "mem_limit: 1 GiB" not in overview
    # a filter on what is drifted changes nothing of what ran
    narrowed = ask(world, "at", "100m", "--stack", "pi5/mealie", "--severity", "critical").stdout
    assert "mem_limit: 1 GiB  (Git says 512 MiB)" in narrowed


def test_at_a_moment_of_which_nothing_is_known(sqlite_world: Lived) -> None:
    found = answer(sqlite_world, "at", sqlite_world.ago(days=20).isoformat())
    assert faults(found, "at") == []
    assert (found["stale"], found["stacks"], found["containers"]) == (True, [], [])
    assert {host["doubt"] for host in found["known"]["hosts"]} == {"not_watched_yet"}
    assert "the service had never run by then" in ask(sqlite_world, "at", "20d").stdout
    assert ask(sqlite_world, "at", (sqlite_world.now + timedelta(days=1)).isoformat()).returncode == 2


def test_show(world: Lived) -> None:
    found = answer(world, "show", MEMORY.id[:6])
    assert found["drift"]["id"] == MEMORY.id
    assert [one["to"] for one in found["history"]] == ["pending", "open"]
    assert [one["destination"] for one in found["history"][1]["deliveries"]] == ["mail"]
    assert [one["action"] for one in found["events"]] == ["update"]
    shown = ask(world, "show", MEMORY.id).stdout
    assert "docker update on the host (certain)" in shown
    assert "→ mail: sent" in shown


def test_a_stack_before_anybody_looked_is_none_that_is_misspelled(sqlite_world: Lived) -> None:
    for words in (("at", "2020-01-01", "--stack", "pi5/mealie"), ("diff", "pi5/mealie", "--at", "2020-01-01")):
        done = ask(sqlite_world, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "nobody had looked at pi5 yet at that moment" in done.stderr
        assert "hint: the log of pi5 begins at 20" in done.stderr


def test_a_host_that_was_first_seen_ahead_is_known(ready_sqlite_place: Place) -> None:
    """The clock stood ahead then, and was set right."""
    with ready_sqlite_place.open() as store:
        later = World(store).now + timedelta(days=365)
    with ready_sqlite_place.connection() as connection:
        connection.execute("UPDATE hosts SET first_seen_at = ?", (round(later.timestamp() * 1e6),))
    assert answer(ready_sqlite_place, "status", "--stack", "pi5/mealie")["summary"]["stacks"] == 1


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("--service", "melie"), "the log knows no service 'melie'", "did you mean mealie?"),
        (("--stack", "pi5/melie"), "the log knows no stack 'pi5/melie'", "did you mean pi5/mealie?"),
        (("--stack", "pi6/mealie"), "the log knows no stack 'pi6/mealie'", "did you mean pi5/mealie?"),
        (("--host", "attic"), "the log knows no host 'attic'", "there is pi5, proxmox"),
    ],
)
def test_a_name_that_is_none_is_refused(sqlite_world: Lived, words: tuple[str, str], said: str, hint: str) -> None:
    """Else the answer would be that nothing happened, and all of the time in sync."""
    for more in ((), ("--changes",), ("--stats",), ("--format", "html")):
        done = ask(sqlite_world, "history", *words, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"anchorwatch: {said}" in done.stderr
        assert f"hint: {hint}" in done.stderr


def test_how_often_a_drift_has_come_counts_no_deployment(ready_place: Place) -> None:
    with ready_place.open() as store:
        world = World(store)
        for minutes, found in ((180, (OLD,)), (179.9, ()), (120, (OLD,)), (119.9, ()), (60, (OLD,)), (40, (OLD,))):
            world.look("proxmox", "dns", world.ago(minutes=minutes), *found, side=Side.GIT)
    (shown,) = [line for line in ask(ready_place, "status", "--host", "proxmox").stdout.splitlines() if OLD.id in line]
    assert "for the 4th time" in shown, "three nights, and now"
    assert "for the 4th time" in ask(ready_place, "show", OLD.id).stdout
    assert "for the 3rd time" in ask(ready_place, "at", (world.ago(days=4) + timedelta(minutes=30)).isoformat()).stdout


def test_a_service_that_never_drifted_is_one(sqlite_world: Lived) -> None:
    with sqlite_world.open() as store, store.write() as write:
        containers.record(write, "pi5", sqlite_world.ago(days=1), [container("calm", "media")], project="media")
    done = ask(sqlite_world, "history", "--service", "calm")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing happened" in done.stderr


def test_a_host_that_left_the_config_is_said_to_be_watched_no_more(sqlite_world: Lived) -> None:
    """Else there would be no drift, on no host."""
    left = {"ANCHORWATCH_HOSTS__PROXMOX__DOCKER": "unix:///var/run/docker.sock", "ANCHORWATCH_HOSTS__PROXMOX__STACKS": '["*"]'}
    for words in (("--host", "pi5"), ("--stack", "pi5/mealie")):
        done = ask(sqlite_world, "status", *words, env=left)
        assert (done.returncode, done.stdout) == (2, "")
        assert "pi5 is not watched any more: the config does not name it" in done.stderr
        assert "hint: `anchorwatch history --host pi5` tells" in done.stderr
    assert ask(sqlite_world, "history", "--host", "pi5", env=left).returncode == 0
    assert ask(sqlite_world, "at", "1h", "--host", "pi5", env=left).returncode == 0


def test_a_cause_that_is_none_is_refused_with_those_that_are(sqlite_world: Lived) -> None:
    """Else the answer would be that nothing happened."""
    done = ask(sqlite_world, "history", "--cause", "dockerupdate")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'dockerupdate'" in done.stderr
    assert "'docker-update'" in done.stderr


@pytest.mark.parametrize(("name", "said"), [("zzzz", "no drift"), ("../x", "no ID")])
def test_show_what_is_not_there(sqlite_world: Lived, name: str, said: str) -> None:
    done = ask(sqlite_world, "show", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_diff_between_two_moments(sqlite_world: Lived) -> None:
    words = ("diff", "pi5/mealie", "--at", "4h", "--to", "1h")
    done = ask(sqlite_world, *words)
    assert done.returncode == 0
    assert "+mem_limit: 1 GiB" in done.stdout
    assert [one["name"] for one in answer(sqlite_world, *words)["differences"]] == ["pi5/mealie: mealie, on the host"]
    assert "nothing differs" in ask(sqlite_world, "diff", "proxmox/dns", "--at", "4h", "--to", "1h").stderr
    assert "nobody watched" in ask(sqlite_world, "diff", "--at", "20d", "--to", "1h").stderr.replace(
        "never run", "nobody watched"
    )


def test_no_database(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/none.db", tmp_path)
    for words in (("status",), ("history",), ("at", "1h"), ("show", "abc"), ("diff", "--at", "1h")):
        done = ask(place, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no database" in done.stderr


def test_beside_the_service_that_writes(sqlite_world: Lived) -> None:
    with sqlite_world.open(who="anchorwatch watch") as store, store.write() as write:
        runs.alive(write, 1, sqlite_world.now)
        write.session.flush()
        assert ask(sqlite_world, "status").returncode == 0


def start(place: Place, *words: str, **more: Any) -> subprocess.Popen[bytes]:
    env = environment(ANCHORWATCH_DATABASE=place.url)
    return subprocess.Popen([*ANCHORWATCH, *words], env=env, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def much(place: Place) -> None:
    """So many transitions that writing them takes longer than a reader waits."""
    with place.open() as store, store.write() as write:
        columns = "subject, host_id, at, to_state, reason, episode"
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)"
        write.session.connection().exec_driver_sql(
            f"INSERT INTO transitions ({columns}) {numbers} SELECT 'host', 1, 1790000000000000 + i, 'ok', 'host back', 1 FROM n"
        )


def test_a_reader_that_goes_away_ends_it(sqlite_world: Lived) -> None:
    much(sqlite_world)
    program = start(sqlite_world, "history", "--limit", "0", "--format", "csv")
    assert program.stdout is not None
    assert program.stdout.readline().startswith(b"at,entry,")
    program.stdout.close()
    assert program.wait(20) == 0
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()


def test_ctrl_c_ends_it(sqlite_world: Lived) -> None:
    much(sqlite_world)
    program = start(sqlite_world, "history", "--limit", "0", "--format", "csv")
    assert program.stdout is not None
    assert program.stderr is not None
    assert program.stdout.readline()
    program.send_signal(signal.SIGINT)
    program.stdout.read()
    assert program.wait(20) == 130
    program.stdout.close()
    program.stderr.close()


def test_what_is_read_is_ended_with_its_reader(sqlite_world: Lived) -> None:
    """The query itself: `leaving` ends it while this process is inside SQLite."""
    code = (
        "import sys; from sqlalchemy import text\n"
        "from anchorwatch.cli.leaving import leaving; from anchorwatch.store import Store\n"
        "with Store.open_to_read(sys.argv[1]) as store, leaving(store.cancel) as left:\n"
        "    print('begun', flush=True)\n"
        "    with store.read() as read:\n"
        "        read.session.execute(text('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000000)"
        " SELECT count(*) FROM n')).all()\n"
        "print(left.gone, file=sys.stderr)\n"
    )
    for signalled in (False, True):
        program = subprocess.Popen(
            [sys.executable, "-c", code, sqlite_world.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == b"begun\n"
        if signalled:
            os.kill(program.pid, signal.SIGINT)
        else:
            program.stdout.close()
        said = program.stderr.read()
        assert program.wait(20) == (-signal.SIGINT if signalled else 0), said
        assert (b"KeyboardInterrupt" in said) if signalled else (said.strip() == b"True")
        program.stderr.close()
        program.stdout.close()


def test_nothing_is_written(sqlite_world: Lived) -> None:
    with sqlite_world.open() as store:
        assert isinstance(store, Store)
        before = sqlite_world.rows("SELECT count(*), max(id) FROM transitions")
    for words in (("status",), ("history", "--changes"), ("at", "1h"), ("history", "--stats")):
        assert ask(sqlite_world, *words).returncode == 0
    assert sqlite_world.rows("SELECT count(*), max(id) FROM transitions") == before
    assert eventually(sqlite_world.sound, within=5)
