"""The watchdog of the service: ends it where a part of it hangs, so that whatever supervises it starts it anew.

It is a thread of its own that waits for nobody, neither for the database nor for the main thread, which may be what hangs: a
database server that stands still stops whoever asks it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from anchorwatch.errors import ServiceFailed
from anchorwatch.model.health import Verdict

log = logging.getLogger(__name__)

HINT = "whatever supervises the service starts it anew"


@dataclass(frozen=True, slots=True)
class Vigil:
    """How the service looks after itself, in seconds."""

    every: float = 20.0
    """Between two looks of the watchdog."""
    hung_for: float = 120.0
    """For so long a part may not do its work before the service ends itself."""
    chores: float = 120.0
    """Within so much time the main thread has a turn."""
    messages: float = 180.0


class Watchdog:
    """`look` says how the parts are, and waits for nobody; `hung` is told once of what is stuck for too long, or of why nobody
    looks any more."""

    def __init__(self, look: Callable[[], Verdict], vigil: Vigil, hung: Callable[[str, Exception], None]) -> None:
        self._look = look
        self._vigil = vigil
        self._hung = hung

    def run(self, stop: threading.Event) -> None:
        """The thread: until `stop` is set, or somebody was told."""
        try:
            self._watch(stop)
        except Exception as error:
            log.critical("the watchdog ended", exc_info=error)
            self._hung("watchdog", error)

    def _watch(self, stop: threading.Event) -> None:
        unwell_since: float | None = None
        while not stop.wait(self._vigil.every):
            verdict, now = self._look(), time.monotonic()
            if verdict.alive:
                unwell_since = None
                continue
            unwell_since = now if unwell_since is None else unwell_since
            if now - unwell_since > self._vigil.hung_for:
                parts = ", ".join(trouble.part for trouble in verdict.troubles if trouble.restart)
                message = f"{parts} hung for {now - unwell_since:.0f} s"
                self._hung(parts, ServiceFailed(message, hint=HINT))
                return
