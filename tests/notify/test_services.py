"""What the chats get that are at a fixed address: their real plugins, led to an endpoint on loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC
from typing import Any

import pytest

from anchorwatch.model.findings import Finding
from anchorwatch.model.messages import Bundle
from anchorwatch.notify import child, send
from anchorwatch.notify.overheard import Watch
from anchorwatch.notify.render import render
from anchorwatch.notify.samples import bundles
from anchorwatch.notify.words import Tongue
from tests.notify.endpoints import Request, Web, web
from tests.notify.test_limits import MENTIONS

TOKEN = "abcdefghijklmnopqrstuvwxyz"
CHATS = {
    "discord": (f"discord://1234567890/{TOKEN}", "content", 2000),
    "discord card": (f"discord://1234567890/{TOKEN}?format=markdown", "description", 2000),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "text", 35_000),
    "telegram": (f"tgram://123456789:{TOKEN}_{TOKEN}/12315544", "text", 4096),
}
"""A URL, the field with the text, and the service's own limit for it."""


@pytest.fixture(scope="module")
def there() -> Iterator[Web]:
    with web() as running:
        yield running


@pytest.fixture
def led_here(there: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The plugins' fixed addresses lead to `there`."""
    from apprise import manager_plugins

    plugins: Any = manager_plugins.NotificationManager
    with warnings.catch_warnings():  # of modules that plugins import, which is Apprise's own affair
        warnings.simplefilter("ignore", DeprecationWarning)
        plugins().load_modules()
    for scheme, name, place in (
        ("discord", "notify_url", "ok"),
        ("slack", "webhook_url", "slack"),
        ("tgram", "notify_url", "ok/"),
    ):
        monkeypatch.setattr(plugins()[scheme], name, f"http://127.0.0.1:{there.port}/{place}")
    there.requests.clear()
    return there


def delivered(url: str, bundle: Bundle, there: Web) -> Request:
    """The one request that a bundle comes to."""
    order: dict[str, Any] = send._order(render(bundle, Tongue(zone=UTC)))
    came = child.deliver(url, "", order, Watch(lambda stage: None))
    assert came["arrival"] == "arrived"
    (request,) = there.requests
    return request


def texts(document: Any) -> Iterator[str]:
    """Every text in a JSON document, with its name before it."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from ((f"{name}={value}",) if isinstance(value, str) else texts(value))
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)


@pytest.mark.parametrize("chat", CHATS)
def test_thirty_drifts_are_one_message_within_the_limit_and_the_summary_is_whole(chat: str, led_here: Web) -> None:
    url, name, limit = CHATS[chat]

    request = delivered(url, bundles()["thirty at once"], led_here)

    shown = {text.partition("=")[0]: text.partition("=")[2] for text in texts(request.json)}
    assert len(shown[name]) <= limit
    assert any("proxmox: 30 drifts (1 critical) in 3 stacks" in text for text in shown.values())
    assert "service-1" in shown[name]


HOSTILE = [
    "@everyone",
    "x@here",
    "<@123456>",
    "<!channel>",
    "<https://evil.example|click>",
    "**bold**",
    "[click](https://evil.example)",
]


@pytest.mark.parametrize("chat", CHATS)
def test_nothing_in_a_name_rings_or_becomes_a_link(chat: str, led_here: Web) -> None:
    bundle = bundles()["several places"]
    items = [
        replace(item, drift=replace(item.drift, finding=_called(item.drift.finding, name)))
        for name in HOSTILE
        for item in bundle.items[:1]
        if item.drift is not None
    ]

    request = delivered(CHATS[chat][0], replace(bundle, items=tuple(items)), led_here)

    whole = "\n".join(texts(request.json))
    assert "click" in whole
    for service, mention in MENTIONS.items():
        assert not mention.search(whole), service
    assert not re.search(r"<https://evil\.example\|", whole)  # a link of Slack
    if chat != "slack":  # which does not read such links
        assert not re.search(r"(?<!\\)\[click\]\(", whole)


def _called(finding: Finding, name: str) -> Finding:
    return replace(
        finding, service=name, container=name, message=f"{name} does not run: exited (137)", host=name[:12], stack=None
    )


def test_one_plugin_is_loaded_and_not_the_others() -> None:
    """In a process of its own, because they stay loaded."""
    asked = (
        "import sys; from anchorwatch.notify.services import opened\n"
        "for url in sys.argv[1:]:\n"
        "    plugin = opened(url).plugin\n"
        "    loaded = [name for name in sys.modules if name.startswith('apprise.plugins.') and name.count('.') == 2]\n"
        "    print(type(plugin).__name__, len(loaded))"
    )
    urls = ("json://localhost/x", "mailto://u:p@example.org", "https://discord.com/api/webhooks/1234567890/" + TOKEN)
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", asked, *urls], capture_output=True, text=True, check=True).stdout
    (json, few), (mail, more), (discord, all_of_them) = (line.split() for line in said.splitlines())

    assert (json, mail, discord) == ("NotifyJSON", "NotifyEmail", "NotifyDiscord")
    assert int(few) < int(more) < 10
    assert int(all_of_them) > 100  # an address of the service itself says no scheme: all are asked


def test_a_piece_is_plain_json() -> None:
    for piece in render(bundles()["a drift"]).pieces:
        assert set(asdict(piece)) == {"text", "markdown", "things", "tight"}
