"""Keys that left the file while the container stayed: which of them are drift, at which path, under which ID.

What real engines and Composes do with them is in tests/truth/test_removed.py; here are the cases that take more of a world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.compare.host_view import HostView
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.put_back import TRIES, before
from anchorwatch.compare.rules.volumes import RULE
from anchorwatch.ledger.decide import covers
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import OTHER_SPELLING, Finding, Kind
from anchorwatch.model.observed import Container, Image
from anchorwatch.model.settings import Policy
from anchorwatch.store.drifts import as_stored
from tests.compare.make import container, project, snapshot

ORDER = ("deploy", "image", "ipc", "logging", "networks", "restart", "runtime", "stop_signal", "ulimits", "volumes")
"""As Compose prints them, and hashes them."""


def service(**keys: Any) -> dict[str, Any]:
    config = {"image": "hold:1", "networks": {"default": None}, **keys}
    return {key: config[key] for key in ORDER if key in config}


def made_from(config: Any, name: str, **shown: Any) -> Container:
    """A container with the hash of that definition."""
    seen = container(f"media-{name}-1", name, **shown)
    wanted = project(**{name: config})
    wanted = replace(wanted, services={name: replace(wanted.services[name], config=config)})
    computed = Pair(wanted, wanted.services[name], seen, HostView(snapshot(seen))).computed_hash
    assert computed is not None
    return replace(seen, labels={**seen.labels, "com.docker.compose.config-hash": computed})


def now(**services: Any) -> DesiredProject:
    wanted = project(**services)
    return replace(
        wanted,
        services={name: replace(one, config=services[name]) for name, one in wanted.services.items()},
        volumes={"data": {"name": "media_data"}},
    )


def look(wanted: DesiredProject, *seen: Container) -> HostComparison:
    image = Image("sha256:1", ("hold:1",), (), {"Volumes": {"/data": {}}})
    return compare_host([wanted], [], snapshot(*seen, images={"sha256:1": image}), Policy())


def found(result: HostComparison) -> dict[str | None, Finding]:
    return {one.path: one for one in result.stacks[0].findings}


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ({"ulimits": {"nofile": 1024}}, {"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 1024}]}),
        ({"ipc": "shareable"}, {"IpcMode": "shareable"}),
        (
            {"logging": {"driver": "json-file", "options": {"max-size": "10m"}}},
            {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}},
        ),
    ],
)
def test_a_key_that_only_said_what_the_engine_fills_in_is_no_drift(before: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    """Another container, made from its file as it is, shows the very value: a new container would have it as well."""
    seen = made_from(service(**before), "web", host_config=shown)
    witness = made_from(service(), "other", host_config=shown)
    assert found(look(now(web=service(), other=service()), seen, witness)) == {}
    unlike = made_from(service(), "other")
    (drift,) = found(look(now(web=service(), other=service()), seen, unlike)).values()
    assert drift.desired is None


DATA = {"type": "volume", "source": "data", "target": "/data", "volume": {}}
AT_DATA = {"/data": {"Type": "volume", "Name": "media_data", "Source": "/x", "RW": True, "Propagation": ""}}


def test_what_compose_carries_over_stands_where_it_cannot_be_proved_any_more() -> None:
    seen = made_from(service(volumes=[DATA]), "web", mounts=AT_DATA)
    drift = found(look(now(web=service()), seen))["volumes./data"]
    later = look(now(web=service(stop_signal="SIGINT")), seen)
    assert set(found(later)) == {"stop_signal"}
    assert any(covers(entry, drift) for entry in later.unseen["media"])
    assert later.stacks[0].unknown == (), "nobody is told"
    made_anew = look(now(web=service()), made_from(service(), "web", mounts=AT_DATA))
    assert found(made_anew) == {}
    assert not any(covers(entry, drift) for entry in made_anew.unseen.get("media", ()))


MEMORY = {"host_config": {"Memory": 2**29, "MemorySwap": 2**30}}
ALWAYS = {"host_config": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}}


@pytest.mark.parametrize(
    ("deploy", "shown", "proved", "guessed"),
    [
        (
            {"resources": {"limits": {"memory": "536870912"}}, "placement": {}},
            MEMORY,
            "deploy.resources.limits.memory",
            "mem_limit",
        ),
        (
            {"resources": {}, "restart_policy": {"condition": "any"}, "placement": {}},
            ALWAYS,
            "deploy.restart_policy.condition",
            "restart",
        ),
    ],
)
def test_a_drift_keeps_its_id_when_its_spelling_cannot_be_proved_any_more(
    deploy: Mapping[str, Any], shown: Mapping[str, Any], proved: str, guessed: str
) -> None:
    seen = made_from(service(deploy=deploy), "web", **shown)
    first, then = look(now(web=service()), seen), look(now(web=service(stop_signal="SIGINT")), seen)
    assert found(first)[proved].id == found(then)[guessed].id


SPELLINGS = [
    *OTHER_SPELLING.items(),
    ("secrets.db", "volumes./run/secrets/db"),
    ("configs.app.conf", "volumes./app.conf"),
    ("configs.\0\udcff", "volumes./\0\udcff"),
    ("mac_address", "networks.default.mac_address"),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_all_spellings_of_a_place_have_one_id(one: str, other: str) -> None:
    spelled = [Finding("nas", Kind.CHANGED, "", project="media", service="web", path=path) for path in (one, other)]
    assert len({finding.id for finding in spelled}) == 1
    assert len({as_stored(finding).id for finding in spelled}) == 1


def test_places_have_ids_of_their_own() -> None:
    paths = [path for path, _ in SPELLINGS] + ["volumes./data", "secrets.data", "networks.default", "restart.x"]
    assert len({Finding("nas", Kind.CHANGED, "", path=path).id for path in paths}) == len(paths)


def bind(source: str, *, read_only: bool = True) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "RW": not read_only, "Propagation": "rprivate"}


def test_no_two_findings_of_a_container_have_one_id() -> None:
    """A config that is mounted elsewhere, twice, beside a volume at the place that is the config's by default."""
    entries = [{"source": "app", "target": "/etc/one"}, {"source": "app", "target": "/etc/two"}]
    wanted = replace(now(web={**service(), "configs": entries}), configs={"app": {"file": "/conf/new"}})
    mounts = {"/etc/one": bind("/conf/old"), "/etc/two": bind("/conf/old"), "/app": bind("/elsewhere", read_only=False)}
    result = look(wanted, container("media-web-1", "web", mounts=mounts)).stacks[0].findings
    assert len({one.id for one in result}) == len(result)
    told = " ".join(f"{one.desired} {one.observed}" for one in result)
    for part in ("/conf/new:/etc/one:ro", "/conf/new:/etc/two:ro", "/conf/old:/etc/one:ro", "/elsewhere:/app"):
        assert part in told


def test_a_config_elsewhere_keeps_the_id_of_its_target() -> None:
    gone = {"source": "app", "target": "/data/app"}
    before_it = {"configs": [gone], **service()}
    ids = set()
    for wanted in (service(), service(stop_signal="SIGINT")):
        seen = made_from(before_it, "web", mounts={"/data/app": bind("/conf/app")})
        ids |= {one.id for one in look(now(web=wanted), seen).stacks[0].findings if one.path != "stop_signal"}
    assert len(ids) == 1


def _hashes(*, carried: bool, read_only: bool, volumes: int = 20, secrets: int = 50) -> int:
    """How many hashes are taken for a mount that the file does not have any more, among many."""
    kept = [{"type": "bind", "source": f"/d/{n}", "target": f"/t/{n}", "bind": {}} for n in range(volumes)]
    wanted = replace(now(web=service(volumes=kept)), secrets={f"s{n}": {"file": f"/sec/{n}"} for n in range(secrets)})
    mounts = {f"/t/{n}": bind(f"/d/{n}", read_only=False) for n in range(volumes)}
    target = "/data" if carried else "/elsewhere"
    seen = container("media-web-1", "web", mounts={**mounts, target: bind("/sec/7", read_only=read_only)})
    image = Image("sha256:1", ("hold:1",), (), {"Volumes": {"/data": {}}})
    pair = Pair(wanted, wanted.services["web"], seen, HostView(snapshot(seen, images={"sha256:1": image})))
    (difference,) = RULE.differences(pair)
    assert difference.carried is carried
    tries = count()
    assert before(pair, difference, tries) is None
    return next(tries)


def test_the_number_of_hashes_is_no_product_of_all_that_the_file_has() -> None:
    assert _hashes(carried=False, read_only=False) == 0, "it is drift in any case, and no config"
    assert _hashes(carried=True, read_only=False) == 3 * 21, "three notations, twenty-one places"
    assert _hashes(carried=True, read_only=True) - 3 * 21 < 8, "and the one secret that is that file"


def test_a_container_is_worth_so_many_hashes_and_no_more() -> None:
    volumes = [{"type": "bind", "source": f"/d/{n}", "target": f"/t/{n}", "bind": {}} for n in range(TRIES)]
    mounts = {f"/t/{n}": bind(f"/d/{n}", read_only=False) for n in range(TRIES)}
    last = {"type": "bind", "source": "/have", "target": "/data", "bind": {"create_host_path": True}}
    for place, proved in ((0, True), (TRIES, False)):
        listed = [*volumes[:place], last, *volumes[place:]]
        seen = made_from(service(volumes=listed), "web", mounts={**mounts, "/data": bind("/have", read_only=False)})
        assert ("volumes./data" in found(look(now(web=service(volumes=volumes)), seen))) is proved


def test_a_limit_is_called_as_the_file_says_it() -> None:
    """The file limits the processors below `deploy`, and says nothing of memory."""
    deploy = {"resources": {"limits": {"cpus": 0.5}}, "placement": {}}
    seen = made_from(service(deploy=deploy), "web", host_config={"NanoCpus": 5 * 10**8, **MEMORY["host_config"]})
    assert set(found(look(now(web=service(deploy=deploy)), seen))) == {"mem_limit"}


@pytest.mark.parametrize("odd", [{"DeviceRequests": [{"Capabilities": 5}]}, {"DeviceRequests": "x"}, {"PidsLimit": "many"}])
def test_an_odd_value_of_another_key_costs_no_finding(odd: Mapping[str, Any]) -> None:
    seen = container("media-web-1", "web", host_config={**ALWAYS["host_config"], **odd})
    result = look(now(web=service()), seen)
    assert set(found(result)) == {"restart"}
    assert "restart" not in {entry.path for entry in result.stacks[0].unknown}
