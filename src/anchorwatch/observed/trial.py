"""Tries everything that anchorwatch will ever ask of a host, and says what is refused: for `doctor`.

A refusal is not a failure: the host is read without it, and less is checked. What each costs is said here, once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from anchorwatch import clock
from anchorwatch.errors import HostError, HostForbidden
from anchorwatch.model.address import HostAddress
from anchorwatch.model.observed import Snapshot
from anchorwatch.observed.engine import connect
from anchorwatch.observed.events import EventStream

REQUESTS: Mapping[str, tuple[str, str]] = {
    "info": ("GET /info", "the daemon's defaults (log driver, runtime, cgroups) are not known, so less is checked"),
    "images": ("GET /images/{name}/json", "what containers inherit from their images is not known, so less is checked"),
    "networks": ("GET /networks", "networks are not checked"),
    "volumes": ("GET /volumes", "volumes are not checked"),
    "events": ("GET /events", "changes are found at the next resync, and not when they happen"),
}
"""What a host is read without, if need be: the request, and what that costs."""

_NO_IMAGE = ("anchorwatch/doctor:none",)
"""An image that no host has: a host without containers is asked for one, too."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A host that answers."""

    snapshot: Snapshot
    refused: tuple[str, ...]
    """Keys of `REQUESTS`."""
    events: HostError | None
    """Why its events cannot be heard, where they are not refused and cannot be heard all the same."""
    skew: float | None
    """Seconds that its clock is ahead of ours, to about a second; None where it does not say."""


def try_host(address: HostAddress, environ: Mapping[str, str] = os.environ) -> Tried:
    """Reads the host once, and begins to listen to it. Raises `HostError` where it cannot be read."""
    with connect(address, environ) as connection:
        snapshot = connection.snapshot(images_for=_NO_IMAGE)
    refused, failed, skew = set(snapshot.not_permitted), None, None
    try:
        skew = _listen(address, environ)
    except HostForbidden:
        refused.add("events")
    except HostError as error:
        failed = error
    return Tried(snapshot, tuple(kind for kind in REQUESTS if kind in refused), failed, skew)


def _listen(address: HostAddress, environ: Mapping[str, str]) -> float | None:
    stream = EventStream(address, environ, address.timeout)
    try:
        before = clock.now()
        greeting = stream.greet()
        between = before + (clock.now() - before) / 2
        stream.subscribe(greeting, ["container"], None, None)
    finally:
        stream.close()
    return None if greeting.at is None else greeting.at / 1e9 + 0.5 - between.timestamp()
