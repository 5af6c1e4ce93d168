"""Globs over paths in the repo, as the config's `stacks`, `exclude` and `declared_elsewhere` have them.

`*` and `?` stay within a segment, `[…]` stands for one letter of it, a segment `**` for any number of segments (none, too).
As in a shell, a wildcard does not stand for a leading dot: `.github` is matched by nobody who did not spell it.
Pure; a glob is read once and kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Glob:
    """A glob that was read. Two paths are the same to it when they differ in a trailing slash or a leading `./`."""

    text: str
    """As it was written, cleaned: without `./` before and `/` behind; "" is the repo's root."""
    spelled: tuple[str, ...]
    """The leading segments without wildcards: what is spelled out."""
    pattern: re.Pattern[str]

    @property
    def literal(self) -> bool:
        """Whether there is no wildcard in it at all, so that it names one path."""
        return _WILD.search(self.text) is None

    def matches(self, path: str) -> bool:
        """Whether it fits the whole path."""
        return self.pattern.fullmatch(path) is not None

    def covers(self, path: str) -> bool:
        """Whether it fits the path or a folder above it."""
        while path:
            if self.matches(path):
                return True
            path = path.rpartition("/")[0]
        return self.text == ""

    def rest(self, path: str) -> str:
        """The path without the leading segments that the glob spells out; "" when it spells out all of it."""
        segments = path.split("/") if path else []
        led = all(segment == spelled for segment, spelled in zip(segments, self.spelled, strict=False))
        return "/".join(segments[len(self.spelled) :]) if led else path


@lru_cache(maxsize=1024)
def glob(text: str) -> Glob:
    """Read a glob. Every text is one: brackets that do not close stand for themselves."""
    segments: list[str] = []
    for segment in text.strip().split("/"):
        if segment not in ("", ".") and not (segment == "**" and segments[-1:] == ["**"]):
            segments.append(segment)
    spelled = []
    for segment in segments:
        if _WILD.search(segment):
            break
        spelled.append(segment)
    return Glob("/".join(segments), tuple(spelled), re.compile(_pattern(segments), re.DOTALL))


def _pattern(segments: list[str]) -> str:
    """A regular expression in which every segment but the first brings the slash before it."""
    plain = "(?!\\.)[^/]+"
    made = ""
    first = True  # whether nothing, or only `**`, stands before
    for at, segment in enumerate(segments):
        last = at == len(segments) - 1
        if segment == "**":
            if last:
                made += f"(?:{plain}(?:/{plain})*)?" if first else f"(?:/{plain})*"
            elif first:
                made += f"(?:{plain}/)*"
            else:
                made += f"(?:/{plain})*"
            continue
        made += ("" if first else "/") + _segment(segment)
        first = False
    return made


def _segment(segment: str) -> str:
    made = "" if segment.startswith(".") else "(?!\\.)" if _WILD.match(segment) else ""
    at = 0
    while at < len(segment):
        letter = segment[at]
        at += 1
        if letter == "*":
            while segment[at : at + 1] == "*":
                at += 1
            made += "[^/]*"
        elif letter == "?":
            made += "[^/]"
        elif letter == "[" and (end := segment.find("]", at + 2 if segment[at : at + 1] in ("!", "^") else at + 1)) > 0:
            negated = segment[at] in "!^"
            letters = segment[at + negated : end]
            made += f"[{'^/' if negated else ''}{_letters(letters)}]"
            at = end + 1
        else:
            made += re.escape(letter)
    return made + "(?<=[^/])" if segment.strip("*") == "" else made


def _letters(letters: str) -> str:
    """What stands between brackets, with ranges that run backwards taken letter by letter."""
    made = ""
    at = 0
    while at < len(letters):
        if letters[at + 1 : at + 2] == "-" and at + 2 < len(letters):
            low, high = letters[at], letters[at + 2]
            made += f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low) + re.escape("-") + re.escape(high)
            at += 3
        else:
            made += re.escape(letters[at])
            at += 1
    return made
