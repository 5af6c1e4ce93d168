"""How things are called and counted wherever people read of them: on a terminal, in a report, in a message."""

from __future__ import annotations

from collections.abc import Sequence

from anchorwatch.model.findings import Finding


def count(number: int, noun: str) -> str:
    """`1 drift`, `3 drifts`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place(finding: Finding) -> str:
    """Where a finding is, as one reads and types it: `pi5/mealie mealie`, `pi5 watchtower`. Not clean."""
    stack = f"{finding.host}/{finding.stack}" if finding.stack else finding.host
    by_service = finding.stack is not None and finding.service is not None and finding.number == 1
    name = finding.service if by_service else finding.container
    return f"{stack} {name}" if name else stack


def value(text: str | None) -> str:
    """A value as a line names it that has one on either side."""
    return "not set" if text is None else text or "(empty)"


def nearest(name: str, known: Sequence[str]) -> Sequence[str]:
    """The one of `known` that may have been meant, if any looks like it."""
    import difflib  # only where somebody mistyped

    return difflib.get_close_matches(name, known, 1)


def instead(near: Sequence[str], known: Sequence[str]) -> str:
    """What to say to somebody who wrote a name that is none: those that may have been meant, else what there is."""
    return f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(known[:10]) or 'none'}"
