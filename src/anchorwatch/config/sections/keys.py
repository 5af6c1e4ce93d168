"""Which keys there are, by place: for saying what somebody meant, and what can be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from anchorwatch.config.sections.fields import BEST_FROM_FILE, Section
from anchorwatch.config.sections.file import FileSection

Step = str | int


def keys_at(place: tuple[Step, ...]) -> list[str]:
    """The keys of the mapping at `place`; none where the user chooses them."""
    section = _below(FileSection, place)
    return [field.alias or name for name, field in section.model_fields.items()] if is_section(section) else []


def example(place: tuple[Step, ...]) -> str | None:
    """What can follow the key at `place`, as `: ["pi5/*"]`, or `_file: /run/secrets/x`; None where no example is known."""
    if not place or isinstance(place[-1], int):
        return None
    section = _below(FileSection, place[:-1])
    field = _fields(section).get(place[-1]) if is_section(section) else None
    if field is None or not field.examples:
        return None
    return f"{'_file' if _is_secret(field) else ''}: {flow(field.examples[0])}"


def belongs_to(key: str) -> str | None:
    """The mapping that has `key`, as `hosts.NAME`, where there is exactly one."""
    found = [place for place, section in sections() if place and key in _fields(section)]
    return found[0] if len(found) == 1 else None


def sections(section: type[Section] = FileSection, place: str = "") -> Iterator[tuple[str, type[Section]]]:
    """Every section with its place: `""`, `repo`, `hosts.NAME`, `hosts.NAME.per_stack.NAME`, `ignore[]`."""
    yield place, section
    for name, field in _fields(section).items():
        below = f"{place}.{name}" if place else name
        inner, step = _inner(field.annotation)
        if is_section(inner):
            yield from sections(inner, below + step)


def is_section(annotation: Any) -> bool:
    """Whether `annotation` is a section's class."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def flow(value: Any) -> str:
    """`value` as a line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    text = str(value)
    return f'"{text}"' if any(letter in text for letter in "*#,[]{}&!") or ": " in text else text


def _fields(section: type[Section]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _is_secret(field: FieldInfo) -> bool:
    kinds = [*field.metadata, *(kind for part in get_args(field.annotation) for kind in getattr(part, "__metadata__", ()))]
    return any(isinstance(kind, WithJsonSchema) and (kind.json_schema or {}).get("title") == BEST_FROM_FILE for kind in kinds)


def _below(annotation: Any, place: tuple[Step, ...]) -> Any:
    """The type at `place` below `annotation`; None where there is none."""
    for step in place:
        inner, kind = _inner(annotation)
        if kind:
            annotation = inner
        elif is_section(inner) and step in _fields(inner):
            annotation = _fields(inner)[str(step)].annotation
        else:
            return None
    return _inner(annotation)[0] if not _inner(annotation)[1] else None


def _inner(annotation: Any) -> tuple[Any, str]:
    """What an optional, a list or a mapping holds, and how a place goes on below it."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1], ".NAME"
    if get_origin(annotation) is list:
        return get_args(annotation)[0], "[]"
    given = [argument for argument in get_args(annotation) if argument is not type(None)]
    if type(None) in get_args(annotation):
        return _inner(given[0])
    return annotation, ""
