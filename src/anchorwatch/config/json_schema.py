"""The JSON Schema of the config file, for editors; it ships as `schema.json` beside this module.

Made from the sections, never by hand: `python -m anchorwatch.config.json_schema > src/anchorwatch/config/schema.json`
(a test holds the two equal). It knows the keys, the kinds of values and what is said of them. What hangs together between keys
only `anchorwatch config check` knows.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from anchorwatch.config.sections.fields import BEST_FROM_FILE
from anchorwatch.config.sections.file import FileSection

FILE = "schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHARED = ("env", "env_files", "pass_environment", "host_env_file")
"""Keys that a section has from another one: shown after its own."""


class _Plain(GenerateJsonSchema):
    """No title but that of the kind of value, which says what to write."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> dict[str, Any]:
    """The schema of the whole file."""
    made = _simple(FileSection.model_json_schema(schema_generator=_Plain))
    sections = {name.removesuffix("Section"): _section(section) for name, section in made.pop("$defs").items()}
    whole = {"$schema": _DIALECT, **_section(made), "title": "anchorwatch.yml", "$defs": sections}
    whole.setdefault("patternProperties", {})["^x-"] = True
    return whole


def text() -> str:
    """`schema.json` as it should be."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _simple(part: Any) -> Any:
    """Without what only a program that reads None can mean, and with the short names of sections."""
    if isinstance(part, list):
        return [_simple(item) for item in part]
    if not isinstance(part, dict):
        return part.replace("Section", "") if isinstance(part, str) and part.startswith("#/$defs/") else part
    part = dict(part)
    if {"type": "null"} in part.get("anyOf", ()):
        (given,) = [choice for choice in part.pop("anyOf") if choice != {"type": "null"}]
        part = {**given, **part}
    if part.get("default", ...) in (None, [], {}):
        del part["default"]
    if "patternProperties" in part:
        part["additionalProperties"] = False
    return {key: _simple(value) for key, value in part.items()}


def _section(section: dict[str, Any]) -> dict[str, Any]:
    """With the keys in the order of the reference, and each scalar key's twin that reads it from a file."""
    given: dict[str, Any] = section["properties"]
    keys = {key: given[key] for key in sorted(given, key=lambda key: key in _SHARED)}
    scalars = [key for key, value in keys.items() if "$ref" not in value and value.get("type") not in ("array", "object")]
    properties: dict[str, Any] = {}
    for key, value in keys.items():
        secret = value.get("title") == BEST_FROM_FILE
        properties[key] = {name: said for name, said in value.items() if not (secret and name == "examples")}
        if secret:
            properties[f"{key}_file"] = _from_file(key) | {name: said for name, said in value.items() if name == "examples"}
    others = [key for key in scalars if f"{key}_file" not in properties and key != "host_env_file"]
    required = section.get("required", [])
    made = {**section, "properties": properties}
    made["required"] = [key for key in required if key not in scalars]
    if others:
        made["patternProperties"] = {f"^({'|'.join(others)})_file$": {"title": "path", "type": "string", "minLength": 1}}
    made["allOf"] = [{"anyOf": [{"required": [key]}, {"required": [f"{key}_file"]}]} for key in required if key in scalars]
    return {name: value for name, value in made.items() if value != []}


def _from_file(key: str) -> dict[str, Any]:
    return {"title": "path", "type": "string", "minLength": 1, "description": f"A file with `{key}` in it."}


if __name__ == "__main__":
    sys.stdout.write(text())
