"""Leaves of a Compose model or of an inspect answer that are more than plain JSON.

A `Secret` is a text that may be a secret; a `Template` is a wanted text of which some pieces came from outside Git
(a `Secret` piece) or are set nowhere (an `Unknown` piece). Both compare by value and never show one: `str`, `repr` and
formatting give `•••• (3fa1)`, where the four digits are the beginning of a keyed fingerprint, so that a rotation can be
seen and the value cannot.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""What `json.loads` gives, except that leaves may be `Secret` or `Template`."""

JsonObject: TypeAlias = Mapping[str, Any]

_fingerprint_key = secrets.token_bytes(32)


def use_fingerprint_key(key: bytes) -> None:
    """From now on fingerprints are made with `key` (the `secrets_key` of the config).

    Without it each process has a random key of its own: its fingerprints say "same" and "different" within one run only.
    """
    global _fingerprint_key  # noqa: PLW0603 - one key a process, set once at start; passing it to every __repr__ is not possible
    _fingerprint_key = key


def fingerprint(text: str) -> str:
    """The HMAC-SHA-256 of `text` in hexadecimal: all of a secret that may be stored."""
    return hmac.digest(_fingerprint_key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


class Secret:
    """A text that may be a secret. Equal to another `Secret`, or to a `str`, of the same text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for comparing and for handing to a program; never for showing."""
        return self._text

    @property
    def fingerprint(self) -> str:
        """What may be stored of it: see `fingerprint`."""
        return fingerprint(self._text)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            return self._text == other._text
        return self._text == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return f"•••• ({self.fingerprint[:4]})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Unknown:
    """A piece of a wanted text that hangs on a variable which is set nowhere we may look."""

    variable: str

    def __str__(self) -> str:
        return f"${{{self.variable}}}"


@dataclass(frozen=True)
class Template:
    """A wanted text made of literal pieces from Git, `Secret` pieces from outside Git and `Unknown` pieces.

    Not a `str`, so that no code shows or parses it by accident: ask `known`, `reveal` or `fits`.
    """

    parts: tuple[str | Secret | Unknown, ...]

    @property
    def known(self) -> bool:
        """Whether every piece has a value."""
        return not any(isinstance(part, Unknown) for part in self.parts)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables that are set nowhere."""
        return tuple(part.variable for part in self.parts if isinstance(part, Unknown))

    def reveal(self) -> str:
        """The text itself. Raises `ValueError` when a piece is unknown."""
        if not self.known:
            raise ValueError("a piece of this text is unknown")
        return "".join(part if isinstance(part, str) else part.reveal() for part in self.parts if not isinstance(part, Unknown))

    def fits(self, text: str) -> bool:
        """Whether `text` can be this one: literal and secret pieces stand where they must; an unknown piece may be anything."""
        first, *others = self._literals
        if not others:
            return text == first
        *middle, last = others
        if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for literal in middle:  # an unknown piece may be anything, so the leftmost place is as good as any
            at = text.find(literal, at, end)
            if at < 0:
                return False
            at += len(literal)
        return True

    @cached_property
    def _literals(self) -> list[str]:
        """What stands between unknown pieces, and before and behind them."""
        literals = [""]
        for part in self.parts:
            if isinstance(part, Unknown):
                literals.append("")
            else:
                literals[-1] += part if isinstance(part, str) else part.reveal()
        return literals

    def veil(self, text: str) -> Template:
        """`text`, which stands beside this one, with only the literal pieces in clear that both begin and end with."""
        before = self.parts[0] if isinstance(self.parts[0], str) and text.startswith(self.parts[0]) else ""
        rest = text[len(before) :]
        last = self.parts[-1]
        after = last if len(self.parts) > 1 and isinstance(last, str) and last and rest.endswith(last) else ""
        return Template((before, Secret(rest[: len(rest) - len(after)]), after))

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)

    __repr__ = __str__


Text: TypeAlias = str | Secret | Template


def reveal(leaf: Text) -> str:
    """The text of a leaf, for comparing; never for showing. Raises `ValueError` for a `Template` with an unknown piece."""
    return leaf if isinstance(leaf, str) else leaf.reveal()


def holds_secret(leaf: Json) -> bool:
    """Whether a `Secret`, or a `Template` with one, stands anywhere in it."""
    if isinstance(leaf, Secret):
        return True
    if isinstance(leaf, Template):
        return any(isinstance(part, Secret) for part in leaf.parts)
    if isinstance(leaf, dict):
        return any(holds_secret(value) for value in leaf.values())
    return isinstance(leaf, list | tuple) and any(holds_secret(value) for value in leaf)


def opened(leaf: Json) -> Json:
    """`leaf` with every text in it opened, a piece that is unknown reading `${NAME}`: for computing with, never for showing."""
    if isinstance(leaf, Secret):
        return leaf.reveal()
    if isinstance(leaf, Template):
        return "".join(part.reveal() if isinstance(part, Secret) else str(part) for part in leaf.parts)
    if isinstance(leaf, dict):
        return {key: opened(value) for key, value in leaf.items()}
    return [opened(value) for value in leaf] if isinstance(leaf, list | tuple) else leaf


def plain(leaf: Json) -> Json:
    """`leaf` with every `Secret` and known `Template` in it opened: for hashing and comparing, never for showing."""
    if isinstance(leaf, Secret | Template):
        return leaf.reveal()
    if isinstance(leaf, dict):
        return {key: plain(value) for key, value in leaf.items()}
    if isinstance(leaf, list | tuple):
        return [plain(value) for value in leaf]
    return leaf
