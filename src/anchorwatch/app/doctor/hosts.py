"""The hosts: does each let us read all that there is to read, and is its clock right?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.app.doctor.ssh_keys import ssh_key
from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.model.address import HostAddress

SKEW = 30.0
"""Seconds that a host's clock may differ from ours: beyond it, "what happened before" cannot be told."""


def try_host(address: HostAddress, environ: Mapping[str, str]) -> list[Trial]:
    """One host: its ssh key, every request that is ever made, its clock."""
    return [*_keys_of(address), *_tried(address, environ)]


def _keys_of(address: HostAddress) -> Iterator[Trial]:
    if address.ssh.key is not None:
        yield from ssh_key(Path(address.ssh.key), "host", address.name)


def _tried(address: HostAddress, environ: Mapping[str, str]) -> Iterator[Trial]:
    from anchorwatch.errors import HostError
    from anchorwatch.observed.trial import REQUESTS
    from anchorwatch.observed.trial import try_host as ask

    name = address.name
    try:
        tried = ask(address, environ)
    except HostError as error:
        yield Trial.failed("host", error, name)
        return
    running = sum(container.state in {"running", "restarting", "paused"} for container in tried.snapshot.containers)
    engine = tried.snapshot.engine
    api = ".".join(map(str, engine.api_version))
    yield Trial("host", name, Outcome.GOOD, f"{address.docker}: Docker {engine.version} (API {api}), {running} containers run")
    for kind in tried.refused:
        request, cost = REQUESTS[kind]
        hint = f"let {request} through: docs/hosts.md has the whole list for a socket proxy"
        yield Trial("host", name, Outcome.BAD, f"{request} is not permitted: {cost}", hint)
    if tried.events is not None:
        yield Trial("host", name, Outcome.BAD, f"its events cannot be heard: {tried.events.message}", tried.events.hint)
    if tried.skew is not None and abs(tried.skew) > SKEW:
        way = "ahead of" if tried.skew > 0 else "behind"
        said = f"its clock is {abs(tried.skew):.0f} s {way} this machine's: times in the history would mislead"
        yield Trial("host", name, Outcome.BAD, said, "`timedatectl` on both shows which one is wrong, and whether NTP runs")
