"""One changed leaf after another: the tables of expected findings beside the kitchen sinks, read and applied.

A change belongs to one service (or to the project: its networks and volumes), and services do not touch each other, so a
round applies one change of each service at once: every round is one resolution or one deployment, however many services.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.truth.random_projects import ProjectText

SINKS = Path(__file__).parent / "kitchen_sink"
PROJECT = "project"
"""Stands in the tables for the project's own networks and volumes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one place of the file, and what must be said of it."""

    service: str
    at: tuple[str | int, ...]
    to: Any = None
    remove: bool = False
    finds: frozenset[str] = frozenset()
    note: bool = False
    """Whether the definition is said to have changed in a field that Docker does not show; nobody asks where it is drift."""
    made: frozenset[str] = frozenset()
    """What must be said where the container is made of the changed file and the original one is the wish; mostly the same."""
    created: bool = True
    """Whether a container can be made of the changed file at all."""
    since: tuple[int, ...] = ()
    """The first Compose that prints the key, or does what it says."""
    hashed_until: tuple[int, ...] = ()
    """The first Compose that leaves the key out of its hash: an older one's hash tells of the change."""

    def noted(self, compose: tuple[int, ...]) -> bool:
        """Whether a container made by this Compose gets a note."""
        return self.note or compose < self.hashed_until

    def __str__(self) -> str:
        return f"{self.service}: {'.'.join(map(str, self.at))} -> {'removed' if self.remove else repr(self.to)}"

    def applied(self, model: dict[str, Any]) -> None:
        """Changes `model`, the parsed Compose file, in place."""
        place: Any = model if self.service == PROJECT else model["services"][self.service]
        for step in self.at[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if self.remove:
            del place[self.at[-1]]
        else:
            place[self.at[-1]] = copy.deepcopy(self.to)


@dataclass(frozen=True, slots=True)
class Sink:
    """A kitchen sink: its files, its parsed main file, and every change with what must be found."""

    name: str
    files: Mapping[str, str]
    model: Mapping[str, Any] = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)

    def text(self, changes: Sequence[Change] = ()) -> ProjectText:
        """The project, with these changes made to its file."""
        files = dict(self.files)
        if changes:
            model = copy.deepcopy(dict(self.model))
            for change in changes:
                change.applied(model)
            files["compose.yaml"] = yaml.safe_dump(model, sort_keys=False, allow_unicode=True)
        networks = tuple(one["name"] for one in self.model.get("networks", {}).values() if one and one.get("external"))
        volumes = tuple(one["name"] for one in self.model.get("volumes", {}).values() if one and one.get("external"))
        return ProjectText(self.model["name"], files, networks, volumes, settings=self.model)

    def rounds(self, changes: Sequence[Change]) -> Iterator[list[Change]]:
        """The changes in as few lots as there are changes to one service."""
        queues: dict[str, list[Change]] = {}
        for change in changes:
            queues.setdefault(change.service, []).append(change)
        while any(queues.values()):
            yield [queue.pop(0) for queue in queues.values() if queue]


def sink(name: str) -> Sink:
    """The kitchen sink in the folder `name`, with the table beside it."""
    folder = SINKS / name
    found = (file for file in sorted(folder.rglob("*")) if file.is_file())
    files = {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in found}
    model = yaml.safe_load(files["compose.yaml"])
    table = yaml.safe_load((SINKS / f"{name}.changes.yaml").read_text(encoding="utf-8"))
    changes = tuple(_change(service, entry) for service, entries in table.items() for entry in entries)
    return Sink(name, files, model, changes)


def _change(service: str, entry: Mapping[str, Any]) -> Change:
    finds = frozenset(entry["finds"])
    return Change(
        service,
        tuple(entry["at"]),
        entry.get("to"),
        remove=entry.get("remove", False),
        finds=finds,
        made=frozenset(entry.get("made", finds)),
        note=entry.get("note", False),
        created=entry.get("created", True),
        since=tuple(entry.get("since", ())),
        hashed_until=tuple(entry.get("hashed_until", ())),
    )


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every scalar (and empty collection) in a parsed file."""
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, list) and value:
        for index, entry in enumerate(value):
            yield from leaves(entry, (*path, index))
    else:
        yield path
