"""Published and exposed ports.

`.HostConfig.PortBindings` holds what was asked for; `.NetworkSettings.Ports`, what came of it (a random port, two
bindings for one), is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anchorwatch.compare.difference import Difference, Rule
from anchorwatch.compare.notation import address
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

Binding = tuple[str, str]


def _differences(pair: Pair) -> Iterator[Difference]:
    want = _wanted(pair.opened("ports") or ())
    have = _bound(pair.host_config.get("PortBindings") or {})
    if want != have:
        for port in sorted(want.keys() | have.keys()):
            if want.get(port) != have.get(port):
                yield Difference(f"ports.{port}", _spoken(port, want.get(port)), _spoken(port, have.get(port)))
    yield from _exposed(pair, want, have)


def _wanted(entries: Iterable[Json]) -> dict[str, list[Binding]]:
    ports: dict[str, list[Binding]] = {}
    for entry in entries:
        port = f"{entry['target']}/{(entry.get('protocol') or 'tcp').lower()}"
        ports.setdefault(port, []).append((address(entry.get("host_ip") or ""), str(entry.get("published") or "")))
    return {port: sorted(bindings) for port, bindings in ports.items()}


def spoken_ports(entries: Iterable[Json]) -> dict[str, str]:
    """The published ports of a service in the short notation, by the container's port."""
    return {port: _spoken(port, bindings) or "" for port, bindings in _wanted(entries).items()}


def _bound(bindings: Json) -> dict[str, list[Binding]]:
    """An empty list is what newer engines show for one without an address and a port of its own."""
    return {
        port: sorted((address(one.get("HostIp") or ""), str(one.get("HostPort") or "")) for one in found or [{}])
        for port, found in bindings.items()
    }


def _spoken(port: str, bindings: list[Binding] | None) -> str | None:
    if bindings is None:
        return None
    spoken = []
    for ip, published in bindings:
        host = f"[{ip}]" if ":" in ip else ip
        spoken.append(":".join(piece for piece in (host, published, port) if piece))
    return ", ".join(spoken)


def _exposed(pair: Pair, want: Iterable[str], have: Iterable[str]) -> Iterator[Difference]:
    published = {*want, *have}
    inherited = set(pair.inherited.get("ExposedPorts") or ())
    wanted = _expanded(pair.opened("expose") or ()) - published
    seen = _expanded(pair.config.get("ExposedPorts") or ()) - published
    missing, extra = wanted - seen, seen - wanted - _expanded(inherited)
    if not missing and not extra:
        return
    gone = None if missing else pair.without_image
    shown = (seen - _expanded(inherited)) | (wanted & seen)
    yield Difference("expose", _listed(wanted), _listed(shown), unjudged=gone)


def _expanded(ports: Iterable[Json]) -> set[str]:
    """Every port as `8000/tcp`: Compose before version 5 hands `8000-8002` on as it stands."""
    found = set()
    for entry in ports:
        numbers, _, protocol = str(entry).partition("/")
        first, _, last = numbers.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found |= {f"{number}/{protocol or 'tcp'}" for number in range(int(first), int(last or first) + 1)}
        else:
            found.add(f"{numbers}/{protocol or 'tcp'}")
    return found


def _listed(ports: set[str]) -> str | None:
    return ", ".join(sorted(ports, key=lambda port: (len(port), port))) or None


RULE = Rule(
    name="ports",
    keys={
        "ports[].target": ".HostConfig.PortBindings",
        "ports[].published": ".HostConfig.PortBindings[].HostPort",
        "ports[].host_ip": ".HostConfig.PortBindings[].HostIp",
        "ports[].protocol": ".HostConfig.PortBindings",
        "expose": ".Config.ExposedPorts without the image's and the published ones",
    },
    differences=_differences,
)
