"""Memory: limits, reservation, swap, shared memory and the out-of-memory killer.

`docker update` changes most of these in place, and `docker compose up` does not notice.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import size, size_in_bytes
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_SHM_SIZE = 64 * 2**20


def _differences(pair: Pair) -> Iterator[Difference]:
    able, seen = pair.host.able, pair.host_config
    path, limit = _limit(pair, "limits", "mem_limit")
    memory = int(seen.get("Memory") or 0)
    if limit != memory:
        yield from able("MemoryLimit", differ(path, limit, memory, _shown))
    path, reservation = _limit(pair, "reservations", "mem_reservation")
    reserved = int(seen.get("MemoryReservation") or 0)
    if reservation != reserved:
        yield from able("MemoryLimit", differ(path, reservation, reserved, _shown))
    yield from able("SwapLimit", _swap(pair, limit, memory))
    if not pair.host.cgroup_v2:  # the kernel knows no swappiness there
        want, have = _swappiness(pair), seen.get("MemorySwappiness")
        if want != have:
            yield from able("MemoryLimit", differ("mem_swappiness", want, have))
        spared, is_spared = bool(pair.wanted.get("oom_kill_disable")), bool(seen.get("OomKillDisable"))
        if spared != is_spared:
            yield from able("OomKillDisable", differ("oom_kill_disable", spared, is_spared))
    yield from differ("oom_score_adj", int(pair.wanted.get("oom_score_adj") or 0), int(pair.host_config.get("OomScoreAdj") or 0))
    yield from _shared(pair)


def _limit(pair: Pair, kind: str, key: str) -> tuple[str, int]:
    amount = pair.limits(kind).get("memory") or pair.wanted.get(key) or 0
    return pair.limit_path(kind, "memory", key), size_in_bytes(amount)


def _swap(pair: Pair, limit: int, memory: int) -> Iterator[Difference]:
    """Left out, the engine takes twice the memory (moby `daemon_unix.go`, `adaptContainerSettings`)."""
    want = size_in_bytes(pair.wanted["memswap_limit"]) if pair.wanted.get("memswap_limit") else 0
    have = int(pair.host_config.get("MemorySwap") or 0)
    # twice the container's own limit: then it is the limit that differs, not the swap
    if want == have or (want == 0 and have in {2 * limit, 2 * memory}):
        return
    yield Difference("memswap_limit", want, have, _shown)


def _swappiness(pair: Pair) -> int | None:
    value = int(pair.wanted.get("mem_swappiness") or 0)
    return value if value > 0 else None


def _shared(pair: Pair) -> Iterator[Difference]:
    have = int(pair.host_config.get("ShmSize") or 0)
    if pair.wanted.get("shm_size"):
        yield from differ("shm_size", size_in_bytes(pair.wanted["shm_size"]), have, _shown)
    elif have not in {_SHM_SIZE, 0}:
        yield Difference("shm_size", None, have, _shown, default=("shm_size", str(have)))


def _shown(amount: Json) -> str | None:
    if not amount:
        return None
    return "-1" if amount < 0 else size(amount)


RULE = Rule(
    name="memory",
    keys={
        "mem_limit": ".HostConfig.Memory",
        "deploy.resources.limits.memory": ".HostConfig.Memory",
        "mem_reservation": ".HostConfig.MemoryReservation",
        "deploy.resources.reservations.memory": ".HostConfig.MemoryReservation",
        "memswap_limit": ".HostConfig.MemorySwap, by default twice the memory",
        "mem_swappiness": ".HostConfig.MemorySwappiness (cgroup v1)",
        "shm_size": ".HostConfig.ShmSize, by default 64 MiB or the engine's",
        "oom_kill_disable": ".HostConfig.OomKillDisable (cgroup v1)",
        "oom_score_adj": ".HostConfig.OomScoreAdj",
    },
    differences=_differences,
)
