"""What a process that reads the repo again and again remembers from one read to the next.

Everything in here is told by Git's object ids, or by values that are held against it when it is used: what has changed since is
not found, never taken for what is. All of it is bounded; losing any of it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from anchorwatch.desired.classify import ComposeFile
    from anchorwatch.desired.files import Commit, Files
    from anchorwatch.desired.history import Step
    from anchorwatch.desired.outside import Outside
    from anchorwatch.desired.resolution import Resolution, Resolved
    from anchorwatch.errors import StackError
    from anchorwatch.model.desired import DesiredProject, NotStack, Stack

MAX_CONTENTS = 8_000_000
"""Bytes of files that are kept; fifty stacks have some hundred thousand."""
MAX_CONTENT = 200_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The values that were asked for last, up to a limit in number or weight. Any thread may ask."""

    def __init__(self, most: int, weigh: Callable[[V], int] = lambda _value: 1) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value; None where there is none (any more)."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: K, value: V) -> None:
        """Keep a value, and forget those that nobody has asked for the longest."""
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._most and self._values:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Given:
    """What came from outside Git, to be held against what comes now. Never leaves the process."""

    values: Mapping[str, str]
    files: Mapping[str, str]
    opened: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, outside: Outside) -> Given:
        """As it is now."""
        opened = {path: dict(values) for path, values in outside.opened.items()}
        return cls(dict(outside.values), dict(outside.files), opened, outside.problems)


@dataclass(frozen=True, slots=True)
class Made:
    """A project, and all that it was made of."""

    resolution: Resolution
    real: str | None
    given: Given
    project: DesiredProject


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stack could not be resolved, and all that this hangs on."""

    looked_at: Mapping[str, str | None]
    given: Given
    error: StackError


@dataclass(frozen=True, slots=True)
class Found:
    """Which stacks there were, and all that this hangs on."""

    shape: Hashable
    """Names, and what the config says."""
    read: Mapping[str, str]
    """The object ids of the files that were looked into."""
    stacks: Sequence[tuple[Stack, str | None]]
    not_stacks: Sequence[NotStack]


class Noting:
    """`Files` that note what is read of them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.read_paths: set[str] = set()

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Files.read`."""
        wanted = list(paths)
        self.read_paths.update(wanted)
        return self._files.read(wanted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


LASTING = frozenset({"bad_yaml", "bad_schema", "encrypted", "missing_include", "outside_repo", "remote_include"})
"""Kinds of errors that the same files will bring about again; others may have to do with how busy the machine was."""


class Memory:
    """Of one repo."""

    def __init__(self) -> None:
        self.contents: Recent[str, bytes] = Recent(MAX_CONTENTS, len)
        """By Git's object id."""
        self.compose_files: Recent[tuple[str, str], ComposeFile] = Recent(2_000)
        """What a file says of itself, by path and object id."""
        self.found: Found | None = None
        self._made: Recent[Stack, Made] = Recent(1_000)
        self._failures: Recent[str, Failure] = Recent(200)
        self._decrypted: Recent[tuple[str, str], str] = Recent(200)
        self.dates: tuple[str, dict[tuple[str, ...], Commit | None]] = ("", {})
        """A revision, and the last commit before it that touched one of these paths."""
        self.steps: Recent[tuple[str, str], list[Step]] = Recent(4)
        """What came between two revisions."""

    def keep(self, object_id: str, content: bytes) -> None:
        """Remember a file's content."""
        if len(content) <= MAX_CONTENT:
            self.contents.put(object_id, content)

    def project(
        self, stack: Stack, resolved: Resolved, outside: Outside, make: Callable[[Stack, Resolved, Outside], DesiredProject]
    ) -> DesiredProject:
        """What `make` makes of a stack, made only if it is made of something else than last time."""
        given, last = Given.of(outside), self._made.get(stack)
        if last is not None and last.resolution is resolved.resolution and last.real == resolved.real and last.given == given:
            return last.project
        project = make(stack, resolved, outside)
        self._made.put(stack, Made(resolved.resolution, resolved.real, given, project))
        return project

    def failure(self, name: str, given: Given, id_of: Callable[[str], str | None]) -> StackError | None:
        """Why the stack of that entry cannot be resolved, if it could not be and nothing has changed; `id_of` tells contents."""
        last = self._failures.get(name)
        if last is None or last.given != given or any(id_of(path) != there for path, there in last.looked_at.items()):
            return None
        return last.error

    def failed(self, name: str, given: Given, looked_at: Mapping[str, str | None], error: StackError) -> None:
        """The stack of that entry cannot be resolved."""
        if error.kind in LASTING:
            self._failures.put(name, Failure(dict(looked_at), given, error))

    def decrypting(self, decrypt: Callable[[str, bytes], str | None]) -> Callable[[str, bytes], str | None]:
        """`decrypt`, asked once for each content: it may have to ask a key server."""

        def remembered(path: str, content: bytes) -> str | None:
            key = (path, hashlib.sha256(content).hexdigest())
            text = self._decrypted.get(key)
            if text is None:
                text = decrypt(path, content)
                if text is not None:
                    self._decrypted.put(key, text)
            return text

        return remembered
