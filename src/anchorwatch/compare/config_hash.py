"""Compose's config hash, recomputed from the resolved model.

`docker compose up` labels each container with `sha256(json.Marshal(ServiceConfig))` of the definition it was made from (compose
`pkg/compose/hash.go`). `config --format json` prints the same struct, so the hash can be taken again. Where it matches, the
definition and the environment that we see are those that were deployed; where it does not, nothing is proved.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, DesiredService
from anchorwatch.model.numbers import Literal
from anchorwatch.model.values import Json, JsonObject, Secret, Template, plain

DEPENDS_ON_LEFT_OUT = (2, 29, 3)
PROFILES_LEFT_OUT = (2, 30, 2)

Resolve = Callable[[str], str | None]
"""The full ID of a service's first container by name, or of a container by name; None where there is none."""

_WITH_FRACTIONS = frozenset({"cpu_percent", "cpus", "deploy"})
"""The keys of a service below which numbers with a fraction can stand; everything else is text or a whole number."""


class _NotHashable(Exception):
    """A piece of the definition is unknown."""


def service_hash(
    service: DesiredService,
    *,
    version: tuple[int, ...],
    project_dir: str | None,
    service_id: Resolve,
    container_id: Resolve,
    home: str | None = None,
) -> str | None:
    """The hash that Compose `version` gives this definition when deployed from `project_dir`.

    None where it cannot be told: a value is unknown, the folder or the deployer's home is needed and not known, another container
    that it refers to is gone, or Compose itself adds to the definition before it hashes it (`use_api_socket`, `models`).
    """
    if service.config.get("use_api_socket") or service.config.get("models"):
        return None
    config = {key: value for key, value in service.config.items() if key not in {"build", "pull_policy", "scale"}}
    if version >= DEPENDS_ON_LEFT_OUT:
        config.pop("depends_on", None)
    if version >= PROFILES_LEFT_OUT:
        config.pop("profiles", None)
    if "deploy" in config and "replicas" in config["deploy"]:
        config["deploy"] = {key: value for key, value in config["deploy"].items() if key != "replicas"}
    try:
        _with_container_ids(config, service_id, container_id)
        if service.label_files:
            config = _after(config, "labels", "label_file", [_cleaned(path) for path in service.label_files])
        return _digest(config, project_dir, home)
    except _NotHashable:
        return None


def same_compose(made_by: object, resolves: str) -> bool:
    """Whether a label's version (`2.40.3`) is the one that resolves (`2.40.3-3`, `v2.40.3`): another may hash other fields."""
    return isinstance(made_by, str) and made_by != "" and _numbers(made_by) == _numbers(resolves)


def _numbers(version: str) -> list[str]:
    return re.split(r"[-+]", version.lstrip("v"))[0].split(".")


def resource_hash(resource: JsonObject) -> str | None:
    """The hash of a top-level network or volume; None where a value is unknown."""
    try:
        return _digest(resource, None)
    except _NotHashable:
        return None


def _with_container_ids(config: dict[str, Json], service_id: Resolve, container_id: Resolve) -> None:
    for key in ("network_mode", "ipc", "pid"):
        mode = _text(config.get(key) or "")
        if mode.startswith("service:"):
            config[key] = "container:" + _found(service_id(mode.removeprefix("service:")))
    if config.get("volumes_from"):
        config["volumes_from"] = [_source_id(entry, service_id, container_id) for entry in config["volumes_from"]]


def _text(leaf: Json) -> str:
    if isinstance(leaf, Template) and not leaf.known:
        raise _NotHashable
    return str(plain(leaf))


def _source_id(leaf: Json, service_id: Resolve, container_id: Resolve) -> str:
    entry = _text(leaf)
    if entry.startswith("container:"):
        return entry.removeprefix("container:").split(":")[0]
    return _found(service_id(entry.split(":", maxsplit=1)[0]))


def _cleaned(path: str) -> str:
    """A path below the project's folder as Go's `filepath.Join` cleans it; `..` stay in front, for `_join_parents`."""
    return f"{PROJECT_DIR}/{posixpath.normpath(rest.lstrip('/'))}" if (rest := path.removeprefix(PROJECT_DIR)) != path else path


def _found(identifier: str | None) -> str:
    if identifier is None:
        raise _NotHashable
    return identifier


def _after(config: Mapping[str, Json], key: str, new_key: str, value: Json) -> dict[str, Json]:
    ordered: dict[str, Json] = {}
    for name, entry in config.items():
        ordered[name] = entry
        if name == key:
            ordered[new_key] = value
    ordered.setdefault(new_key, value)
    return ordered


def _digest(document: JsonObject, project_dir: str | None, home: str | None = None) -> str:
    numbers: dict[str, str] = {}

    def open_leaf(leaf: Any) -> Any:
        if isinstance(leaf, Secret):
            return leaf.reveal()
        if isinstance(leaf, Template):
            if not leaf.known:
                raise _NotHashable
            return leaf.reveal()
        if isinstance(leaf, Mapping):
            return dict(leaf)
        raise TypeError(f"{type(leaf).__name__} cannot be part of a Compose model")

    spelled = {key: _spelled(value, numbers) if key in _WITH_FRACTIONS else value for key, value in document.items()}
    text = json.dumps(spelled, separators=(",", ":"), ensure_ascii=False, default=open_leaf)
    for placeholder, spelling in numbers.items():
        text = text.replace(f'"{placeholder}"', spelling)
    # what Go's json.Marshal escapes and Python's does not
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    marker = json.dumps(PROJECT_DIR)[1:-1]
    if marker in text:
        if project_dir is None:
            raise _NotHashable
        text = _join_parents(text, marker, json.dumps(project_dir, ensure_ascii=False)[1:-1])
    marker = json.dumps(HOME_DIR)[1:-1]
    if marker in text:
        if home is None:
            raise _NotHashable
        text = text.replace(marker, json.dumps(home, ensure_ascii=False)[1:-1])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _spelled(value: Json, numbers: dict[str, str]) -> Json:
    """`value` with each number that Python would spell otherwise replaced by a placeholder."""
    if isinstance(value, Literal) and value.spelling != float.__repr__(value):
        placeholder = f"\x00number{len(numbers)}\x00"
        numbers[json.dumps(placeholder)[1:-1]] = value.spelling
        return placeholder
    if isinstance(value, dict):
        return {key: _spelled(entry, numbers) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(entry, numbers) for entry in value]
    return value


def _join_parents(text: str, marker: str, project_dir: str) -> str:
    """Puts the folder in place of the marker, taking a folder off for each `/..` behind it, as Compose's `filepath.Join` did."""
    pieces = text.split(marker)
    joined = [pieces[0]]
    for piece in pieces[1:]:
        folder, rest = project_dir.rstrip("/"), piece
        while rest.startswith("/.."):
            folder, rest = folder.rpartition("/")[0], rest[3:]
        joined.append((folder or ("" if rest.startswith("/") else "/")) + rest)
    return "".join(joined)
