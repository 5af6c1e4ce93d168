"""A file beside the database that remembers which database it is.

A database that was emptied, or deleted and made anew by accident, looks like one that was never used: every drift in it would
be news. The seal tells the two apart, because it is written once the database is whole and nobody empties both by accident.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anchorwatch.errors import StoreError, StoreLost


@dataclass(frozen=True, slots=True)
class Instance:
    """Which database it is."""

    uuid: str
    created_at: datetime


class Seal:
    """The file; it need not be there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Instance | None:
        """What it remembers; None without the file. Raises `StoreError` where it cannot be read."""
        try:
            found = json.loads(self.path.read_bytes())
            return Instance(str(found["uuid"]), datetime.fromisoformat(found["created_at"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}", hint="look at its rights") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.path} does not say which database belongs here", hint="delete it, if the database is right"
            ) from error

    def write(self, instance: Instance) -> None:
        """Remembers `instance`, or raises `StoreError`. Whole or not at all, and for its owner's eyes only."""
        text = json.dumps({"uuid": instance.uuid, "created_at": instance.created_at.isoformat()})
        unfinished = self.path.with_name(f"{self.path.name}.new")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written: {error.strerror}", hint="look at the rights of its folder"
            ) from error

    def lost(self, database: str, what: str) -> StoreLost:
        """What to raise where another database, or none, is in its place. `what` happened to it: `is empty`."""
        remembered = self.read()
        since = f" of {remembered.created_at:%Y-%m-%d}" if remembered else ""
        return StoreLost(
            f"{database} {what}; the database{since} that was here is gone",
            hint=f"put the right one back, or restore a backup. To begin anew with this one, delete {self.path}",
        )
