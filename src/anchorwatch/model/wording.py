"""How things are called and counted wherever people read of them: on a terminal, in a report, in a message."""

from __future__ import annotations

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
