"""Block I/O weights and limits. An engine whose kernel lacks one of them drops it, with a warning when the container is made.

`info` speaks of the limits only; that a kernel lacks weights (most do) can be told by no container of the host having one.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import size_in_bytes
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json, JsonObject

_RATES = (
    ("device_read_bps", "BlkioDeviceReadBps", ("throttle.read_bps_device", "io.max (rbps)")),
    ("device_read_iops", "BlkioDeviceReadIOps", ("throttle.read_iops_device", "io.max (riops)")),
    ("device_write_bps", "BlkioDeviceWriteBps", ("throttle.write_bps_device", "io.max (wbps)")),
    ("device_write_iops", "BlkioDeviceWriteIOps", ("throttle.write_iops_device", "io.max (wiops)")),
)
_MEMBERS = ("BlkioWeight", "BlkioWeightDevice", *(member for _, member, _ in _RATES))
_WEIGHT = ("blkio weight support", "blkio.weight support", "io.weight support")
_MAY_LACK = "the host's kernel may lack block I/O weights: no container there has one"
_WEIGHT_DEVICE = ("weight_device support", "io.weight (per device) support")


def _differences(pair: Pair) -> Iterator[Difference]:
    wanted: JsonObject = pair.opened("blkio_config") or {}
    if not wanted and not any(map(pair.host_config.get, _MEMBERS)):
        return
    yield from _weights(pair, wanted)
    for key, member, signs in _RATES:
        rates = _entries(pair.host_config.get(member), "Rate")
        if rates or not _lacks(pair, signs):
            yield from differ(f"blkio_config.{key}", _entries(wanted.get(key), "Rate"), rates, _list)


def _weights(pair: Pair, wanted: JsonObject) -> Iterator[Difference]:
    want, have = int(wanted.get("weight") or 0), int(pair.host_config.get("BlkioWeight") or 0)
    path = "blkio_config.weight"
    if have or "BlkioWeight" in pair.host.seen_members:
        yield from differ(path, want, have, _nonzero)
    elif want and not _lacks(pair, _WEIGHT):
        yield Difference(path, want, None, unjudged=_MAY_LACK)
    wants = _entries(wanted.get("weight_device"), "Weight")
    devices = _entries(pair.host_config.get("BlkioWeightDevice"), "Weight")
    path = "blkio_config.weight_device"
    if devices or "BlkioWeightDevice" in pair.host.seen_members:
        yield from differ(path, wants, devices, _list)
    elif wants and not _lacks(pair, _WEIGHT_DEVICE):
        yield Difference(path, wants, None, unjudged=_MAY_LACK)


def _lacks(pair: Pair, signs: tuple[str, ...]) -> bool:
    return any(f"no {sign}" in pair.host.warnings or sign in pair.host.warnings for sign in signs)


def _entries(entries: Json, member: str) -> list[str]:
    """Each as `path:figure`; Compose prints the inner names with a capital, as the engine does, and older ones without."""
    found = []
    for entry in entries or ():
        path = entry.get("Path") or entry.get("path")
        figure = entry.get(member, entry.get(member.lower(), 0))
        found.append(f"{path}:{size_in_bytes(figure or 0)}")
    return found


def _nonzero(value: Json) -> str | None:
    return str(value) if value else None


def _list(value: Json) -> str | None:
    return ", ".join(value) if value else None


RULE = Rule(
    name="blkio",
    keys={
        "blkio_config.weight": ".HostConfig.BlkioWeight",
        "blkio_config.weight_device": ".HostConfig.BlkioWeightDevice",
        "blkio_config.device_read_bps": ".HostConfig.BlkioDeviceReadBps",
        "blkio_config.device_read_iops": ".HostConfig.BlkioDeviceReadIOps",
        "blkio_config.device_write_bps": ".HostConfig.BlkioDeviceWriteBps",
        "blkio_config.device_write_iops": ".HostConfig.BlkioDeviceWriteIOps",
    },
    differences=_differences,
)
