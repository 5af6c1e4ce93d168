"""One attachment of a container to a network: aliases, addresses, options. Not a rule: a part of the one for networks."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, differ, differ_maps
from anchorwatch.compare.match import final_name
from anchorwatch.compare.notation import address, hardware_address, texts
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json, JsonObject

_IFNAME = "com.docker.network.endpoint.ifname"
_SYSCTLS = "com.docker.network.endpoint.sysctls"
_DRIVER_OPTS_SENT = (2, 27, 1)
_GW_PRIORITY_SENT = (2, 33, 1)


def endpoint_differences(pair: Pair, path: str, options: JsonObject, endpoint: JsonObject) -> Iterator[Difference]:
    """Where the attachment at `path` (`networks.KEY`) differs from `options`, the service's own entry for that network."""
    yield from _aliases(pair, path, options, endpoint)
    ipam = endpoint.get("IPAMConfig") or {}
    for key, member in (("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address")):
        yield from differ(f"{path}.{key}", _address(options.get(key)), _address(ipam.get(member)))
    yield from differ(f"{path}.link_local_ips", _addresses(options.get("link_local_ips")), _addresses(ipam.get("LinkLocalIPs")))
    mac = options.get("mac_address")
    if mac and endpoint.get("MacAddress"):
        yield from differ(f"{path}.mac_address", hardware_address(mac), hardware_address(endpoint["MacAddress"]))
    elif mac:
        yield Difference(f"{path}.mac_address", mac, None, unseen="the engine shows it only while the container runs")
    yield from _driver_options(pair, path, options, endpoint)
    if pair.host.api >= (1, 48) and _made_by(pair, _GW_PRIORITY_SENT):
        want, have = int(options.get("gw_priority") or 0), int(endpoint.get("GwPriority") or 0)
        yield from differ(f"{path}.gw_priority", want, have)


def _aliases(pair: Pair, path: str, options: JsonObject, endpoint: JsonObject) -> Iterator[Difference]:
    container = pair.container
    names = {pair.expected_text, container.name, final_name(container.name)}
    engine = {container.id[:12]}
    if pair.host.engine_major < 25 or pair.host.api < (1, 45):  # asked in an older API, newer engines add the host name
        engine.add(str(pair.config.get("Hostname") or ""))
    configured = {str(alias) for alias in options.get("aliases") or ()}
    have = {str(alias) for alias in endpoint.get("Aliases") or ()}
    missing = ({pair.service.name} | configured) - have
    extra = have - names - engine - configured - {pair.service.name}
    lost_name = not have & names
    if missing or extra or lost_name:
        want = configured | {pair.service.name, pair.expected_text}
        yield Difference(f"{path}.aliases", ", ".join(sorted(want)), ", ".join(sorted(have - {container.id[:12]})) or None)


def _driver_options(pair: Pair, path: str, options: JsonObject, endpoint: JsonObject) -> Iterator[Difference]:
    if not _made_by(pair, _DRIVER_OPTS_SENT):
        return
    have = dict(endpoint.get("DriverOpts") or {})
    want = texts(options.get("driver_opts"))
    if any(".eth" in name for name in pair.opened("sysctls") or ()):  # the engine may have put them here: see the kernel's rule
        want.pop(_SYSCTLS, None)
        have.pop(_SYSCTLS, None)
    if _IFNAME not in want:
        name = have.pop(_IFNAME, None)
        if pair.host.api >= (1, 49) and _made_by(pair, (2, 36)):
            yield from differ(f"{path}.interface_name", options.get("interface_name") or None, name)
    yield from differ_maps(f"{path}.driver_opts", want, have)


def _made_by(pair: Pair, version: tuple[int, ...]) -> bool:
    """Whether the container was made by a Compose of at least this version, or by something else."""
    return not pair.container.compose_version or pair.container.compose_version >= version


def _address(value: Json) -> str | None:
    return address(str(value)) if value else None


def _addresses(values: Json) -> str | None:
    return ", ".join(sorted(address(str(value)) for value in values or ())) or None
