"""A letter as plain text, for services that show nothing else. Pure."""

from __future__ import annotations

from anchorwatch.notify.letter import Entry, Part, Tone

SAID = frozenset({"changed again", "is back", "no longer accepted"})
"""Events that the sentence does not tell."""


def write(part: Part) -> str:
    """One part of a letter."""
    if part.entry is None:
        return part.link or "\n".join(part.sentences)
    head = f"{part.group}\n" if part.group else ""
    return head + _entry(part.entry, named=part.named)


def _entry(entry: Entry, *, named: bool) -> str:
    lines = []
    if named:
        loud = " (critical)" if entry.tone is Tone.CRITICAL else ""
        again = f" [{entry.event}]" if entry.event in SAID else ""
        lines.append(f"{entry.tone.mark} {entry.head}{loud}{again}")
    indent = "  " if named else ""
    lines += [f"{indent}{row.label + ': ' if row.label else ''}{row.value}" for row in entry.rows]
    if entry.fix:
        lines.append(f"{indent}to mend: {entry.fix}")
    return "\n".join(lines)
