"""Whether a webhook comes from the forge that the config names. Pure.

What a webhook may bring about is one thing, "look at the repo now", and nothing it says is ever used; so all there is to know
is who sent it. Each forge has its own way of proving that, fixed by `provider`: headers are never guessed, and a proof that is
missing or empty is no proof. A request that is sent again costs nothing where the forge gives it a number (`Seen`), and one early
look at the repo where somebody has changed that number: neither GitHub's nor Gitea's signature covers it.

| provider | proof |
|---|---|
| github | `X-Hub-Signature-256: sha256=HEX`, HMAC-SHA-256 of the body (docs.github.com, "Validating webhook deliveries") |
| gitea, forgejo | `X-Gitea-Signature`, `X-Forgejo-Signature`: HEX, the same, of a JSON body (services/webhook/deliver.go) |
| gitlab | a signing token (`whsec_…`) signs number, time and body: `webhook-signature` (standardwebhooks.com, gitlab!230944); |
| | any other secret comes as it is: `X-Gitlab-Token` |
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from anchorwatch.model.service import Webhook

LARGEST = 1_000_000
"""Bytes of a body that is read."""
FRESH = 300.0
"""Seconds that a signed time may be off (standardwebhooks.com, and every forge's clock)."""
_SIGNING_TOKEN = "whsec_"  # noqa: S105 - what such a token begins with


class Forged(Exception):
    """The request does not prove that it comes from the forge. The text may be shown to whoever sent it."""


def delivery_of(webhook: Webhook, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """The number that the forge gave the delivery, None where it gives none. Raises `Forged`.

    `headers` have their names in small letters.
    """
    secret = webhook.secret.reveal()
    if not secret:
        raise Forged("no secret is set for the webhook")
    match webhook.provider:
        case "github":
            _check_hex(headers, "x-hub-signature-256", "sha256=", secret, body)
            return headers.get("x-github-delivery")
        case "gitea":
            _check_hex(headers, "x-gitea-signature", "", secret, body)
            return headers.get("x-gitea-delivery")
        case "forgejo":
            _check_hex(headers, "x-forgejo-signature", "", secret, body)
            return headers.get("x-forgejo-delivery") or headers.get("x-gitea-delivery")
        case "gitlab" if secret.startswith(_SIGNING_TOKEN):
            return _check_signed(headers, secret, body, now)
        case "gitlab":
            if not hmac.compare_digest(_given(headers, "x-gitlab-token").encode(), secret.encode()):
                raise Forged("X-Gitlab-Token is not the secret")
            return headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid")
        case other:
            raise Forged(f"{other} is no forge we know")


class Seen:
    """The deliveries that have come already, the newest `size` of them. For one thread."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._known: OrderedDict[str, None] = OrderedDict()

    def again(self, delivery: str | None) -> bool:
        """Whether this one has come before. It has from now on."""
        if delivery is None:
            return False
        key = delivery[:200]
        known = key in self._known
        self._known[key] = None
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return known


def _check_hex(headers: Mapping[str, str], name: str, prefix: str, secret: str, body: bytes) -> None:
    given = _given(headers, name)
    wanted = prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Forged(f"{_spelled(name)} does not fit the body and the secret")


def _check_signed(headers: Mapping[str, str], secret: str, body: bytes, now: datetime) -> str:
    identity, sent = _given(headers, "webhook-id"), _given(headers, "webhook-timestamp")
    signatures = _given(headers, "webhook-signature").split(" ")
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING_TOKEN), validate=True)
    except binascii.Error:
        raise Forged("the signing token of the config is none: whsec_ and base64") from None
    mac = hmac.new(key, f"{identity}.{sent}.".encode() + body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(mac).decode()}".encode()
    if not any(hmac.compare_digest(one.encode(), wanted) for one in signatures):
        raise Forged("webhook-signature does not fit the body and the signing token")
    if not sent.isascii() or not sent.isdigit() or len(sent) > 12 or abs(int(sent) - now.timestamp()) > FRESH:
        raise Forged("webhook-timestamp is more than five minutes off: is the clock right, here and at the forge?")
    return identity


def _given(headers: Mapping[str, str], name: str) -> str:
    given = headers.get(name, "")
    if not given:
        raise Forged(f"{_spelled(name)} is missing: has the webhook a secret?")
    return given


def _spelled(name: str) -> str:
    return name if name.startswith("webhook-") else "-".join(word.capitalize() for word in name.split("-"))
