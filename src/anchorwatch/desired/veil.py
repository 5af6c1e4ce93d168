"""Values of variables whose name says secret, hidden wherever they come out: also under a key that says nothing of the kind.

`DB_PASS` in a committed `.env`, or its default in the file, is in Git in clear; that is no reason to show it in messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from anchorwatch.desired.restore import joined, shows_plainly
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR
from anchorwatch.model.values import Secret, Template, Unknown

_SHORTEST = 4
"""Characters. A shorter value keeps no secret, and would hide half of every text."""
_WORDS = frozenset({"true", "false", "none", "null", "auto", "always", "never", "enabled", "disabled"})


class Veil:
    """Lies over the leaves of a model, but for those that take a figure or one of a few words."""

    def __init__(self, values: Iterable[str]) -> None:
        texts = {text for text in values if len(text) >= _SHORTEST and text.lower() not in _WORDS}
        longest_first = sorted(texts, key=lambda text: (-len(text), text))
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if texts else None

    def over(self, value: Any, last: str = "") -> Any:
        """The same with those values as `Secret` pieces; `last` is the key that it stands at."""
        if self._secret is None:
            return value
        if isinstance(value, dict):
            return {key: self.over(below, str(key)) for key, below in value.items()}
        if isinstance(value, list):
            return [self.over(item, last) for item in value]
        if isinstance(value, str):
            plain = shows_plainly(last) or value.startswith((PROJECT_DIR, HOME_DIR))
            return value if plain else joined(_pieces(value, self._secret))
        if isinstance(value, Template):
            parts = [_pieces(part, self._secret) if isinstance(part, str) else [part] for part in value.parts]
            return joined([piece for pieces in parts for piece in pieces])
        return value


def _pieces(text: str, secret: re.Pattern[str]) -> list[str | Secret | Unknown]:
    pieces: list[str | Secret | Unknown] = []
    at = 0
    for found in secret.finditer(text):
        pieces += [text[at : found.start()], Secret(found[0])]
        at = found.end()
    return [*pieces, text[at:]]
