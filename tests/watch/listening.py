"""A listener in a thread, ears that remember, and a relay that does to a connection what no engine does."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress
from anchorwatch.model.values import JsonObject
from anchorwatch.watch.docker_events import DockerListener, Pace
from tests.lab_fixtures import eventually

T = TypeVar("T")

QUICK = Pace(quiet=(0.3, 0.4), lasting=(60, 60), patience=2.0, replay=5.0, trusted=20.0, stop=0.1)
"""Seconds as a test has them."""
CALM = Pace(quiet=(60, 60), lasting=(60, 60), patience=20.0, replay=5.0, trusted=20.0, stop=0.1)
"""A stream is left alone, however quiet."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST."""


class Remembering:
    """Ears: everything that was said, in order. Events before `since` (nanoseconds) are those of an earlier test."""

    def __init__(self, since: int = 0) -> None:
        self._since = since
        self.said: list[tuple[str, Any]] = []
        self.events: list[JsonObject] = []

    def listening(self, host: str, gap: bool) -> None:
        self.said.append(("listening", gap))

    def heard(self, host: str, event: JsonObject) -> None:
        if event.get("timeNano", self._since) >= self._since:
            self.events.append(event)

    def lost(self, host: str, error: HostError) -> None:
        self.said.append(("lost", error))

    def deaf(self, host: str, error: HostError) -> None:
        self.said.append(("deaf", error))

    def found(self, host: str) -> None:
        self.said.append(("found", None))

    def words(self) -> list[str]:
        """What was said, without errors; a gap is `gap`."""
        return ["gap" if what == "listening" and detail else what for what, detail in self.said]

    def error(self) -> HostError:
        """The only one that was said."""
        (found,) = [detail for _, detail in self.said if isinstance(detail, HostError)]
        assert isinstance(found, HostError)
        return found

    def actions(self, kind: str = "container") -> list[str]:
        return [event["Action"] for event in self.events if event["Type"] == kind]

    def names(self) -> list[str]:
        """The new names of renames, in order."""
        return [event["Actor"]["Attributes"]["name"] for event in self.events if event["Action"] == "rename"]


class Listening:
    """A listener that runs. Leaving the `with` block closes it; see the fixture `nothing_left_behind`."""

    def __init__(self, address: HostAddress, pace: Pace = CALM, *, cursor: str | None = None, wait: bool = True) -> None:
        self.ears = Remembering(0 if cursor else time.time_ns())
        self.listener = DockerListener(address, self.ears, cursor=cursor, pace=pace)
        self._wait = wait
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._problem: BaseException | None = None

    def _run(self) -> None:
        try:
            self.listener.run(self._stop)
        except BaseException as problem:
            self._problem = problem
            raise

    def __enter__(self) -> Listening:
        self._thread.start()
        if self._wait:
            self.until(lambda: self.ears.said, "the first word")
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.listener.close()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self._problem is None

    def count(self, what: str) -> int:
        return int(self.listener.pulse.details[what])

    def until(self, condition: Callable[[], T], what: str, within: float = 30) -> T:
        return eventually(condition, within=within, what=f"{what} ({self.listener.pulse})")

    def until_said(self, *words: str, within: float = 30) -> None:
        """Waits until this was said, and nothing else."""
        wanted = list(words)
        self.until(lambda: len(self.ears.said) >= len(wanted), f"{wanted}, not only {self.ears.said}", within)
        assert self.ears.words() == wanted


def left_open() -> set[str]:
    """The children of this process, and what its descriptors lead to."""
    found = {str(pid) for pid in children()}
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(f"{descriptor.name} {descriptor.readlink()}")
    return {name for name in found if "/proc/" not in name}


class Relay:
    """Between a listener and an engine, on a TCP port. `cut` ends what is connected; while `shut` it takes nobody in."""

    def __init__(self, engine: Path) -> None:
        self.engine = engine
        self.shut = False
        self.idle: float | None = None
        """Seconds of silence after which a connection is cut."""
        self.halve = False
        """Of what the engine says next only the first half is passed on, then the connection ends."""
        self.asked: list[str] = []
        """The first lines of what was asked."""
        self.answered = bytearray()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = HostAddress("pi5", f"tcp://127.0.0.1:{self._listener.getsockname()[1]}")
        self._pairs: list[_Pair] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Relay:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def cut(self, how: str = "end") -> None:
        """Ends every connection: by FIN, or with `reset` by RST."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.end(reset=how == "reset")

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                engine = socket.socket(socket.AF_UNIX)
                try:
                    if self.shut:
                        raise ConnectionRefusedError
                    engine.connect(str(self.engine))
                except OSError:
                    client.close()
                    engine.close()
                    continue
                pair = _Pair(client, engine)
                self._pairs.append(pair)
                self._start(self._up, pair)
                self._start(self._down, pair)

    def _up(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.client.recv(65536):
                self.asked.append(data.split(b"\r\n", 1)[0].decode())
                pair.engine.sendall(data)
        pair.end()
        pair.leave()

    def _down(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while True:
                pair.engine.settimeout(self.idle)
                data = pair.engine.recv(65536)
                if not data:
                    break
                self.answered += data
                pair.client.sendall(data[: len(data) // 2] if self.halve else data)
                if self.halve:
                    self.halve = False
                    break
        pair.end()
        pair.leave()


class _Pair:
    """A connection of a client, and the one to the engine that belongs to it. Closed when both its threads have left."""

    def __init__(self, client: socket.socket, engine: socket.socket) -> None:
        self.client = client
        self.engine = engine
        self._lock = threading.Lock()
        self._threads = 2
        self._reset = False

    def end(self, *, reset: bool = False) -> None:
        with self._lock, contextlib.suppress(OSError):
            if reset:
                self._reset = True
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            with contextlib.suppress(OSError):
                self.engine.shutdown(socket.SHUT_RDWR)
            self.client.shutdown(socket.SHUT_RD if self._reset else socket.SHUT_RDWR)

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self.client.close()
                self.engine.close()


@contextlib.contextmanager
def frozen(thing: Any) -> Iterator[None]:
    """An engine or an sshd that answers nothing meanwhile."""
    thing.freeze()
    try:
        yield
    finally:
        thing.thaw()


def ssh_processes() -> set[int]:
    """Every ssh that this process has started."""
    return {pid for pid in children() if b"dial-stdio" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def ended(pid: int) -> bool:
    """Whether a process is gone, and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
