r"""Webhooks: who is believed, and what it costs to be lied to.

Signatures are from the forges' own documents, or made with

    printf %s BODY | openssl dgst -sha256 -hmac SECRET
    printf %s ID.TIME.BODY | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.model.health import Health
from anchorwatch.model.service import Webhook
from anchorwatch.model.values import Secret
from anchorwatch.web.hooks import LARGEST, Forged, Seen, delivery_of
from anchorwatch.web.site import site
from tests.web.asking import Answer, Site, served

NOW = datetime.fromtimestamp(1614265330, UTC)
SECRET = "fishing for secrets"
BODY = b'{"ref": "refs/heads/main", "after": "4f0c9f0e"}'
HEX = "9fb8169e89c1045fb81d05ffeb1301f295b9b6c6f65e5344d3b6e8639ff1cc7c"
"""Of BODY with SECRET, by openssl."""
EMPTY_SECRET_HEX = "fc7bad45d39bab6086aaa9d56b0cb1cc34d549a65679c40b7685317a2ea732fc"
"""Of BODY with an empty secret, by openssl."""

GITHUB = Webhook("github", Secret(SECRET))
GITEA = Webhook("gitea", Secret(SECRET))
FORGEJO = Webhook("forgejo", Secret(SECRET))
GITLAB = Webhook("gitlab", Secret(SECRET))

# the example of https://github.com/standard-webhooks/standard-webhooks, whose format GitLab's signing tokens have
SIGNED = Webhook("gitlab", Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
SIGNED_BODY = b'{"test": 2432232314}'
SIGNED_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_example_of_githubs_documentation() -> None:
    webhook = Webhook("github", Secret("It's a Secret to Everybody"))
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"x-hub-signature-256": signature, "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert delivery_of(webhook, headers, b"Hello, World!", NOW) == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.mark.parametrize(
    ("webhook", "headers", "delivery"),
    [
        (GITHUB, {"x-hub-signature-256": f"sha256={HEX}", "x-github-delivery": "1"}, "1"),
        (GITEA, {"x-gitea-signature": HEX, "x-gitea-delivery": "2"}, "2"),
        (FORGEJO, {"x-forgejo-signature": HEX, "x-forgejo-delivery": "3", "x-gitea-signature": "other"}, "3"),
        (GITLAB, {"x-gitlab-token": SECRET, "idempotency-key": "4", "x-gitlab-event-uuid": "5"}, "4"),
        (GITLAB, {"x-gitlab-token": SECRET, "x-gitlab-event-uuid": "5"}, "5"),
        (GITLAB, {"x-gitlab-token": SECRET}, None),
    ],
)
def test_believed(webhook: Webhook, headers: Mapping[str, str], delivery: str | None) -> None:
    assert delivery_of(webhook, headers, BODY, NOW) == delivery


def test_the_example_of_standard_webhooks() -> None:
    assert delivery_of(SIGNED, SIGNED_HEADERS, SIGNED_BODY, NOW) == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    rotated = {**SIGNED_HEADERS, "webhook-signature": "v1,AAAA v2,BBBB " + SIGNED_HEADERS["webhook-signature"]}
    assert delivery_of(SIGNED, rotated, SIGNED_BODY, NOW) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize(
    ("webhook", "headers"),
    [
        (GITHUB, {}),
        (GITHUB, {"x-hub-signature-256": ""}),
        (GITHUB, {"x-hub-signature-256": "sha256="}),
        (GITHUB, {"x-hub-signature-256": HEX}),
        (GITHUB, {"x-hub-signature-256": f"sha1={HEX}"}),
        (GITHUB, {"x-hub-signature-256": f"sha256={HEX[:-1]}d"}),
        (GITHUB, {"x-hub-signature-256": f"sha256={HEX}é"}),
        (GITHUB, {"x-hub-signature-256": f"sha256={EMPTY_SECRET_HEX}"}),
        (GITHUB, {"x-hub-signature": f"sha256={HEX}"}),
        (GITHUB, {"x-gitea-signature": HEX, "x-gitlab-token": SECRET}),
        (GITEA, {"x-gitea-signature": ""}),  # what Gitea sends where no secret is set
        (GITEA, {"x-gitea-signature": EMPTY_SECRET_HEX}),
        (GITEA, {"x-hub-signature-256": f"sha256={HEX}", "x-gitea-signature": ""}),
        (FORGEJO, {"x-gitea-signature": HEX}),
        (FORGEJO, {"x-forgejo-signature": f"sha256={HEX}"}),
        (GITLAB, {}),
        (GITLAB, {"x-gitlab-token": ""}),
        (GITLAB, {"x-gitlab-token": SECRET[:-1]}),
        (GITLAB, {"x-hub-signature-256": f"sha256={HEX}"}),
        (Webhook("github", Secret("")), {"x-hub-signature-256": f"sha256={EMPTY_SECRET_HEX}"}),
        (Webhook("gitlab", Secret("")), {"x-gitlab-token": ""}),
        (Webhook("bitbucket", Secret(SECRET)), {"x-hub-signature": f"sha256={HEX}"}),
    ],
)
def test_not_believed(webhook: Webhook, headers: Mapping[str, str]) -> None:
    with pytest.raises(Forged) as caught:
        delivery_of(webhook, headers, BODY, NOW)
    assert SECRET not in str(caught.value)
    assert HEX not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"webhook-id": ""},
        {"webhook-id": "msg_another"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "x"},
        # a token as it is proves nothing where a signing token is set: no falling back
        {"webhook-signature": "", "x-gitlab-token": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    ],
)
def test_a_signed_one_that_was_changed(changed: Mapping[str, str]) -> None:
    with pytest.raises(Forged):
        delivery_of(SIGNED, {**SIGNED_HEADERS, **changed}, SIGNED_BODY, NOW)


@pytest.mark.parametrize(("off", "believed"), [(-301, False), (-299, True), (299, True), (301, False), (10**9, False)])
def test_a_signed_one_is_good_for_five_minutes(off: int, believed: bool) -> None:
    now = NOW + timedelta(seconds=off)
    if believed:
        delivery_of(SIGNED, SIGNED_HEADERS, SIGNED_BODY, now)
    else:
        with pytest.raises(Forged, match="webhook-timestamp"):
            delivery_of(SIGNED, SIGNED_HEADERS, SIGNED_BODY, now)


def test_a_signing_token_that_is_none() -> None:
    with pytest.raises(Forged, match="signing token"):
        delivery_of(Webhook("gitlab", Secret("whsec_%%%")), SIGNED_HEADERS, SIGNED_BODY, NOW)


@given(st.binary(max_size=80), st.sampled_from([GITHUB, GITEA, FORGEJO]))
def test_no_other_body_passes(body: bytes, webhook: Webhook) -> None:
    headers = {"x-hub-signature-256": f"sha256={HEX}", "x-gitea-signature": HEX, "x-forgejo-signature": HEX}
    if body != BODY:
        with pytest.raises(Forged):
            delivery_of(webhook, headers, body, NOW)


def test_deliveries_are_remembered_but_not_for_ever() -> None:
    seen = Seen(size=3)
    assert [seen.again(one) for one in ("a", "b", "a", "c", "d", "a", "b")] == [False, False, True, False, False, True, False]
    assert [seen.again(None), seen.again(None)] == [False, False]


# -- over a socket ---------------------------------------------------------------------------------------------------------


@dataclass
class Forge:
    """Sends webhooks to a site, and sees how often it was told to look."""

    site: Site
    looks: list[str] = field(default_factory=list)

    def send(self, body: bytes = BODY, *, delivery: str = "1", **headers: str) -> Answer:
        given = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={HEX}", "X-GitHub-Delivery": delivery}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.ask("POST", "/hooks/git", body, given)


@contextmanager
def forge(webhook: Webhook = GITHUB) -> Iterator[Forge]:
    looks: list[str] = []
    app = site(lambda: Health(NOW), now=lambda: NOW, webhook=webhook, nudge=lambda: looks.append(threading.current_thread().name))
    with served(app) as found:
        yield Forge(found, looks)


def test_one_that_is_believed_makes_us_look_once_however_often_it_comes() -> None:
    with forge() as one:
        assert [one.send().status for _ in range(5)] == [202] * 5
        assert one.looks == ["web"]
        assert one.send(delivery="2", Content_Type="application/json; charset=utf-8").status == 202
        assert one.looks == ["web"] * 2


def test_a_flood_of_forged_ones_does_nothing() -> None:
    with forge() as one:
        for number in range(200):
            answer = one.send(delivery=str(number), X_Hub_Signature_256=f"sha256={number:064x}")
            assert answer.status == 401
            assert "does not fit" in answer.json["error"]
        assert one.looks == []
        assert one.send().status == 202


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"X_Hub_Signature_256": ""}, BODY, 401),
        ({}, BODY + b" ", 401),
        ({}, b"", 401),
        ({}, b"x" * LARGEST, 401),
        ({}, b"x" * (LARGEST + 1), 413),
        ({"Content_Type": "application/x-www-form-urlencoded"}, b"payload=%7B%7D", 415),
        ({"Content_Type": ""}, BODY, 415),
    ],
)
def test_refused(headers: Mapping[str, str], body: bytes, status: int) -> None:
    with forge() as one:
        answer = one.send(body, **headers)
        assert (answer.status, one.looks) == (status, [])
        assert SECRET not in answer.body.decode()


def test_only_post() -> None:
    with forge() as one:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert one.site.ask(method, "/hooks/git").status == 405


def test_gitlabs_signed_one_over_the_wire() -> None:
    with forge(SIGNED) as one:
        headers = {**SIGNED_HEADERS, "Content-Type": "application/json"}
        assert [one.site.ask("POST", "/hooks/git", SIGNED_BODY, headers).status for _ in range(2)] == [202, 202]
        assert one.looks == ["web"]
