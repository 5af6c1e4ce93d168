"""Holds documents against the contract's JSON, as `contract_schema.json` puts it down by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator

_SCHEMA = json.loads((Path(__file__).parent / "contract_schema.json").read_text(encoding="utf-8"))


def faults(document: Any, name: Literal["check", "stacks", "status", "at"]) -> list[str]:
    """What in `document` breaks the contract."""
    validator = Draft202012Validator({**_SCHEMA, "$ref": f"#/$defs/{name}"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
