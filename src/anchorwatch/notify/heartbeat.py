"""The watcher of the watcher: a URL that is asked for each minute, but only while everything is well.

What listens there (Healthchecks, Uptime Kuma) raises the alarm when nobody asks any more: then the service, the machine, the
network or something that `/healthz` names is not well.
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from anchorwatch import __version__
from anchorwatch.model.values import Secret

log = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds that the answer may take."""


class Heartbeat:
    """`turn` is called each minute, by one thread. The URL is a secret, and is shown nowhere."""

    def __init__(self, url: Secret, well: Callable[[], bool], deadline: float = DEADLINE) -> None:
        self._url, self._well, self._deadline = url, well, deadline
        self._failing = False
        self._opener = urllib.request.OpenerDirector()
        for one in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(one)

    def turn(self) -> bool:
        """Asks for the URL, where everything is well; whether it answered. What goes wrong is said once, until it works again."""
        if not self._well():
            return False
        request = urllib.request.Request(self._url.reveal(), headers={"User-Agent": f"anchorwatch/{__version__}"})  # noqa: S310 - the config takes http and https only
        try:
            answer: Any = self._opener.open(request, timeout=self._deadline)
            answer.close()
        except (OSError, HTTPException, ValueError) as error:
            if not self._failing:
                log.warning("the heartbeat does not arrive: %s", _said(error))
            self._failing = True
            return False
        if self._failing:
            log.info("the heartbeat arrives again")
        self._failing = False
        return True


def _said(error: Exception) -> str:
    """What went wrong, without the URL."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the answer was {error.code}"
    reason = getattr(error, "reason", None)
    return str(getattr(reason, "strerror", None) or getattr(error, "strerror", None) or type(reason or error).__name__)
