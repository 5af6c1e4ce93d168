"""Builds the service: what the config says becomes a store, a fleet that is watched, messages, and pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.app import addresses_of, apart, secrets_key
from anchorwatch.app import reader as reader_of
from anchorwatch.errors import StoreDamaged, StoreLost, UsageError
from anchorwatch.model.drifts import Transition
from anchorwatch.model.options import CheckOptions
from anchorwatch.model.service import ServiceSettings

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.store import Store, Writing
    from anchorwatch.watch.fleet import FleetWatch
    from anchorwatch.watch.service import Service, Setting

log = logging.getLogger(__name__)

WHO = "anchorwatch watch"


@contextmanager
def service(config_file: Path | None, ends: Callable[[int], None]) -> Iterator[Service]:
    """The service as the config describes it, ready to `run`; its pages answer. Leaving the block lets go of everything.

    `ends` is told when it ends because something is wrong (`watch.service.Service`).

    Raises `ConfigError`, `UsageError`, `ListenError`, and `StoreError` where the database cannot be had (`StoreInUse`: another
    one runs).
    """
    config = apart.load_config(config_file)
    secrets_key.use_or_make(Path(config.secrets_key))
    with ExitStack() as stack:
        apart.upgrade_database(config_file, config)
        store = stack.enter_context(_open(config))
        from anchorwatch.watch.service import Service

        def settings(tell: Callable[[], None]) -> Setting:
            now = apart.load_config(config_file)
            if config.hosts and not now.hosts:  # what is open and accepted would end, and with it what is known of them
                raise UsageError("it names no host any more: is the file empty, or half written?")
            for key in _for_a_start(config, now):
                log.warning("%s has changed: that takes a new start of the service; what it was is in force until then", key)
            return _setting(now, store, tell)

        made = Service(store, settings, ends=ends)
        _serve(made, store, config, stack)
        yield made


def _for_a_start(config: Config, now: Config) -> Iterator[str]:
    """What the config says otherwise now, and only a new start can heed."""
    was, new = config.service(), now.service()
    pairs: Mapping[str, tuple[object, object]] = {
        "database": (config.database, now.database),
        "secrets_key": (config.secrets_key, now.secrets_key),
        "watch: listen": (was.watch.listen, new.watch.listen),
        "repo: webhook": (was.webhook, new.webhook),
    }
    return (key for key, (one, other) in pairs.items() if one != other)


def _open(config: Config) -> Store:
    """The state database; where it is damaged or lost, what is there is put aside, and the newest sound copy takes its place."""
    from anchorwatch.store import Store

    url, folder = config.database.reveal(), Path(config.secrets_key).parent
    try:
        return Store.open(url, at=clock.now(), who=WHO, state_folder=folder)
    except (StoreDamaged, StoreLost) as error:
        from anchorwatch.store.recovery import recover

        done = recover(url, at=clock.now(), who=WHO)
        if done is None:
            raise
        aside = ", ".join(str(path) for path in done.aside) or "nothing"
        now = f"restored from {done.restored}" if done.restored else "begun anew: what is drifted now is no news"
        log.error("%s; put aside: %s; %s", error.message, aside, now)
        return Store.open(url, at=clock.now(), who=WHO, state_folder=folder)


def _setting(config: Config, store: Store, tell: Callable[[], None]) -> Setting:
    from anchorwatch.app import messages
    from anchorwatch.check.memory import Ground
    from anchorwatch.ledger.look import Patiences
    from anchorwatch.notify import outbox
    from anchorwatch.notify.send import Sender
    from anchorwatch.watch.fleet import FleetWatch
    from anchorwatch.watch.host import Surroundings
    from anchorwatch.watch.service import Setting

    settings: ServiceSettings = config.service()
    addresses = addresses_of(config)
    hosts = [(address, config.policy(address.name)) for address in addresses]

    sender = Sender()
    told = messages.telling(settings, sender)

    def promise(write: Writing, transitions: Sequence[Transition], at: datetime) -> None:
        outbox.promise(write, transitions, told, at)

    def fleet(run: int, died: Callable[[str, BaseException | None], None]) -> FleetWatch:
        from anchorwatch.desired.past import Past
        from anchorwatch.watch.git_commits import GitListener

        reader = reader_of(config, CheckOptions(), addresses, [address.name for address in addresses])
        ground = Ground(
            store=store,
            patiences=Patiences(settings.grace, settings.rollout),
            past=Past(reader),
            promise=promise,
            run=run,
        )
        around = Surroundings(ground, settings.watch.settle, lambda: None, tell)
        return FleetWatch(hosts, around, lambda ears: GitListener(reader, ears, poll=settings.poll, since=ears.recorded), died)

    return Setting(
        fleet=fleet,
        messenger=messages.messenger(store, settings, told, sender, tell),
        resync=settings.watch.resync,
        history=settings.history,
        heartbeat=settings.heartbeat,
        destinations=tuple(one.name for one in settings.destinations),
    )


def _serve(made: Service, store: Store, config: Config, stack: ExitStack) -> None:
    """`/healthz`, `/metrics`, the webhook; and the verbs that write, on a socket of their own."""
    from anchorwatch.app.writing import served
    from anchorwatch.web.control import DO_WITHIN, asgi, socket_of
    from anchorwatch.web.server import Server
    from anchorwatch.web.site import site

    settings = config.service()
    page = site(made.health, now=clock.now, webhook=settings.webhook, nudge=made.nudge)
    server = Server(page, settings.watch.listen, died=partial(made.died, "web"))
    server.start()
    stack.callback(server.stop)
    place = socket_of(config.database.reveal(), Path(config.secrets_key).parent)
    control = Server(asgi(served(store)), place, answer_within=DO_WITHIN, died=partial(made.died, "control"))
    control.start()
    stack.callback(control.stop)
    log.info("listening on %s:%d", settings.watch.listen[0], server.port)
