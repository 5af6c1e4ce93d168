"""How a container resolves names: DNS servers, options, search domains, and additional hosts."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ, differ_maps
from anchorwatch.compare.notation import address
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_KEYS = ("dns", "dns_opt", "dns_search", "extra_hosts")
_MEMBERS = ("Dns", "DnsOptions", "DnsSearch", "ExtraHosts")


def _differences(pair: Pair) -> Iterator[Difference]:
    if not any(map(pair.wanted.get, _KEYS)) and not any(map(pair.host_config.get, _MEMBERS)):
        return
    want = [address(str(server)) for server in pair.opened("dns") or ()]
    yield from differ("dns", want or None, [address(str(server)) for server in pair.host_config.get("Dns") or ()] or None)
    for key, member in (("dns_opt", "DnsOptions"), ("dns_search", "DnsSearch")):
        yield from differ(key, list(pair.opened(key) or ()) or None, list(pair.host_config.get(member) or ()) or None)
    yield from differ_maps(
        "extra_hosts", _hosts(pair.opened("extra_hosts"), "="), _hosts(pair.host_config.get("ExtraHosts"), ":")
    )


def _hosts(entries: Json, separator: str) -> dict[str, str]:
    """Addresses by name, several of one name joined in order of the alphabet: their order is not kept."""
    if isinstance(entries, dict):
        pairs = [(name, one) for name, found in entries.items() for one in (found if isinstance(found, list) else [found])]
    else:
        pairs = []
        for entry in entries or ():
            name, found, value = str(entry).partition(separator)
            if not found:
                name, _, value = str(entry).partition(":" if separator == "=" else "=")
            pairs.append((name, value))
    hosts: dict[str, list[str]] = {}
    for name, value in pairs:
        hosts.setdefault(name, []).append(address(str(value)))
    return {name: ", ".join(sorted(values)) for name, values in hosts.items()}


RULE = Rule(
    name="names",
    keys={
        "dns": ".HostConfig.Dns",
        "dns_opt": ".HostConfig.DnsOptions",
        "dns_search": ".HostConfig.DnsSearch",
        "extra_hosts": ".HostConfig.ExtraHosts",
    },
    differences=_differences,
)
