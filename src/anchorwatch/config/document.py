"""What was written, as a tree of texts, and where each of them was written.

Values from the file and values from the environment are alike here: a scalar is the text that was written, and the key that it
belongs to says how it is read (`sections`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from anchorwatch.errors import Mistake

Tree: TypeAlias = dict[str, "Tree"] | list["Tree"] | str | None
Place: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the root down to a value."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a value was written: `key` is how the reader finds it there. `line` is None outside a file."""

    file: str
    line: int | None
    key: str


@dataclass(slots=True)
class Document:
    """The tree, where its values were written, and what is wrong with it as YAML. The root is always a mapping."""

    name: str
    tree: dict[str, Tree] = field(default_factory=dict)
    where: dict[Place, Where] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    whole: bool = True
    """False where the file could not be read to its end, so that what is missing in the tree is not missing in the file."""


def spell(place: Place) -> str:
    """`hosts.pi5.stacks[0]`. Of a key that has a `=` in it, like a variable with its value, only the name is shown."""
    words = ""
    for step in place:
        name = f"[{step}]" if isinstance(step, int) else step.partition("=")[0]
        words += f".{name}" if words and isinstance(step, str) else name
    return words


def is_env(place: Place) -> bool:
    """Whether `place` is an `env:` of a host or of a stack: what is below it are the user's own names and texts."""
    return len(place) in (3, 5) and place[0] == "hosts" and place[-1] == "env"
