"""Whether what Compose made of a stack before still holds. On a commit no file is read for it: names tell their contents."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.desired.cache import Cache, entry_name
from anchorwatch.desired.compose import Compose
from anchorwatch.desired.contents import Shelf
from anchorwatch.desired.outside import Outside
from anchorwatch.desired.resolution import Resolution, Resolved
from anchorwatch.model.desired import Stack

PASSED_ON = ("COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_COMPATIBILITY")
"""Settings of Compose that shape the project, and are no secrets."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a stack from before."""

    resolution: Resolution
    real: str | None
    """Compose's JSON with the real values, where this process has it."""

    @property
    def enough(self) -> Resolved | None:
        """The whole answer, if this is one."""
        if self.resolution.whole:
            return Resolved(self.resolution)
        return None if self.real is None else Resolved(self.resolution, self.real)


def kept(stack: Stack, shelf: Shelf, outside: Outside, compose: Compose, cache: Cache) -> Kept | None:
    """What Compose made of the stack before, if nothing that it hangs on has changed. Reads no file of a commit."""
    name = name_of(stack, shelf, outside, compose)
    found = _kept(name, shelf, outside, cache)
    if found is None:
        return None
    digest, real = cache.memory.get(name) or ("", None)
    return Kept(found, real if digest == found.digest else None)


def name_of(stack: Stack, shelf: Shelf, outside: Outside, compose: Compose) -> str:
    """The name of the stack's entry in the cache."""
    return entry_name(
        compose.command,
        compose.version,
        stack.host,
        stack.files,
        [shelf.id(path) for path in stack.files],
        shelf.files.name if not stack.folder else "",
        outside.project,
        settings(outside),
    )


def settings(outside: Outside) -> dict[str, str]:
    """What Compose is told of itself from outside Git."""
    return {name: outside.values[name] for name in PASSED_ON if name in outside.values}


def _kept(name: str, shelf: Shelf, outside: Outside, cache: Cache) -> Resolution | None:
    try:
        kept = cache.resolutions.get(name) or _loaded(name, cache)
        if kept is None:
            return None
        if any(shelf.id(path) != there for path, there in kept.looked_at.items()):
            return None
        reopen(kept, shelf, outside)
        if sorted(set(kept.names) & outside.values.keys()) != kept.given or outside.digest(kept.given, cache.key) != kept.digest:
            return None
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # written by something else
    return kept


def _loaded(name: str, cache: Cache) -> Resolution | None:
    entry = cache.load(name)
    if entry is None:
        return None
    entry.pop("format")
    loaded = Resolution(**entry)
    cache.resolutions.put(name, loaded)
    return loaded


def reopen(kept: Resolution, shelf: Shelf, outside: Outside) -> None:
    """Take in again what came from encrypted files, and from env files that stand for missing ones."""
    for path in kept.encrypted:
        text = outside.decrypt(path, shelf.get(path) or b"")
        if text is not None:
            outside.add(text)
    for path, (how, source) in kept.opened.items():
        text = outside.decrypt(source, shelf.get(source) or b"") if how == "sops" else outside.file_like(source)
        if text is not None:
            outside.open(path, text)
