"""A letter in CommonMark, for chats. Pure.

No tables, no headings, no HTML: chats differ in these. What came from outside stands in a code span or a code block, or has its
markup escaped, so it can neither format nor link anything.
"""

from __future__ import annotations

import re

from anchorwatch.notify.letter import Entry, Part, Row, Tone
from anchorwatch.notify.plain import SAID

_MARKUP = re.compile(r"[\\`*<\[]|(?<!\w)_|_(?!\w)|(?<=~)~|(?<=\|)\||&(?=#?\w+;)")
"""As little as will do, because not every chat takes the backslashes away: `_` within a word is none, for one."""

_TICKS = re.compile("`+")

MARKS = {Tone.CRITICAL: "🔴", Tone.WARNING: "🟠", Tone.INFO: "🔵", Tone.GOOD: "🟢"}
"""What stands for a colour where there is none."""


def write(part: Part) -> str:
    """One part of a letter."""
    if part.entry is None:
        return part.link or "\n".join(_sentence(line) for line in part.sentences)
    head = f"**{escape(part.group)}**\n\n" if part.group else ""
    return head + _entry(part.entry, named=part.named)


def escape(text: str) -> str:
    """`text` with nothing in it that CommonMark takes for markup. Not for the beginning of a line."""
    return _MARKUP.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """`text` as a code span, whatever is in it."""
    if not text:
        return "(empty)"
    ticks = "`" * (max((len(run) for run in _TICKS.findall(text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> str:
    """A code block of one line."""
    ticks = "`" * max(3, max((len(run) for run in _TICKS.findall(text)), default=0) + 1)
    return f"{ticks}\n{text}\n{ticks}"


def _sentence(text: str) -> str:
    """A sentence in which a command stands between backticks."""
    return "".join(code(piece) if place % 2 else escape(piece) for place, piece in enumerate(text.split("`")))


def _entry(entry: Entry, *, named: bool) -> str:
    blocks = []
    if named:
        loud = " **(critical)**" if entry.tone is Tone.CRITICAL else ""
        again = f" ({entry.event})" if entry.event in SAID else ""
        name = "" if not entry.name or entry.sentence.startswith(entry.name) else f"**{escape(entry.name)}**: "
        dash = "" if entry.rows else "- "
        blocks.append(f"{dash}{MARKS[entry.tone]} {name}{escape(entry.sentence)}{loud}{again}")
    if entry.rows:
        blocks.append("\n".join(_row(row) for row in entry.rows))
    if entry.fix:
        blocks.append(fence(entry.fix))
    return "\n\n".join(blocks)


def _row(row: Row) -> str:
    value = code(row.value) if row.literal else _sentence(row.value)
    return f"- {row.label}: {value}" if row.label else f"- {value}"
