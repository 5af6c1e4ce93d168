"""A connection to one host's Docker Engine."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.errors import HostError
from anchorwatch.observed import contexts
from anchorwatch.observed.limits import SnapshotLimits
from anchorwatch.observed.lines import Line, line_to

if TYPE_CHECKING:
    from anchorwatch.model.address import HostAddress
    from anchorwatch.model.observed import Renewal, Snapshot
    from anchorwatch.observed.transport import EngineClient


def connect(address: HostAddress, environ: Mapping[str, str] | None = None) -> EngineConnection:
    """A connection to the engine at `address`, begun and not waited for: an ssh handshake runs on beside the caller's work.

    Returns at once and never raises: what is wrong with the address or the host is said by `EngineConnection.snapshot`.
    """
    return EngineConnection(address, os.environ if environ is None else environ)


def observe(address: HostAddress, *, images_for: Collection[str] = ()) -> Snapshot:
    """One snapshot of the host at `address`. Raises `HostError`."""
    with connect(address) as connection:
        return connection.snapshot(images_for=images_for)


class EngineConnection:
    """One conversation with one engine, for one thread at a time; `interrupt` and `close` are for any. It only reads.

    A connection that dropped is opened again by the next snapshot. Leaving the `with` block, or `close`, ends and reaps
    every process it started.
    """

    def __init__(self, address: HostAddress, environ: Mapping[str, str]) -> None:
        self._address = address
        self._client: EngineClient | None = None
        self._in_use = threading.Lock()
        self._line: Line | HostError
        try:
            self._line = line_to(contexts.resolve(address, environ))
        except HostError as problem:
            self._line = problem
            return
        self._limits = SnapshotLimits(self._line.where, address.timeout, address.deadline)
        with contextlib.suppress(HostError):  # opening the line tries again, and says so
            self._line.start()

    def snapshot(self, *, images_for: Collection[str] = (), renew: Renewal | None = None) -> Snapshot:
        """The host's observed state now, as far as it is permitted to be read. Raises `HostError`.

        `images_for` are images as Git names them: what their tags point to now is in the snapshot too. With `renew` it is a whole
        snapshot all the same, of which only what the renewal names was read now, and what the list of containers shows to be
        otherwise; where the connection is a new one, everything is read, for the engine may be another one.
        No answer takes longer than the address's `timeout` seconds, the whole no longer than its `deadline`.
        """
        if isinstance(self._line, HostError):
            raise self._line
        with self._in_use:
            self._limits.begin()
            try:
                return self._taken(self._line, images_for, renew)
            except HostError as problem:
                self._let_go()
                if self._limits.ended:
                    raise self._limits.given_up() from problem
                raise

    def _taken(self, line: Line, images_for: Collection[str], renew: Renewal | None) -> Snapshot:
        from anchorwatch.observed import snapshot, transport

        if self._client is None:
            self._client = transport.EngineClient(line, self._limits)
        client, name = self._client, self._address.name
        if renew is not None and client.renewable:
            client.begin(kept=True)
            with contextlib.suppress(transport.Reconnected):  # what was read of it is not to be mixed with what comes now
                return snapshot.take(client, name, clock.now(), images_for=images_for, renew=renew)
        client.begin(kept=False)
        return snapshot.take(client, name, clock.now(), images_for=images_for)

    def interrupt(self) -> None:
        """Ends the snapshot that is under way, whatever it waits for: it raises `HostError` at once. From any thread.

        Returns at once and never raises. A snapshot that begins later is not touched by it.
        """
        if not isinstance(self._line, HostError):
            self._limits.end()

    def close(self) -> None:
        """Gives the connection up, and a snapshot that is under way with it. A later snapshot opens a new one."""
        self.interrupt()
        with self._in_use:
            self._let_go()

    def _let_go(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if not isinstance(self._line, HostError):
            self._line.close()

    def __enter__(self) -> EngineConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
