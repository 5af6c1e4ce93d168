"""doco-cd's deployment files (`.doco-cd.yml`, `.doco-cd.TARGET.yml`): which stacks it deploys, from which files.

Written after doco-cd's own wiki (Deploy-Settings, Docker-Contexts) and `internal/config/deploy` of kimdre/doco-cd: several
YAML documents, each one deployment or, with `auto_discover` (`auto_discovery` since), one for each folder with a Compose file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from anchorwatch.desired.deployers import Deployment
from anchorwatch.desired.files import Files
from anchorwatch.desired.layout import Tree
from anchorwatch.desired.names import DEFAULT_NAMES
from anchorwatch.desired.project_name import normalised
from anchorwatch.desired.yaml_reader import read_documents

FILE_NAMES = (".doco-cd.yaml", ".doco-cd.yml")
_TARGET = re.compile(r"\.doco-cd\.(?P<target>.+)\.ya?ml\Z")
_OVERRIDABLE = ("name", "working_dir", "context", "compose_files", "environment", "env_files", "profiles", "destroy")
"""What the file in a discovered folder may change (`doco:"allowOverride"`), of what matters here."""


def read(contents: Mapping[str, bytes], files: Files) -> list[Deployment]:
    """The deployments of doco-cd's files (path -> content) from this repo.

    Left out: deployments from another repository, and those that are to be destroyed. Raises StackError and ValueError.
    """
    tree = Tree.of(path for path, entry in files.paths().items() if entry.kind != "submodule")
    found: list[Deployment] = []
    for path, content in contents.items():
        told = _TARGET.match(posixpath.basename(path))
        target = told["target"] if told else None
        for document in read_documents(content, path):
            if isinstance(document, dict):
                found += _deployments(document, posixpath.dirname(path), target, files, tree)
    return found


def is_map(path: str) -> bool:
    """Whether a path is doco-cd's file at the top of a repo."""
    return path in FILE_NAMES or _TARGET.fullmatch(path) is not None


def _deployments(config: Mapping[str, Any], base: str, target: str | None, files: Files, tree: Tree) -> Iterable[Deployment]:
    if config.get("repository_url") or _is_on(config.get("destroy")):
        return
    folder = _joined(base, config.get("working_dir") or ".")
    discover = config.get("auto_discovery", config.get("auto_discover"))
    if not _is_on(discover):
        one = _deployment(config, folder, str(config.get("name") or ""), target, tree)
        if one is not None:
            yield one
        return
    options = config.get("auto_discover_opts") if not isinstance(discover, dict) else discover
    depth = options.get("depth") if isinstance(options, dict) else 0
    for place in sorted(tree.names):
        below = place[len(folder) :].strip("/") if place == folder or not folder or place.startswith(folder + "/") else None
        if below is None or (depth and below.count("/") + bool(below) > depth) or not _compose_files(config, place, tree):
            continue
        own = _own_settings(place, files, tree)
        merged = {**config, **own}
        name = str(own.get("name") or place.rpartition("/")[2] or config.get("name") or files.name)
        one = None if _is_on(merged.get("destroy")) else _deployment(merged, place, name, target, tree)
        if one is not None:
            yield one


def _own_settings(folder: str, files: Files, tree: Tree) -> dict[str, Any]:
    name = next((name for name in FILE_NAMES if name in tree.names.get(folder, ())), None)
    path = posixpath.join(folder, name) if name else None
    content = files.read([path]).get(path) if path else None
    documents = read_documents(content, path) if path and content is not None else []
    settings = documents[0] if documents and isinstance(documents[0], dict) else {}
    return {key: settings[key] for key in _OVERRIDABLE if settings.get(key) and key != "working_dir"} if folder else {}


def _deployment(config: Mapping[str, Any], folder: str, name: str, target: str | None, tree: Tree) -> Deployment | None:
    if not name:
        return None
    environment = config.get("environment")
    env = {str(key): str(value) for key, value in environment.items()} if isinstance(environment, dict) else {}
    profiles = [str(profile) for profile in config.get("profiles") or [] if isinstance(profile, str)]
    if profiles:
        env.setdefault("COMPOSE_PROFILES", ",".join(profiles))
    named = config.get("env_files")
    paths = [path for path in (named if isinstance(named, list) else []) if isinstance(path, str)]
    return Deployment(
        name=name,
        server=str(config.get("context") or "") or target,
        folder=folder,
        files=_compose_files(config, folder, tree),
        project=normalised(name) or None,
        env=env,
        env_files=tuple(_joined(folder, path) for path in paths if path != ".env" and not path.startswith("remote:")),
    )


def _compose_files(config: Mapping[str, Any], folder: str, tree: Tree) -> tuple[str, ...]:
    """The files of `-f`: all of those named that are there; doco-cd skips the others."""
    named = config.get("compose_files")
    wanted = [path for path in named if isinstance(path, str)] if isinstance(named, list) and named else list(DEFAULT_NAMES)
    paths = [_joined(folder, path) for path in wanted]
    return tuple(path for path in paths if posixpath.basename(path) in tree.names.get(posixpath.dirname(path), ()))


def _joined(folder: str, path: str) -> str:
    """A path below a folder; what would leave the repo stays at its top, as doco-cd has it."""
    clean = posixpath.normpath(posixpath.join("/", folder, path.lstrip("/"))).lstrip("/")
    return "" if clean == "." else clean


def _is_on(value: object) -> bool:
    """doco-cd takes a plain boolean, or a mapping with `enable` (`enabled` since)."""
    if isinstance(value, dict):
        return bool(value.get("enabled", value.get("enable", False)))
    return value is True
