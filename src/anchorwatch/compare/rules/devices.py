"""Devices of the host, and devices that a driver hands out (`gpus`, `deploy.resources.reservations.devices`, CDI names)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from anchorwatch.compare.difference import Difference, Rule, differ, differ_maps
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json, Template, opened, plain

_CDI = re.compile(r"[A-Za-z][\w.-]*/[A-Za-z][\w.-]*=[\w.:-]+")
"""A name of the Container Device Interface: `vendor.com/class=device`."""
_OPTIONS_KEPT = (2, 30)


def _differences(pair: Pair) -> Iterator[Difference]:
    wants = any(map(pair.wanted.get, ("devices", "device_cgroup_rules", "gpus"))) or pair.limits("reservations").get("devices")
    if not wants and not any(map(pair.host_config.get, ("Devices", "DeviceCgroupRules", "DeviceRequests"))):
        return
    wanted = [_device(entry) for entry in pair.opened("devices") or ()]
    names = [source for source, target, _ in wanted if source == target and _CDI.fullmatch(source)]
    want: dict[str, Json] = {target: f"{source}:{target}:{mode}" for source, target, mode in wanted if source not in names}
    for entry in pair.wanted.get("devices") or ():
        if isinstance(entry, Mapping) and isinstance(part := entry.get("source"), Template) and not part.known:
            _, target, mode = _device(opened(entry))
            want[target] = Template((*part.parts, f":{target}:{mode}"))
    have = {
        entry.get("PathInContainer", ""): ":".join(
            str(entry.get(member, "")) for member in ("PathOnHost", "PathInContainer", "CgroupPermissions")
        )
        for entry in pair.host_config.get("Devices") or ()
    }
    yield from differ_maps("devices", want, have)
    rules = [str(rule) for rule in pair.opened("device_cgroup_rules") or ()]
    yield from differ("device_cgroup_rules", rules, list(pair.host_config.get("DeviceCgroupRules") or ()))
    yield from _requests(pair, names)


def _device(entry: Json) -> tuple[str, str, str]:
    """As source, target and permissions; Compose before 2.31 printed `source:target:rwm`.

    The short spelling is printed with its default `rwm`; a long one without permissions reaches the engine without any.
    """
    if isinstance(entry, str):
        source, _, rest = entry.partition(":")
        target, _, mode = rest.partition(":")
        return source, target or source, mode or "rwm"
    source = entry.get("source", "")
    return source, entry.get("target") or source, entry.get("permissions") or ""


def _requests(pair: Pair, cdi_names: list[str]) -> Iterator[Difference]:
    keep_options = pair.container.compose_version >= _OPTIONS_KEPT or not pair.container.compose_version
    reserved = [_request(entry, keep_options) for entry in opened(pair.limits("reservations").get("devices")) or ()]
    gpus = [
        _request({**entry, "capabilities": [*(entry.get("capabilities") or ()), "gpu"]}, keep_options)
        for entry in pair.opened("gpus") or ()
    ]
    cdi = [f"driver=cdi ids={','.join(cdi_names)}"] if cdi_names else []
    veiled = {
        _seen_request(plain(entry), keep_options): _seen_request(entry, keep_options)
        for entry in pair.host_config.get("DeviceRequests") or ()
    }
    left = Counter(_seen_request(plain(entry), keep_options) for entry in pair.host_config.get("DeviceRequests") or ())
    missing: dict[str, list[str]] = {}
    for path, wanted in (("deploy.resources.reservations.devices", reserved), ("gpus", gpus), ("devices", cdi)):
        for request in wanted:
            if left[request]:
                left[request] -= 1
            else:
                missing.setdefault(path, []).append(request)
    extra = sorted(veiled[request] for request in left.elements())
    if extra and not missing:
        usual = "deploy.resources.reservations.devices" if reserved and not gpus else "gpus"
        yield Difference("devices" if all(one.startswith("driver=cdi") for one in extra) else usual, None, "; ".join(extra))
    for path, requests in missing.items():
        yield Difference(path, "; ".join(requests), "; ".join(extra) or None)


def _request(entry: Json, keep_options: bool) -> str:
    count = entry.get("count", 0)
    return _spelled(
        entry.get("driver") or "",
        -1 if count == "all" else int(count or 0),
        entry.get("device_ids") or (),
        [entry.get("capabilities") or ()],
        entry.get("options") or {} if keep_options else {},
    )


def _seen_request(entry: Json, keep_options: bool) -> str:
    if entry.get("Driver") == "cdi":
        return f"driver=cdi ids={','.join(entry.get('DeviceIDs') or ())}"
    options = entry.get("Options") or {} if keep_options else {}
    return _spelled(
        entry.get("Driver") or "",
        int(entry.get("Count") or 0),
        entry.get("DeviceIDs") or (),
        entry.get("Capabilities") or [()],
        options,
    )


def _spelled(driver: str, count: int, ids: Json, capabilities: Json, options: Json) -> str:
    pieces = [f"driver={driver}" if driver else "", f"ids={','.join(ids)}" if ids else ""]
    if count:
        pieces.append(f"count={'all' if count == -1 else count}")
    pieces.append("capabilities=" + "|".join(",".join(group) for group in capabilities))
    pieces += [f"{name}={value}" for name, value in sorted(options.items())]
    return " ".join(piece for piece in pieces if piece)


RULE = Rule(
    name="devices",
    keys={
        "devices": ".HostConfig.Devices, CDI names in .HostConfig.DeviceRequests",
        "device_cgroup_rules": ".HostConfig.DeviceCgroupRules",
        "gpus": ".HostConfig.DeviceRequests",
        "deploy.resources.reservations.devices": ".HostConfig.DeviceRequests",
    },
    differences=_differences,
)
