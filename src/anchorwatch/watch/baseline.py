"""The first look of all at a host, or the first one of another version, which may have other rules.

Whatever is found then has been so before, as far as anybody can tell: it is no news, but where things stand. For the host's
worker alone.
"""

from __future__ import annotations

from collections.abc import Collection

from anchorwatch import __version__, clock
from anchorwatch.model.desired import ProjectKey
from anchorwatch.store import Store, cursors


class Baseline:
    """The keys that have not been looked at for the first time yet."""

    def __init__(self, host: str, store: Store) -> None:
        self._name = f"baseline:{host}"
        self._store = store
        self._keys: set[ProjectKey] | None = None
        self._done = False

    def begin(self, keys: Collection[ProjectKey]) -> None:
        """These are there at the first look; later ones are news. Called again it does nothing."""
        if self._keys is None:
            with self._store.read() as read:
                found = cursors.setting(read, self._name)
            self._done = found is not None and found.get("version") == __version__
            self._keys = set() if self._done else set(keys)

    def holds(self, key: ProjectKey) -> bool:
        """Whether what is found there now has been so before."""
        return self._keys is not None and key in self._keys

    def only(self, keys: Collection[ProjectKey]) -> None:
        """What is none of these is gone, and will not be looked at."""
        if self._keys is not None:
            self._keys.intersection_update(keys)

    def over_for(self, key: ProjectKey) -> None:
        """A key was looked at and judged. After the last one it is written that the first look is over."""
        if self._keys is None or self._done:
            return
        self._keys.discard(key)
        if not self._keys:
            at = clock.now()
            with self._store.write() as write:
                cursors.remember(write, self._name, {"version": __version__}, at)
            self._done = True
