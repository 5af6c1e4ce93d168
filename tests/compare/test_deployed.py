"""What the definition that a container was made from tells of keys which the present one does not set.

What real engines and Composes do with them is in tests/truth/test_left_together.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.compare import HostComparison, Memo, compare_host
from anchorwatch.compare.deployed import Doubt, was_made_from
from anchorwatch.compare.host_view import HostView
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import place_of
from anchorwatch.model.observed import Container, Image
from anchorwatch.model.settings import Policy
from tests.compare.make import snapshot
from tests.compare.test_put_back import made_from, now

ORDER = (
    "deploy", "image", "ipc", "labels", "logging", "mem_limit", "networks", "restart", "shm_size", "stop_signal", "ulimits",
    "volumes",
)  # fmt: skip
"""As Compose prints them, and hashes them."""

KEYS: Mapping[str, tuple[str, Any, Mapping[str, Any], Sequence[str]]] = {
    # the key, its value, what a container shows of it, the paths that are drift when it has left
    "shm": ("shm_size", "99614720", {"ShmSize": 99614720}, ["shm_size"]),
    "ipc": ("ipc", "shareable", {"IpcMode": "shareable"}, ["ipc"]),
    "log": (
        "logging", {"driver": "json-file", "options": {"max-file": "3", "max-size": "10m"}},
        {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}},
        ["logging.options.max-size", "logging.options.max-file"],
    ),
    "files": (
        "ulimits", {"core": {}, "nofile": {"soft": 1024, "hard": 2048}},
        {"Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "core", "Soft": 0, "Hard": 0}]},
        ["ulimits.nofile", "ulimits.core"],
    ),
    "limit": (
        "deploy", {"resources": {"limits": {"memory": "536870912"}}, "placement": {}}, {"Memory": 2**29, "MemorySwap": 2**30},
        ["deploy.resources.limits.memory"],
    ),
    "short": ("mem_limit", "536870912", {"Memory": 2**29, "MemorySwap": 2**30}, ["mem_limit"]),
    "data": (
        "volumes", [{"type": "volume", "source": "data", "target": "/data", "volume": {}}],
        {}, ["volumes./data"],
    ),
}  # fmt: skip
AT_DATA = {"/data": {"Type": "volume", "Name": "media_data", "Source": "/x", "RW": True, "Propagation": ""}}
FILLED_IN = ("shm", "ipc", "log", "files")
"""What a daemon.json can have filled in as well."""
IMAGE = Image("sha256:1", ("hold:1",), (), {"Volumes": {"/data": {}}})


def definition(names: Sequence[str], **more: Any) -> dict[str, Any]:
    config = {"image": "hold:1", "networks": {"default": None}, **{KEYS[name][0]: KEYS[name][1] for name in names}, **more}
    return {key: config[key] for key in ORDER if key in config}


def made(config: Mapping[str, Any], names: Sequence[str], **labels: str) -> Container:
    """Made from that definition, showing what these keys say, whoever said it."""
    shown = {member: value for name in names for member, value in KEYS[name][2].items()}
    return made_from(config, "web", host_config=shown, mounts=AT_DATA if "data" in names else {}, labels=labels)


def look(
    wanted: DesiredProject, seen: Container, version: DesiredProject | None = None, memo: Memo | None = None
) -> HostComparison:
    """With the version, where that is proved to be the one that it was made from."""
    world = snapshot(seen, images={"sha256:1": IMAGE})
    first = compare_host([wanted], [], world, Policy(), memo)
    proved = {
        doubt.container.id: version
        for doubt in first.doubts
        if version is not None and was_made_from(doubt, version, HostView(world), None)
    }
    return compare_host([wanted], [], world, Policy(), memo, proved) if proved else first


def paths(found: HostComparison) -> set[str | None]:
    return {one.path for one in found.stacks[0].findings if one.service is not None}


def not_told(found: HostComparison) -> set[str]:
    everything = (*found.stacks[0].unknown, *found.unseen.get("media", ()))
    return {entry.path for entry in everything if entry.service is not None}


some_keys = st.lists(st.sampled_from(sorted(KEYS)), unique=True).filter(lambda one: not {"limit", "short"} <= set(one))


@given(
    said=some_keys, kept=st.sets(st.sampled_from(sorted(KEYS))), filled=st.sets(st.sampled_from(FILLED_IN)), more=st.booleans()
)
def test_what_left_is_drift_and_what_was_filled_in_is_not(said: list[str], kept: set[str], filled: set[str], more: bool) -> None:
    added = {"stop_signal": "SIGINT"} if more else {}
    before, wanted = definition(said), definition([name for name in said if name in kept], **added)
    seen = made(before, [*filled, *said])
    found = look(now(web=wanted), seen, now(web=before))
    left = {path for name in said if name not in kept for path in KEYS[name][3]}
    assert paths(found) == left | set(added)
    assert not_told(found) == set()
    # without the past no more is said than what is drift, and nothing of that is forgotten
    alone = look(now(web=wanted), seen)
    places = {place_of(str(path)) for path in paths(alone)}
    assert places <= {place_of(path) for path in left | set(added)}
    assert {place_of(path) for path in left} <= places | {place_of(path) for path in not_told(alone)}


@given(said=some_keys, other=some_keys, more=st.booleans())
def test_another_version_proves_nothing(said: list[str], other: list[str], more: bool) -> None:
    """One that the container was not made from is not taken for it, however much it explains."""
    before, version = definition(said), definition(other, **({"stop_signal": "SIGINT"} if more else {}))
    wanted, seen = now(web=definition([], stop_signal="SIGQUIT")), made(before, said)
    doubt = Doubt(wanted, "web", seen)
    same = before == version
    assert was_made_from(doubt, now(web=version), HostView(snapshot(seen)), None) is same
    if not same:
        assert look(wanted, seen, now(web=version)) == look(wanted, seen)


def test_a_version_without_the_service_proves_nothing() -> None:
    seen = made(definition(["shm", "ipc"]), ["shm", "ipc"])
    assert not was_made_from(Doubt(now(web=definition([])), "web", seen), now(db=definition([])), HostView(snapshot(seen)), None)


def test_there_is_no_doubt_where_everything_can_be_told() -> None:
    """Nothing is asked of the past for it."""
    full = definition(["shm", "limit"])
    deployed = made(full, ["shm", "limit"])
    assert look(now(web=full), deployed).doubts == ()
    assert look(now(web=definition(["shm"])), deployed).doubts == (), "the hash with the one key put back tells"
    by_hand = replace(deployed, host_config={**deployed.host_config, "Memory": 2**28, "MemorySwap": 2**29})
    assert look(now(web=full), by_hand).doubts == ()
    changed = look(now(web=definition(["shm", "limit"], stop_signal="SIGINT")), deployed)
    assert (paths(changed), changed.doubts) == ({"stop_signal"}, ())
    unhashed = replace(deployed, labels={name: text for name, text in deployed.labels.items() if not name.endswith("hash")})
    assert look(now(web=definition([])), unhashed).doubts == ()
    assert look(now(web=definition([])), deployed).doubts != ()


def test_a_limit_changed_by_hand_has_the_name_that_it_had_in_the_file() -> None:
    full = definition(["limit", "shm"])
    seen = made(full, ["limit", "shm"])
    by_hand = replace(seen, host_config={**seen.host_config, "Memory": 2**28, "MemorySwap": 2**29})
    assert paths(look(now(web=definition([])), by_hand, now(web=full))) == {"deploy.resources.limits.memory", "shm_size"}


def test_what_the_container_has_otherwise_than_its_definition_stays_in_doubt() -> None:
    """As after the engine was started with another `default-ulimits`: it says nothing of what the file said."""
    full = definition(["files", "shm"])
    seen = made(full, ["files", "shm"])
    seen = replace(seen, host_config={**seen.host_config, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]})
    found = look(now(web=definition([])), seen, now(web=full))
    assert (paths(found), {entry.path for entry in found.stacks[0].unknown}) == ({"shm_size"}, {"ulimits.nofile"})


def test_a_memo_answers_like_a_fresh_comparison() -> None:
    memo = Memo()
    full, wanted = definition(["shm", "log"]), now(web=definition([]))
    seen = made(full, ["shm", "log"])
    for version in (None, now(web=full), None, now(web=full)):
        assert look(wanted, seen, version, memo) == look(wanted, seen, version)


def test_a_weight_that_the_kernel_may_lack_is_no_doubt_where_the_container_was_made_with_it() -> None:
    weight = {"blkio_config": {"weight": 500}}
    before, wanted = {**weight, **definition([])}, {**weight, **definition([], stop_signal="SIGINT")}
    seen = made(before, [])
    assert not_told(look(now(web=wanted), seen)) == {"blkio_config.weight"}
    found = look(now(web=wanted), seen, now(web=before))
    assert (paths(found), not_told(found)) == ({"stop_signal"}, set())
    heavier = {**wanted, "blkio_config": {"weight": 600}}
    assert not_told(look(now(web=heavier), seen, now(web=before))) == {"blkio_config.weight"}, "that was never asked for"
