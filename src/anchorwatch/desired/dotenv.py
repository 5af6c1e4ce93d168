"""Env files as Compose reads them, written after compose-go's `dotenv/parser.go`.

`statements` tells what stands where, so that a file can be handed to Compose with some values replaced; `values` works the
values out. A file that Compose refuses raises `ValueError` with the line, never with the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anchorwatch.desired.interpolation import Lookup, interpolate

_BLANK = " \t\v\f\r\x85\xa0"
_KEY = re.compile(r"(?:export(?=[ \t\v\f\r\x85\xa0])[ \t\v\f\r\x85\xa0]*)?([^\n=:]*?)[ \t\v\f\r\x85\xa0]*([=:\n]|\Z)")
_GOOD_KEY = re.compile(r"[\w.\-\[\]]*", re.UNICODE)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\", "$": "$$"}
_ESCAPE = re.compile(r"\\(?:0([0-7]{1,3})|.)", re.DOTALL)
_INLINE_COMMENT = re.compile(r"\s#.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One `NAME=value`; `begin:end` is where it stands in the text, `start:end` its value, quotes included."""

    name: str
    begin: int
    start: int
    end: int
    quote: str
    """`"`, `'` or ""."""
    inherited: bool
    """A name alone: the value is taken from the environment."""


def text_of(content: bytes) -> str:
    """The file's text as Compose takes it: without a byte order mark."""
    return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def statements(text: str) -> Iterator[Statement]:
    """The file's statements in order. Raises `ValueError` where Compose stops reading."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return
        if text[at] == "#":
            newline = text.find("\n", at)
            if newline < 0:
                return
            at = newline
            continue
        key = _KEY.match(text, at)
        if key is None or not _GOOD_KEY.fullmatch(key[1]):
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1} is no NAME=value")
        if key[2] in ("\n", ""):
            yield Statement(key[1], at, key.end(1), key.end(1), "", inherited=True)
            at = key.end()
            continue
        start = key.end()
        while start < len(text) and text[start] in _BLANK:
            start += 1
        quote = text[start : start + 1] if text[start : start + 1] in ("'", '"') else ""
        begin, at = at, _end_of_quoted(text, start) if quote else _end_of_line(text, start)
        yield Statement(key[1], begin, start, at, quote, inherited=False)


def _end_of_line(text: str, start: int) -> int:
    newline = text.find("\n", start)
    return len(text) if newline < 0 else newline


def _end_of_quoted(text: str, start: int) -> int:
    at = start + 1
    escaped = False
    while at < len(text):
        if text[at] == text[start] and not escaped:
            return at + 1
        escaped = text[at] == "\\" and not escaped
        at += 1
    raise ValueError(f"the quote in line {text.count(chr(10), 0, start) + 1} does not end")


def raw_value(text: str, statement: Statement) -> str:
    """The value's text as it will be interpolated: without quotes and comments, escapes undone."""
    value = text[statement.start : statement.end]
    if statement.quote == '"':
        return _unescape(value[1:-1])
    if statement.quote:
        return value[1:-1].replace("\\'", "'")
    return _INLINE_COMMENT.sub("", value).rstrip()


def _unescape(value: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)) if found[1] else _ESCAPED.get(found[0][1], found[0]), value)


def values(text: str, outer: Mapping[str, str] | Lookup) -> dict[str, str]:
    """What the file sets. `outer` is looked at before the file's own earlier lines, as Compose does."""
    lookup: Lookup = outer.get if isinstance(outer, Mapping) else outer
    found: dict[str, str] = {}

    def known(name: str) -> str | None:
        value = lookup(name)
        return found.get(name) if value is None else value

    for statement in statements(text):
        if statement.inherited:
            value = lookup(statement.name)
            if value is not None:
                found[statement.name] = value
            continue
        raw = raw_value(text, statement)
        found[statement.name] = raw if statement.quote == "'" else interpolate(raw, known)
    return found
