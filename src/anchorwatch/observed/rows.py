"""The rows of an engine's list of containers, and what they tell of containers that were inspected before. Pure.

A row shows little of a container, but all of that little at one moment. As long as its row is what it was, a container need not
be inspected again, unless somebody knows better: `docker update` changes none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from anchorwatch.model.observed import LABEL, Container, Renewal

Row = dict[str, Any]

_TEMPORARY = re.compile(r"[0-9a-f]{12}_(?=.)")
"""What Compose puts before the name of a container that is to replace another one."""

_IN_BRACKETS = re.compile(r"\([^)]*\)")
"""Of `Up 3 minutes (healthy)` and `Exited (137) 2 days ago` what is not the passing of time."""


def names(row: Row) -> list[str]:
    """The names in a row, without the leading slash."""
    found = row.get("Names")
    return [name.removeprefix("/") for name in found if isinstance(name, str)] if isinstance(found, list) else []


def agree(container: Container, row: Row) -> bool:
    """Whether the list and the inspection show a container at one moment."""
    called, state = names(row), row.get("State")
    return (not called or container.name in called) and (not isinstance(state, str) or container.state == state)


def mark(row: Row) -> int:
    """Another number if anything in a row is another than before, but for the time that has passed. Of this process only.

    Left out are also the members that stay as long as the ID does, and those whose order is random (moby
    `daemon/container/view.go`). An endpoint's ID is a new one after each start.
    """
    status = row.get("Status")
    told = _IN_BRACKETS.findall(status) if isinstance(status, str) else ()
    kept = [row.get(key) for key in ("State", "Health", "Image", "ImageID", "NetworkSettings")]
    return hash((repr(kept), *sorted(names(row)), *told))


def still(row: Row, marked: int, identity: str, renew: Renewal) -> Container | None:
    """The container as the earlier snapshot has it, where that still holds; None where it is to be inspected."""
    container = renew.earlier.by_id.get(identity)
    if container is None or renew.earlier.listed.get(identity) != marked or not agree(container, row):
        return None
    if renew.project == _project(row) or called(identity, names(row), renew):
        return None
    return container


def called(identity: str, its_names: Iterable[str], renew: Renewal) -> bool:
    """Whether the renewal names a container: one that was touched, or that has one of its names or is on the way to it."""
    known_as = {identity, *its_names}
    if not known_as.isdisjoint(renew.touched):
        return True
    meant = known_as | {_TEMPORARY.sub("", name, count=1) for name in known_as} if renew.names else known_as
    return not meant.isdisjoint(renew.names)


def _project(row: Row) -> str:
    labels = row.get("Labels")
    found = labels.get(f"{LABEL}project") if isinstance(labels, dict) else None
    return found if isinstance(found, str) else ""
