"""What is said of traces that are hard to make on a machine: other tools, lost events. Shapes are those of real engines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.compare.mend import CHANGES_IN_PLACE
from anchorwatch.ledger.cause import UPDATED, Evidence, cause, causes
from anchorwatch.ledger.side import Earlier
from anchorwatch.model.cause import Cause
from anchorwatch.model.drifts import Side
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container, Network
from anchorwatch.model.timeline import Commit, ContainerSeen, EventSeen
from anchorwatch.model.values import Secret
from tests.compare.make import LONG_AGO, NOW, container, snapshot

PREFIX = "com.docker.compose."
FOLDER, FILES = PREFIX + "project.working_dir", PREFIX + "project.config_files"
OLD_ID, NEW_ID = "0" * 64, "f" * 64


def web(**more: Any) -> Container:
    given: dict[str, Any] = {"id": NEW_ID, "created_at": NOW - timedelta(minutes=1), "labels": {FOLDER: "/srv/media"}}
    return container("media-web-1", "web", **(given | more))


WAS = ContainerSeen.of(web(id=OLD_ID, created_at=LONG_AGO))


def finding(path: str | None = "environment.TZ", kind: Kind = Kind.CHANGED, **more: Any) -> Finding:
    given: dict[str, Any] = {"project": "media", "service": "web", "container": "media-web-1"}
    return Finding("nas", kind, "", path=path, **(given | more))


def event(
    action: str, seconds: float = -30.0, actor: str = NEW_ID, name: str | None = "media-web-1", **details: str
) -> EventSeen:
    return EventSeen("nas", NOW + timedelta(seconds=seconds), action, actor, name, "media", "web", details)


def told(one: Finding, *seen: Container, networks: tuple[Network, ...] = (), **more: Any) -> Cause:
    return cause(one, Side.HOST, Evidence(snapshot(*seen, networks=networks), **more))


@pytest.mark.parametrize(
    ("labels", "by", "confidence", "text"),
    [
        (
            {FOLDER: "/data/compose/12"},
            "Portainer",
            "likely",
            "re-created at 01:59 UTC by Portainer (its folder /data/compose/12",
        ),
        ({FOLDER: "/mnt/x/portainer-compose-unpacker/stacks/media"}, "Portainer", "likely", "by Portainer"),
        ({FOLDER: "/etc/komodo/stacks/media"}, "Komodo", "likely", "by Komodo"),
        ({FOLDER: "/etc/komodo/repos/home/media"}, "Komodo", "likely", "by Komodo"),
        ({FOLDER: "/app/data/stacks/main/media"}, "Dockhand", "likely", "by Dockhand"),
        ({FOLDER: "/app/data/projects/media"}, "Arcane", "likely", "by Arcane"),
        ({"cd.doco.metadata.manager": Secret("doco-cd")}, "doco-cd", "certain", "by doco-cd (its label cd.doco."),
        ({"coolify.managed": Secret("true")}, "Coolify", "certain", "by Coolify"),
        ({FOLDER: "/var/lib/casaos/apps/media"}, "CasaOS", "likely", "by CasaOS"),
        # the same folders, where they are not the tool's own
        ({FOLDER: "/opt/stacks/media"}, None, "certain", "by `docker compose up` in /opt/stacks/media, before in /srv/media"),
        ({FOLDER: "/srv/data/compose/12"}, None, "certain", "in /srv/data/compose/12, before in /srv/media"),
        ({FOLDER: "/home/anna/test"}, None, "certain", "in /home/anna/test, before in /srv/media"),
        ({FOLDER: "/srv/media", FILES: "/srv/media/b.yml"}, None, "certain", "by `docker compose up` with /srv/media/b.yml"),
        ({FOLDER: "/srv/media", FILES: "-"}, None, "certain", "with a file from standard input"),
        ({PREFIX + "config-hash": "1" * 64}, None, "certain", "from another definition than before"),
        ({PREFIX + "config-hash": "0" * 64}, None, "certain", "by `docker compose up` in /srv/media"),
    ],
)
def test_who_made_a_container_again(labels: dict[str, Any], by: str | None, confidence: str, text: str) -> None:
    seen = web()
    found = told(finding(), replace(seen, labels={**seen.labels, **labels}), before=[WAS])
    assert (found.kind.value, found.by, found.confidence.value) == ("recreated", by, confidence)
    assert text in found.text


def test_a_tool_that_runs_beside_it_tells() -> None:
    seen = web(labels={FOLDER: "/opt/stacks/media"})
    dockge = container("dockge", config={"Image": "louislam/dockge:1"})
    assert told(finding(), seen, dockge, before=[WAS]).by == "Dockge"
    updated = web(image_id="sha256:2", labels={FOLDER: "/srv/media", PREFIX + "image": "sha256:1"})
    watchtower = container("tower", config={"Image": "ghcr.io/nicholas-fedor/watchtower@sha256:abc"})
    found = told(finding(), updated, watchtower, before=[WAS])
    assert (found.by, found.confidence.value) == ("Watchtower", "likely")
    assert told(finding(), updated, replace(watchtower, state="exited"), before=[WAS]).by is None
    wud = container("wud", config={"Image": "getwud/wud"})
    assert told(finding(), updated, watchtower, wud, before=[WAS]).by is None, "either may have been it"


def test_by_whom_without_a_memory_of_what_was_before() -> None:
    """The first look of all: nothing is known but what the container itself tells."""
    found = cause(finding(), Side.UNKNOWN, Evidence(snapshot(web(labels={FOLDER: "/data/compose/3"}))))
    assert (found.kind.value, found.by) == ("recreated", "Portainer")
    assert found.text.startswith("made at 01:59 UTC by Portainer")
    found = cause(finding(container="web"), Side.UNKNOWN, Evidence(snapshot(container("web"))))
    assert (found.kind.value, found.text.startswith("made at 2026-11-01")) == ("by-hand", True)


def test_an_update_of_a_container_that_history_does_not_know() -> None:
    """One that is claimed by its name alone belongs to no project, and its history is not the project's."""
    seen = web(host_config={"Memory": 9}, created_at=LONG_AGO)
    found = told(finding("mem_limit"), seen, events=[event("update")])
    assert (found.kind.value, found.confidence.value) == ("docker-update", "likely")
    assert told(finding("image"), seen, events=[event("update")]).kind.value == "recreated"
    assert told(finding("image"), seen).confidence.value == "likely", "nobody saw it made"


def test_a_foreign_container_that_was_there_and_is_started_again() -> None:
    old = container("old", state="exited", id=OLD_ID)
    one = finding(None, Kind.UNMANAGED, project=None, service=None, container="old")
    found = told(one, replace(old, state="running"), before=[ContainerSeen.of(old)], events=[event("start", actor=OLD_ID)])
    assert (found.kind.value, found.text) == ("by-hand", "started on the host at 01:59 UTC")
    assert told(one, replace(old, state="running")).text.startswith("made at ")


def test_a_label_that_may_be_a_secret_is_never_shown() -> None:
    seen = web(labels={FOLDER: "/srv/media", "cd.doco.source.url": Secret("https://u:canary@git")})
    assert "canary" not in json.dumps(causes([finding()], {}, Evidence(snapshot(seen), [WAS])))


SAME = ContainerSeen.of(web(host_config={"Memory": 0}))


def test_what_docker_update_changes_is_what_up_does_not_mend() -> None:
    assert UPDATED.keys() | {"container_name"} == CHANGES_IN_PLACE


def test_docker_update_is_known_without_its_event() -> None:
    found = told(finding("mem_limit"), web(host_config={"Memory": 2**30}), before=[SAME])
    assert (found.kind.value, found.confidence.value, found.at) == ("docker-update", "certain", None)
    assert found.text == "`docker update` on the host"
    found = told(finding("mem_limit"), web(host_config={"Memory": 2**30}), before=[SAME], events=[event("update")])
    assert found.text == "`docker update` on the host at 01:59 UTC"


def test_an_update_of_something_else_is_not_taken_for_the_cause() -> None:
    """The value is the one of the last look: it is the wanted one that has moved, outside Git."""
    found = told(finding("cpus"), web(host_config={"Memory": 2**30}), before=[SAME], events=[event("update")])
    assert (found.kind.value, found.confidence.value) == ("unknown", "unknown")
    assert "outside Git" in found.text


def test_an_update_that_a_look_has_seen_and_could_not_judge() -> None:
    """While the stack could not be read, say: the container is as that look saw it, and the event is not old."""
    seen = web(host_config={"Memory": 2**30})
    found = told(finding("mem_limit"), seen, before=[ContainerSeen.of(seen)], events=[event("update")])
    assert (found.kind.value, found.confidence.value) == ("docker-update", "likely")
    found = told(finding("mem_limit"), seen, before=[ContainerSeen.of(seen)])
    assert found.text.startswith("not known: it was so at the last look")


def test_a_changed_default_of_the_engine() -> None:
    found = told(
        finding("ulimits.nofile"), web(host_config={"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}), before=[SAME]
    )
    assert (found.kind.value, found.confidence.value) == ("engine-restart", "likely")


@pytest.mark.parametrize(
    ("seen", "events", "kind", "confidence", "text"),
    [
        ({"oom_killed": True, "exit_code": 137}, [], "oom", "certain", "killed by the kernel for want of memory"),
        # one process of several: the container itself went on and ended later
        ({"exit_code": 1}, [event("oom"), event("die", exitCode="1")], "oom", "likely", "for want of memory at 01:59 UTC"),
        ({"exit_code": 3}, [event("die", exitCode="3")], "crash", "certain", "it ended by itself at 01:59 UTC with exit code 3"),
        ({"exit_code": 137}, [event("die", exitCode="137")], "crash", "likely", "with SIGKILL, and not by the engine"),
        ({"state": "restarting", "exit_code": 1, "restart_count": 9}, [event("die")], "crash", "certain", "again and again"),
        ({"state": "restarting", "exit_code": 1, "restart_count": 9}, [], "crash", "likely", "again and again"),
        # `stop` comes before `die` on new engines, behind it on old ones
        (
            {"exit_code": 0},
            [event("kill", -30, signal="15"), event("die", -29), event("stop", -29)],
            "stopped",
            "certain",
            "stopped on the host at 01:59 UTC",
        ),
        (
            {"exit_code": 137},
            [event("kill", -40, signal="15"), event("kill", -30, signal="9"), event("stop", -29), event("die", -29)],
            "stopped",
            "certain",
            "stopped on the host at 01:59 UTC (it did not end by itself, and was killed)",
        ),
        (
            {"exit_code": 137},
            [event("kill", signal="9"), event("die", -29)],
            "stopped",
            "certain",
            "killed on the host at 01:59 UTC",
        ),
        # a signal that it lives on with (`docker kill -s HUP`), and a crash later
        ({"exit_code": 2}, [event("kill", -50, signal="1"), event("die", -10, exitCode="2")], "crash", "certain", "exit code 2"),
        ({"exit_code": 143}, [], "unknown", "unknown", "nobody was there to see why"),
        ({"state": "paused"}, [event("pause")], "stopped", "certain", "paused on the host at 01:59 UTC"),
        ({"state": "created", "exit_code": 127}, [event("create")], "crash", "certain", "could not be started (exit code 127)"),
        ({"state": "created"}, [event("create")], "unknown", "unknown", "made, and not started"),
    ],
)
def test_why_it_does_not_run(seen: dict[str, Any], events: list[EventSeen], kind: str, confidence: str, text: str) -> None:
    state = {"state": "exited", "finished_at": NOW - timedelta(seconds=30)} | seen
    found = told(finding(None, Kind.MISSING), web(**state), events=events)
    assert (found.kind.value, found.confidence.value) == (kind, confidence)
    assert text in found.text


def bridge(at: datetime) -> Network:
    """The engine makes it anew at each start; seen with 20.10 and 28.5."""
    return Network("b" * 64, "bridge", {}, {"Created": at.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")})


RESTART = NOW - timedelta(minutes=2)


def ended(at: datetime, **more: Any) -> Container:
    return web(**({"state": "exited", "exit_code": 143, "started_at": LONG_AGO, "finished_at": at} | more))


def other(name: str = "db", **more: Any) -> Container:
    """One that the engine has started again."""
    given: dict[str, Any] = {"started_at": RESTART + timedelta(seconds=1), "finished_at": RESTART - timedelta(seconds=50)}
    return container(name, **(given | more))


def test_it_ended_with_the_engine() -> None:
    gone = ended(RESTART - timedelta(seconds=48))
    kill = [event("kill", -170, signal="15"), event("die", -168), event("stop", -168)]
    for events in ([], kill):
        found = told(finding(None, Kind.MISSING), gone, other(), networks=(bridge(RESTART),), events=events)
        assert (found.kind.value, found.confidence.value) == ("engine-restart", "certain")
    assert told(finding(None, Kind.MISSING), gone, networks=(bridge(RESTART),)).confidence.value == "likely", "nobody beside it"


def test_the_host_was_rebooted() -> None:
    gone, boot = ended(RESTART - timedelta(seconds=48)), RESTART - timedelta(seconds=20)
    found = told(finding(None, Kind.MISSING), gone, other(), networks=(bridge(RESTART),), booted_at=boot)
    assert (found.kind.value, found.confidence.value, found.at) == ("host-reboot", "certain", boot)
    long_ago = told(finding(None, Kind.MISSING), gone, other(), networks=(bridge(RESTART),), booted_at=LONG_AGO)
    assert long_ago.kind.value == "engine-restart"


@pytest.mark.parametrize(
    ("gone", "beside"),
    [
        # it ended on its own before the engine was restarted, and the others with the engine
        (ended(RESTART - timedelta(minutes=8)), other()),
        # it ended since
        (ended(RESTART + timedelta(seconds=40), started_at=RESTART + timedelta(seconds=2)), other()),
        # an engine with `live-restore` ends nobody
        (ended(RESTART - timedelta(seconds=48)), other(started_at=LONG_AGO, finished_at=None)),
        # too long ago to say
        (ended(RESTART - timedelta(hours=3)), other(finished_at=None)),
    ],
)
def test_it_did_not_end_with_the_engine(gone: Container, beside: Container) -> None:
    found = told(finding(None, Kind.MISSING), gone, beside, networks=(bridge(RESTART),))
    assert found.kind.value == "unknown"


def test_where_networks_are_not_permitted_nothing_is_said_of_the_engine() -> None:
    assert told(finding(None, Kind.MISSING), ended(RESTART), other()).kind.value == "unknown"


ABSENT = finding(None, Kind.MISSING, observed="absent")
DB = ContainerSeen.of(container("media-db-1", "db", id="d" * 64))


def test_it_was_removed() -> None:
    found = told(ABSENT, before=[WAS, DB], events=[event("destroy", actor=OLD_ID)])
    assert (found.kind.value, found.confidence.value, found.text) == ("by-hand", "certain", "removed on the host at 01:59 UTC")
    assert told(ABSENT, before=[WAS]).text == "removed on the host", "its event was lost"
    down = [event("destroy", actor=OLD_ID), event("destroy", actor="d" * 64, name="media-db-1")]
    assert told(ABSENT, before=[WAS, DB], events=down).text.endswith("with the whole project")
    assert told(ABSENT).kind.value == "unknown", "it never was there"


def test_it_has_another_name() -> None:
    found = told(ABSENT, container("other", id=OLD_ID), before=[WAS])
    assert (found.kind.value, found.text) == ("by-hand", "renamed on the host, from media-web-1")


def test_the_number_of_containers() -> None:
    count = finding("scale", container=None)
    found = told(count, web(id=OLD_ID), web(id="2" * 64, labels={PREFIX + "container-number": "2"}), before=[WAS])
    assert (found.kind.value, found.confidence.value, found.evidence) == ("by-hand", "certain", ("1 made",))
    assert told(count, web(id=OLD_ID), before=[WAS]).kind.value == "unknown"


def test_networks_and_volumes() -> None:
    missing = finding("networks.front", Kind.MISSING, service=None, container=None, desired="media_front")
    found = told(missing, events=[event("network destroy", actor="n" * 64, name="media_front")])
    assert (found.kind.value, found.text) == ("by-hand", "removed on the host at 01:59 UTC")
    volume = finding("volumes.data", Kind.MISSING, service=None, container=None, desired="media_data")
    assert told(volume, events=[event("volume destroy", actor="media_data", name=None)]).kind.value == "by-hand"
    changed = finding("networks.front.internal", service=None, container=None)
    assert told(changed, events=[event("network create", name="media_front")]).text.startswith("made anew")
    assert told(missing, events=[event("network destroy", name="other")]).kind.value == "unknown"


def test_a_commit_is_to_blame_where_git_moved_and_nowhere_else() -> None:
    commit = Commit("3f2a91c" + "0" * 33, NOW, "Anna", "raise memory limit")
    evidence = Evidence(snapshot(web(host_config={"Memory": 9})), [SAME], (), Earlier({"media-web-1": "a" * 40}), [commit])
    one = finding("mem_limit")
    assert cause(one, Side.GIT, evidence).text == "commit 3f2a91c by Anna: raise memory limit"
    assert cause(one, Side.HOST, evidence).kind.value == "docker-update"


def test_times_are_written_in_the_zone_that_is_asked_for() -> None:
    zone = timezone(timedelta(hours=1))
    found = told(finding("mem_limit"), web(host_config={"Memory": 9}), before=[SAME], events=[event("update")], zone=zone)
    assert found.text == "`docker update` on the host at 02:59"


ACTIONS = st.sampled_from(
    [
        "create",
        "start",
        "die",
        "kill",
        "stop",
        "oom",
        "update",
        "rename",
        "destroy",
        "network connect",
        "network destroy",
        "pause",
    ]
)
EVENTS = st.lists(
    st.builds(event, ACTIONS, st.floats(-300, 0), st.sampled_from([OLD_ID, NEW_ID, "d" * 64]), st.just("media-web-1")), max_size=8
)
PATHS = st.sampled_from(
    [
        None,
        "mem_limit",
        "restart",
        "container_name",
        "networks.front",
        "network_mode",
        "ulimits.nofile",
        "environment.TZ",
        "scale",
    ]
)


@given(
    EVENTS,
    PATHS,
    st.sampled_from(Kind),
    st.sampled_from(Side),
    st.sampled_from(["running", "exited", "created", "paused", "restarting", "dead", "removing"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_whatever_happened_a_clause_comes_of_it(
    events: list[EventSeen], path: str | None, kind: Kind, side: Side, state: str, remembered: bool, there: bool
) -> None:
    one = finding(path, kind, container=None if path == "scale" else "media-web-1")
    seen = [web(state=state)] if there else []
    evidence = Evidence(
        snapshot(*seen, networks=(bridge(RESTART),)), [WAS] if remembered else [], sorted(events, key=lambda e: e.at)
    )
    (found,) = causes([one], {one.id: side}, evidence).values()
    assert json.loads(json.dumps(found)) == found, "plain JSON"
    assert found["text"].splitlines() == [found["text"]]
    assert not found["text"].endswith(".")
    assert (found["kind"] == "unknown") <= (found["confidence"] == "unknown")
    assert found["kind"] == "commit" if side is Side.GIT else found["kind"] != "commit"
