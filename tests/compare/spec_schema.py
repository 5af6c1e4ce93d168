"""The JSON schema of the Compose specification, as the Compose program that resolves carries it inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ID = b'"$id": "compose_spec.json"'


def embedded_schema(compose: Path) -> dict[str, Any]:
    """The schema as it lies in the program file."""
    program = compose.read_bytes()
    start = program.rindex(b"{", 0, program.index(_ID))
    text = program[start : start + 400_000].decode("utf-8", "replace")
    schema, _ = json.JSONDecoder().raw_decode(text)
    assert schema["title"] == "Compose Specification"
    return dict(schema)


def leaf_keys(schema: dict[str, Any], definition: str) -> Iterator[str]:
    """Every key below a definition, dotted: `ports[].target`, `networks.*.aliases`, `healthcheck.test`."""
    definitions = schema.get("definitions") or schema["$defs"]
    yield from _leaves("", definitions[definition], definitions, ())


def _leaves(path: str, node: dict[str, Any], definitions: dict[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    reference = node.get("$ref", "").rpartition("/")[2]
    if reference:
        if reference in above or reference in {"list_or_dict", "string_or_list", "list_of_strings", "command"}:
            yield path
            return
        yield from _leaves(path, definitions[reference], definitions, (*above, reference))
        return
    found = set()
    for choice in (node, *node.get("oneOf", ()), *node.get("anyOf", ())):
        for name, below in choice.get("properties", {}).items():
            found |= set(_leaves(f"{path}.{name}" if path else name, below, definitions, above))
        for pattern, below in choice.get("patternProperties", {}).items():
            if pattern != "^x-" and below.get("type") != "null" and _is_object(below, definitions):
                found |= set(_leaves(f"{path}.*" if path else "*", below, definitions, above))
        items = choice.get("items")
        if isinstance(items, dict) and _is_object(items, definitions):
            found |= set(_leaves(f"{path}[]", items, definitions, above))
        if choice is not node and choice.get("$ref"):
            found |= set(_leaves(path, choice, definitions, above))
    yield from found or {path}


def _is_object(node: dict[str, Any], definitions: dict[str, Any]) -> bool:
    while "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    choices = (node, *node.get("oneOf", ()), *node.get("anyOf", ()))
    return any("properties" in choice for choice in choices)
