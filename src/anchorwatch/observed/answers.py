"""What an engine's answers mean, whichever way they came: statuses, errors, JSON, and the version of the API. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostForbidden
from anchorwatch.observed import failures, redaction

NEWEST_API = (1, 51)
"""The newest version of the API whose answers were compared with what Compose deploys."""
OLDEST_API = (1, 41)
"""Docker 20.10."""

_LONE_SURROGATE = re.compile(rb"\\u[dD][89abAB]")


class NotFound(Exception):
    """The engine knows no such thing (404)."""


class EngineFailed(HostBadAnswer):
    """The engine, or a proxy in front of it, failed to answer this request (5xx)."""


def agreed(newest: tuple[int, int] | None, oldest: tuple[int, int] | None, where: str) -> tuple[int, int]:
    """The version of the API to speak with an engine that speaks these: the newest one that both know, and not newer than
    `NEWEST_API` unless the engine insists. Raises `HostBadAnswer` for an engine that says none, or one older than `OLDEST_API`.
    """
    if newest is None:
        raise failures.not_an_engine(where, "it does not say which version of the API it speaks")
    if newest < OLDEST_API:
        raise HostBadAnswer(
            f"{where} runs a Docker Engine that speaks API {spelled(newest)} at most, "
            f"and {spelled(OLDEST_API)} is the oldest that anchorwatch understands",
            hint="update it to Docker 20.10 or newer",
        )
    return max(min(newest, NEWEST_API), oldest or OLDEST_API)


def number(text: object) -> tuple[int, int] | None:
    """`1.41` as numbers; None for anything else."""
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,4})", text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None


def spelled(version: tuple[int, int]) -> str:
    """Numbers as `1.41`."""
    return f"{version[0]}.{version[1]}"


def raise_for_status(status: int, body: bytes, path: str, where: str) -> None:
    """Raises what an answer other than 200 to a request for `path` means: a `HostError`, or `NotFound`."""
    if status == 200:
        return
    said = redaction.words(_message(body), 200)
    what = f"status {status} for {redaction.words(path.partition('?')[0], 120)}{f': {said}' if said else ''}"
    if status == 404:
        raise NotFound(what)
    if status in {403, 405}:
        raise HostForbidden(f"{where} does not permit it: {what}")
    if status in {401, 407}:
        raise HostAuthError(
            f"{where} asks for a login: {what}", hint="anchorwatch has ssh keys and TLS certificates to log in with"
        )
    if status == 400 and "HTTPS" in said:
        raise HostBadAnswer(f"{where} speaks TLS", hint="give this host `tls: {ca: …, cert: …, key: …}`")
    if status >= 500:
        raise EngineFailed(f"{where} failed: {what}", hint="`journalctl -u docker` on the host says more")
    raise failures.not_an_engine(where, what)


def parsed(body: bytes, where: str) -> Any:
    """The JSON in `body`. Raises `HostBadAnswer` where there is none. A text that is no Unicode comes out with U+FFFD in it."""
    try:
        document = json.loads(body.decode("utf-8", "replace"))
        return _without_surrogates(document) if _LONE_SURROGATE.search(body) else document
    except (ValueError, RecursionError):
        begins = redaction.words(body[:80].decode("utf-8", "replace"), 60)
        raise failures.not_an_engine(where, f"no JSON but {begins!r}") from None


def _without_surrogates(value: Any) -> Any:
    """`value` without halves of surrogate pairs, which JSON can spell and no encoding can write."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _message(body: bytes) -> str:
    """What an engine's error says (`{"message": …}`), or else the first words of whatever came."""
    text = body[:2000].decode("utf-8", "replace")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return re.sub(r"<[^>]*>", " ", text)
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else text
