"""The service: one state database, one fleet that is watched, whoever is told, and whoever asks. It owns every thread.

`run` is the main thread: it does the chores, and waits for orders (`stop`, `reload`, a thread that died). A part that dies or
hangs ends the service with an error, so that whatever supervises it starts it anew: a watch that nobody keeps is worse than none.
Since that thread may be what hangs, the watchdog is another one, and an end is not left to itself: `ends` is called as it begins.
"""

from __future__ import annotations

import gc
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from anchorwatch import __version__, clock
from anchorwatch.errors import AnchorwatchError, ServiceFailed, StoreError
from anchorwatch.ledger.jump import begun, jumped
from anchorwatch.model.drifts import DeliveryState
from anchorwatch.model.health import Due, Health, Lateness, judged
from anchorwatch.model.service import HistorySettings
from anchorwatch.model.times import lasted
from anchorwatch.model.values import Secret
from anchorwatch.notify.heartbeat import Heartbeat
from anchorwatch.store import Store, deliveries, runs
from anchorwatch.watch.chores import Chore, Chores
from anchorwatch.watch.fleet import FleetWatch
from anchorwatch.watch.health import Parts, health, vitals
from anchorwatch.watch.host import JUMP
from anchorwatch.watch.telling import Messenger, Teller
from anchorwatch.watch.upkeep import Upkeep
from anchorwatch.watch.watchdog import HINT, Vigil, Watchdog

log = logging.getLogger(__name__)

STOP_WITHIN = 7.0
"""Seconds that everything together may take to end."""
_MESSAGES_WITHIN = 3.0
_FAREWELL_WITHIN = 1.5
"""Of these: how long messages may take, and what is left for the last words in the database."""
REPLACE_WITHIN = 30.0
"""Seconds that the threads of an old config are given to end before the new one is watched with."""
FAILED = 2
"""The exit code of a service that could not go on."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one config makes of the service."""

    fleet: Callable[[int, Callable[[str, BaseException | None], None]], FleetWatch]
    """Makes the fleet's watch; given the number of the run, and whom to tell of a thread that died."""
    messenger: Messenger
    resync: float
    history: HistorySettings
    heartbeat: Secret | None = None
    """A URL that is asked for each minute, as long as everything is well."""
    destinations: tuple[str, ...] = ()
    """Where messages go, by name."""


@dataclass(frozen=True, slots=True)
class _Order:
    what: str
    """`stop`, `reload` or `died`."""
    part: str = ""
    error: BaseException | None = None


class Service:
    """See the module. `settings` makes of the config what it says now; it raises `ConfigError` where that is wrong.

    `ends` is told, by any thread, that the service ends from now on because something is wrong, and with which exit code: whoever
    runs it sees to it that it does end, however much of it hangs. It returns at once.
    """

    def __init__(
        self,
        store: Store,
        settings: Callable[[Callable[[], None]], Setting],
        dice: Callable[[], float] = random.random,
        *,
        ends: Callable[[int], None] = lambda _: None,
        vigil: Vigil | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._now = now
        self.started_at = now()
        self._store = store
        self._settings = settings
        self._dice = dice
        self._ends = ends
        self._vigil = vigil or Vigil()
        self._orders: SimpleQueue[_Order] = SimpleQueue()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._began = time.monotonic()
        self._offset = self.started_at - timedelta(seconds=self._began)
        with store.write() as write:
            self._run = runs.begin(write, __version__, self.started_at)
            back = deliveries.take_back(write, self.started_at)
            last = runs.last_sign(write, self._run)
            begun(write, last, self.started_at)
        if last is not None and last - self.started_at > JUMP:
            behind = lasted((last - self.started_at).total_seconds())
            log.warning("anchorwatch was here last when it was %s later than it is now: is the clock right?", behind)
        self._upkeep = Upkeep(store, last or self.started_at, now, self._stopped.is_set)
        if back:
            log.warning("%d messages were handed over when anchorwatch ended, and may arrive twice", back)
        self._setting = settings(self.tell)
        self._told_by = Counter[tuple[str, DeliveryState]](), self._setting.messenger
        """What those before it have come to, and who tells now."""
        self._fleet = self._setting.fleet(self._run, self.died)
        self._chores = Chores(self._list_of_chores(), time.monotonic(), dice)
        self._teller = self._new_teller()
        self._heartbeat = self._new_heartbeat()

    # -- from outside: any thread, signal handlers too -------------------------------------------------------------------

    def stop(self) -> None:
        """Ends the service."""
        self._stopped.set()
        self._orders.put(_Order("stop"))

    def reload(self) -> None:
        """Reads the config again; one with mistakes is named in the log, and changes nothing."""
        self._orders.put(_Order("reload"))

    def nudge(self) -> None:
        """There may be a new commit."""
        self._fleet.repo.nudge()

    def tell(self) -> None:
        """There may be messages to send."""
        self._wake.set()

    def died(self, part: str, error: BaseException | None) -> None:
        """A thread of the service has ended though nobody has stopped it: so does the service."""
        self._orders.put(_Order("died", part, error))

    def health(self) -> Health:
        """How it is, now."""
        return health(self._parts())

    def _parts(self) -> Parts:
        now = time.monotonic()
        return Parts(
            self.started_at,
            self._store,
            self._fleet,
            self._setting.messenger.pulse,
            self._chores.trouble,
            self._setting.resync,
            (
                Due("chores", now - self._chores.turned_at, self._vigil.chores, Lateness.STUCK),
                Due("messages", now - self._teller.turned_at, self._vigil.messages, Lateness.STUCK),
            ),
            self._setting.destinations,
            self._finished(),
        )

    def _finished(self) -> Counter[tuple[str, DeliveryState]]:
        """Since the start, whatever the configs were."""
        before, messenger = self._told_by
        found = before.copy()
        found.update(messenger.finished)
        return found

    # -- the main thread -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watches until it is stopped.

        Raises `ServiceFailed` where a part of it died or hangs, and `StoreLost` for a database that is not there any more.
        """
        watchdog = Watchdog(lambda: judged(vitals(self._parts())), self._vigil, self._hangs)
        threading.Thread(target=watchdog.run, args=(self._stopped,), name="watchdog", daemon=True).start()
        try:
            self._fleet.start()
            self._teller.start()
            while True:
                wait = self._chores.turn(time.monotonic())
                try:
                    order = self._orders.get(timeout=max(0.01, wait))
                except Empty:
                    continue
                if order.what == "stop":
                    log.info("stopping")
                    return
                if order.what == "reload":
                    self._reload()
                else:
                    raise _failure(order)
        except BaseException:
            self._ends(FAILED)
            raise
        finally:
            self._stopped.set()
            self._end()

    def _reload(self) -> None:
        try:
            setting = self._settings(self.tell)
        except Exception as error:
            _not_taken(error)
            return
        try:
            fleet = setting.fleet(self._run, self.died)
        except Exception as error:
            setting.messenger.close(0.0)
            _not_taken(error)
            return
        alive = self._end_the_old_one()
        if self._stopped.is_set():
            return
        if alive:
            raise ServiceFailed(
                f"these did not end within {REPLACE_WITHIN:.0f} s, so that the new config could not be taken: {', '.join(alive)}",
                hint=HINT,
            )
        self._let_messages_end()
        if self._stopped.is_set():
            return
        try:
            self._fleet.save_cursors()
        except StoreError as error:
            log.error("how far the listeners have read could not be written: %s", error.message)
        self._told_by = self._finished(), setting.messenger  # at once: a counter never falls
        self._setting, self._fleet = setting, fleet
        self._chores = Chores(self._list_of_chores(), time.monotonic(), self._dice)
        self._teller, self._heartbeat = self._new_teller(), self._new_heartbeat()
        self._fleet.start()
        self._teller.start()
        gc.collect()  # the parts of the old watch know each other, and with all that they remember would stay for hours
        log.info("the config was read again")

    def _end_the_old_one(self) -> Sequence[str]:
        """Never are there two that write of one host. Returns which of its threads do not end; an order to stop is not kept
        waiting for them."""
        until = time.monotonic() + REPLACE_WITHIN
        while (alive := self._fleet.stop(1.0)) and time.monotonic() < until and not self._stopped.is_set():
            pass
        return alive

    def _let_messages_end(self) -> None:
        """Those of the old config, which an order to stop does not wait for: then they have as long as at any end."""
        closing = threading.Thread(target=self._teller.stop, args=(REPLACE_WITHIN,), name="closing", daemon=True)
        closing.start()
        while closing.is_alive() and not self._stopped.is_set():
            closing.join(0.2)

    def _end(self) -> None:
        until = time.monotonic() + STOP_WITHIN
        self._teller.stop(_MESSAGES_WITHIN)
        alive = self._fleet.stop(max(0.0, until - _FAREWELL_WITHIN - time.monotonic()))
        if alive:
            log.warning("these did not end in time: %s", ", ".join(alive))
        words = threading.Thread(target=self._last_words, name="last words", daemon=True)
        words.start()
        words.join(max(_FAREWELL_WITHIN, until - time.monotonic()))
        if words.is_alive():
            log.warning("the database was busy until the end: this run ended when it last said that it goes on")

    def _last_words(self) -> None:
        """Apart: upkeep may be in the middle of something long."""
        try:
            self._fleet.save_cursors()
        except StoreError as error:
            log.error("how far the listeners have read could not be written: %s", error.message)
        try:
            with self._store.write() as write:
                runs.end(write, self._run, self._now())
        except StoreError as error:
            log.error("the end of this run could not be written: %s", error.message)

    def _hangs(self, part: str, error: Exception) -> None:
        """The main thread may be what hangs, and would never take the order."""
        log.critical("%s: the service ends", error)
        self._ends(FAILED)
        self.died(part, error)

    # -- chores ----------------------------------------------------------------------------------------------------------

    def _list_of_chores(self) -> list[Chore]:
        return [
            Chore("resync", min(10.0, self._setting.resync / 4), lambda: self._fleet.resync(self._setting.resync)),
            Chore("repo", 10.0, self._fleet.look_at_the_repo),
            Chore("catch up", 10.0, self._fleet.catch_up),
            Chore("clock", 10.0, self._look_at_the_clock),
            Chore("alive", 60.0, self._alive),
            Chore("heartbeat", 60.0, self._beat),
            Chore("checkpoint", 3600.0, self._checkpoint, first=90.0),
            Chore("upkeep", 3600.0, lambda: self._upkeep.turn(self._setting.history), first=60.0, apart=True),
        ]

    def _look_at_the_clock(self) -> None:
        """Where the time of day was set, what pending drifts have waited means nothing any more, and everything is looked at by
        the new time. What waits to be told does not wait for the old one."""
        now = self._now()
        offset = now - timedelta(seconds=time.monotonic())
        jump = offset - self._offset
        if abs(jump) > JUMP:
            log.warning("the time of day has jumped by %.0f s", jump.total_seconds())
            with self._store.write() as write:
                self.started_at = jumped(write, self._run, jump, offset + timedelta(seconds=self._began), now)
            self._fleet.resync(0.0)
            self.tell()
        self._offset = offset

    def _alive(self) -> None:
        self._store.still_there()
        with self._store.write() as write:
            runs.alive(write, self._run, self._now())
        self._fleet.save_cursors()

    def _new_teller(self) -> Teller:
        return Teller(self._setting.messenger, self._wake, self._now, self.died)

    def _new_heartbeat(self) -> Heartbeat | None:
        url = self._setting.heartbeat
        return None if url is None else Heartbeat(url, lambda: judged(self.health()).well)

    def _beat(self) -> None:
        """In a thread of its own: whoever listens may take 10 s to answer."""
        heartbeat = self._heartbeat
        if heartbeat is not None:
            threading.Thread(target=heartbeat.turn, name="heartbeat", daemon=True).start()

    def _checkpoint(self) -> None:
        if not self._store.checkpoint():
            log.warning("the log of the database could not be emptied: somebody reads and does not end")


def _failure(order: _Order) -> Exception:
    """What ends the service after a part of it has died, or hung."""
    if isinstance(order.error, ServiceFailed):
        return order.error
    failure = ServiceFailed(
        f"{order.part} ended: {type(order.error).__name__ if order.error else 'nobody had stopped it'}",
        hint=f"the log says more; {HINT}",
    )
    failure.__cause__ = order.error
    return failure


def _not_taken(error: Exception) -> None:
    """A config that cannot be watched with changes nothing, whatever is wrong with it."""
    if isinstance(error, AnchorwatchError):
        log.error("the config was not taken: %s", error.message)
    else:
        log.error("the config was not taken: %s", type(error).__name__, exc_info=error)
