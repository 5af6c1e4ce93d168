"""Whether a desired project agrees with what real Compose makes of the same files once every value is known.

It may say less than Compose (unknown keys), never anything else: that is what "no false alarm" asks of this room.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, DesiredProject, UnknownValue
from anchorwatch.model.numbers import Literal
from anchorwatch.model.values import Secret, Template

MISSING = object()
_KEYED = ("ports", "volumes", "secrets", "configs")


def compose_model(out: str) -> dict[str, Any]:
    """Compose's JSON with its doubled dollars undone."""

    def undo(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("$$", "$")
        if isinstance(value, dict):
            return {key.replace("$$", "$"): undo(below) for key, below in value.items()}
        return [undo(item) for item in value] if isinstance(value, list) else value

    model: dict[str, Any] = undo(json.loads(out, parse_float=Literal))
    return model


def disagreements(project: DesiredProject, truth: Mapping[str, Any], *, folder: str, home: str) -> list[str]:
    """Each place where the project claims something that real Compose (`truth`) does not."""
    found = [] if project.name == truth["name"] or covers(project.unknown, "name", known=True) else [f"name: {project.name}"]
    for name, service in project.services.items():
        config = truth.get("services", {}).get(name)
        if config is None:
            found.append(f"{name}: no such service")
            continue
        for key in sorted(config.keys() | service.config.keys()):
            want, have = service.config.get(key, MISSING), config.get(key, MISSING)
            found += [f"{name}: {line}" for line in _compare(want, have, key, key, service.unknown, folder, home)]
    missing = truth.get("services", {}).keys() - project.services.keys()
    found += [f"{name}: not desired" for name in missing]
    for section in ("networks", "volumes", "secrets", "configs"):
        desired: Mapping[str, Any] = getattr(project, section)
        for name, one in truth.get(section, {}).items():
            if name in desired:
                shown = f"{section}.{name}"
                found += list(_compare(desired[name], one or {}, shown, name, project.unknown, folder, home))
    return found


def covers(unknown: tuple[UnknownValue, ...], path: str, *, known: bool) -> bool:
    """Whether one of the unknown paths covers this one; a `*` covers only keys that the config does not name."""
    for entry in unknown:
        if "*" in entry.path:
            if not known and (fnmatchcase(path, entry.path) or fnmatchcase(path, entry.path + ".*")):
                return True
        elif path == entry.path or path.startswith(entry.path + "."):
            return True
    return False


def _compare(
    want: Any, have: Any, shown: str, last: str, unknown: tuple[UnknownValue, ...], folder: str, home: str
) -> Iterator[str]:
    if isinstance(want, Template):
        # A text of pieces is judged even where its path is listed as unknown.
        text = posixpath.normpath(have) if last == "source" and isinstance(have, str) and have else have
        if isinstance(text, str) and not want.fits(text) and not (not want.known and text is MISSING):
            yield f"{shown}: {want} does not fit {have!r}"
        return
    if covers(unknown, shown, known=want is not MISSING):
        if isinstance(want, dict | list) and isinstance(have, dict | list):
            yield from _below(want, have, shown, last, unknown, folder, home)
        return
    if isinstance(want, dict | list) and isinstance(have, dict | list):
        yield from _below(want, have, shown, last, unknown, folder, home)
        return
    if shown in _KEYED and MISSING in (want, have) and isinstance(want if have is MISSING else have, list):
        yield from _below([] if want is MISSING else want, [] if have is MISSING else have, shown, last, unknown, folder, home)
        return
    if want is MISSING or have is MISSING:
        empty = {} if want is MISSING else want
        if isinstance(have if want is MISSING else want, dict) and isinstance(empty, dict) and have is not MISSING:
            yield from _below({}, have, shown, last, unknown, folder, home)
            return
        yield f"{shown}: {'not desired' if want is MISSING else 'desired'}, {have if want is MISSING else want!r}"
        return
    if isinstance(want, Secret):
        want = want.reveal()
    if isinstance(want, str) and want.startswith(PROJECT_DIR):
        want = posixpath.normpath(folder + want.removeprefix(PROJECT_DIR))
    elif isinstance(want, str) and want.startswith(HOME_DIR):
        want = home + want.removeprefix(HOME_DIR)
    if want != have and repr(want) != repr(have):
        yield f"{shown}: {want!r} is not {have!r}"


def _below(
    want: Any, have: Any, shown: str, last: str, unknown: tuple[UnknownValue, ...], folder: str, home: str
) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(want.keys() | have.keys()):
            yield from _compare(want.get(key, MISSING), have.get(key, MISSING), f"{shown}.{key}", key, unknown, folder, home)
        return
    if shown in _KEYED and all(isinstance(one, dict) for one in [*want, *have]):
        wanted, there = _keyed(shown, want), _keyed(shown, have)
        for key in sorted(wanted.keys() | there.keys()):
            yield from _compare(wanted.get(key, MISSING), there.get(key, MISSING), f"{shown}.{key}", last, unknown, folder, home)
        return
    if not isinstance(want, list) or not isinstance(have, list) or len(want) != len(have):
        if not covers(unknown, shown, known=True):
            yield f"{shown}: {want!r} is not {have!r}"
        return
    for one, other in zip(want, have, strict=True):
        yield from _compare(one, other, shown, last, unknown, folder, home)


def _keyed(section: str, items: list[Any]) -> dict[str, Any]:
    keyed: dict[str, Any] = {}
    for item in items:
        key = str(item.get("target" if section == "volumes" else "source"))
        if section == "ports":
            key = f"{item['target']}/{item.get('protocol', 'tcp')}"
        while key in keyed:
            key += " again"
        keyed[key] = item
    return keyed
