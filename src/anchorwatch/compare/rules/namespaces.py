"""Namespaces, cgroups and the runtime. What Git leaves open the engine's `daemon.json` decides, and it looks the same."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair

_IPC_OF_DAEMON = frozenset({"private", "shareable"})
"""What `default-ipc-mode` may be; left alone the engine takes the first."""
_CGROUP_OF_DAEMON = frozenset({"private", "host"})


def _differences(pair: Pair) -> Iterator[Difference]:
    want, have = pair.opened("pid") or "", pair.host_config.get("PidMode") or ""
    if not pair.joins(want, have):
        yield Difference("pid", want or None, pair.spoken_namespace(have) or None)
    yield from _ipc(pair)
    yield from differ("uts", pair.wanted.get("uts") or None, pair.host_config.get("UTSMode") or None)
    yield from _cgroup(pair)
    yield from differ("cgroup_parent", pair.wanted.get("cgroup_parent") or None, pair.host_config.get("CgroupParent") or None)
    yield from differ("isolation", pair.wanted.get("isolation") or None, pair.host_config.get("Isolation") or None)
    yield from _runtime(pair)


def _ipc(pair: Pair) -> Iterator[Difference]:
    want, have = pair.opened("ipc") or "", pair.host_config.get("IpcMode") or ""
    if want:
        if not pair.joins(want, have):
            yield Difference("ipc", want, pair.spoken_namespace(have) or None)
    elif have in _IPC_OF_DAEMON:
        if have != "private":
            yield Difference("ipc", None, have, default=("ipc", have))
    elif have:
        yield Difference("ipc", None, pair.spoken_namespace(have))


def _cgroup(pair: Pair) -> Iterator[Difference]:
    want, have = pair.opened("cgroup") or "", pair.host_config.get("CgroupnsMode") or ""
    built_in = "private" if pair.host.cgroup_v2 else "host"
    if want or have not in _CGROUP_OF_DAEMON:
        yield from differ("cgroup", want or None, have or None)
    elif have != built_in and not (pair.host_config.get("Privileged") and have == "host"):
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
