"""Processor time and processor sets."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import nanoseconds
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_COUNTERS = (
    ("cpu_shares", "CpuShares", "CPUShares"),
    ("cpu_quota", "CpuQuota", "CpuCfsQuota"),
    ("cpu_period", "CpuPeriod", "CpuCfsPeriod"),
    ("cpu_rt_period", "CpuRealtimePeriod", None),
    ("cpu_rt_runtime", "CpuRealtimeRuntime", None),
    ("cpu_count", "CpuCount", None),
)
"""Key, member of `.HostConfig`, and what `/info` calls the kernel's ability to do it."""


def nano_cpus(value: Json) -> int:
    """Processors in billionths, in the single precision that Compose computes with (`create.go`: `int64(s.CPUS * 1e9)`)."""
    return int(_single(_single(float(value)) * 1e9))


def _single(number: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def _differences(pair: Pair) -> Iterator[Difference]:
    deployed = float(pair.limits("limits").get("cpus") or 0)
    path, want = pair.limit_path("limits", "cpus", "cpus"), nano_cpus(deployed or pair.wanted.get("cpus") or 0)
    yield from differ(path, want, int(pair.host_config.get("NanoCpus") or 0), _shown)
    for key, member, capability in _COUNTERS:
        counted, count = _count(pair.wanted.get(key)), int(pair.host_config.get(member) or 0)
        if counted != count:
            found = differ(key, counted, count, _nonzero)
            yield from found if capability is None else pair.host.able(capability, found)
    wants, has = pair.wanted.get("cpuset") or None, pair.host_config.get("CpusetCpus") or None
    if wants != has:
        yield from pair.host.able("CPUSet", differ("cpuset", wants, has))


def _count(value: Json) -> int:
    if not value:
        return 0
    if isinstance(value, int | float):
        return int(value)
    return int(value) if value.lstrip("-").isdecimal() else nanoseconds(value) // 1000


def _shown(nanos: Json) -> str | None:
    return f"{nanos / 1e9:.9f}".rstrip("0").rstrip(".") if nanos else None


def _nonzero(value: Json) -> str | None:
    return str(value) if value else None


RULE = Rule(
    name="cpu",
    keys={
        "cpus": ".HostConfig.NanoCpus",
        "deploy.resources.limits.cpus": ".HostConfig.NanoCpus",
        "cpu_shares": ".HostConfig.CpuShares",
        "cpu_quota": ".HostConfig.CpuQuota",
        "cpu_period": ".HostConfig.CpuPeriod",
        "cpu_rt_period": ".HostConfig.CpuRealtimePeriod",
        "cpu_rt_runtime": ".HostConfig.CpuRealtimeRuntime",
        "cpu_count": ".HostConfig.CpuCount",
        "cpuset": ".HostConfig.CpusetCpus",
    },
    differences=_differences,
)
