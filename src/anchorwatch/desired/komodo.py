"""Komodo's resource files: which stack is on which server, from which files, with which variables.

Written after komo.do/docs/sync-resources, komo.do/docs/deploy/compose and `client/core/rs/src/entities/stack.rs` of
moghtech/komodo: `[[stack]]` with `name` and `config`, in any number of TOML files.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anchorwatch.desired.deployers import Deployment, folder_in_repo
from anchorwatch.desired.files import Files
from anchorwatch.desired.layout import Tree

DEFAULT_FILE = "compose.yaml"
_FOREIGN = re.compile(r"[^a-z0-9_-]")
_SECRET = re.compile(r"\[\[.*?\]\]")


def read(contents: Mapping[str, bytes], files: Files) -> list[Deployment]:
    """The stacks of Komodo's files (path -> content) whose Compose files lie in this repo.

    Left out: stacks in Swarm mode, and stacks whose Compose file is kept in Komodo itself. Raises ValueError.
    """
    tree = Tree.of(path for path, entry in files.paths().items() if entry.kind != "submodule")
    deployments = (_deployment(stack, tree) for stack in _stacks(contents) if not _is_swarm(stack))
    return [one for one in deployments if one is not None]


def in_swarm(contents: Mapping[str, bytes], files: Files) -> list[str]:
    """The Compose files of this repo that Komodo deploys to a Swarm, or their folders. Raises ValueError."""
    tree = Tree.of(path for path, entry in files.paths().items() if entry.kind != "submodule")
    deployments = (_deployment(stack, tree) for stack in _stacks(contents) if _is_swarm(stack))
    return [path for one in deployments if one is not None for path in (one.files or (one.folder,)) if path]


def _stacks(contents: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    for path, content in contents.items():
        try:
            told = tomllib.loads(content.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: {error}") from None
        yield from _list(told.get("stack")) + _list(told.get("stacks"))


def _is_swarm(stack: Mapping[str, Any]) -> bool:
    config = stack.get("config")
    return isinstance(config, dict) and bool(config.get("swarm") or config.get("swarm_id"))


def has_stacks(content: bytes) -> bool:
    """Whether a TOML file looks like one of Komodo's with stacks in it."""
    return re.search(rb"(?m)^\s*\[\[\s*stacks?\s*\]\]", content) is not None


def _deployment(stack: Mapping[str, Any], tree: Tree) -> Deployment | None:
    config = stack.get("config")
    if not isinstance(config, dict) or not isinstance(stack.get("name"), str):
        return None
    if config.get("file_contents"):
        return None
    folder = folder_in_repo(str(config.get("run_directory") or ""), tree)
    if folder is None:
        return None
    named = _texts(config.get("file_paths"))
    paths = tuple(posixpath.normpath(posixpath.join(folder, path)) for path in named or [DEFAULT_FILE])
    if not named and DEFAULT_FILE not in tree.names.get(folder, ()):
        paths = ()
    extra = [one.get("path") if isinstance(one, dict) else one for one in _any_list(config.get("additional_env_files"))]
    return Deployment(
        name=stack["name"],
        server=config.get("server") or config.get("server_id") or None,
        folder=posixpath.dirname(paths[0]) if paths else folder,
        files=paths,
        project=project(config.get("project_name") or stack["name"]),
        env={key: value for key, value in variables(config.get("environment")) if not _SECRET.search(value)},
        env_files=tuple(posixpath.normpath(posixpath.join(folder, path)) for path in extra if isinstance(path, str)),
    )


def project(name: str) -> str:
    """The project's name that Komodo gives with `-p` (to_docker_compatible_name): what Docker would not take becomes `_`."""
    return _FOREIGN.sub("_", name.strip().lower()).lstrip("_-")


def variables(environment: object) -> Iterable[tuple[str, str]]:
    """Komodo's `environment`: lines `NAME = value`, also as a YAML list, with comments and quotes (parse_key_value_list)."""
    if isinstance(environment, list):
        for one in environment:
            if isinstance(one, dict) and isinstance(one.get("variable"), str):
                yield one["variable"], str(one.get("value", ""))
        return
    for raw in environment.splitlines() if isinstance(environment, str) else []:
        line = raw.strip()
        if not line or line.startswith(("#", "//")):
            continue
        line = _unquoted(line.split(" #", 1)[0].strip().lstrip("-").strip())
        at = min((line.find(mark) for mark in "=:" if mark in line), default=-1)
        if at > 0:
            yield line[:at].strip(), _unquoted(line[at + 1 :].strip()).strip()


def _unquoted(text: str) -> str:
    if text[:1] not in ("'", '"'):
        return text
    return text[1:-1] if len(text) > 1 and text[-1] in ("'", '"') else text[1:]


def _texts(value: object) -> list[str]:
    """Komodo takes a list of paths, or one text with a path a line or commas between (parse_string_list)."""
    if isinstance(value, str):
        lines = (line.split(" #", 1)[0] for line in value.splitlines() if not line.strip().startswith("#"))
        return [path.strip() for line in lines for path in line.split(",") if path.strip()]
    return [path for path in _any_list(value) if isinstance(path, str) and path]


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in _any_list(value) if isinstance(one, dict)]


def _any_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
