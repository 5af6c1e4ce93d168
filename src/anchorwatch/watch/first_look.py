"""The first look at everything on a host since its watch began, or since it came back.

Until it is over, what stands in the database may be out of date, so nobody says that all is well. What counts is that every key
was looked at, whatever came of it: a stack that cannot be read has been looked at, too. For the host's worker alone, but for
`over_at`, which any thread may read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from anchorwatch.model.desired import ProjectKey


class FirstLook:
    """It begins when it is known which keys there are (`covers`), and is over for good once each of them is `done`."""

    def __init__(self) -> None:
        self.over_at: datetime | None = None
        self._keys: set[ProjectKey] | None = None
        self._done: set[ProjectKey] = set()

    def covers(self, keys: Iterable[ProjectKey]) -> None:
        """These are all that there are to look at, from now on: said again, each of them is to be looked at again."""
        self._keys = set(keys)
        self._done.clear()

    def also(self, keys: Iterable[ProjectKey]) -> None:
        """These have turned up, and will be looked at."""
        if self._keys is not None:
            self._keys.update(keys)

    def done(self, key: ProjectKey, at: datetime) -> None:
        """A key was looked at. Looks from before it was known which there are do not count: these keys are asked for anew."""
        if self._keys is None or self.over_at is not None:
            return
        self._done.add(key)
        if self._keys <= self._done:
            self.over_at = at
