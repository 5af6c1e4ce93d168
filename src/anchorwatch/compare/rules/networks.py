"""Networks: which ones a container is attached to, and as what.

The engine shows networks by name, but by ID before the first start; Compose 2.19 to 2.29 stored the ID of external ones
as the network mode. Engines before 25 add the short ID to the aliases, newer ones asked in an old API the host name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import hardware_address
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules.endpoints import endpoint_differences
from anchorwatch.model.values import Json, JsonObject, Template, opened

_PRIORITY_PRINTED = (2, 27)
_MAC_MENDED = (2, 32)
_MAC_NO_LONGER_SHOWN = (1, 52)
_OF_ENGINE = frozenset({"bridge", "default", "host", "none"})
_JOINED = ("container:", "service:")


def _differences(pair: Pair) -> Iterator[Difference]:
    wanted_mode = pair.wanted.get("network_mode") or ""
    seen_mode = pair.host.network_name(pair.host_config.get("NetworkMode") or "default")
    if isinstance(wanted_mode, Template):
        return
    attached = {pair.host.network_name(key): endpoint for key, endpoint in pair.container.networks.items()}
    if wanted_mode:
        yield from _mode(pair, wanted_mode, seen_mode, attached)
        return
    wanted = wanted_networks(pair)
    engine_own = seen_mode in _OF_ENGINE and seen_mode not in wanted
    if (engine_own or seen_mode.startswith(_JOINED)) and not (seen_mode == "none" and not wanted):
        yield Difference("network_mode", None, pair.spoken_namespace(seen_mode))
        return
    yield from _attachments(pair, wanted, attached)
    yield from _primary(pair, wanted, attached, seen_mode)
    for name, (key, options) in wanted.items():
        if name in attached:
            yield from endpoint_differences(pair, f"networks.{key}", options, attached[name])


def _mode(pair: Pair, want: str, have: str, attached: Mapping[str, JsonObject]) -> Iterator[Difference]:
    if not pair.joins(want, have) and not (want in {"bridge", "default"} and have in {"bridge", "default"}):
        yield Difference("network_mode", want, pair.spoken_namespace(have))
        return
    own = {"default": "bridge"}.get(want, want)
    for name in attached.keys() - {own}:
        yield Difference(f"networks.{_key(pair, name)}", None, name)
    if own not in attached and ":" not in want and pair.container.state != "created":
        yield Difference("network_mode", want, "attached to no network")


def wanted_networks(pair: Pair) -> dict[str, tuple[str, JsonObject]]:
    """For each network that the service is to be attached to, by its name on the host: its key in the file, and its options.

    Where a piece of a name is unknown, it is that of a network which it is attached to, which fits and which is no other key's.
    """
    found: dict[str, tuple[str, JsonObject]] = {}
    nameless: dict[str, Template] = {}
    wanted = pair.opened("networks") or {}
    for key, options in wanted.items():
        name = (pair.project.networks.get(key) or {}).get("name") or f"{pair.project.name}_{key}"
        if isinstance(name, Template) and not name.known:
            nameless[key] = name
        else:
            found[str(opened(name))] = (key, options or {})
    likely = _shared_out({key: _fitting(pair, key, name, found) for key, name in nameless.items()})
    for key, name in nameless.items():
        found[likely.get(key, str(opened(name)))] = (key, wanted[key] or {})
    return found


def _fitting(pair: Pair, key: str, name: Template, taken: Collection[str]) -> list[str]:
    """The networks that one whose name is not wholly known may be attached to as, the one that Compose made for it first."""
    made = pair.host.networks_of_projects
    fitting = [one for one in map(pair.host.network_name, pair.container.networks) if one not in taken and name.fits(one)]
    own = [one for one in fitting if made.get(one) == (pair.project.name, key)]
    return own + [one for one in fitting if made.get(one, ("",))[0] != pair.project.name and one not in _OF_ENGINE]


def _shared_out(fitting: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A network for as many keys as can have one to themselves: who comes later may send an earlier one to another that fits."""
    holders: dict[str, str] = {}

    def placed(key: str, tried: set[str]) -> bool:
        for name in fitting[key]:
            if name not in tried:
                tried.add(name)
                if name not in holders or placed(holders[name], tried):
                    holders[name] = key
                    return True
        return False

    for key in fitting:
        placed(key, set())
    return {key: name for name, key in holders.items()}


def _key(pair: Pair, name: str) -> str:
    """A network's key in the file, else its name."""
    for key, network in pair.project.networks.items():
        if opened((network or {}).get("name")) == name:
            return key
    own = pair.host.networks_of_projects.get(name)
    return own[1] if own is not None and own[0] == pair.project.name else name.removeprefix(f"{pair.project.name}_")


def _attachments(pair: Pair, wanted: Mapping[str, Json], attached: Mapping[str, Json]) -> Iterator[Difference]:
    missing = {wanted[name][0]: name for name in wanted.keys() - attached.keys()}
    others = {name: _key(pair, name) for name in attached.keys() - wanted.keys() if wanted or name != "none"}
    for name, key in (others | _renamed(pair, missing, others)).items():
        yield Difference(f"networks.{key}", missing.pop(key, None), name)  # the file may call it otherwise than when it was made
    for key, name in missing.items():
        yield Difference(f"networks.{key}", name, None)


def _renamed(pair: Pair, missing: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """The network that stands for an external one which the file calls otherwise now, where it can be no other one's: by its name
    on the host, with its key in the file."""
    gone = [name for name, key in others.items() if key not in missing]
    wanting = [key for key in missing if key not in others.values()]
    if len(gone) != 1 or len(wanting) != 1:
        return {}
    definition = pair.project.networks.get(wanting[0]) or {}
    own = pair.host.networks_of_projects.get(gone[0], ("",))[0] == pair.project.name
    return {gone[0]: wanting[0]} if definition.get("external") and isinstance(definition.get("name"), str) and not own else {}


def _primary(
    pair: Pair, wanted: Mapping[str, tuple[str, JsonObject]], attached: Mapping[str, Json], mode: str
) -> Iterator[Difference]:
    """The network mode names the network of the highest priority, the first by key among equals (compose `create.go`)."""
    if len(wanted) < 2 or mode not in wanted or mode not in attached:
        return
    first = max(sorted(wanted, key=lambda name: wanted[name][0]), key=lambda name: int(wanted[name][1].get("priority") or 0))
    printed = tuple(int(piece) for piece in pair.project.compose_version.split(".")[:2] if piece.isdecimal())
    if first != mode and first in attached and printed >= _PRIORITY_PRINTED:
        want, have = (wanted[name][0] for name in (first, mode))
        yield Difference(f"networks.{want}.priority", f"{want} comes first", f"{have} comes first")


def _links(pair: Pair) -> Iterator[Difference]:
    """Links are frozen when a container is made, with numbers of replicas in them: only the aliases are compared."""
    if not pair.container.networks:
        return
    seen: dict[str, set[str]] = {"links": set(), "external_links": set()}
    links = [link for endpoint in pair.container.networks.values() for link in endpoint.get("Links") or ()]
    # on the engine's own bridge they stand elsewhere, as `/source:/container/alias`
    links += [re.sub(r"^/(.*):/.*/(.*)$", r"\1:\2", str(link)) for link in pair.host_config.get("Links") or ()]
    for link in links:
        source, _, alias = str(link).rpartition(":")
        seen["links" if _is_of_project(pair, source) else "external_links"].add(alias)
    for key, have in seen.items():
        wanted = [str(link).partition(":") for link in pair.opened(key) or ()]
        aliases = {alias or source for source, _, alias in wanted}
        if key == "links":
            have -= {alias for alias in have - aliases for service, _, _ in wanted if _is_name_of(pair, service, alias)}
        if aliases != have:
            yield Difference(key, ", ".join(sorted(aliases)) or None, ", ".join(sorted(have)) or None)


def _is_of_project(pair: Pair, source: str) -> bool:
    found = pair.host.container_named(source) or pair.host.snapshot.by_id.get(source)
    return found.project == pair.project.name if found is not None else source.startswith(pair.project.name)


def _is_name_of(pair: Pair, service: str, alias: str) -> bool:
    """Whether it is one of the aliases that Compose itself adds for a linked service: `web-1`, `project-web-1`."""
    project = pair.project.name
    return (
        alias == service
        or alias.rpartition("-")[0] in {service, f"{project}-{service}"}
        or alias.rpartition("_")[0] == f"{project}_{service}"
    )


def _mac_address(pair: Pair) -> Iterator[Difference]:
    """The engine keeps the address that was asked for in `.Config`; a running container shows the one it has.

    Compose 2.26 to 2.31 loses it at times (compose 2.32.0 mended it): then there is nothing to compare.
    """
    lost = () < pair.container.compose_version < _MAC_MENDED and not pair.config.get("MacAddress")
    if lost:
        return
    want = pair.wanted.get("mac_address")
    if not pair.container.networks:
        if want:
            yield Difference("mac_address", want, None, unseen="the container is attached to no network")
        return
    mode = pair.host.network_name(pair.host_config.get("NetworkMode") or "")
    attached = {pair.host.network_name(key): endpoint for key, endpoint in pair.container.networks.items()}
    shown = (attached.get(mode) or next(iter(attached.values())) or {}).get("MacAddress")
    asked = pair.config.get("MacAddress")
    if want:
        have = shown or asked
        if have or pair.host.api < _MAC_NO_LONGER_SHOWN:
            yield from differ("mac_address", hardware_address(want), hardware_address(have) if have else None)
        else:
            yield Difference("mac_address", want, None, unseen="the engine shows it only while the container runs")
    elif asked and not any((options or {}).get("mac_address") for _, options in wanted_networks(pair).values()):
        yield Difference("mac_address", None, hardware_address(asked))


def _all(pair: Pair) -> Iterator[Difference]:
    yield from _differences(pair)
    yield from _links(pair)
    yield from _mac_address(pair)


RULE = Rule(
    name="networks",
    keys={
        "network_mode": ".HostConfig.NetworkMode",
        "networks": ".NetworkSettings.Networks",
        "networks.*.aliases": ".NetworkSettings.Networks[].Aliases",
        "networks.*.ipv4_address": ".NetworkSettings.Networks[].IPAMConfig",
        "networks.*.ipv6_address": ".NetworkSettings.Networks[].IPAMConfig",
        "networks.*.link_local_ips": ".NetworkSettings.Networks[].IPAMConfig",
        "networks.*.mac_address": ".NetworkSettings.Networks[].MacAddress, while it runs",
        "networks.*.driver_opts": ".NetworkSettings.Networks[].DriverOpts",
        "networks.*.interface_name": ".NetworkSettings.Networks[].DriverOpts",
        "networks.*.gw_priority": ".NetworkSettings.Networks[].GwPriority (API 1.48 or newer)",
        "networks.*.priority": ".HostConfig.NetworkMode: which network comes first",
        "mac_address": ".Config.MacAddress, or .NetworkSettings.Networks[].MacAddress while it runs",
        "links": ".NetworkSettings.Networks[].Links: the aliases",
        "external_links": ".NetworkSettings.Networks[].Links: the aliases",
    },
    differences=_all,
)
