"""Verbs that write to the state database: done here where nobody holds it, and by the running service where one does.

A verb is a function of the open store, its arguments as JSON, and the time. The service serves all of `VERBS` on its socket
(`web.control`), so what a verb does is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.app import muting
from anchorwatch.errors import HostSwapped, NoService, StoreInUse, UsageError
from anchorwatch.model.times import timestamp
from anchorwatch.model.values import JsonObject
from anchorwatch.store import Store
from anchorwatch.web.control import ControlClient, Verb, socket_of

if TYPE_CHECKING:
    from anchorwatch.config.config import Config

Writer = Callable[[Store, JsonObject, datetime], JsonObject]
"""Does one verb, and says what came of it. Raises `AnchorwatchError`."""


def prune(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """`db prune`: deletes what is older than `keep` seconds, and the oldest of the rest beyond `max_size` bytes."""
    from anchorwatch.model.service import HistorySettings
    from anchorwatch.store import retention

    settings = HistorySettings(keep=float(arguments["keep"]), max_size=int(arguments["max_size"]))
    done = retention.prune(store, settings, now)
    return {
        "kept_from": timestamp(done.kept_from),
        "deleted": dict(sorted(done.rows.items())),
        "bytes_before": done.before.total,
        "bytes": done.after.total,
        "fits": done.fits,
        "left": list(done.left),
    }


def take_engine(store: Store, arguments: JsonObject, now: datetime) -> JsonObject:
    """`accept --engine HOST`: the engine that answers for `host` now is the one that its history goes on with."""
    from anchorwatch.store import hosts

    name = str(arguments["host"])
    with store.write() as write:
        found = hosts.current(write).get(name)
        if found is None or found.seen.error is None or found.seen.error.kind != HostSwapped.kind or not found.seen.engine_id:
            raise UsageError(f"nobody else answers for {name!r} than before", hint="`anchorwatch status` lists the hosts")
        hosts.take_engine(write, name, found.seen.engine_id, now)
    return {"host": name, "engine": found.seen.engine_id}


VERBS: Mapping[str, Writer] = {
    "prune": prune,
    "silence": muting.silence,
    "end_silence": muting.end_silence,
    "accept": muting.accept,
    "end_acceptance": muting.end_acceptance,
    "take_engine": take_engine,
}


def served(store: Store) -> Mapping[str, Verb]:
    """`VERBS` as the service that holds `store` serves them."""

    def do(writer: Writer, arguments: JsonObject) -> JsonObject:
        return writer(store, arguments, clock.now())

    return {name: partial(do, writer) for name, writer in VERBS.items()}


def write(config: Config, verb: str, arguments: JsonObject, *, who: str) -> JsonObject:
    """Has one of `VERBS` done. Raises what it raises, `StoreInUse` where something else than the service holds the database,
    and `ControlError` where the service does not answer.

    `who` is what others are told meanwhile: `anchorwatch db prune`.
    """
    url, state_folder = config.database.reveal(), Path(config.secrets_key).parent
    try:
        with Store.open(url, at=clock.now(), who=who, state_folder=state_folder) as store:
            return VERBS[verb](store, arguments, clock.now())
    except StoreInUse as in_use:
        try:
            return ControlClient(socket_of(url, state_folder)).ask(verb, arguments)
        except NoService:
            raise in_use from None
