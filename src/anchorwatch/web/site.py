"""What the service answers to anybody who may reach its address: is it well, its figures, and the forge's "look now".

| | |
|---|---|
| `GET /healthz` | 200 `{"status": "ok"}`; 503 `{"status": "degraded", "because": […]}` where anything fails or is out of reach |
| `GET /livez` | the same of the service alone: 503 only for what a new start would mend |
| `GET /metrics` | for Prometheus (`metrics`) |
| `POST /hooks/git` | 202 for a webhook of the forge (`hooks`), where the config has one; 401 for one that proves nothing |

The first two name parts and classes of error, no host: a proxy may show them to the world. Nothing here waits for long: where
the service does not say how it is within `PATIENCE`, that is the answer. It is asked twice a second at most, whoever asks.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from anchorwatch.model.health import Health, Lateness, Trouble, Verdict, judged
from anchorwatch.web.hooks import LARGEST, Forged, Seen, delivery_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from anchorwatch.model.service import Webhook

PATIENCE = 5.0
"""Seconds that the service may take to say how it is."""
FRESH = 0.5
"""Seconds for which what it said is good enough."""
_SAY_EVERY = 60.0
"""Seconds between two lines in the log about webhooks that were refused."""

log = logging.getLogger(__name__)


def site(
    health: Callable[[], Health], *, now: Callable[[], datetime], webhook: Webhook | None, nudge: Callable[[], None]
) -> ASGIApp:
    """The site. `health` may be called from any thread, `nudge` (a webhook has come) must return at once."""
    pages = _Pages(health)
    routes = [
        Route("/healthz", pages.healthz, methods=["GET"]),
        Route("/livez", pages.livez, methods=["GET"]),
        Route("/metrics", pages.metrics, methods=["GET"]),
    ]
    if webhook is not None:
        routes.append(Route("/hooks/git", _Hook(webhook, nudge, now).called, methods=["POST"]))
    return Router(routes, redirect_slashes=False)


class _Pages:
    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health
        self._turn = anyio.Lock()
        self._threads = anyio.CapacityLimiter(2)  # those that hang count until they come back
        self._known: Health | None = None
        self._known_at = 0.0

    async def healthz(self, request: Request) -> Response:
        return _status((await self._judged()).troubles)

    async def livez(self, request: Request) -> Response:
        return _status([trouble for trouble in (await self._judged()).troubles if trouble.restart])

    async def metrics(self, request: Request) -> Response:
        from anchorwatch.web.metrics import CONTENT_TYPE, written

        health = await self._asked()
        if health is None:
            return _json({"error": "the service does not say how it is"}, 503)
        return Response(written(health), media_type=CONTENT_TYPE)

    async def _judged(self) -> Verdict:
        health = await self._asked()
        return _SILENT if health is None else judged(health)

    async def _asked(self) -> Health | None:
        """None where it does not say in time."""
        with anyio.move_on_after(PATIENCE):
            async with self._turn:
                if self._known is None or time.monotonic() - self._known_at > FRESH:
                    self._known = await anyio.to_thread.run_sync(self._health, abandon_on_cancel=True, limiter=self._threads)
                    self._known_at = time.monotonic()
                return self._known
        return None


_SILENT = Verdict((Trouble("service", Lateness.STUCK, restart=True),))


def _status(troubles: Sequence[Trouble]) -> Response:
    if not troubles:
        return _json({"status": "ok"}, 200)
    return _json({"status": "degraded", "because": sorted({trouble.shown for trouble in troubles})}, 503)


class _Hook:
    """The webhook of one forge."""

    def __init__(self, webhook: Webhook, nudge: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._webhook = webhook
        self._nudge = nudge
        self._now = now
        self._seen = Seen()
        self._said_at = -_SAY_EVERY

    async def called(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return self._refused(415, "set the webhook's content type to application/json")
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return self._refused(413, f"a webhook has {LARGEST} bytes at most")
        try:
            delivery = delivery_of(self._webhook, request.headers, body, self._now())
        except Forged as reason:
            return self._refused(401, str(reason))
        if not self._seen.again(delivery):
            self._nudge()
        return _json({"status": "accepted"}, 202)

    def _refused(self, status: int, reason: str) -> Response:
        if time.monotonic() - self._said_at >= _SAY_EVERY:
            self._said_at = time.monotonic()
            log.warning("a request to /hooks/git was refused: %s", reason)
        return _json({"error": reason}, status)


async def _body(request: Request) -> bytes | None:
    """The body as it came; None for one that is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _json(document: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(document) + "\n", status, media_type="application/json", headers={"cache-control": "no-store"})
