"""How many processes and files: the limit of PIDs, and ulimits.

The engine merges its own `default-ulimits` into every answer, live: a name that all containers of the host show is the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json


def _differences(pair: Pair) -> Iterator[Difference]:
    deployed = pair.limits("limits").get("pids")
    path = pair.limit_path("limits", "pids", "pids_limit")
    want = max(int(deployed or pair.wanted.get("pids_limit") or 0), 0)
    have = max(int(pair.host_config.get("PidsLimit") or 0), 0)
    if want != have:
        yield from pair.host.able("PidsLimit", differ(path, want, have, _limit))
    yield from _ulimits(pair)


def _limit(value: Json) -> str | None:
    return str(value) if value else None


def _ulimits(pair: Pair) -> Iterator[Difference]:
    want = {name: _bounds(value) for name, value in (pair.wanted.get("ulimits") or {}).items()}
    have = {
        entry["Name"]: (int(entry.get("Soft", 0)), int(entry.get("Hard", 0)))
        for entry in pair.host_config.get("Ulimits") or ()
        if entry.get("Name")
    }
    for name, bounds in want.items():
        yield from differ(f"ulimits.{name}", bounds, have.get(name), _spoken)
    for name, bounds in have.items():
        if name not in want:
            yield Difference(f"ulimits.{name}", None, bounds, _spoken, default=("ulimits", f"{name}={bounds[0]}:{bounds[1]}"))


def _bounds(value: Json) -> tuple[int, int]:
    if isinstance(value, dict):
        return int(value.get("soft", 0)), int(value.get("hard", 0))
    return int(value), int(value)


def _spoken(bounds: Json) -> str | None:
    if bounds is None:
        return None
    soft, hard = bounds
    return str(soft) if soft == hard else f"soft {soft}, hard {hard}"


RULE = Rule(
    name="processes",
    keys={
        "pids_limit": ".HostConfig.PidsLimit",
        "deploy.resources.limits.pids": ".HostConfig.PidsLimit",
        "ulimits": ".HostConfig.Ulimits, without the engine's own",
    },
    differences=_differences,
)
