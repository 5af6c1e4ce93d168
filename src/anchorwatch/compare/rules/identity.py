"""Who a container is: its name, host name, user, groups and working folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_SHORT_ID = re.compile(r"[0-9a-f]{12}")


def _differences(pair: Pair) -> Iterator[Difference]:
    yield from differ("container_name", pair.expected_name, pair.container.name)
    yield from _hostname(pair)
    yield from _inherited(pair, "user", "User")
    yield from _inherited(pair, "working_dir", "WorkingDir")
    have = [str(group) for group in pair.host_config.get("GroupAdd") or ()]
    yield from differ("group_add", [str(group) for group in pair.opened("group_add") or ()], have)


def _hostname(pair: Pair) -> Iterator[Difference]:
    """A container in another's network takes over that one's names when it starts, so nothing can be said there."""
    modes = (pair.wanted.get("network_mode") or "", pair.host_config.get("NetworkMode") or "")
    if any(mode.startswith(("service:", "container:")) for mode in modes if isinstance(mode, str)):
        return
    wanted = pair.wanted.get("hostname")
    if wanted:
        yield from differ("hostname", wanted, pair.config.get("Hostname"))
    elif "host" not in modes and not _by_itself(pair):
        yield Difference("hostname", None, pair.config["Hostname"])
    yield from differ("domainname", pair.wanted.get("domainname") or None, pair.config.get("Domainname") or None)


def _by_itself(pair: Pair) -> bool:
    """Whether the host name is a short ID: its own, or that of a container it was copied from (updaters copy it along)."""
    name = pair.config.get("Hostname") or ""
    return pair.container.id.startswith(name) or _SHORT_ID.fullmatch(name) is not None


def _inherited(pair: Pair, key: str, member: str) -> Iterator[Difference]:
    want: Json = pair.wanted.get(key) or None
    have = pair.config.get(member) or None
    unjudged = None
    if want is None:
        want = pair.inherited.get(member) or None
        unjudged = pair.without_image
    if key == "working_dir":  # both Compose and the engine clean the path
        want, have = _cleaned(want), _cleaned(have)
    for found in differ(key, want, have):
        yield Difference(found.path, found.want, found.have, unjudged=unjudged)


def _cleaned(path: Json) -> Json:
    return posixpath.normpath(path) if isinstance(path, str) else path


RULE = Rule(
    name="identity",
    keys={
        "container_name": ".Name, by default `<project>-<service>-<number>`",
        "hostname": ".Config.Hostname, by default the beginning of the ID",
        "domainname": ".Config.Domainname",
        "user": ".Config.User, else the image's",
        "working_dir": ".Config.WorkingDir, else the image's",
        "group_add": ".HostConfig.GroupAdd",
    },
    differences=_differences,
)
