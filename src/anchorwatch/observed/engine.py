"""A connection to one host's Docker Engine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.errors import HostError
from anchorwatch.observed import contexts
from anchorwatch.observed.limits import Limits
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
    """One conversation with one engine, for one thread at a time. It only reads.

    A connection that dropped is opened again by the next snapshot. Leaving the `with` block, or `close`, ends and reaps
    every process it started.
    """

    def __init__(self, address: HostAddress, environ: Mapping[str, str]) -> None:
        self._address = address
        self._client: EngineClient | None = None
        self._line: Line | HostError
        try:
            self._line = line_to(contexts.resolve(address, environ))
        except HostError as problem:
            self._line = problem
            return
        self._limits = Limits(self._line.where, address.timeout, address.deadline)
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
        self._limits.begin()
        from anchorwatch.observed import snapshot, transport

        try:
            if self._client is None:
                self._client, renew = transport.EngineClient(self._line, self._limits), None
            return snapshot.take(self._client, self._address.name, clock.now(), images_for=images_for, renew=renew)
        except HostError:
            self.close()
            raise

    def close(self) -> None:
        """Gives the connection up. A later snapshot opens a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if not isinstance(self._line, HostError):
            self._line.close()

    def __enter__(self) -> EngineConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
