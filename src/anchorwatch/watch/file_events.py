"""File events as hints: a wait that ends early when something happens in a folder. The one door to watchfiles.

Nothing rests on them: some file systems send none (NFS, Docker Desktop), a kernel has only so many to give, and a folder that was
moved keeps quiet for ever. So they only shorten a wait, and what they cost is a thread of the library that sleeps.

The library's backend is used as its documentation describes it ("Rust backend direct usage"): its generator begins to listen only
while it waits, and so would miss what happens before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

STEP = 200
"""Milliseconds between two looks of watchfiles at what it has gathered: a hint comes one to two of them late. At 200 this takes
0.025 % of a core, at 100 twice as much, for as long as the service runs."""
GATHER = 400
"""Milliseconds for which a burst is gathered at most."""
AGAIN_AFTER = 60.0
"""Seconds after which events that could not be had are asked for again."""


class FileEvents:
    """For one thread. `ended` says that nobody waits any more; it is asked every `STEP`."""

    def __init__(self, ended: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._ended = ended
        self._clock = clock
        self._notify: RustNotify | None = None
        self._watched: tuple[object, ...] = ()
        self._again_at = float("-inf")
        self.problem: str | None = None
        """Why there are none; None while there are, or none were asked for."""

    def is_set(self) -> bool:
        """For watchfiles, which takes us for an event."""
        return self._ended()

    def wait(self, folders: Sequence[Path], seconds: float) -> bool | None:
        """Whether something happened in one of the folders (not below it) before the seconds were over.

        True at once where they were not listened on until now: something may have happened before. What happens between two
        waits is told by the next one. None, and at once, where file events cannot be had; False, and soon, where `ended`.
        """
        watched = tuple(map(_identity, folders))
        if watched != self._watched:
            self.close()
            self._watched = watched
            self._again_at = float("-inf")
        if self._notify is None:
            return self._begin(folders)
        try:
            found = self._notify.watch(GATHER, STEP, max(1, int(seconds * 1000)), self)
        except (OSError, RuntimeError) as error:  # the latter: watchfiles' own
            self.close()
            self._watched, self._again_at, self.problem = watched, self._clock() + AGAIN_AFTER, str(error)
            return None
        return not isinstance(found, str)

    def close(self) -> None:
        """Lets go of everything."""
        notify, self._notify, self._watched = self._notify, None, ()
        if notify is not None:
            notify.close()

    def _begin(self, folders: Sequence[Path]) -> bool | None:
        if not folders or self._clock() < self._again_at:
            return None
        from watchfiles._rust_notify import RustNotify

        self._again_at = self._clock() + AGAIN_AFTER
        no_polling, not_below, as_permitted = False, False, True
        try:
            self._notify = RustNotify([str(folder) for folder in folders], False, no_polling, 0, not_below, as_permitted)
        except (OSError, RuntimeError) as error:
            self.problem = str(error)
            return None
        self.problem = None
        return True


def _identity(folder: Path) -> object:
    """A folder, and which one it is: another one may be in its place."""
    try:
        found = folder.stat()
    except OSError:
        return folder
    return folder, found.st_dev, found.st_ino
