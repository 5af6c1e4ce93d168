"""What the service keeps, and whether it runs: the key, the database, the room for it, the address it listens on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.app import secrets_key
from anchorwatch.errors import AnchorwatchError
from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.config.config import Config

LITTLE_ROOM = 200 * 10**6
"""Bytes below which the disk of the database is nearly full: a copy before an upgrade takes as much as the database itself."""
_PROBE = 256 * 1024
"""Bytes that are written, and deleted, to see that they can be."""
_ASK_WITHIN = 7.0
"""Seconds. The service itself takes 5 s to say that it hangs."""


def try_key(config: Config) -> Iterator[Trial]:
    """The key that fingerprints are made with."""
    key = Path(config.secrets_key)
    if not key.exists() and not key.is_symlink():
        yield Trial("secrets_key", None, Outcome.GOOD, f"{key} will be made by `anchorwatch watch`")
    elif secrets_key.use(key):
        yield Trial("secrets_key", None, Outcome.GOOD, str(key))
    else:
        said = f"{key} cannot be used: it cannot be read by this user, or has less than {secrets_key.LEAST} bytes"
        hint = "look at its rights, or bring it back from a copy; with a new key every secret looks changed once"
        yield Trial("secrets_key", None, Outcome.BAD, said, hint)


def try_database(config: Config) -> Iterator[Trial]:
    """The state database: can it be read, and could it be written?"""
    from sqlalchemy import make_url

    from anchorwatch.errors import StoreOlder
    from anchorwatch.store import Store

    url = config.database.reveal()
    parsed = make_url(url)
    if parsed.drivername == "sqlite" and parsed.database:
        file = Path(parsed.database)
        yield from _room(file.parent)
        if not file.exists():
            yield Trial("database", None, Outcome.GOOD, f"{file} will be made by `anchorwatch watch`")
            return
    try:
        with Store.open_to_read(url) as store:
            size, opened = store.size(), store.opened
    except StoreOlder as error:
        yield Trial("database", None, Outcome.LESS, error.message, error.hint)
        return
    except AnchorwatchError as error:
        yield Trial.failed("database", error)
        return
    said = f"{opened.name}: revision {opened.revision}, {size.total / 1e6:,.1f} MB ({opened.version})"
    yield Trial("database", None, Outcome.GOOD, said)


def _room(folder: Path) -> Iterator[Trial]:
    """Whether the folder of the database can be written to, and how much fits."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there != folder:
        if not os.access(there, os.W_OK | os.X_OK):
            said = f"the folder {folder} is not there, and this user may not make it in {there}"
            yield Trial("database", None, Outcome.BAD, said, f"make it, and give it to the user that runs anchorwatch: {folder}")
        return
    room = os.statvfs(folder)
    left = room.f_bavail * room.f_frsize
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(b"\0" * _PROBE)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        hint = "look at its rights and its mount; in a container, at the volume" if left > _PROBE else "make room"
        yield Trial("database", None, Outcome.BAD, f"nothing can be written in {folder}: {error.strerror}", hint)
        return
    if left < LITTLE_ROOM:
        said = f"only {left / 1e6:,.0f} MB are free in {folder}"
        yield Trial("database", None, Outcome.LESS, said, "make room, or set `history: max_size:` lower")


def try_service(config: Config) -> Iterator[Trial]:
    """Whether the service runs, and how it is; whether it could listen, where it does not."""
    from anchorwatch.errors import ListenError
    from anchorwatch.store.lock import held_by
    from anchorwatch.web.server import free

    host, port = config.service().watch.listen
    lock = _lock(config)
    holder = held_by(lock) if lock is not None else None
    # where nobody holds the database, whoever answers is the service of another config
    nobody = lock is not None and holder is None and _can_be_told(lock)
    status = None if nobody else _healthz(host, port)
    if status is not None:
        code, document = status
        if code == 200:
            yield Trial("service", None, Outcome.GOOD, f"it runs, and is well{f': {holder}' if holder else ''}")
        else:
            because = document.get("because")
            said = f"it runs, and is not well: {', '.join(map(str, because)) if isinstance(because, list) else f'status {code}'}"
            yield Trial(
                "service", None, Outcome.BAD, said, "its log says more; what is wrong with a host or the repo stands above"
            )
        return
    if holder is not None:
        said = f"{holder} holds the database, and no service answers on {_spelled(host, port)}"
        yield Trial("service", None, Outcome.BAD, said, "if it is the service, it starts, or hangs: look at its log")
        return
    try:
        free(host, port)
    except ListenError as error:
        yield Trial.failed("service", error)
    else:
        yield Trial("service", None, Outcome.GOOD, f"it does not run; {_spelled(host, port)} is free for it")


def _lock(config: Config) -> Path | None:
    """The file that the holder of the database locks, where the database is a file."""
    from sqlalchemy import make_url

    parsed = make_url(config.database.reveal())
    return Path(f"{parsed.database}.lock") if parsed.drivername == "sqlite" else None


def _can_be_told(lock: Path) -> bool:
    """Whether this user may see who holds it."""
    try:
        lock.open("rb").close()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True


def _healthz(host: str, port: int) -> tuple[int, Mapping[str, object]] | None:
    """What a service of ours answers there; None where none does."""
    import http.client
    import json

    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is compared, not listened on
    connection = http.client.HTTPConnection(asked, port, timeout=_ASK_WITHIN)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        document = json.loads(response.read(100_000))
        return (response.status, document) if isinstance(document, dict) and "status" in document else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
