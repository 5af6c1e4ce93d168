"""Makes foreign text harmless to look at: what a host, a repository or a program's error message put into a name or value.

After `clean` a text has no line breaks, no terminal escapes, no characters that reorder or hide their neighbours and none
that XML 1.0 forbids, and it can be encoded as UTF-8. What was there stays visible, as an escape: ``\\x1b``, ``\\u202e``.
The syntax of a format (`<`, `|`, `` ` ``) is the format's own business.
"""

from __future__ import annotations

import re

LONGEST = 300
"""Characters of one foreign text that a format for people shows."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """`text` with everything that is not to be seen as itself (`str.isprintable`) written as an escape."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def shorten(text: str, longest: int = LONGEST) -> str:
    """`clean(text)`, cut where it is longer than `longest` characters, which is then said."""
    if len(text) <= longest:
        return clean(text)
    return f"{clean(text[:longest])}… ({len(text):,} characters)"


def paragraphs(text: str) -> list[str]:
    """The lines of a message of several lines, each made clean, empty ones left out."""
    return [shorten(line.rstrip(), 1000) for line in text.split("\n") if line.strip()]


def encodable(text: str) -> str:
    """`text` as it is, but for what UTF-8 cannot carry: bytes that were no UTF-8 become visible (``\\xff``)."""
    return text if text.isascii() else _SURROGATE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    point = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if 0xDC80 <= point <= 0xDCFF:  # a byte that is no UTF-8, as Python's surrogateescape keeps it (PEP 383)
        return f"\\x{point - 0xDC00:02x}"
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
