"""What a watcher has recorded, read from its database while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.model.drifts import Drift, Side, Subject, Transition
from anchorwatch.model.report import StackStatus
from anchorwatch.store import Store, checks, deliveries, drifts, hosts, transitions


@dataclass(frozen=True)
class Told:
    """One transition, as far as a story cares."""

    host: str | None
    what: str
    """`mealie mem_limit`, or the subject itself."""
    change: str
    """`pending → open`."""
    reason: str
    side: Side | None = None


class Recorded:
    """The database behind a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._read = 0

    def news(self) -> list[Told]:
        """What has been written since the last time, in order."""
        with Store.open_to_read(self._url) as store, store.read() as read:
            found = [one for one in transitions.newest(read, limit=10_000) if (one.id or 0) > self._read]
            self._read = max((one.id or 0 for one in found), default=self._read)
            names = {one.drift: drifts.get(read, one.drift) for one in found if one.drift is not None}
            return [_told(one, names) for one in sorted(found, key=lambda one: one.id or 0)]

    def verdicts(self) -> dict[tuple[str, str], StackStatus]:
        """What each key is now, by host and project."""
        with Store.open_to_read(self._url) as store, store.read() as read:
            return {(key.host, key.project): found.status for key, found in checks.verdicts(read).items()}

    def drifted(self) -> set[tuple[str, str]]:
        """What is open, as host and what it is about."""
        with Store.open_to_read(self._url) as store, store.read() as read:
            return {(one.finding.host, _about(one)) for one in drifts.unresolved(read) if one.state.value == "open"}

    def unsettled(self) -> int:
        """How many messages are still to be sent, or to be written down as sent."""
        with Store.open_to_read(self._url) as store, store.read() as read:
            found = deliveries.counts(read)
        return sum(number for (_, state), number in found.items() if state not in deliveries.FINISHED)

    def statuses(self) -> dict[str, str]:
        """How each host can be reached."""
        with Store.open_to_read(self._url) as store, store.read() as read:
            return {name: span.seen.status.value for name, span in hosts.current(read).items()}


def _told(one: Transition, names: dict[str, Drift | None]) -> Told:
    about = one.subject.value if one.subject is not Subject.DRIFT else _about(names[one.drift or ""])
    return Told(one.host, about, f"{one.from_state} → {one.to_state}", one.reason, one.side)


def _about(drift: Drift | None) -> str:
    assert drift is not None, "a transition of a drift that is not there"
    finding = drift.finding
    return f"{finding.container or finding.service} {finding.path or finding.kind.value}"
