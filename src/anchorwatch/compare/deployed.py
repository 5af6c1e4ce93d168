"""What the past tells of a container: the definition that it was made from, as an earlier commit has it.

A key that left the file may leave a container which an engine's default, the container before it or another spelling would
explain as well; where several left at once, or others changed too, the hash of the present definition with one of them put back
proves nothing. But the hash of an earlier definition as a whole may be that of the container: then it was made from that one, and
what that one set and the present one does not is drift, under the path where it stood. What both leave open was filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from anchorwatch.compare.difference import UNREADABLE, Difference
from anchorwatch.compare.host_view import HostView
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules import RULES
from anchorwatch.compare.rules.mounts import Mount, wanted_mounts
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.findings import OTHER_SPELLING, place_of
from anchorwatch.model.observed import Container
from anchorwatch.model.values import Json


@dataclass(frozen=True, slots=True)
class Doubt:
    """A container of which an earlier version of its project may tell what the present one cannot."""

    project: DesiredProject
    """As it is now."""
    service: str
    container: Container


def was_made_from(doubt: Doubt, version: DesiredProject, host: HostView, root: str | None) -> bool:
    """Whether the container's hash is that of its service in this version of its project. `root` is the policy's."""
    service = version.services.get(doubt.service)
    if service is None:
        return False
    try:
        return Pair(version, service, doubt.container, host, root).hash_matches is True
    except UNREADABLE:  # in a form that nobody foresaw
        return False


@dataclass(frozen=True)
class Deployed:
    """The definition that a container was made from, held against it."""

    pair: Pair
    """The container with that definition, the hash of which it carries."""

    def said(self, found: Difference) -> str | None:
        """The path at which it set what the present definition does not set, in whichever spelling; None where it did not."""
        if isinstance(found.have, Mount):
            path, _ = self._mounts.get(found.have.target, (None, None))
            # elsewhere only the target tells a config or secret from others, in every run
            return found.path if path is not None and place_of(path) != place_of(found.path) else path
        return next((path for path in self._spellings(found.path) if _stands(self.pair.wanted, path)), None)

    def agrees(self, found: Difference) -> bool:
        """Whether the container has what this definition says at the place of a difference from the present one."""
        return self._differences is not None and place_of(found.path) not in self._differences

    def left_open(self, found: Difference) -> bool:
        """Whether the container differs from this definition just so: then it was not made to be otherwise."""
        return self._differences is not None and self._differences.get(place_of(found.path)) == [found]

    @cached_property
    def _mounts(self) -> Mapping[str, tuple[str, Mount]]:
        try:
            return wanted_mounts(self.pair)
        except UNREADABLE:  # in a form that nobody foresaw
            return {}

    @cached_property
    def _differences(self) -> Mapping[str, list[Difference]] | None:
        """By place; None where anything has a form that nobody foresaw."""
        found: dict[str, list[Difference]] = {}
        try:
            for rule in RULES:
                for one in rule.differences(self.pair):
                    found.setdefault(place_of(one.path), []).append(one)
        except UNREADABLE:
            return None
        return found

    def _spellings(self, path: str) -> Iterator[str]:
        yield path
        short = place_of(path)
        yield short
        if short in OTHER_SPELLING:
            yield OTHER_SPELLING[short]
        elif short == "mac_address":
            yield from (f"networks.{network}.{short}" for network in self.pair.wanted.get("networks") or ())


def _stands(value: Json, path: str) -> bool:
    """Whether anything stands at a path; the names on the way may have dots."""
    if not isinstance(value, Mapping):
        return False
    if path in value:
        return value[path] is not None
    return any(_stands(entry, path.removeprefix(f"{name}.")) for name, entry in value.items() if path.startswith(f"{name}."))
