"""Namespaces, cgroups and the runtime. What Git leaves open the engine's `daemon.json` decides, and it looks the same."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair

_OPEN = {"ipc": frozenset({"private", "shareable"}), "cgroup": frozenset({"private", "host"})}


def _differences(pair: Pair) -> Iterator[Difference]:
    want, have = pair.wanted.get("pid") or "", pair.host_config.get("PidMode") or ""
    if pair.namespace(want) != have:
        yield Difference("pid", want or None, pair.spoken_namespace(have) or None)
    yield from _ipc(pair)
    yield from differ("uts", pair.wanted.get("uts") or None, pair.host_config.get("UTSMode") or None)
    yield from _cgroup(pair)
    yield from differ("cgroup_parent", pair.wanted.get("cgroup_parent") or None, pair.host_config.get("CgroupParent") or None)
    yield from differ("isolation", pair.wanted.get("isolation") or None, pair.host_config.get("Isolation") or None)
    yield from _runtime(pair)


def _ipc(pair: Pair) -> Iterator[Difference]:
    want, have = pair.wanted.get("ipc") or "", pair.host_config.get("IpcMode") or ""
    if want:
        if pair.namespace(want) != have:
            yield Difference("ipc", want, pair.spoken_namespace(have) or None)
    elif have in _OPEN["ipc"]:
        yield Difference("ipc", None, have, default=("ipc", have))
    elif have:
        yield Difference("ipc", None, pair.spoken_namespace(have))


def _cgroup(pair: Pair) -> Iterator[Difference]:
    want, have = pair.wanted.get("cgroup") or "", pair.host_config.get("CgroupnsMode") or ""
    if want or have not in _OPEN["cgroup"]:
        yield from differ("cgroup", want or None, have or None)
    elif not (pair.host_config.get("Privileged") and have == "host"):
        yield Difference("cgroup", None, have, default=("cgroup", have))


def _runtime(pair: Pair) -> Iterator[Difference]:
    want, have = pair.wanted.get("runtime"), pair.host_config.get("Runtime") or None
    if want:
        yield from differ("runtime", want, have)
    elif have is not None and have != pair.host.info.get("DefaultRuntime"):
        yield Difference("runtime", None, have, default=("runtime", have))


RULE = Rule(
    name="namespaces",
    keys={
        "pid": ".HostConfig.PidMode",
        "ipc": ".HostConfig.IpcMode",
        "uts": ".HostConfig.UTSMode",
        "cgroup": ".HostConfig.CgroupnsMode",
        "cgroup_parent": ".HostConfig.CgroupParent",
        "isolation": ".HostConfig.Isolation",
        "runtime": ".HostConfig.Runtime",
    },
    differences=_differences,
)
