"""What a message says, before it is written in any format. The writers make text, Markdown, HTML and JSON of it.

Every text in here is clean (`model.clean`): one line, nothing that hides or reorders its neighbours. None is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.model.findings import Severity


class Tone(StrEnum):
    """How it sounds, and in what colour it is shown."""

    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def mark(self) -> str:
        """A character for it, where there is no colour."""
        return "✓" if self is Tone.GOOD else "·" if self is Tone.INFO else "✗"


TONES = {Severity.INFO: Tone.INFO, Severity.WARNING: Tone.WARNING, Severity.CRITICAL: Tone.CRITICAL}


@dataclass(frozen=True, slots=True)
class Row:
    """One fact: a line of a small table."""

    label: str
    value: str
    literal: bool = False
    """Whether it is to be shown letter by letter, as a value of Compose."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One drift, host, stack or the repo: what happened to it."""

    tone: Tone
    event: str
    """`appeared`, `resolved`, `changed again`, `out of reach`…: one or two words."""
    name: str
    """Of the service, container, network or volume within its stack; empty where the group's name says it all."""
    sentence: str
    rows: tuple[Row, ...] = ()
    fix: str | None = None
    """The command that mends it, and the entries right before it that have none."""

    @property
    def head(self) -> str:
        """What and how in one line."""
        if not self.name or self.sentence.startswith(self.name):
            return self.sentence
        return f"{self.name}: {self.sentence}"

    @property
    def brief(self) -> bool:
        """Whether it is told in one line."""
        return not self.rows and not self.fix


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs to one stack, or to a host and no stack."""

    name: str
    entries: tuple[Entry, ...]
    more: int = 0
    """How many are not shown."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message."""

    title: str
    tone: Tone
    lead: tuple[str, ...] = ()
    """Sentences before everything else."""
    groups: tuple[Group, ...] = ()
    more: int = 0
    """How many things are in groups that are not shown at all."""
    closing: tuple[str, ...] = ()
    """Sentences after everything else."""
    link: str | None = None

    def told_by_title(self, entry: Entry) -> bool:
        """Whether it is the only one, and the title says what it says."""
        alone = len(self.groups) == 1 and len(self.groups[0].entries) == 1 and not self.groups[0].more
        return alone and bool(entry.rows) and entry.sentence in self.title

    def parts(self) -> Iterator[Part]:
        """The letter in the order of reading, in parts that belong together."""
        if self.lead:
            yield Part(sentences=self.lead)
        for group in self.groups:
            before: Entry | None = None
            for entry in group.entries:
                says_it = not entry.name and entry.sentence.startswith(group.name)
                named = before is None and len(self.groups) > 1 and not says_it
                tight = before is not None and before.brief and entry.rows == ()
                yield Part(entry, group.name if named else "", named=not self.told_by_title(entry), things=1, tight=tight)
                before = entry
            if group.more:
                said = f"… and {group.more:,} more in {group.name}"
                yield Part(sentences=(said,), things=group.more, tight=before is not None and before.brief)
        if self.more:
            yield Part(sentences=(f"… and {self.more:,} more in other places",), things=self.more)
        if self.closing:
            yield Part(sentences=self.closing)
        if self.link:
            yield Part(link=self.link)


@dataclass(frozen=True, slots=True)
class Part:
    """An entry, with the name of its group above the first one; or sentences of our own; or the link."""

    entry: Entry | None = None
    group: str = ""
    named: bool = True
    """Whether the entry begins with a line that says what it is."""
    sentences: tuple[str, ...] = ()
    link: str = ""
    things: int = 0
    tight: bool = False
    """Whether no empty line is wanted before it."""
