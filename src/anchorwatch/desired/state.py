"""What the repo says for the hosts asked for: stacks found, resolved in parallel, dated.

The one function that the check calls. It may run in a thread while hosts are still connecting; a stack that cannot be resolved
costs itself alone. On a repo that has not changed it starts no Compose and reads no file, only names.
"""

from __future__ import annotations

import functools
import hashlib
import os
import posixpath
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from anchorwatch.desired.cache import Cache, entry_name
from anchorwatch.desired.compose import Compose
from anchorwatch.desired.contents import Shelf
from anchorwatch.desired.dates import dated, look_ahead
from anchorwatch.desired.files import Files
from anchorwatch.desired.kept import kept
from anchorwatch.desired.memory import Found, Memory, Noting
from anchorwatch.desired.outside import Outside, on_host, outside_values, sops
from anchorwatch.desired.project import make_project
from anchorwatch.desired.resolution import Resolution, Resolved
from anchorwatch.errors import StackError
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, NotStack, ProjectKey, Stack
from anchorwatch.model.settings import DeclaredElsewhere, HostLayout

WORKERS = min(4, 2 * (os.cpu_count() or 1))
"""Runs of Compose at a time, of 50 MB each: two a processor, for one starts or is read while the other computes."""


@dataclass(frozen=True, slots=True)
class _Resolvable:
    stack: Stack
    project: str | None
    """The project's name, where it can be told without Compose."""
    outside: Outside


def read_state(
    files: Files,
    layouts: Sequence[HostLayout],
    declared_elsewhere: Sequence[DeclaredElsewhere] = (),
    *,
    compose: Callable[[], Compose],
    cache: Cache | None = None,
    hosts: Collection[str] | None = None,
    addresses: Mapping[str, HostAddress] | None = None,
    environ: Mapping[str, str] = os.environ,
    wanted: Callable[[Stack], bool] = lambda _stack: True,
    only: ProjectKey | None = None,
    memory: Memory | None = None,
) -> DesiredState:
    """Read the stacks of `hosts` (None: of all), and resolve those that `wanted` wants.

    `layouts` are those of all hosts, so that a mirror is known for one. `compose` is asked for once the stacks are found: what it
    raises is raised. `addresses` is needed only for env files on hosts.
    `only`: the stacks that may be this project, and undated, since it is the past that is asked for so. `memory` is that of
    earlier reads of the same repo. Raises RepoError where nothing can be read.
    """
    cache, memory = cache or Cache(None), memory or Memory()
    stacks, broken, not_stacks = _stacks(files, layouts, declared_elsewhere, cache, memory, present=only is None)
    asked = {layout.name for layout in layouts if hosts is None or layout.name in hosts}
    shelf = Shelf(files)
    chosen = [(stack, name) for stack, name in stacks if stack.host in asked and wanted(stack) and _may_be(only, stack, name)]
    with_values = list(_with_values(chosen, layouts, addresses or {}, environ, memory))
    ahead = None if only is not None else look_ahead(files, memory)
    found, failed = _resolve_all(with_values, shelf, compose(), cache, memory)
    broken = [one for one in broken if one.stack.host in asked and wanted(one.stack)] + failed
    same = _duplicates([project for project, _ in found])
    broken += [BrokenStack(project.stack, same[project.stack], project.name) for project, _ in found if project.stack in same]
    found = [(project, resolved) for project, resolved in found if project.stack not in same]
    projects, revisions = [project for project, _ in found], dict[Stack, str]()
    if ahead is not None:
        ahead.join()
    if only is None:
        projects, revisions = dated(_with_profiles(found, files), broken, files, cache, memory)
    return DesiredState(
        revision=files.revision,
        projects=tuple(projects),
        broken=tuple(replace(one, revision=revisions.get(one.stack)) for one in broken),
        not_stacks=tuple(not_stacks),
    )


def _may_be(key: ProjectKey | None, stack: Stack, project: str | None) -> bool:
    return key is None or (stack.host == key.host and project in (None, key.project))


def _duplicates(projects: Sequence[DesiredProject]) -> dict[Stack, StackError]:
    """Those whose names only Compose could tell, and that are the same project all the same."""
    if len({project.key for project in projects}) == len(projects):
        return {}
    from anchorwatch.desired.copies import duplicates

    return duplicates([(project.stack, project.name) for project in projects])


def _with_values(
    chosen: Sequence[tuple[Stack, str | None]],
    layouts: Sequence[HostLayout],
    addresses: Mapping[str, HostAddress],
    environ: Mapping[str, str],
    memory: Memory,
) -> Iterator[_Resolvable]:
    by_name = {layout.name: layout for layout in layouts}
    decrypt = memory.decrypting(sops())
    on_hosts = {name: functools.cache(read) for name, address in addresses.items() if (read := on_host(address)) is not None}
    for stack, project in chosen:
        outside = outside_values(by_name[stack.host], stack.name, environ, on_hosts.get(stack.host))
        outside.decrypt = decrypt
        yield _Resolvable(stack, project, outside)


def _resolve_all(
    stacks: Sequence[_Resolvable], shelf: Shelf, compose: Compose, cache: Cache, memory: Memory
) -> tuple[list[tuple[DesiredProject, Resolved]], list[BrokenStack]]:
    """The projects in the order of `stacks`, and those that have none."""
    resolved: dict[Stack, Resolved] = {}
    earlier: dict[Stack, Resolution] = {}
    for one in stacks:
        before = kept(one.stack, shelf, one.outside, compose, cache)
        if before is not None and before.enough is not None:
            resolved[one.stack] = before.enough
        elif before is not None:
            earlier[one.stack] = before.resolution
    missing = [one for one in stacks if one.stack not in resolved]
    errors: dict[Stack, StackError] = {}
    if missing:
        from concurrent.futures import ThreadPoolExecutor

        from anchorwatch.desired.resolve import resolve

        shelf.fetch(path for one in missing for path in (*one.stack.files, *_likely(one.stack, shelf)))

        def ask(one: _Resolvable) -> Resolved | StackError:
            try:
                return resolve(one.stack, shelf, one.outside, compose, cache, earlier.get(one.stack), memory)
            except StackError as error:
                return error

        with ThreadPoolExecutor(min(WORKERS, len(missing)), thread_name_prefix="compose") as pool:
            for one, answer in zip(missing, pool.map(ask, missing), strict=True):
                if isinstance(answer, StackError):
                    errors[one.stack] = answer
                else:
                    resolved[one.stack] = answer
    found: list[tuple[DesiredProject, Resolved]] = []
    for one in stacks:
        if one.stack in resolved:
            try:
                project = memory.project(one.stack, resolved[one.stack], one.outside, make_project)
                found.append((project, resolved[one.stack]))
            except StackError as error:
                errors[one.stack] = error
    return found, [BrokenStack(one.stack, errors[one.stack], one.project) for one in stacks if one.stack in errors]


def _likely(stack: Stack, shelf: Shelf) -> Iterator[str]:
    """Files beside a stack's own that it will probably ask for."""
    for name in (".env", "stack.env", "docker.env", f"{posixpath.basename(stack.folder)}.env"):
        path = posixpath.join(stack.folder, name)
        if shelf.entry(path) is not None:
            yield path


# -- which stacks ---------------------------------------------------------------------------------------------------------


def _stacks(
    files: Files,
    layouts: Sequence[HostLayout],
    elsewhere: Sequence[DeclaredElsewhere],
    cache: Cache,
    memory: Memory,
    *,
    present: bool,
) -> tuple[list[tuple[Stack, str | None]], list[BrokenStack], list[NotStack]]:
    """Stacks with their projects' names, broken ones, and what is none: remembered for a listing of names and contents."""
    shape, there, known = _shape(files, layouts, elsewhere), files.paths(), memory.found
    if known is not None and known.shape == shape and all(there[path].id == seen for path, seen in known.read.items()):
        return list(known.stacks), [], list(known.not_stacks)
    name = _listing(files, layouts, elsewhere)
    entry = None if name is None else cache.load(name)
    if entry is not None:
        try:
            return (
                [(_stack(stack), project) for stack, project in entry["stacks"]],
                [
                    BrokenStack(_stack(stack), StackError(kind, message, hint=hint), project)
                    for stack, kind, message, hint, project in entry["broken"]
                ],
                [NotStack(path, because) for path, because in entry["not_stacks"]],
            )
        except (KeyError, TypeError, ValueError):
            pass  # written by something else: find them again
    from anchorwatch.desired.stacks import find_stacks

    noting = Noting(files)
    found = find_stacks(noting, layouts, elsewhere, memory)
    stacks = [(one.stack, one.project.name) for one in found.found]
    if name is not None and not any(one.error.kind == "resolver" for one in found.broken):  # damage may be mended
        if present and not found.broken:  # what is said of those may name the commit
            read = {path: there[path].id for path in noting.read_paths if path in there}
            memory.found = Found(shape, read, tuple(stacks), found.not_stacks)
        cache.store(
            name,
            {
                "stacks": [(_told(stack), project) for stack, project in stacks],
                "broken": [
                    (_told(one.stack), one.error.kind, one.error.message, one.error.hint, one.project) for one in found.broken
                ],
                "not_stacks": [(one.path, one.because) for one in found.not_stacks],
            },
        )
    return stacks, list(found.broken), list(found.not_stacks)


def _shape(files: Files, layouts: Sequence[HostLayout], elsewhere: Sequence[DeclaredElsewhere]) -> Hashable:
    """What stacks are found by, besides the contents of files."""
    names = tuple((path, entry.kind, entry.real) for path, entry in files.paths().items())
    return names, files.name, _as_configured(layouts), tuple((one.stack, one.because) for one in elsewhere)


def _listing(files: Files, layouts: Sequence[HostLayout], elsewhere: Sequence[DeclaredElsewhere]) -> str | None:
    """A name for the listing as the config sees it; None where it does not tell contents (a folder as it lies there)."""
    digest = hashlib.sha256()
    for path, entry in files.paths().items():
        if entry.kind == "file" and not entry.id:
            return None
        digest.update(f"{path}\0{entry.kind}\0{entry.id}\0{entry.real}\1".encode("utf-8", "surrogateescape"))
    put_aside = [(one.stack, one.because) for one in elsewhere]
    return entry_name("stacks", files.name, files.revision, digest.hexdigest(), _as_configured(layouts), put_aside)


def _as_configured(layouts: Sequence[HostLayout]) -> tuple[Hashable, ...]:
    return tuple(
        (
            layout.name,
            layout.stacks,
            layout.exclude,
            layout.root,
            layout.values.project,
            layout.values.env.get("COMPOSE_PROJECT_NAME"),
            tuple(sorted((name, own.project, own.env.get("COMPOSE_PROJECT_NAME")) for name, own in layout.per_stack.items())),
        )
        for layout in layouts
    )


def _told(stack: Stack) -> list[object]:
    return [stack.host, stack.name, stack.folder, list(stack.files)]


def _stack(told: Sequence[object]) -> Stack:
    host, name, folder, files = told
    if not isinstance(files, list):
        raise TypeError("no list of files")
    return Stack(str(host), str(name), str(folder), tuple(map(str, files)))


# -- what Compose reads only when it deploys ------------------------------------------------------------------------------


def _with_profiles(found: Sequence[tuple[DesiredProject, Resolved]], files: Files) -> list[tuple[DesiredProject, Resolved]]:
    """The projects with the seccomp profiles that they name and that lie in the repo: the engine gets their content."""
    places = {
        (project.stack, path): posixpath.normpath(posixpath.join(resolved.resolution.folder, path))
        for project, resolved in found
        for path in _profile_paths(project)
    }
    if not places:
        return list(found)
    contents = files.read(set(places.values()))
    return [
        (
            replace(
                project,
                profiles={
                    path: contents[places[project.stack, path]].decode("utf-8", "replace")
                    for path in _profile_paths(project)
                    if places[project.stack, path] in contents
                },
            ),
            resolved,
        )
        for project, resolved in found
    ]


def _profile_paths(project: DesiredProject) -> set[str]:
    options = (option for service in project.services.values() for option in service.config.get("security_opt") or ())
    named = (option[8:] for option in options if isinstance(option, str) and option.startswith(("seccomp=", "seccomp:")))
    return {path for path in named if path not in {"unconfined", "builtin", ""}}
