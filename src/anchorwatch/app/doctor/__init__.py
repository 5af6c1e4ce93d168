"""Tries everything that anchorwatch stands on, and says of each whether it holds: for `anchorwatch doctor`.

Nothing but caches is written, nothing is sent (unless it is asked to send a test message), and nothing that fails keeps the rest
from being tried. Hosts are tried side by side, so all of it takes as long as the slowest host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.app import addresses_of
from anchorwatch.app.doctor.git import try_compose, try_repo
from anchorwatch.app.doctor.hosts import try_host
from anchorwatch.app.doctor.state import try_database, try_key, try_service
from anchorwatch.app.doctor.telling import try_destinations
from anchorwatch.errors import AnchorwatchError, ConfigError
from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.config.config import Config


def doctor(file: Path | None, environ: Mapping[str, str] = os.environ, *, send: bool = False) -> tuple[Trial, ...]:
    """Everything that was tried, in an order for people. `send`: a test message to each destination."""
    from anchorwatch.config import load

    try:
        config = load(file, environ)
    except ConfigError as error:
        if not error.mistakes:
            return (Trial.failed("config", error),)
        hint = "`anchorwatch config check` says the same; nothing else can be tried until it is right"
        return tuple(Trial("config", None, Outcome.BAD, str(mistake), hint) for mistake in error.mistakes)
    found = [_config(config)]
    try:
        addresses = addresses_of(config)
    except AnchorwatchError as error:
        addresses = ()
        found.append(Trial.failed("host", error))
    with ThreadPoolExecutor(max_workers=len(addresses) + 1) as pool:
        hosts = [pool.submit(try_host, address, environ) for address in addresses]
        stacks = pool.submit(lambda: [*try_compose(config, environ), *try_repo(config)])
        rest = [*try_key(config), *try_database(config), *try_service(config), *try_destinations(config, environ, send=send)]
        found += stacks.result()
        for host in hosts:
            found += host.result()
    return (*found, *rest)


def _config(config: Config) -> Trial:
    if config.file is None:
        return Trial("config", None, Outcome.LESS, "there is no config file: the defaults hold", "`anchorwatch init` writes one")
    return Trial("config", None, Outcome.GOOD, config.file)
