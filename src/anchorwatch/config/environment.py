"""Values from the environment, laid over those of the file.

`ANCHORWATCH_` and the key, in capitals, with `__` between levels: `ANCHORWATCH_REPO__PATH`. A name that is in the file
already is met whatever its capitals, and `_` stands for any character that a variable's name cannot have
(`ANCHORWATCH_HOSTS__NAS_01__DOCKER` for the host `nas-01`). An item of a list is called by its number, counted from 0, or by
its `name`. A list or a mapping as a whole is written as JSON. An empty variable counts as one that is not set.

A variable that looks like ours and is no key is a mistake, for a typo shall not be passed over in silence; others are left
alone (Kubernetes and Docker links set `ANCHORWATCH_PORT` and the like for a service of that name).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anchorwatch.config.document import Document, Place, Tree, Where, is_env
from anchorwatch.errors import Mistake

PREFIX = "ANCHORWATCH_"
FILE_VARIABLE = "ANCHORWATCH_CONFIG"
TOP_KEYS = (
    "compose",
    "database",
    "declared_elsewhere",
    "deployers",
    "history",
    "hosts",
    "ignore",
    "long_running",
    "notify",
    "one_shot",
    "repo",
    "secrets_key",
    "severity",
    "watch",
)
"""The keys at the top of the file; a test holds them against the model."""

_MAPPINGS = frozenset({"repo", "hosts", "watch", "history", "notify"})

ENVIRONMENT = "environment"
"""What messages call the environment where they name a file otherwise."""


def lay_over(document: Document, environ: Mapping[str, str]) -> None:
    """Puts what `environ` says into `document`; what the file says of the same keys is gone."""
    ours = [name for name, value in environ.items() if name.startswith(PREFIX) and name != FILE_VARIABLE and value]
    fresh: set[Place] = set()
    for name in sorted(ours, key=lambda name: (name.count("__"), name)):
        steps = name.removeprefix(PREFIX).split("__")
        if steps[0].lower().removesuffix("_file") in TOP_KEYS or len(steps) > 1:
            fresh.add(_put(document, name, steps, environ[name], fresh))
        elif (meant := _meant(steps[0].lower())) is not None:
            document.mistakes.append(Mistake(ENVIRONMENT, None, name, "is no key of the config", f"did you mean {meant}?"))


def _put(document: Document, name: str, steps: list[str], value: str, fresh: set[Place]) -> Place:
    """Sets one value, and takes its twin (`token` of `token_file`, and the other way round) out of what the file said."""
    node: dict[str, Tree] | list[Tree] = document.tree
    place: Place = ()
    while True:
        raw = is_env(place)
        if raw:
            steps = ["__".join(steps)]
        key = steps[0] if raw else _key(node, steps[0])
        place = (*place, key)
        if len(steps) == 1:
            break
        steps = steps[1:]
        below = _get(node, key)
        if not isinstance(below, dict | list):
            below = _set(node, key, [] if steps[0] == "0" else {})
            document.where[place] = Where(ENVIRONMENT, None, name.removesuffix("__" + "__".join(steps)))
        node = below
    twin = str(key)[:-5] if str(key).endswith("_file") else f"{key}_file"
    if isinstance(node, dict) and twin in node and (*place[:-1], twin) not in fresh and not raw:
        del node[twin]
    for old in [old for old in document.where if old[: len(place)] == place]:
        del document.where[old]
    _set(node, key, value if raw else _parsed(value))
    document.where[place] = Where(ENVIRONMENT, None, name)
    return place


def _key(node: dict[str, Tree] | list[Tree], step: str) -> str | int:
    """The key of `node` that `step` means: one that is there, or a new one."""
    if isinstance(node, list):
        if step.isdecimal():
            return min(int(step), len(node))
        names = [item.get("name") if isinstance(item, dict) else None for item in node]
        return next((i for i, name in enumerate(names) if isinstance(name, str) and _plain(name) == _plain(step)), len(node))
    return next((key for key in node if _plain(key) == _plain(step)), step.lower())


def _get(node: dict[str, Tree] | list[Tree], key: str | int) -> Tree:
    if isinstance(node, dict):
        return node.get(str(key))
    return node[key] if isinstance(key, int) and key < len(node) else None


def _set(node: dict[str, Tree] | list[Tree], key: str | int, value: Tree) -> dict[str, Tree] | list[Tree]:
    if isinstance(node, dict):
        node[str(key)] = value
    else:
        node[slice(int(key), int(key) + 1)] = [value]
    return value if isinstance(value, dict | list) else {}


def _parsed(value: str) -> Tree:
    """A list or a mapping where `value` is one in JSON, its scalars as texts; else `value` itself."""
    if value[:1] not in "[{":
        return value
    import json

    try:
        return _texts(json.loads(value, parse_int=str, parse_float=str, parse_constant=str))
    except (ValueError, RecursionError):
        return value


def _texts(tree: Any) -> Tree:
    if isinstance(tree, dict):
        return {key: _texts(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_texts(value) for value in tree]
    return tree if tree is None or isinstance(tree, str) else str(tree).lower()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _meant(word: str) -> str | None:
    """The variable that somebody meant who wrote `word`, if it looks like one of ours at all."""
    from difflib import get_close_matches

    inside = next((top for top in sorted(TOP_KEYS, key=len, reverse=True) if word.startswith(top + "_")), None)
    if inside:
        return f"{PREFIX}{inside}__{word[len(inside) + 1 :]}".upper() if inside in _MAPPINGS else f"{PREFIX}{inside}".upper()
    close = get_close_matches(word, TOP_KEYS, 1, 0.8)
    return f"{PREFIX}{close[0]}".upper() if close else None
