"""What is drift, what is not, and what cannot be told: cases that were seen on real engines, each once wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from anchorwatch.compare import Memo, compare_host
from anchorwatch.compare.config_hash import service_hash
from anchorwatch.compare.host import HostComparison
from anchorwatch.model.desired import DesiredProject, UnknownValue
from anchorwatch.model.findings import Kind
from anchorwatch.model.observed import Container
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import Secret, Template, Unknown
from tests.compare.make import container, project, snapshot

ANY = Policy()


def paths(result: HostComparison) -> set[str | None]:
    return {finding.path for stack in result.stacks for finding in stack.findings}


def unknown(result: HostComparison) -> set[str]:
    return {entry.path for stack in result.stacks for entry in stack.unknown}


def deployed(wanted: DesiredProject, service: str, **changes: Any) -> Container:
    """A container with the hash that Compose gives the definition: made from the file as it is."""
    computed = service_hash(
        wanted.services[service], version=(2, 40, 3), project_dir=None, service_id=lambda _: None, container_id=lambda _: None
    )
    assert computed is not None
    labels = {**changes.pop("labels", {}), "com.docker.compose.config-hash": computed}
    return container(f"{wanted.name}-{service}-1", service, of=wanted.name, labels=labels, **changes)


def one(wanted: Mapping[str, Any], /, **changes: Any) -> HostComparison:
    """A service of that config against the container that Compose makes of one that sets nothing, with changes."""
    return compare_host([project(web=wanted)], [], snapshot(container("media-web-1", "web", **changes)), ANY)


BIG = {"ShmSize": 2**30}


def test_a_default_of_the_engine_is_proved_by_the_hash() -> None:
    wanted = project(web={})
    assert paths(compare_host([wanted], [], snapshot(deployed(wanted, "web", host_config=BIG)), ANY)) == set()


def test_a_key_that_all_services_lost_is_drift_although_all_containers_still_show_it() -> None:
    wanted = project(a={}, b={})
    seen = [container(f"media-{name}-1", name, host_config=BIG) for name in ("a", "b")]
    result = compare_host([wanted], [], snapshot(*seen), ANY)
    assert (paths(result), unknown(result)) == (set(), {"shm_size"})  # nobody can tell: said, not hidden
    witness = project("other", third={})
    result = compare_host([wanted, witness], [], snapshot(*seen, deployed(witness, "third")), ANY)
    assert paths(result) == {"shm_size"}  # one that is as its file says shows what the engine fills in


def test_a_default_that_others_show_is_no_drift() -> None:
    wanted, witness = project(web={}), project("other", third={})
    seen = [container("media-web-1", "web", host_config=BIG), deployed(witness, "third", host_config=BIG)]
    assert paths(compare_host([wanted, witness], [], snapshot(*seen), ANY)) == set()


DROPPED = {"MemorySwap": -1}
LIMITS = {
    "mem_limit": "512",
    "mem_reservation": "256",
    "pids_limit": 9,
    "cpu_shares": 5,
    "cpuset": "0",
    "oom_kill_disable": True,
    "mem_swappiness": "60",
    "cpu_quota": "50000",
    "cpu_period": "100000",
}


def test_what_a_kernel_cannot_do_is_no_drift() -> None:
    """As on a Raspberry Pi whose memory cgroup is off: the engine drops the limits, and shows none. `/info` says so, where it may
    be asked; where it may not (a socket proxy without INFO), nobody can tell."""
    wanted = project(web=LIMITS)
    seen = snapshot(container("media-web-1", "web", host_config=DROPPED))
    able = dict.fromkeys((*_CAPABILITIES, "CgroupVersion"), True) | {"CgroupVersion": "1"}
    unable = able | dict.fromkeys(_CAPABILITIES, False)

    def with_info(info: dict[str, Any]) -> HostComparison:
        shut = frozenset() if info else frozenset({"info"})
        return compare_host([wanted], [], replace(seen, engine=replace(seen.engine, info=info), not_permitted=shut), ANY)

    assert LIMITS.keys() <= paths(with_info(able))
    assert paths(with_info(unable)) & {*LIMITS, "memswap_limit"} == set()
    assert paths(with_info({})) & {*LIMITS, "memswap_limit"} == set()
    assert {*LIMITS, "memswap_limit"} <= unknown(with_info({}))


def test_a_limit_that_is_there_is_compared_without_info() -> None:
    limits = {"Memory": 1024, "PidsLimit": 3, "CpuShares": 7, "CpusetCpus": "1"}
    seen = snapshot(container("media-web-1", "web", host_config=limits))
    shut = replace(seen, engine=replace(seen.engine, info={}), not_permitted=frozenset({"info"}))
    found = paths(compare_host([project(web=LIMITS)], [], shut, ANY))
    assert {"mem_limit", "pids_limit", "cpu_shares", "cpuset"} <= found


_CAPABILITIES = (
    "MemoryLimit",
    "SwapLimit",
    "PidsLimit",
    "CPUShares",
    "CpuCfsQuota",
    "CpuCfsPeriod",
    "CPUSet",
    "OomKillDisable",
)


def test_the_engines_built_in_defaults_need_no_proof() -> None:
    assert unknown(one({"mem_limit": "1"})) == set()


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ({"DB_PASSWORD": ""}, {"DB_PASSWORD": Secret("canary")}),
        ({"A": "x"}, {"A": Secret("x"), "B": Secret("canary")}),
        ({"A": "http://db"}, {"A": Secret("http://u:canary@db")}),
    ],
)
def test_no_observed_secret_is_shown(wanted: dict[str, str], seen: dict[str, Secret]) -> None:
    result = one({"environment": wanted}, environment=seen)
    assert paths(result)
    assert "canary" not in str(result)


def test_words_that_a_command_has_on_the_host_only_are_not_shown() -> None:
    result = one({"command": ["serve"]}, config={"Cmd": [Secret("serve"), Secret("--password"), Secret("canary")]})
    [finding] = result.stacks[0].findings
    assert (finding.path, "serve" in str(finding.observed), "canary" in str(result)) == ("command", True, False)


OUTSIDE = Secret("canary")


@pytest.mark.parametrize(
    ("config", "host_config"),
    [
        ({"group_add": [OUTSIDE]}, {"GroupAdd": ["canary"]}),
        ({"device_cgroup_rules": [OUTSIDE]}, {"DeviceCgroupRules": ["canary"]}),
        ({"sysctls": {"net.x": OUTSIDE}}, {"Sysctls": {"net.x": "canary"}}),
        ({"dns": [OUTSIDE]}, {"Dns": ["canary"]}),
        ({"extra_hosts": [Template(("x=", OUTSIDE))]}, {"ExtraHosts": ["x:canary"]}),
        ({"tmpfs": [Template(("/t:", OUTSIDE))]}, {"Tmpfs": {"/t": "canary"}}),
        ({"cap_add": [OUTSIDE]}, {"CapAdd": ["CAP_CANARY"]}),
        ({"security_opt": [OUTSIDE]}, {"SecurityOpt": ["canary"]}),
        (
            {"devices": [{"source": OUTSIDE, "target": "/d", "permissions": "rwm"}]},
            {"Devices": [{"PathOnHost": "canary", "PathInContainer": "/d", "CgroupPermissions": "rwm"}]},
        ),
    ],
)
def test_values_from_outside_git_are_compared_and_never_shown(config: dict[str, Any], host_config: dict[str, Any]) -> None:
    key = next(iter(config))
    result = one(config, host_config=host_config)
    assert (paths(result), unknown(result)) == (set(), set())
    drifted = one(
        config, host_config=json.loads(json.dumps(host_config).replace("canary", "rotated").replace("CANARY", "ROTATED"))
    )
    assert {str(path).partition(".")[0] for path in paths(drifted)} == {key}
    assert not {"canary", "rotated", "CANARY", "ROTATED"} & set(str(drifted).replace("'", " ").replace("=", " ").split())
    assert "canary" not in str(drifted)


def test_an_added_security_label_is_drift_unless_the_engine_adds_it() -> None:
    assert paths(one({}, host_config={"SecurityOpt": ["label=disable"]})) == {"security_opt"}
    privileged = {"SecurityOpt": ["label=disable"], "Privileged": True}
    assert paths(one({"privileged": True}, host_config=privileged)) == set()


def test_a_container_cut_off_from_the_engines_own_bridge_is_drift() -> None:
    result = one({"network_mode": "bridge", "networks": None}, host_config={"NetworkMode": "bridge"}, networks={})
    assert paths(result) == {"network_mode"}


def test_the_command_that_mends_it_gives_the_env_files_of_the_deployment() -> None:
    labels = {
        "com.docker.compose.project.working_dir": "/srv/media",
        "com.docker.compose.project.config_files": "/srv/media/compose.yaml",
        "com.docker.compose.project.environment_file": "/srv/prod.env",
    }
    [finding] = one({"mem_limit": "1"}, labels=labels).stacks[0].findings
    assert "--env-file /srv/prod.env" in str(finding.fix)


def test_a_container_of_another_tool_is_found_by_its_name() -> None:
    seen = container("jellyfin", "web")
    labels = {name: value for name, value in seen.labels.items() if not name.endswith("config-hash")}
    wanted = project(web={"container_name": "jellyfin"})
    result = compare_host([wanted], [], snapshot(replace(seen, labels=labels)), ANY)
    assert [finding.kind.value for finding in result.stacks[0].findings] == []


def test_a_host_name_that_an_updater_copied_is_no_drift() -> None:
    assert paths(one({}, config={"Hostname": "0123456789ab"})) == set()
    assert paths(one({}, config={"Hostname": "byhand"})) == {"hostname"}


@pytest.mark.parametrize("restart", ["on-failure:${N}", "${MODE}"])
def test_a_policy_with_an_unset_variable_costs_only_itself(restart: str) -> None:
    base = project(web={"restart": restart})
    service = replace(base.services["web"], unknown=(UnknownValue("web", "restart", "N is set nowhere"),))
    wanted = replace(base, services={"web": service})
    result = compare_host([wanted], [], snapshot(container("media-web-1", "web", state="exited")), ANY)
    assert paths(result) == set()


def test_a_number_of_replicas_that_hangs_on_an_unset_variable_is_not_judged() -> None:
    base = project(web={"deploy": {"replicas": "${N}"}})
    service = replace(base.services["web"], unknown=(UnknownValue("web", "deploy.replicas", "N is set nowhere"),))
    seen = [container(f"media-web-{n}", "web", labels={"com.docker.compose.container-number": str(n)}) for n in (1, 2)]
    assert paths(compare_host([replace(base, services={"web": service})], [], snapshot(*seen), ANY)) == set()


def test_absurd_labels_cost_nothing() -> None:
    labels = {"com.docker.compose.container-number": "9" * 5000, "com.docker.compose.version": "9" * 5000 + ".1"}
    result = compare_host([project(web={})], [], snapshot(container("media-web-1", "web", labels=labels)), ANY)
    assert paths(result) == set()


def test_an_unknown_piece_leaves_the_rest_of_a_value_to_be_judged() -> None:
    wanted = {"environment": {"URL": Template(("postgres://app:", Unknown("PW"), "@db/app"))}}
    assert paths(one(wanted, environment={"URL": Secret("postgres://app:canary@db/app")})) == set()
    drifted = one(wanted, environment={"URL": Secret("postgres://app:canary@other/app")})
    assert paths(drifted) == {"environment.URL"}
    assert "canary" not in str(drifted)


def test_a_memo_answers_like_a_fresh_comparison() -> None:
    memo = Memo()
    wanted = project(web={"mem_limit": "5"})
    first, second = container("media-web-1", "web"), container("media-web-1", "web", host_config={"Memory": 5, "MemorySwap": 10})
    for seen in (first, first, second, second, first):
        assert compare_host([wanted], [], snapshot(seen), ANY, memo) == compare_host([wanted], [], snapshot(seen), ANY)
    renamed = replace(wanted, networks={"default": {"name": "elsewhere"}})
    assert compare_host([renamed], [], snapshot(first), ANY, memo) == compare_host([renamed], [], snapshot(first), ANY)
    other = Policy(root="/srv")
    assert compare_host([renamed], [], snapshot(first), other, memo) == compare_host([renamed], [], snapshot(first), other)


@pytest.mark.parametrize(
    ("parts", "text", "fits"),
    [
        ((Unknown("A"),), "anything", True),
        (("a", Unknown("A"), "b"), "ab", True),
        (("a", Unknown("A"), "a"), "a", False),
        ((Unknown("A"), ":", Unknown("B")), "no colon", False),
        ((Unknown("A"), ":", Unknown("B"), ":x"), "a:b:c:x", True),
        (("x", Secret("s")), "xs", True),
        (("x", Secret("s")), "xt", False),
    ],
)
def test_literal_pieces_stand_where_they_must(parts: tuple[str | Secret | Unknown, ...], text: str, fits: bool) -> None:
    assert Template(parts).fits(text) is fits


def test_many_unknown_pieces_over_a_megabyte_take_no_time() -> None:
    pieces = [piece for name in "ABCDEFGH" for piece in (Unknown(name), ":")]
    assert Template((*pieces, "@")).fits(":" * 2**20) is False


def test_what_stands_beside_a_value_from_outside_git_is_veiled() -> None:
    assert "canary" not in str(one({"hostname": Secret("x")}, config={"Hostname": "canary"}))
    [finding] = (
        one({"image": Template(("ghcr.io/app:", Secret("1.27")))}, config={"Image": "ghcr.io/app:1.28"}).stacks[0].findings
    )
    assert (finding.path, str(finding.observed).startswith("ghcr.io/app:••••")) == ("image", True)


def test_an_image_that_may_not_be_looked_at_is_one_doubt_a_key() -> None:
    seen = container("media-web-1", "web", environment={"A": Secret("1"), "B": Secret("2")})
    result = compare_host([project(web={})], [], snapshot(seen, images={}), ANY)
    assert (paths(result), unknown(result)) == (set(), {"environment.*"})


def test_a_seccomp_profile_is_compared_by_its_content() -> None:
    wanted = replace(
        project(web={"security_opt": ["seccomp:./a.json"]}), profiles={"./a.json": '{"defaultAction": "SCMP_ACT_ERRNO"}\n'}
    )

    def found(option: str) -> set[str | None]:
        seen = container("media-web-1", "web", host_config={"SecurityOpt": [option]})
        return paths(compare_host([wanted], [], snapshot(seen), ANY))

    assert found('seccomp={"defaultAction":"SCMP_ACT_ERRNO"}') == set()
    assert found('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}') == {"security_opt"}
    assert found("seccomp=unconfined") == {"security_opt"}
    assert paths(one({"security_opt": ["seccomp:/etc/x.json"]}, host_config={"SecurityOpt": ['seccomp={"a":1}']})) == set()


@pytest.mark.parametrize(
    ("unknown_path", "seen", "drifted"),
    [
        ("labels.traefik.http.routers.*.rule", {"labels": {"traefik.http.routers.web.rule": Secret("x")}}, set()),
        ("labels.traefik.http.routers.*.rule", {"labels": {"other": Secret("x")}}, {"labels.other"}),
        ("environment.MYSQL_*", {"environment": {"MYSQL_USER": Secret("x"), "TZ": Secret("y")}}, {"environment.TZ"}),
        ("environment.*", {"environment": {"MYSQL_USER": Secret("x")}}, set()),
        ("healthcheck.test", {"config": {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 5}}}, set()),
    ],
)
def test_unknown_paths_cover_what_they_name(unknown_path: str, seen: dict[str, Any], drifted: set[str]) -> None:
    base = project(web={})
    service = replace(base.services["web"], unknown=(UnknownValue("web", unknown_path, "X is set nowhere"),))
    wanted = replace(base, services={"web": service})
    assert paths(compare_host([wanted], [], snapshot(container("media-web-1", "web", **seen)), ANY)) == drifted


def test_a_secret_beside_it_does_not_veil_what_git_shows() -> None:
    wanted = {"environment": {"DB_PASSWORD": Secret("canary"), "MODE": "prod"}}
    seen = {"DB_PASSWORD": Secret("canary"), "MODE": Secret("dev")}
    [finding] = one(wanted, environment=seen).stacks[0].findings
    assert (finding.path, finding.desired, finding.observed) == ("environment.MODE", "prod", "dev")


def test_a_source_from_outside_git_is_veiled_on_both_sides() -> None:
    volume = {"type": "bind", "source": Template((Secret("/canary"), "/data")), "target": "/data"}
    mounts = {"/data": {"Type": "bind", "Source": "/canary2/data", "Destination": "/data", "RW": True, "Propagation": "rprivate"}}
    result = one({"volumes": [volume]}, mounts=mounts)
    assert (paths(result), "canary" in str(result)) == ({"volumes./data"}, False)


def test_a_matching_hash_proves_values_that_git_does_not_tell() -> None:
    base = project(web={"environment": {"A": "1"}})
    service = replace(base.services["web"], unknown=(UnknownValue("web", "environment.*", "app.env is not in the repo"),))
    wanted = replace(base, services={"web": service})
    right = deployed(wanted, "web", environment={"A": Secret("1")})
    result = compare_host([wanted], [], snapshot(right), ANY)
    assert (paths(result), unknown(result)) == (set(), set())
    result = compare_host(
        [wanted], [], snapshot(container("media-web-1", "web", environment={"A": Secret("1"), "B": Secret("2")})), ANY
    )
    assert (paths(result), unknown(result)) == (set(), {"environment.*"})


def _attached(wanted: Mapping[str, Template | str], *names: str) -> HostComparison:
    """A service on networks of those names, attached to these; only the keys are said to be unknown, not `networks.*`."""
    base = project(web={"networks": dict.fromkeys(wanted)})
    hanging = tuple(UnknownValue("web", f"networks.{key}", "unset") for key, name in wanted.items() if isinstance(name, Template))
    base = replace(
        base,
        services={"web": replace(base.services["web"], unknown=hanging)},
        networks={key: {"name": name, "external": True} for key, name in wanted.items()},
    )
    seen = container("media-web-1", "web", host_config={"NetworkMode": names[0]})
    seen = replace(seen, networks={name: {"Aliases": ["media-web-1", "web"]} for name in names})
    return compare_host([base], [], snapshot(seen), ANY)


NET_A, NET_B = Template((Unknown("A"),)), Template((Unknown("B"),))
ENDS = Template((Unknown("C"), "-back"))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"back": NET_A, "front": NET_B}, ("proxy_front", "proxy_back")),
        ({"back": NET_A, "front": "front"}, ("front", "other")),
        ({"any": NET_A, "ends": ENDS}, ("x-back", "other")),  # the first that fits `any` is the only one that fits `ends`
    ],
)
def test_each_network_of_an_unknown_name_is_another_one(wanted: Mapping[str, Template | str], names: tuple[str, ...]) -> None:
    assert paths(_attached(wanted, *names)) == set()


def test_a_network_that_no_key_is_left_for_is_drift() -> None:
    assert paths(_attached({"back": NET_A, "front": NET_B}, "one", "two", "three")) == {"networks.three"}


FOLDER = {"com.docker.compose.project.working_dir": "/srv/repo/nas/media"}
DOCKGE = {"com.docker.compose.project.working_dir": "/opt/stacks/media"}


def _nameless(*seen: Container, called: Template | None, others: tuple[DesiredProject, ...] = ()) -> HostComparison:
    """`name:` with a variable that is set nowhere: Compose alone would call the project `media`, as its folder."""
    hanging = replace(
        project(web={}, db={"container_name": "the-db"}),
        unknown=(UnknownValue(None, "name", "ENV is set nowhere"),),
        called=called,
    )
    return compare_host([hanging, *others], [], snapshot(*seen), ANY)


def _unmanaged(result: HostComparison) -> set[str | None]:
    return {one.container for one in result.unmanaged}


MEDIA = Template((Unknown("ENV"), "media"))


@pytest.mark.parametrize("called", [MEDIA, None])
@pytest.mark.parametrize(
    "seen",
    [
        container("prod-media-web-1", "web", of="prod-media", labels=DOCKGE),
        container("prod-media-web-1"),
        container("the-db"),
        container("the-db", "database", of="by-hand"),
    ],
)
def test_what_may_be_of_a_project_whose_name_is_not_known_is_not_unmanaged(seen: Container, called: Template | None) -> None:
    result = _nameless(seen, called=called)
    assert (_unmanaged(result), result.stacks[0].judged, unknown(result)) == (set(), False, {"name"})
    if seen.project is not None:
        assert seen.project in result.unseen, "what is known there does not pass for mended"


def test_what_cannot_be_of_a_project_whose_name_is_not_known_is_unmanaged() -> None:
    others = container("books-web-1", "web", of="books"), container("prod-media-x-1", "x", of="prod-media")
    assert _unmanaged(_nameless(*others, called=MEDIA)) == {"books-web-1", "prod-media-x-1"}


@pytest.mark.parametrize("labels", [FOLDER, {}])
@pytest.mark.parametrize("service", ["web", "x"])
def test_a_stranger_of_the_folders_name_does_not_make_a_nameless_project_judged(service: str, labels: dict[str, str]) -> None:
    """One that lies there, exited, from before the name had a variable; one that somebody else made."""
    decoy = container("other", service, of="media", state="exited", labels=labels)
    result = _nameless(decoy, container("prod-media-web-1", "web", of="prod-media", labels=DOCKGE), called=MEDIA)
    assert (_unmanaged(result), paths(result), result.stacks[0].judged) == (set(), set(), False)


@pytest.mark.parametrize("called", [MEDIA, None])
def test_a_project_that_is_deployed_as_its_folder_is_called_is_judged(called: Template | None) -> None:
    """The variable was blank. Another stack of the kind beside it, and a project that the repo knows, are no rivals."""
    web = container("media-web-1", "web", labels=FOLDER)
    other = replace(
        project("books", web={}), unknown=(UnknownValue(None, "name", "ENV is set nowhere"),), called=Template((Unknown("ENV"),))
    )
    folder = {"com.docker.compose.project.working_dir": "/srv/repo/nas/books"}
    beside = container("books-web-1", "web", of="books", labels=folder), container("known-web-1", "web", of="known")
    result = _nameless(web, *beside, called=called, others=(other, project("known", web={})))
    assert [one.judged for one in result.stacks] == [True, True, True]
    assert [(one.kind, one.service) for one in result.stacks[0].findings] == [(Kind.MISSING, "db")]
    assert _unmanaged(result) == set()
