"""Kernel parameters and options of the storage driver."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ_maps
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"


def _differences(pair: Pair) -> Iterator[Difference]:
    if not any(map(pair.wanted.get, ("sysctls", "storage_opt"))) and not any(
        map(pair.host_config.get, ("Sysctls", "StorageOpt"))
    ):
        return
    have = _texts(pair.host_config.get("Sysctls"))
    want = _texts(pair.opened("sysctls"))
    # clients older than API 1.48 have those of one interface moved to the endpoint (moby `api/server/router/container`)
    moved = {name for name in want if ".eth0." in name and name not in have and _on_an_endpoint(pair)}
    yield from differ_maps("sysctls", {name: value for name, value in want.items() if name not in moved}, have)
    yield from differ_maps("storage_opt", _texts(pair.opened("storage_opt")), _texts(pair.host_config.get("StorageOpt")))


def _texts(values: Json) -> dict[str, str]:
    return {str(name): str(value) for name, value in (values or {}).items()}


def _on_an_endpoint(pair: Pair) -> bool:
    return any(_ENDPOINT_SYSCTLS in (network.get("DriverOpts") or {}) for network in pair.container.networks.values())


RULE = Rule(
    name="kernel",
    keys={"sysctls": ".HostConfig.Sysctls", "storage_opt": ".HostConfig.StorageOpt"},
    differences=_differences,
)
