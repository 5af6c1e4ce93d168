"""Events as engines 20.10 and 28.5 send them (their labels cut) → keys. Belongings come from a real-looking host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredService, DesiredState, ProjectKey
from anchorwatch.model.observed import Container, Engine, Network, Snapshot
from anchorwatch.model.settings import IgnoreRule
from anchorwatch.watch.belongings import Belongings, belongings
from anchorwatch.watch.triggers import MEANINGLESS, of_commit, of_event
from tests.store.make import BEGIN, stack

PROJECT = "com.docker.compose.project"
MEALIE, PROXY, NOBODY = ProjectKey("pi5", "mealie"), ProjectKey("pi5", "proxy"), ProjectKey("pi5", "")
WEB, FOREIGN = "c68dbdd1" * 8, "1d6013eb" * 8


def container(id: str, name: str, project: str | None, *networks: str, volume: str | None = None) -> Container:  # noqa: A002
    return Container(
        id=id,
        name=name,
        image_id="sha256:1",
        state="running",
        exit_code=0,
        created_at=BEGIN,
        started_at=BEGIN,
        finished_at=None,
        labels={PROJECT: project} if project else {},
        environment={},
        config={},
        host_config={},
        mounts={"/data": {"Type": "volume", "Name": volume}} if volume else {"/etc": {"Type": "bind"}},
        networks={name: {} for name in networks},
    )


def project(name: str, revision: str | None = "a" * 40, host: str = "pi5", **more: Any) -> DesiredProject:
    given: dict[str, Any] = {"services": {"web": DesiredService("web", {})}}
    return DesiredProject(stack(name, host), name, revision, **(given | more))


@pytest.fixture(scope="module")
def known() -> Belongings:
    seen = Snapshot(
        host="pi5",
        taken_at=BEGIN,
        engine=Engine("E", "28.5.2", (1, 51)),
        containers=(
            container(WEB, "mealie-web-1", "mealie", "mealie_default", "adbfc647"),
            container(FOREIGN, "nginx", None, "bridge", volume="certificates"),
        ),
        networks=(Network("adbfc647", "edge", {}, {}),),
    )
    proxy = project(
        "proxy",
        services={"nginx": DesiredService("nginx", {"container_name": "nginx"})},
        networks={"front": {"name": "edge", "external": True}, "default": {"name": "proxy_default"}},
        volumes={"certificates": {"name": "certificates"}, "logs": {}},
    )
    return belongings("pi5", [project("mealie", networks={"default": {"name": "mealie_default"}}), proxy], seen)


def event(kind: str, action: str, id: str = WEB, **attributes: str) -> dict[str, Any]:  # noqa: A002
    return {"Type": kind, "Action": action, "Actor": {"ID": id, "Attributes": attributes}, "scope": "local", "timeNano": 1}


@pytest.mark.parametrize(
    ("happened", "keys", "reason"),
    [
        (event("container", "die", name="mealie-web-1", **{PROJECT: "mealie"}), {MEALIE}, "die mealie-web-1"),
        (event("container", "update", name="mealie-web-1", **{PROJECT: "mealie"}), {MEALIE}, "update mealie-web-1"),
        (event("container", "create", "f" * 64, name="new", **{PROJECT: "blog"}), {ProjectKey("pi5", "blog")}, "create new"),
        (event("container", "start", "f" * 64, name="by-hand"), {NOBODY}, "start by-hand"),
        (event("container", "stop", FOREIGN, name="nginx"), {NOBODY, PROXY}, "stop nginx"),
        (event("container", "create", "f" * 64, name="nginx"), {NOBODY, PROXY}, "create nginx"),
        (event("container", "rename", "f" * 64, name="old", oldName="/nginx"), {NOBODY, PROXY}, "rename old"),
        (event("container", "unheard-of", name="x", **{PROJECT: "mealie"}), {MEALIE}, "unheard-of x"),
        (event("network", "connect", "adbfc647", container=WEB, name="edge", type="bridge"), {MEALIE}, "network connect edge"),
        (event("network", "connect", "adbfc647", container="f" * 64, name="edge"), {MEALIE, PROXY}, "network connect edge"),
        (event("network", "destroy", "0" * 64, name="proxy_default"), {PROXY}, "network destroy proxy_default"),
        (event("volume", "create", "logs", driver="local"), {PROXY}, "volume create logs"),
        (event("volume", "destroy", "certificates"), {PROXY, NOBODY}, "volume destroy certificates"),
        (event("volume", "prune", ""), {MEALIE, PROXY, NOBODY}, "volume prune "),
        (event("daemon", "reload", "E" * 12, name="pi5"), {MEALIE, PROXY, NOBODY}, "daemon reload pi5"),
    ],
)
def test_where_to_look(known: Belongings, happened: dict[str, Any], keys: set[ProjectKey], reason: str) -> None:
    hint = of_event(happened, known)
    assert hint is not None
    assert hint.keys == keys
    assert hint.reason == reason


@pytest.mark.parametrize(
    "happened",
    [
        event("container", "exec_create: sh -c 'mysqladmin -phunter2 ping'", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("container", "exec_start: sh", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("container", "exec_die", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("container", "health_status: unhealthy", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("container", "top", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("container", "attach", name="mealie-web-1", **{PROJECT: "mealie"}),
        event("network", "create", "0" * 64, name="nobodys"),
        event("volume", "mount", "certificates", container=FOREIGN),
        event("volume", "create", "nobodys"),
        event("image", "pull", "sha256:1", name="nginx:1"),
        event("plugin", "enable", "x"),
        {},
        {"Type": "container", "Action": "die"},
        {"Type": "container", "Action": "die", "Actor": []},
        {"Type": "container", "Action": 3, "Actor": {}},
        {"message": "forbidden"},
    ],
)
def test_what_means_nothing(known: Belongings, happened: dict[str, Any]) -> None:
    assert of_event(happened, known) is None


def test_a_command_line_is_in_no_reason(known: Belongings) -> None:
    hint = of_event(event("container", "later_action: sh -c hunter2", name="x", **{PROJECT: "mealie"}), known)
    assert hint is not None
    assert hint.reason == "later_action x"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Type": st.sampled_from(["container", "network", "volume", "daemon"]) | JSON,
            "Action": st.sampled_from(["die", *sorted(MEANINGLESS)]) | JSON,
            "Actor": st.fixed_dictionaries({}, optional={"ID": JSON, "Attributes": JSON}) | JSON,
        },
    )
)
def test_no_event_is_too_strange(happened: dict[str, Any]) -> None:
    hint = of_event(happened, Belongings("pi5"))
    assert hint is None or (hint.keys and all(key.host == "pi5" for key in hint.keys))


def state(*projects: DesiredProject, broken: tuple[BrokenStack, ...] = (), revision: str = "b" * 40) -> DesiredState:
    return DesiredState(revision, projects, broken)


def test_a_commit_hints_at_the_stacks_that_it_touched() -> None:
    before = state(project("mealie"), project("proxy"), project("gone"), revision="a" * 40)
    after = state(project("mealie", "b" * 40), project("proxy"), project("new", "b" * 40))
    hint = of_commit(before, after)
    assert hint is not None
    assert hint.keys == {MEALIE, ProjectKey("pi5", "gone"), ProjectKey("pi5", "new")}
    assert hint.reason == "commit bbbbbbbbbbbb"
    assert of_commit(after, after) is None


def test_what_changes_without_a_commit() -> None:
    before, after = (state(project("mealie"), project("proxy")) for _ in range(2))
    changed = DesiredService("mealie", {"image": "mealie:3"})
    after = replace(after, projects=(replace(after.projects[0], services={"mealie": changed}), *after.projects[1:]))
    hint = of_commit(before, after)
    assert hint is not None
    assert (set(hint.keys), hint.reason) == ({MEALIE}, "values outside Git")


def test_what_the_repo_wants_ignored_may_be_anywhere() -> None:
    before = state(project("mealie"), project("proxy"))
    hint = of_commit(before, replace(before, revision="c" * 40, ignore=(IgnoreRule(path="image"),)))
    assert hint is not None
    assert hint.keys == {MEALIE, PROXY, NOBODY}


def test_a_stack_that_a_commit_breaks_and_mends() -> None:
    error = StackError("bad_yaml", "line 3")
    whole = state(project("mealie", "b" * 40))
    broken = state(broken=(BrokenStack(stack("mealie"), error, "mealie", "b" * 40),))
    for before, after in ((whole, broken), (broken, whole)):
        hint = of_commit(before, after)
        assert hint is not None
        assert hint.keys == {MEALIE}
