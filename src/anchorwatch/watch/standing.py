"""How a host can be reached, as the service knows and remembers it: in sight, lost, or another one than it was.

For the host's worker alone. What is written is what `status` and `history` say of the host; whoever reads `lost` learns what
cannot be seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from anchorwatch import clock
from anchorwatch.check.memory import Ground
from anchorwatch.errors import HostError, HostForbidden, HostSwapped, HostTimeout
from anchorwatch.ledger.fleet import record_host
from anchorwatch.model.address import HostAddress
from anchorwatch.model.drifts import Trigger
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.timeline import HostSeen
from anchorwatch.store import hosts

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds for which looks may fail before the host counts as lost, though its events still come."""
SIGN_OF_LIFE = 60.0
"""Seconds after which it is written again that nothing has changed."""


class Standing:
    """One host. What goes wrong with the database is raised, and may be tried again: nothing is taken for written that is not."""

    def __init__(self, address: HostAddress, ground: Ground, tell: Callable[[], None]) -> None:
        self.lost: HostError | None = None
        """Why nobody can see it; None while it is in sight, or may be."""
        self._address = address
        self._ground = ground
        self._tell = tell
        self._failing_since: float | None = None
        self._engine: str | None = None
        """The engine that was found to be the right one."""
        self._written: HostSeen | None = None
        self._written_at = 0.0

    @property
    def status(self) -> HostStatus | None:
        """As it stands written; None before anything does."""
        return None if self._written is None else self._written.status

    def seen(self, snapshot: Snapshot, deaf_for: HostError | None, now: float) -> None:
        """It answers. Raises `HostSwapped` where another engine does than the one that the host's history belongs to."""
        self._confirm(snapshot)
        limited = snapshot.not_permitted or deaf_for is not None
        self._write(
            HostSeen(
                host=self._address.name,
                address=self._address.docker,
                at=snapshot.taken_at,
                status=HostStatus.LIMITED if limited else HostStatus.OK,
                error=None if deaf_for is None else ErrorInfo.of(deaf_for),
                engine_id=snapshot.engine.id or None,
                engine_version=snapshot.engine.version,
            ),
            now,
        )
        self.lost = self._failing_since = None

    def unseen(self, error: HostError, suspect: HostError | None, now: float) -> HostError | None:
        """A look came to nothing. Returns why the host is lost, if it is: the listener cannot reach it either (`suspect`),
        another engine answers, a proxy has refused it from the start, or it has been so for longer than there is patience."""
        self._failing_since = now if self._failing_since is None else self._failing_since
        swapped, refused = isinstance(error, HostSwapped), isinstance(error, HostForbidden) and self._written is None
        if self.lost is None and not (swapped or refused or suspect is not None or now - self._failing_since > PATIENCE):
            return None
        if swapped or self.lost is None:
            # a look that was given up for what the listener said knows no more than that
            self.lost = suspect if isinstance(error, HostTimeout) and suspect is not None else error
        engine = self.lost.engine_id if isinstance(self.lost, HostSwapped) else None
        told = ErrorInfo.of(self.lost)
        self._write(HostSeen(self._address.name, self._address.docker, clock.now(), HostStatus.UNREACHABLE, told, engine), now)
        return self.lost

    def _confirm(self, snapshot: Snapshot) -> None:
        found, name = snapshot.engine.id, self._address.name
        if not found or found == self._engine:
            return
        with self._ground.store.read() as read:
            known, was_at = hosts.engine_of(read, name), hosts.answered_at(read, name)
        if known is not None and known != found:
            if was_at is None or was_at == self._address.docker:
                raise HostSwapped(
                    f"another Docker Engine answers at {self._address.docker} than before",
                    found,
                    hint=f"if that is meant (a reinstalled Docker, another machine): `anchorwatch accept --engine {name}`",
                )
            with self._ground.store.write() as write:  # the config has another address for it now: that is meant
                hosts.take_engine(write, name, found, snapshot.taken_at)
        self._engine = found

    def _write(self, seen: HostSeen, now: float) -> None:
        same = self._written is not None and _way(self._written) == _way(seen)
        if same and now - self._written_at < SIGN_OF_LIFE:
            return
        with self._ground.store.write() as write:
            transition = record_host(write, seen, Trigger.RESYNC)
            if transition is not None:
                self._ground.promise(write, [transition], seen.at)
        self._written, self._written_at = seen, now
        if transition is not None:
            self._tell()
        if not same:
            log.info("%s: %s%s", seen.host, seen.status, f" ({seen.error.message})" if seen.error else "")


def _way(seen: HostSeen) -> tuple[object, ...]:
    error = seen.error.kind if seen.error is not None else None
    return seen.status, error, seen.engine_id, seen.engine_version, seen.address
