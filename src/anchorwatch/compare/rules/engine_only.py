"""What `docker run` and `docker update` can set and Compose has no key for: reported under the engine's own name."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import show, size
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json


def _differences(pair: Pair) -> Iterator[Difference]:
    yield from differ("cpuset_mems", None, pair.host_config.get("CpusetMems") or None, show)
    yield from differ("kernel_memory", None, pair.host_config.get("KernelMemory") or None, _size)
    yield from differ("auto_remove", False, bool(pair.host_config.get("AutoRemove")))
    yield from differ("publish_all_ports", False, bool(pair.host_config.get("PublishAllPorts")))


def _size(amount: Json) -> str | None:
    return size(amount) if amount else None


RULE = Rule(name="engine_only", keys={}, differences=_differences)
