"""The tables of `docs/config.md`: every key with its type, default, meaning and an example.

Made from the schema, never by hand: `python -m anchorwatch.config.reference docs/config.md` writes them between the two
marks of that file (a test holds the two equal).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anchorwatch.config import json_schema
from anchorwatch.config.sections.keys import flow

BEGIN = "<!-- begin: made by python -m anchorwatch.config.reference -->"
END = "<!-- end -->"


def reference() -> str:
    """The tables, one for each section of the file, under headings of the third level."""
    schema = json_schema.schema()
    return "\n".join(_table(place, section) for place, section in _sections(schema, schema, ""))


def with_reference(page: str) -> str:
    """`page` with today's tables between its marks. Raises `ValueError` where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks to write the reference between")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _sections(schema: dict[str, Any], section: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield place, section
    for key, value in section["properties"].items():
        name, step = _below(value)
        if name is not None:
            yield from _sections(schema, schema["$defs"][name], f"{place}.{key}{step}".removeprefix("."))


def _below(value: dict[str, Any]) -> tuple[str | None, str]:
    """The section that a key holds, and how a place goes on in it."""
    inner, step = value, ""
    if value.get("type") == "array":
        inner, step = value["items"], "[]"
    elif value.get("type") == "object":
        inner, step = _of_object(value), ".NAME"
    reference = inner.get("$ref")
    return (reference.rpartition("/")[2], step) if reference else (None, "")


def _of_object(value: dict[str, Any]) -> dict[str, Any]:
    inner: Any = value.get("additionalProperties") or next(iter(value["patternProperties"].values()))
    return dict(inner)


def _table(place: str, section: dict[str, Any]) -> str:
    lines = [
        f"### {f'`{place}`' if place else 'The file'}",
        "",
        section["description"].replace("\n", " "),
        "",
        "| key | type | default | meaning | example |",
        "|---|---|---|---|---|",
    ]
    required = {*section.get("required", ()), *(choice["anyOf"][0]["required"][0] for choice in section.get("allOf", ()))}
    for key, value in section["properties"].items():
        default = "required" if key in required else f"`{flow(value['default'])}`" if "default" in value else ""
        example = f"`{flow(value['examples'][0])}`" if value.get("examples") else ""
        cells = (f"`{key}`", _type(value), default, value.get("description", ""), example)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _type(value: dict[str, Any]) -> str:
    """What sort of value a key has."""
    if "$ref" in value:
        return "mapping"
    if value.get("type") == "array":
        inner = _type(value["items"])
        return f"list of {inner if inner[-1:] == 's' else inner + 's'}"
    if value.get("type") == "object":
        return f"names, each with a {_type(_of_object(value))}"
    return str(value.get("title", "text"))


def main() -> None:
    """Writes the tables into the file that the command line names."""
    page = Path(sys.argv[1])
    page.write_text(with_reference(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
