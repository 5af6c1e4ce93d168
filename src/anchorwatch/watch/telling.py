"""The thread that sends what was promised, with what one config says of who is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from anchorwatch.errors import StoreError
from anchorwatch.model.drifts import DeliveryState
from anchorwatch.model.health import Pulse

log = logging.getLogger(__name__)

_AT_MOST = 60.0
"""Seconds that it rests, however far off the next message is: so it is seen to live."""
_AT_LEAST = 0.05
_AGAIN = timedelta(seconds=10)
"""After which a database that could not be asked is asked again."""


class Messenger(Protocol):
    """Who sends what was promised (`notify.dispatch.Dispatcher`)."""

    def turn(self, now: datetime) -> datetime | None:
        """Sends what is due, and says when there will be more."""

    def close(self, within: float) -> None:
        """Ends what is under way, which counts as not delivered, and returns after `within` seconds at the latest."""

    @property
    def pulse(self) -> Pulse:
        """Whether everybody can be told."""

    @property
    def finished(self) -> Mapping[tuple[str, DeliveryState], int]:
        """How many of those that were to be told have come to what, by destination, since it was made."""


class Teller:
    """Gives a messenger its turns. `wake` is set where there may be something to send; `died` is told of an end of its own."""

    def __init__(
        self,
        messenger: Messenger,
        wake: threading.Event,
        now: Callable[[], datetime],
        died: Callable[[str, BaseException | None], None],
    ) -> None:
        self.turned_at = time.monotonic()
        """When it last had its turn."""
        self._messenger = messenger
        self._wake = wake
        self._now = now
        self._died = died
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="messages", daemon=True)

    def start(self) -> None:
        """Begins."""
        self.turned_at = time.monotonic()
        self._thread.start()

    def stop(self, within: float) -> None:
        """Ends, within so many seconds. Harmless where it has not begun, or has ended."""
        until = time.monotonic() + within
        self._ending.set()
        self._wake.set()
        self._messenger.close(within)
        if self._thread.ident is not None:
            self._thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while True:
            self._wake.clear()
            if self._ending.is_set():
                return
            self.turned_at = time.monotonic()
            try:
                again = self._messenger.turn(self._now())
            except StoreError as error:
                log.error("messages wait: %s", error.message)
                again = self._now() + _AGAIN
            except Exception as error:
                log.critical("messages ended", exc_info=error)
                self._died("messages", error)
                return
            wait = _AT_MOST if again is None else (again - self._now()).total_seconds()
            self._wake.wait(min(_AT_MOST, max(_AT_LEAST, wait)))
