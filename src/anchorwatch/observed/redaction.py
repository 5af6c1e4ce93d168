"""What other programs say, made fit to be shown: without credentials, without control characters, of a length one can read.

The texts come from a remote shell, a proxy or an engine; they may hold `user:password@` in an address, and escape
sequences for the reader's terminal.
"""

from __future__ import annotations

import re

_USER_INFO = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s]*@(?=\S)")
_PASSWORD = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*):[^/\s]*@(?=\S)")


def address(text: str) -> str:
    """An address as it may be shown: the user's name stays, a password does not."""
    return fit(_PASSWORD.sub(r"\1:••••@", text))


def words(text: str, limit: int = 400) -> str:
    """The words of another program as they may be shown: credentials inside addresses masked, at most `limit` characters."""
    return fit(_USER_INFO.sub(r"\1••••@", text), limit)


def fit(text: str, limit: int = 400) -> str:
    """`text` in one line of printable characters, its end dropped beyond `limit`."""
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
