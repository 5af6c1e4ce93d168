"""Which folder or file of the repo is which host's stack, as far as paths can tell it.

A host's `stacks` are entries; each is a glob, or several files as one would give them to Compose with `-f`:

    proxmox/*                               folders; in each what `docker compose up` takes there
    **/docker-compose.yml                   the same, by the name that Compose looks for
    pi5/docker-compose.yml                  exactly this file, as with `-f`
    */docker-compose-pi5.yml                one file in many folders
    */compose.yaml + compose.pi5.yaml       both, where both are there; the second is looked for beside the first
    */compose.yaml +? compose.pi5.yaml      the second one only where it is there

Pure: paths go in, claims come out; `stacks` reads the files and says what has become of each claim.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Literal

from anchorwatch.desired import names
from anchorwatch.desired.globs import Glob, glob
from anchorwatch.model.settings import HostLayout

_JOINT = re.compile(r"\s\+(\?)?\s")

How = Literal["folder", "any", "file", "files"]
"""How an entry came to files: `folder`, what Compose takes in a folder; `any`, none there has a name that Compose looks for,
and one or more of these may be meant; `file`, the entry fits the file itself; `files`, the entry joins several."""


MAX_CANDIDATES = 20
"""So many files of a folder are looked into when none has a name that tells."""


@dataclass(frozen=True, slots=True)
class Part:
    """A further file of an entry, relative to the folder of the first one."""

    path: str
    optional: bool


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of `stacks`: a glob, and the files to be merged over what it fits."""

    glob: Glob
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A host lays claim to a folder or to files. With `files` empty nothing there has the name of a Compose file."""

    host: str
    folder: str
    files: tuple[str, ...]
    name: str
    entry: ListEntry
    how: How
    missed: bool = False
    """There is no file, and there should be one."""
    own: str | None = None
    """A file beside those, with the host's name in its own: it is merged over them or stands for them, as its content tells."""

    @property
    def path(self) -> str:
        """The first file, or the folder when there is none."""
        return self.files[0] if self.files else self.folder

    @property
    def spelled(self) -> int:
        """How many leading segments of the paths are spelled out in the config."""
        return len(self.entry.glob.spelled)


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a repo by folder; "" is the topmost one."""

    names: Mapping[str, Collection[str]]
    """Names of the files directly in each folder, folders that hold only folders included."""

    @classmethod
    def of(cls, paths: Iterable[str]) -> Tree:
        """Made of paths of files."""
        below: dict[str, list[str]] = {"": []}
        for path in paths:
            folder, _, name = path.rpartition("/")
            below.setdefault(folder, []).append(name)
            while folder:
                folder = folder.rpartition("/")[0]
                below.setdefault(folder, [])
        return cls(below)

    def has_compose_below(self, folder: str) -> bool:
        """Whether a folder below this one has a file that looks like a Compose file."""
        inside = folder + "/" if folder else ""
        return any(
            other.startswith(inside) and other != folder and any(names.looks_like_compose(name) for name in there)
            for other, there in self.names.items()
        )

    def has_compose_above(self, folder: str) -> bool:
        """Whether a folder above (the topmost one apart) is a stack itself."""
        above = folder.rpartition("/")[0]
        while above:
            if names.chosen(self.names.get(above, ())):
                return True
            above = above.rpartition("/")[0]
        return False


def read_entry(text: str) -> ListEntry:
    """Read an entry of `stacks`. Every text is one."""
    pieces = _JOINT.split(f" {text.strip()} ".replace("  ", " "))
    first, rest = pieces[0].strip(), pieces[1:]
    parts = tuple(Part(posixpath.normpath(rest[at + 1].strip()), rest[at] is not None) for at in range(0, len(rest), 2))
    return ListEntry(glob(first), parts)


def is_excluded(path: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs fits the path or a folder above it."""
    return any(glob(text).covers(path) for text in globs)


def claims(layout: HostLayout, tree: Tree, hosts: Collection[str]) -> tuple[list[Claim], list[str]]:
    """What a host lays claim to, excluded paths included, and the entries that fit nothing at all.

    `hosts` are the names of all hosts: a file that names another host is not this one's.
    """
    found: dict[tuple[str, tuple[str, ...]], Claim] = {}
    idle = []
    for text in layout.stacks:
        entry = read_entry(text)
        here = list(_joined(layout.name, entry, tree) if entry.parts else _single(layout.name, entry, tree, hosts))
        if not here:
            idle.append(text)
        for claim in here:
            found.setdefault((claim.folder, claim.files), claim)
    return with_names_of_their_own(list(found.values())), idle


def _single(host: str, entry: ListEntry, tree: Tree, hosts: Collection[str]) -> Iterable[Claim]:
    by = entry.glob
    for folder, there in tree.names.items():
        if by.matches(folder):
            claim = _folder(host, folder, entry, there, hosts)
            missed = _is_missed(folder, by, tree)
            if claim.files or missed:
                yield replace(claim, missed=missed)
                continue
        for name in sorted(there):
            if (by.literal or names.is_yaml(name)) and by.matches(f"{folder}/{name}" if folder else name):
                default = names.chosen(there)
                if default[:1] == (name,) and not by.literal:  # `**/docker-compose.yml` means the folders
                    yield _claim(host, folder, default, entry, "folder")
                elif by.literal or names.is_yaml(by.text) or _is_plain(name, host, hosts):
                    yield _claim(host, folder, (name,), entry, "file")


def _folder(host: str, folder: str, entry: ListEntry, there: Collection[str], hosts: Collection[str]) -> Claim:
    default = names.chosen(there)
    own = [name for name in sorted(there) if names.looks_like_compose(name) and names.owner(name, hosts) == host]
    if default:
        beside = next((name for name in own if name not in default), None)
        return _claim(host, folder, default, entry, "folder", own=beside)
    if own:
        return _claim(host, folder, tuple(own), entry, "any")
    candidates = [name for name in sorted(there) if _is_plain(name, host, hosts)]
    if not candidates and not entry.glob.text.endswith("**"):
        yamls = [name for name in sorted(there) if names.is_yaml(name) and not name.startswith(".")]
        candidates = [name for name in yamls if names.owner(name, hosts) in (None, host)][:MAX_CANDIDATES]
    return _claim(host, folder, tuple(candidates), entry, "any")


def _joined(host: str, entry: ListEntry, tree: Tree) -> Iterable[Claim]:
    for folder, there in tree.names.items():
        firsts = [(name,) for name in sorted(there) if entry.glob.matches(f"{folder}/{name}" if folder else name)]
        if not firsts and entry.glob.matches(folder) and names.chosen(there):
            firsts = [(names.chosen(there)[0],)]
        for first in firsts:
            files = list(first)
            for part in entry.parts:
                path = posixpath.normpath(posixpath.join(folder, part.path))
                parent, _, name = path.rpartition("/")
                if name in tree.names.get(parent, ()):
                    files.append(part.path)
                elif not part.optional:
                    break
            else:
                yield _claim(host, folder, tuple(files), entry, "files")


def _claim(host: str, folder: str, there: tuple[str, ...], entry: ListEntry, how: How, *, own: str | None = None) -> Claim:
    files = tuple(posixpath.normpath(posixpath.join(folder, name)) for name in there)
    told = there[0] if how == "file" else None
    beside = None if own is None else posixpath.join(folder, own)
    return Claim(host, folder, files, stack_name(host, folder, told, entry.glob), entry, how, own=beside)


def stack_name(host: str, folder: str, file: str | None, by: Glob) -> str:
    """A stack's name: its folder's path without what the glob spells out, and what the name of its file adds to that.

    A file with `compose` in its name adds something only where the folder says nothing: `media/docker-compose.prod.yml` is
    media, `docker-compose-pi5-media.yml` is media, `apps/plex.yml` is plex. Where nothing is left, the folder's own name,
    and for the topmost folder the host's.
    """
    extra = "" if file is None or file.lower() in names.DEFAULT_NAMES else names.telling_rest(file, host)
    last = folder.rpartition("/")[2]
    rest = by.rest(f"{folder}/{file}" if folder and file else file or folder)
    below = rest.rpartition("/")[0] if file else rest
    if file is not None and names.looks_like_compose(file):
        return below or (last if by.literal else "") or extra or last or host
    return "/".join(part for part in (below, extra) if part) or last or host


def with_names_of_their_own(found: Sequence[Claim]) -> list[Claim]:
    """Stacks are asked for by name, so no two of a host may share one: a longer part of the path tells them apart."""
    taken: set[str] = set()
    result = []
    for claim in found:
        numbered = (f"{claim.path} ({number})" for number in count(2))
        name = next(name for name in chain((claim.name, claim.folder, claim.path), numbered) if name and name not in taken)
        taken.add(name)
        result.append(replace(claim, name=name))
    return result


def _is_plain(name: str, host: str, hosts: Collection[str]) -> bool:
    """Whether a file looks like a Compose file of its own that does not name another host."""
    return names.looks_like_compose(name) and not names.is_override(name) and names.owner(name, hosts) in (None, host)


def _is_missed(folder: str, by: Glob, tree: Tree) -> bool:
    """Whether a folder that the config means should have a Compose file: it holds files, and no other stack explains them."""
    there = tree.names.get(folder, ())
    if by.literal:
        return not tree.has_compose_below(folder)
    if by.text.endswith("**") or not there or not names.may_be_stack(folder):
        return False
    if any(names.looks_like_compose(names.without_suffix(name)) for name in there):
        return False  # a template, or put aside
    return not tree.has_compose_below(folder) and not tree.has_compose_above(folder)
