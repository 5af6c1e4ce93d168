"""Which drift is meant, by where it is: what a destination wants to hear of, and what a silence mutes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from fnmatch import fnmatchcase

from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.values import JsonObject


@dataclass(frozen=True, slots=True)
class Matcher:
    """Globs that all have to fit; `*` fits any characters. One without any fits everything."""

    host: str | None = None
    stack: str | None = None
    """The stack's name, or `host/stack`."""
    service: str | None = None
    container: str | None = None
    project: str | None = None
    kind: Kind | None = None
    path: str | None = None
    id: str | None = None
    """The drift's ID."""

    @classmethod
    def of(cls, document: JsonObject) -> Matcher:
        """What `document` gave. Raises `TypeError` or `ValueError` for what no matcher gives."""
        kind = document.get("kind")
        return cls(**{**document, "kind": Kind(kind) if kind is not None else None})

    @property
    def document(self) -> JsonObject:
        """What is given, as JSON."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in given.items() if value is not None}

    @property
    def looks_inside(self) -> bool:
        """Whether more than host and stack have to be known to tell."""
        return bool(self.document.keys() - {"host", "stack"})

    def fits(self, host: str | None, stack: str | None, finding: Finding | None) -> bool:
        """Whether it fits a drift (`finding`), or a host or stack as a whole, of which nothing else is known."""
        if self.looks_inside and finding is None:
            return False
        places = [(self.host, host)]
        if finding is not None:
            places += [
                (self.service, finding.service),
                (self.container, finding.container),
                (self.project, finding.project),
                (self.kind, finding.kind),
                (self.path, finding.path),
                (self.id, finding.id if self.id is not None else None),
            ]
        return self._fits_stack(host, stack) and all(glob is None or _fits(value, glob) for glob, value in places)

    def _fits_stack(self, host: str | None, stack: str | None) -> bool:
        if self.stack is None:
            return True
        return stack is not None and (_fits(stack, self.stack) or _fits(f"{host}/{stack}", self.stack))

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.document.items()) or "everything"


@dataclass(frozen=True, slots=True)
class Silence:
    """Messages that wait until it is over: those that the matcher fits."""

    matcher: Matcher
    created_at: datetime
    until_at: datetime
    ended_at: datetime | None = None
    """When it was lifted before its time."""
    reason: str | None = None
    id: int | None = None
    """Given by the database."""

    def holds(self, at: datetime) -> bool:
        """Whether it mutes anything at that moment."""
        return self.created_at <= at < self.until_at and (self.ended_at is None or at < self.ended_at)


def _fits(value: str | None, glob: str) -> bool:
    return value is not None and fnmatchcase(value, glob)
