"""One project twice: on two hosts (a mirror, or the same thing running on both), or twice on one host (a mistake).

A mirror is a copy of another host's stacks, kept in this host's part of the repo because a deployer works from there. It is
known by its path naming the other host (`proxmox/pi5-stacks/mealie`), not by its content: monitoring agents are declared
with the very same file on every host, and each of them has to run. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from anchorwatch.desired.names import mentions
from anchorwatch.desired.project_name import ProjectName
from anchorwatch.errors import StackError
from anchorwatch.model.desired import Stack

_COPY_WORDS = ("mirror", "mirrors", "mirrored", "copy", "copies", "replica", "hawser", "dockhand")


@dataclass(frozen=True, slots=True)
class Found:
    """A stack, and what its files say before Compose is asked."""

    stack: Stack
    project: ProjectName
    services: frozenset[str]
    """The services that the stack's own files name; what they include is not counted."""
    by_file: bool = False
    """The config fits the file itself, so that other files of the folder may belong to the same project."""
    literal: bool = False
    """The config names it without wildcards."""
    rest: str = ""
    """Its folder without what the config spells out."""
    identity: tuple[str, ...] = ()
    """Tells the contents of its files apart: equal for equal ones."""


def owner_by_path(path: str, hosts: Iterable[str]) -> str | None:
    """The host that the last telling segment of a path names; None when none does."""
    known = list(hosts)
    for segment in reversed(path.split("/")):
        named = [host for host in known if mentions(segment, host)]
        if named:
            return max(named, key=len)
    return None


def mirrors(found: Sequence[Found], hosts: Sequence[str]) -> set[Stack]:
    """The stacks that are only copies of what another host has under the same project."""
    projects = {(one.stack.host, one.project.name): one for one in found if one.project.name is not None}
    copied = set()
    for one in found:
        owner = owner_by_path(one.stack.folder, hosts) or one.stack.host
        original = None if owner == one.stack.host else projects.get((owner, one.project.name or ""))
        # What the config spells out is meant, unless it is the very same file.
        meant = owner_by_path(one.rest, hosts) != owner and (original is None or not _same(one, original))
        if (original is not None and not meant) or any(_is_marked_copy(one, other) for other in found):
            copied.add(one.stack)
    return copied


def _same(one: Found, other: Found) -> bool:
    return one.identity == other.identity and all(one.identity)


def _is_marked_copy(one: Found, other: Found) -> bool:
    """Whether a folder named like a copy (`mirror/mealie`) holds what another host has, letter for letter."""
    return (
        one.stack.host != other.stack.host
        and one.project.name == other.project.name
        and _same(one, other)
        and any(mentions(one.stack.folder, word) for word in _COPY_WORDS)
        and not any(mentions(other.stack.folder, word) for word in _COPY_WORDS)
    )


def is_copy(folder: str, identity: tuple[str, ...], found: Mapping[tuple[str, ...], Found]) -> bool:
    """Whether files that nobody claims are a copy of a stack: the same content, in a folder of the same name, elsewhere."""
    original = found.get(identity)
    if original is None or original.stack.folder == folder:
        return False
    return original.stack.folder.rpartition("/")[2] == folder.rpartition("/")[2]


def twins(found: Sequence[Found]) -> list[tuple[Stack, Stack]]:
    """Pairs of stacks of different hosts with the same project and, letter for letter, the same files at different places."""
    by_what: dict[tuple[str | None, tuple[str, ...]], list[Found]] = {}
    for one in found:
        if all(one.identity):
            by_what.setdefault((one.project.name, one.identity), []).append(one)
    pairs = []
    for same in by_what.values():
        for other in same[1:]:
            if other.stack.host != same[0].stack.host and other.stack.files != same[0].stack.files:
                pairs.append((same[0].stack, other.stack))
    return pairs


def joined(found: Sequence[Found]) -> list[Found]:
    """Files that lie in one folder and get their project's name from it are one project to Compose, and so one stack.

    `compose/plex.yml` and `compose/sonarr.yml`, each started with `-f`, both belong to the project `compose`. They are put
    together unless they name the same service: then they are two claims to one project, which `duplicates` tells.
    """
    groups: dict[tuple[str, str, str | None], list[Found]] = {}
    for one in found:
        if one.project.source == "folder":
            groups.setdefault((one.stack.host, one.stack.folder, one.project.name), []).append(one)
    gone: set[Stack] = set()
    whole: list[Found] = []
    for (host, folder, _), same in groups.items():
        services = frozenset(service for one in same for service in one.services)
        if len(same) > 1 and len(services) == sum(len(one.services) for one in same):
            same.sort(key=lambda one: one.stack.files)
            files = tuple(path for one in same for path in one.stack.files)
            identity = tuple(digest for one in same for digest in one.identity)
            names = {one.stack.name for one in found if one.stack.host == host} - {one.stack.name for one in same}
            name = next(name for name in (folder.rpartition("/")[2] or host, folder, files[0]) if name and name not in names)
            stack = Stack(host, name, folder, files)
            whole.append(replace(same[0], stack=stack, services=services, identity=identity))
            gone.update(one.stack for one in same)
    return [one for one in found if one.stack not in gone] + whole


def duplicates(claimed: Sequence[tuple[Stack, str | None]]) -> dict[Stack, StackError]:
    """The error of each stack that shares host and project with another one: Compose would take them for one project."""
    groups: dict[tuple[str, str], list[Stack]] = {}
    for stack, project in claimed:
        if project is not None:
            groups.setdefault((stack.host, project), []).append(stack)
    errors = {}
    for (host, project), same in groups.items():
        for stack in same if len(same) > 1 else ():
            others = ", ".join(other.path for other in same if other is not stack)
            message = f"{stack.path} and {others} are both the project {project} on {host}"
            hint = f"give one of them a `name:`, set per_stack: {{{_key(stack.name)}: {{project: …}}}}, or exclude one"
            errors[stack] = StackError("duplicate_project", message, hint=hint)
    return errors


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_./-]+", name) else f'"{name}"'
