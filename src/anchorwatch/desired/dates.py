"""When stacks changed: the commit that touched each of them last, and the age of what they bind-mount from the repo.

A history is walked once. After that a new commit costs only the commits since the one before it, whatever the repo's length:
what none of them touched was touched last when it was (`Memory.dates`).
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from anchorwatch.desired.cache import Cache, entry_name
from anchorwatch.desired.files import Commit, Files
from anchorwatch.desired.memory import Memory
from anchorwatch.desired.resolution import Resolved
from anchorwatch.model.desired import PROJECT_DIR, BrokenStack, DesiredProject, Stack

Group = tuple[int, str]
"""The number of a stack, and what it mounts ("" for its own files)."""


def look_ahead(files: Files, memory: Memory) -> threading.Thread | None:
    """Has git list the commits since the last read, while Compose is at work; None where there is nothing to list."""
    before, _ = memory.dates
    if not before or files.revision in (None, before):
        return None

    thread = threading.Thread(target=files.touched_since, args=(before, {}), name="commits")
    thread.start()
    return thread


def dated(
    found: Sequence[tuple[DesiredProject, Resolved]],
    broken: Sequence[BrokenStack],
    files: Files,
    cache: Cache,
    memory: Memory | None = None,
) -> tuple[list[DesiredProject], dict[Stack, str]]:
    """The projects with the commit that touched them last, and with the age of what they bind-mount from the repo."""
    there = files.paths()
    folders = {folder for path in there for folder in _above(path)}
    groups: dict[Group, list[str]] = {}
    for number, (project, resolved) in enumerate(found):
        groups[number, ""] = [*paths_of(resolved)]
        folder = resolved.resolution.folder
        for source in sorted(_sources(project)):
            path = posixpath.normpath(posixpath.join(folder, "." + source.removeprefix(PROJECT_DIR)))
            if path in there or path in folders:
                groups[number, source] = [path]
    for number, one in enumerate(broken, len(found)):
        groups[number, ""] = [*one.stack.files]
    commits = _last_commits({key: paths for key, paths in groups.items() if paths}, files, cache, memory)
    ages: dict[int, dict[str, str]] = {}
    for (number, source), commit in commits.items():
        if source and commit is not None:
            ages.setdefault(number, {})[source] = commit.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    dated = []
    for number, (project, _) in enumerate(found):
        last, changed = commits.get((number, "")), ages.get(number, {})
        revision = last.id if last else None
        dated.append(replace(project, revision=revision, changed_files=changed, paths=tuple(groups[number, ""])))
    told = [(one.stack, commits.get((number, ""))) for number, one in enumerate(broken, len(found))]
    return dated, {stack: commit.id for stack, commit in told if commit is not None}


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def paths_of(resolved: Resolved) -> tuple[str, ...]:
    """The paths of the repo that a stack hangs on, whether or not there is something: a `.env` that goes changes it as well."""
    return tuple(sorted(path for path in resolved.resolution.looked_at if not path.startswith(("/", "../"))))


def _sources(project: DesiredProject) -> set[str]:
    """What the project's services mount from its own folder."""
    found = {
        volume["source"]
        for service in project.services.values()
        for volume in service.config.get("volumes") or ()
        if isinstance(volume, dict) and volume.get("type") == "bind" and isinstance(volume.get("source"), str)
    }
    for section in (project.configs, project.secrets):
        found |= {one["file"] for one in section.values() if isinstance(one.get("file"), str)}
    return {source for source in found if source.startswith(PROJECT_DIR)}


def _last_commits(
    groups: Mapping[Group, Collection[str]], files: Files, cache: Cache, memory: Memory | None
) -> dict[Group, Commit | None]:
    """`Files.last_commits`, as far as it is not known yet."""
    if not groups or files.revision is None:
        return dict.fromkeys(groups)
    found = {} if memory is None else _continued(groups, files, memory)
    rest = {key: paths for key, paths in groups.items() if key not in found}
    if rest:
        found |= _walked(rest, files.revision, files, cache)
    if memory is not None:
        memory.dates = (files.revision, {tuple(groups[key]): commit for key, commit in found.items()})
    return found


def _continued(groups: Mapping[Group, Collection[str]], files: Files, memory: Memory) -> dict[Group, Commit | None]:
    """What is known from the revision that was read before."""
    before, dates = memory.dates
    touched = files.touched_since(before, groups) if before else None
    if touched is None:
        return {}
    known = {key: dates[tuple(paths)] for key, paths in groups.items() if tuple(paths) in dates}
    return {**known, **touched}


def _walked(groups: Mapping[Group, Collection[str]], revision: str, files: Files, cache: Cache) -> dict[Group, Commit | None]:
    """By the whole history, remembered on disk for a revision: what came before it never changes."""
    name = entry_name("commits", revision, sorted(groups.items()))
    entry = cache.load(name)
    if entry is not None:
        try:
            return {
                (int(number), str(source)): None if told is None else Commit(str(told[0]), datetime.fromisoformat(told[1]))
                for number, source, told in entry["commits"]
            }
        except (KeyError, TypeError, ValueError):
            pass  # written by something else: walk again
    commits = files.last_commits(groups)
    told = [(n, source, None if c is None else (c.id, c.at.isoformat())) for (n, source), c in commits.items()]
    cache.store(name, {"commits": told})
    return commits
