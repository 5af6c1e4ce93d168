"""What Apprise knows of the service behind a URL: which format it shows well, what its limits are, who its recipients are.

For the sending child only: it loads Apprise.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from anchorwatch.notify import limits
from anchorwatch.notify.markdown import escape
from anchorwatch.notify.overheard import Ear, Watch, scrubbed

MAIL = frozenset(
    {"mailto", "mailtos", "azure", "o365", "brevo", "groundmail", "mailersend", "mailgun", "postmark", "resend"}
    | {"sendgrid", "sendpulse", "ses", "smtp2go", "sparkpost"}
)
"""Services that send mail: they get the HTML with the table."""

_WEBHOOKS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})

_JSON = frozenset({"json", "jsons"})

DATA = _WEBHOOKS | {"apprise", "apprises", "amqp", "amqps", "mqtt", "mqtts", "syslog", "rsyslog"}
"""Services behind which a program reads: plain text, and `fields` beside it where the service can carry them."""

TAKES_MARKDOWN = frozenset({"mmost", "mmosts"})
"""Services that read Markdown though Apprise calls it plain text."""

_SHORT = 320
"""Characters: what is not longer is an SMS or the like, where a coloured dot costs more than it says."""

_HINT = "see https://appriseit.com/services/ for how the URL of each service is written"


@dataclass(frozen=True, slots=True)
class Service:
    """What is behind a URL."""

    plugin: Any
    scheme: str
    """In small letters. Not the plugin's own `schema`, which some set to `https`."""
    asked: str | None
    """The format that the URL asks for."""

    @property
    def is_smtp(self) -> bool:
        """Whether mail goes to a mail server, by SMTP."""
        return self.scheme in {"mailto", "mailtos"}


def opened(url: str, recipient: str = "") -> Service | None:
    """The service behind a URL, for one `recipient` of it or for all. None where Apprise makes nothing of the URL."""
    from apprise import Apprise, AppriseAsset
    from apprise.plugins import url_to_dict

    _load(url.partition("://")[0].lower())
    asset = AppriseAsset(
        app_id="anchorwatch",
        app_desc="anchorwatch",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
    )
    parsed = url_to_dict(url, secure_logging=True)  # type: ignore[no-untyped-call] # Apprise's own
    if not parsed:
        return None
    asked = parsed.pop("format", None)
    asked = asked if asked in {"text", "markdown", "html"} else None
    parsed.update(redirect="no", retry="0", overflow="truncate")
    if recipient:
        parsed.update(targets=[recipient], cc=None, bcc=None)
    if "@" in parsed.get("from_addr", "") and "<" not in parsed["from_addr"]:
        parsed["from_addr"] = f"anchorwatch <{parsed['from_addr']}>"
    parsed.setdefault("rto", "20")
    parsed.setdefault("cto", "10")
    if asked:
        parsed["format"] = asked
    try:
        plugin = Apprise.instantiate(parsed, asset=asset, suppress_exceptions=False)
    except (TypeError, ValueError):  # AppriseImproperlyConfigured is a TypeError; what is wrong was logged by the plugin
        return None
    return None if plugin is None else Service(plugin, str(parsed["schema"]).lower(), asked)


def _load(scheme: str) -> None:
    """Loads the one plugin that has the scheme instead of all 175: 10 MB and a third of the time less.

    The files of plugins say their schemes in so many words; where not just one does, Apprise loads them all.
    """
    from apprise.manager_plugins import NotificationManager

    manager: Any = NotificationManager()  # type: ignore[no-untyped-call] # Apprise's own
    home, word = Path(manager.module_path), f'"{scheme}"'.encode()
    declared = re.compile(rb"protocol(?:: [^=\n]+)? = [(\[]?[^=)\]]*" + re.escape(word))
    names = set()
    for path in home.rglob("*.py"):
        text = path.read_bytes()
        if word in text and declared.search(text):
            names.add(path.relative_to(home).parts[0])
    try:
        (name,) = names
        with TemporaryDirectory() as folder:  # it loads what it finds the names of in a folder, from the package that it is told
            Path(folder, name).touch()
            manager.load_modules(path=folder, name=manager.module_name_prefix)
    except (ValueError, OSError):  # none, several, or nowhere to write
        manager.load_modules()


def form(service: Service) -> str:
    """`html`, `markdown` or `text`: the richest that the service shows well, unless the URL asks for another."""
    plugin = service.plugin
    if service.asked:
        return "markdown" if service.asked == "html" and service.scheme not in MAIL else service.asked
    if service.scheme in DATA:
        return "text"
    if service.scheme in MAIL:
        return "html" if plugin.resolve_format("html").value == "html" else "text"
    if service.scheme in TAKES_MARKDOWN or plugin.resolve_format("markdown").value == "markdown":
        return "markdown"
    return "text"


def dress(service: Service, message: Mapping[str, Any]) -> None:
    """Headers that mail is sorted and threaded by, and the fields beside the text for a webhook."""
    headers = getattr(service.plugin, "headers", None)
    if isinstance(headers, dict) and service.scheme in MAIL | _WEBHOOKS:
        headers.setdefault("X-Anchorwatch-Id", message["id"])
        if service.scheme in MAIL:
            roots = [f"<{root}@anchorwatch.invalid>" for root in message["threads"]]
            headers.setdefault("References", " ".join(roots))
            headers.setdefault("In-Reply-To", roots[-1])
            headers.setdefault("Auto-Submitted", "auto-generated")
    extras = getattr(service.plugin, "payload_extras", None)
    if isinstance(extras, dict):
        if service.scheme in _JSON:
            extras.setdefault("id", message["id"])
            extras.setdefault("anchorwatch", message["fields"])
        else:
            extras.setdefault("id", message["id"])
            extras.setdefault("severity", message["severity"])


def written(service: Service, style: str, message: Mapping[str, Any]) -> tuple[str, str]:
    """Title and body as this service gets them."""
    if style == "html":
        return message["title"], message["html"]
    plugin = service.plugin
    pieces = [(piece[style], piece["things"], piece["tight"]) for piece in message["pieces"]]
    pieces = pieces or [(paragraph, 0, False) for paragraph in message[style].split("\n\n")]
    title = message["title"]
    if service.scheme not in MAIL:
        pieces = [(limits.disarmed(text), things, tight) for text, things, tight in pieces]
        title = limits.disarmed(title)
    longest, together = int(plugin.body_maxlen), bool(plugin.overflow_amalgamate_title)
    mark = f"{message['mark']} " if service.scheme not in MAIL | DATA and longest > _SHORT else ""
    inside = style == "markdown" and together and not service.asked
    heading = f"{mark}**{escape(title)}**" if style == "markdown" else mark + title
    titled, body = limits.fit(
        mark + title,
        heading,
        pieces,
        limits.Limits(
            # what Apprise makes of Markdown for a service is longer than what it is made of
            body=longest * 17 // 20 if style == "markdown" else longest,
            title=0 if inside else int(plugin.title_maxlen),
            together=together,
        ),
    )
    return titled, body or title


def examined(url: str) -> dict[str, Any]:
    """What a URL says of itself: service and recipients, or what is wrong with it."""
    watch = Watch(lambda _: None)
    logger = logging.getLogger("apprise")
    ear = Ear(watch)
    logger.addHandler(ear)
    logger.propagate = False
    try:
        service = opened(url)
    except Exception as error:
        return {"problem": f"Apprise does not understand it: {type(error).__name__}", "hint": _HINT}
    finally:
        logger.removeHandler(ear)
    if service is None:
        return {"problem": problem(url, watch.warnings), "hint": _HINT}
    recipients: list[str] = []
    plugin = service.plugin
    if service.is_smtp:
        recipients = list(dict.fromkeys([*(address for _, address in plugin.targets), *sorted(plugin.cc), *sorted(plugin.bcc)]))
        if not recipients:
            return {"problem": "names nobody to send mail to", "hint": "add ?to=you@example.org"}
    return {"service": str(plugin.service_name), "recipients": recipients}


def problem(url: str, warnings: Sequence[str]) -> str:
    """Why a URL is none, without showing it."""
    import difflib

    from apprise.manager_plugins import NotificationManager

    scheme, colon, _ = url.partition("://")
    manager: Any = NotificationManager()  # type: ignore[no-untyped-call] # Apprise's own
    manager.load_modules()
    known = set(manager.schemas())
    if not colon or not re.fullmatch(r"[A-Za-z0-9+.\-]{1,30}", scheme):
        return "is no URL"
    if scheme.lower() not in known:
        near = difflib.get_close_matches(scheme.lower(), sorted(known), 1)
        return f"{scheme}:// is no service that Apprise knows" + (f"; did you mean {near[0]}?" if near else "")
    said = [each for each in warnings if not each.startswith("Could not load") and "already loaded" not in each]
    because = f": {scrubbed(said[-1], url)}" if said else ""
    return f"{scheme}:// is known, but this is not how its URLs are written{because}"
