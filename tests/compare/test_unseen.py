"""A drift must not pass for mended because nobody could look: each case is first seen as a finding, then it cannot be seen, and
what is said to be unknown or unseen takes it in. Where it can be looked at, nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.errors import StackError
from anchorwatch.ledger.decide import covers
from anchorwatch.model.desired import BrokenStack, DesiredProject, Stack, UnknownValue
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container, Image, Snapshot, Volume
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import Secret, Template, Unknown
from tests.compare.make import NOW, container, project, snapshot

ANY = Policy()
GONE: dict[str, Image] = {}


def look(wanted: DesiredProject, seen: Snapshot) -> HostComparison:
    return compare_host([wanted], [], seen, ANY)


def found(result: HostComparison) -> dict[tuple[str | None, str | None], Finding]:
    return {(one.service, one.path): one for one in result.stacks[0].findings}


def frozen(result: HostComparison, one: Finding) -> bool:
    """Whether the ledger would let the drift stand, as `check/memory.py` hands it what was not judged."""
    stack = result.stacks[0]
    return any(covers(entry, one) for entry in (*stack.unknown, *result.unseen.get(stack.project, ())))


def blinded(wanted: DesiredProject, before: Snapshot, after: Snapshot, path: str | None, service: str | None = "web") -> None:
    """The finding is there before, is not there after, and stands."""
    first, then = look(wanted, before), look(wanted, after)
    drift = found(first)[service, path]
    assert (service, path) not in found(then)
    assert not frozen(first, drift), "where it can be seen it is judged"
    assert frozen(then, drift)


WEB = container("media-web-1", "web")
REPLACEMENT: dict[str, Any] = {
    "id": "e" * 64,
    "state": "created",
    "created_at": NOW - timedelta(seconds=5),
    "labels": {"com.docker.compose.replace": "media-web-1"},
}


@pytest.mark.parametrize(
    ("path", "config", "drifted"),
    [
        ("container_name", {"container_name": "web"}, {}),
        ("networks.default.aliases", {}, {"networks": {"media_default": {"Aliases": ["media-web-1"]}}}),
        ("networks.extra", {}, {"networks": {"media_default": {"Aliases": ["media-web-1", "web"]}, "extra": {"Aliases": []}}}),
        ("mac_address", {"mac_address": "02:00:00:00:00:01"}, {"config": {"MacAddress": "02:00:00:00:00:02"}}),
        (None, {"restart": "always"}, {"state": "exited", "exit_code": 1}),
        ("scale", {"scale": 2}, {}),
    ],
)
def test_a_container_that_is_being_made_anew(path: str | None, config: dict[str, Any], drifted: dict[str, Any]) -> None:
    """Compose makes the new one under another name, connects it, and only then stops the old one."""
    wanted = project(web={"restart": "no", **config})
    if config.get("restart") == "always":
        drifted = {**drifted, "host_config": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}}
    old = replace(container("media-web-1", "web", **{key: drifted[key] for key in drifted if key in {"host_config", "config"}}))
    old = replace(old, **{key: value for key, value in drifted.items() if key not in {"host_config", "config"}})
    new = container("0123456789ab_media-web-1", "web", **REPLACEMENT)
    new = replace(new, networks={})
    blinded(wanted, snapshot(old), snapshot(old, new), path)


def test_what_is_final_of_a_container_that_is_being_made_anew_is_judged() -> None:
    wanted = project(web={"mem_limit": "512"})
    drift = found(look(wanted, snapshot(WEB)))["web", "mem_limit"]
    mended = container("0123456789ab_media-web-1", "web", host_config={"Memory": 512}, **REPLACEMENT)
    then = look(wanted, snapshot(WEB, mended))
    assert ("web", "mem_limit") not in found(then)
    assert not frozen(then, drift)


NETWORKS: dict[str, dict[str, Any]] = {"default": {"name": "media_default"}, "front": {"name": "front", "internal": True}}
VOLUMES: dict[str, dict[str, Any]] = {"data": {"name": "media_data", "driver": "nfs"}}


def _with_resources() -> DesiredProject:
    return replace(project(web={}), networks=NETWORKS, volumes=VOLUMES)


@pytest.mark.parametrize(("kind", "path"), [("networks", "networks.front.internal"), ("volumes", "volumes.data.driver")])
def test_networks_and_volumes_that_may_not_be_listed_any_more(kind: str, path: str) -> None:
    front: dict[str, Any] = {"front": {"Aliases": []}}
    seen = snapshot(
        WEB, replace(WEB, id="a" * 64, name="x", labels={}, networks=front), volumes=(Volume("media_data", "local", {}, {}),)
    )
    gone: dict[str, Any] = {kind: ()}
    shut = replace(seen, not_permitted=frozenset({kind}), **gone)
    wanted = _with_resources()
    blinded(wanted, seen, shut, path, None)
    assert kind in {entry.path for entry in look(wanted, shut).stacks[0].unknown}, "and people are told"
    assert kind not in {entry.path for entry in look(project(), shut).stacks[0].unknown} or kind == "networks"


def test_a_network_of_a_project_without_containers() -> None:
    """`networks.default` is missing; then all containers go as well, and it is still missing."""
    wanted = project(web={})
    alone = replace(snapshot(WEB), networks=())
    nothing = replace(snapshot(), networks=())
    blinded(wanted, alone, nothing, "networks.default", None)
    assert look(wanted, nothing).stacks[0].unknown == (), "of a project that was never deployed nothing else is said"


def test_a_network_whose_name_hangs_on_a_variable() -> None:
    wanted = project(web={})
    nameless = replace(wanted, networks={"default": {"name": Template((Unknown("NAME"), "_default"))}})
    drift = found(look(wanted, replace(snapshot(WEB), networks=())))[None, "networks.default"]
    assert frozen(look(nameless, replace(snapshot(WEB), networks=())), drift)


COUNT = UnknownValue("web", "deploy.replicas", "N is set nowhere")
RESTART = UnknownValue("web", "restart", "R is set nowhere")


def _unknown(wanted: DesiredProject, *entries: UnknownValue) -> DesiredProject:
    return replace(wanted, services={"web": replace(wanted.services["web"], unknown=entries)})


def test_a_number_of_replicas_that_is_not_known_any_more() -> None:
    for wanted, path in ((project(web={"scale": 2}), "scale"), (project(web={}), None)):
        seen = snapshot(WEB) if path else snapshot()
        drift = found(look(wanted, seen))["web", path]
        then = look(_unknown(wanted, COUNT), seen)
        assert ("web", path) not in found(then)
        assert frozen(then, drift)


def test_a_restart_policy_that_is_not_known_any_more() -> None:
    always = {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}
    done = container("media-web-1", "web", state="exited", host_config=always)
    wanted = project(web={"restart": "always"})
    drift = found(look(wanted, snapshot(done)))["web", None]
    assert frozen(look(_unknown(wanted, RESTART), snapshot(done)), drift)
    crashed = look(_unknown(wanted, RESTART), snapshot(replace(done, exit_code=1)))
    assert ("web", None) in found(crashed), "an end with an error is one whatever the policy is"
    one_shot = _unknown(project(web={"restart": "no"}), RESTART)
    assert not frozen(look(one_shot, snapshot(done)), drift), "as far as it is known it may have finished"


@pytest.mark.parametrize("path", ["environment.ADDED", "environment.VERSION", "labels.added"])
def test_an_image_that_is_gone(path: str) -> None:
    image = Image("sha256:1", ("hold:1",), (), {"Env": {"VERSION": Secret("1")}, "Labels": {}})
    seen = container(
        "media-web-1",
        "web",
        environment={"ADDED": Secret("x"), "VERSION": Secret("2")},
        labels={"added": Secret("y")},
    )
    before = replace(snapshot(seen), images={"sha256:1": image})
    blinded(project(web={}), before, replace(before, images=GONE), path)
    blinded(project(web={}), before, replace(before, images=GONE, not_permitted=frozenset({"images"})), path)


def test_a_value_that_git_sets_is_judged_without_the_image() -> None:
    wanted = project(web={"environment": {"TZ": "UTC"}})
    drifted, mended = (container("media-web-1", "web", environment={"TZ": Secret(zone)}) for zone in ("CET", "UTC"))
    drift = found(look(wanted, replace(snapshot(drifted), images=GONE)))["web", "environment.TZ"]
    assert not frozen(look(wanted, replace(snapshot(mended), images=GONE)), drift)


def test_a_digest_and_a_platform_of_an_image_that_is_gone() -> None:
    reference = "hold@sha256:" + "a" * 64
    image = Image("sha256:1", (), ("hold@sha256:" + "b" * 64,), {}, architecture="amd64", os="linux")
    seen = snapshot(container("media-web-1", "web", config={"Image": reference}))
    wanted = project(web={"image": reference, "platform": "linux/arm64"})
    for path in ("image", "platform"):
        blinded(wanted, replace(seen, images={"sha256:1": image}), replace(seen, images=GONE), path)


def test_a_hardware_address_is_shown_only_while_the_container_runs() -> None:
    address = {"default": {"mac_address": "02:00:00:00:00:01"}}
    wanted = project(web={"networks": address, "restart": "always"})

    def seen(shown: str) -> Snapshot:
        return snapshot(replace(WEB, networks={"media_default": {"Aliases": ["media-web-1", "web"], "MacAddress": shown}}))

    blinded(wanted, seen("02:00:00:00:00:02"), seen(""), "networks.default.mac_address")


def test_an_answer_in_a_form_that_nobody_foresaw_freezes_all_that_hangs_on_it() -> None:
    """One rule speaks of several keys; whatever it stumbles over, none of them is judged."""
    good: dict[str, Any] = {"Memory": 1, "MemoryReservation": 2, "ShmSize": 5}
    bad = {**good, "Memory": ["not a number"]}
    wanted = project(web={"mem_limit": "9", "mem_reservation": "9", "shm_size": "9"})
    first = look(wanted, snapshot(container("media-web-1", "web", host_config=good)))
    then = look(wanted, snapshot(container("media-web-1", "web", host_config=bad)))
    for path in ("mem_limit", "mem_reservation", "shm_size"):
        assert ("web", path) not in found(then)
        assert frozen(then, found(first)["web", path])
    assert len(then.stacks[0].unknown) == 1, "people are told once"


def _broken(name: str | None, folder: str = "nas/books") -> BrokenStack:
    stack = Stack("nas", "books", folder, (f"{folder}/compose.yaml",))
    return BrokenStack(stack, StackError("bad_yaml", "broken"), name)


def _host(broken: Sequence[BrokenStack], *seen: Container) -> HostComparison:
    return compare_host([], broken, snapshot(*seen), ANY)


@pytest.mark.parametrize(
    "seen",
    [
        container("books-web-1", "web", of="books"),
        container("x", "web", of="other", labels={"com.docker.compose.project.working_dir": "/srv/nas/books"}),
        container("books"),
        container("books-db"),
        container("books_web_1"),
    ],
)
@pytest.mark.parametrize("name", ["books", None])
def test_containers_of_a_stack_that_cannot_be_read_are_nobodys_drift(seen: Container, name: str | None) -> None:
    """Also where nobody can tell what its project is called, and where another tool made them, by their names."""
    assert _host([_broken(name)], seen).unmanaged == ()
    assert [one.container for one in _host([], seen).unmanaged] == [seen.name]


def test_others_beside_a_stack_that_cannot_be_read_are_judged() -> None:
    others = container("bookstore"), container("y", "web", of="films"), container("z", "web", of="booksy")
    assert {one.container for one in _host([_broken(None)], *others).unmanaged} == {"bookstore", "y", "z"}


@pytest.mark.parametrize("name", ["books", None])
def test_drift_of_a_stack_that_cannot_be_read_stands(name: str | None) -> None:
    """Its key has no project in the repo any more, so that nothing of it is found; what was known must not pass for mended."""
    labelled = container("x", "web", of="other", labels={"com.docker.compose.project.working_dir": "/srv/nas/books"})
    result = _host([_broken(name)], labelled)
    for project_name in ("books", "other"):
        drift = Finding("nas", Kind.CHANGED, "", project=project_name, service="web", container="w", path="mem_limit")
        assert any(covers(entry, drift) for entry in result.unseen[project_name])
    assert set(result.unseen) == {"books", "other"}


def test_an_environment_that_a_proxy_takes_out() -> None:
    """An engine shows at least what the image sets."""
    image = {"sha256:1": Image("sha256:1", ("hold:1",), (), {"Env": {"PATH": "/bin"}})}
    wanted = project(web={"environment": {"TZ": "UTC", "A": "1"}})
    shown, blank = container("media-web-1", "web", environment={"PATH": "/bin", "TZ": "CET", "A": "1"}), WEB
    before, after = snapshot(shown, images=image), snapshot(blank, images=image)
    blinded(wanted, before, after, "environment.TZ")
    assert found(look(wanted, after)) == {}
    assert [(one.service, one.path) for one in look(wanted, after).stacks[0].unknown] == [("web", "environment")]
    drifted = snapshot(blank, images={"sha256:1": Image("sha256:1", ("hold:1",), (), {"Env": {}})})
    assert found(look(wanted, drifted)).keys() == {("web", "environment.TZ"), ("web", "environment.A")}
