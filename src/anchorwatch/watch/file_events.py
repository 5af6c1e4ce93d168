"""File events as hints: a wait that ends early when something happens in a folder. The one door to watchfiles.

Nothing rests on them: some file systems send none (NFS, Docker Desktop), a kernel has only so many to give, and a folder that was
moved keeps quiet for ever. So they only shorten a wait, and what they cost is a thread of the library that sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfiles.main import FileChange

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
        self._changes: Iterator[set[FileChange]] | None = None
        self._watched: tuple[object, ...] = ()
        self._again_at = float("-inf")
        self.problem: str | None = None
        """Why there are none; None while there are, or none were asked for."""

    def is_set(self) -> bool:
        """For watchfiles, which takes us for an event."""
        return self._ended()

    def wait(self, folders: Sequence[Path], seconds: float) -> bool | None:
        """Whether something happened in one of the folders (not below it) before the seconds were over.

        None, and at once, where file events cannot be had; False, and soon, where `ended`. What happens between two waits is
        told by the next one, as long as the folders stay the same.
        """
        watched = tuple(map(_identity, folders))
        if watched != self._watched:
            self.close()
            self._watched = watched
            self._again_at = float("-inf")
            return self._begin(folders, seconds)
        if self._changes is None:
            return self._begin(folders, seconds) if self._clock() >= self._again_at else None
        return self._next()

    def close(self) -> None:
        """Lets go of everything."""
        changes, self._changes = self._changes, None
        if changes is not None:
            changes.close()  # type: ignore[attr-defined]  # a generator, declared as what it yields

    def _begin(self, folders: Sequence[Path], seconds: float) -> bool | None:
        if not folders:
            self.problem = None
            return None
        from watchfiles import watch

        self._again_at = self._clock() + AGAIN_AFTER
        self._changes = watch(
            *folders,
            watch_filter=None,
            debounce=GATHER,
            step=STEP,
            stop_event=self,
            rust_timeout=max(1, int(seconds * 1000)),
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        return self._next()

    def _next(self) -> bool | None:
        if self._changes is None:
            return None
        try:
            found = next(self._changes, None)
        except (OSError, RuntimeError) as error:  # the latter: watchfiles' own
            self._changes, self.problem = None, str(error)
            return None
        if found is None:  # ended: the next wait begins anew
            self._changes = None
            self._again_at = float("-inf")
            return False
        self.problem = None
        return bool(found)


def _identity(folder: Path) -> object:
    """A folder, and which one it is: another one may be in its place."""
    try:
        found = folder.stat()
    except OSError:
        return folder
    return folder, found.st_dev, found.st_ino
