"""What was seen and heard while a message was sent, and what that says of it. For the sending child only.

It listens at the doors of the libraries rather than guessing from log texts: `requests.Session` for what HTTP services answer,
the interpreter's audit events for whether anything was handed over, and Apprise's log for SMTP, which says its codes only there.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import requests

_CODE = re.compile(r"(?<![\w.])\(?([245]\d\d),? b(['\"])(.*?)\2", re.DOTALL)
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
_LATER = frozenset({408, 425, 429})
_LONGEST_WAIT = 86_400.0
_HARMLESS = frozenset({"true", "false", "insecure", "starttls", "text", "html", "markdown"})


@dataclass(slots=True)
class Watch:
    """What was seen on the way."""

    announce: Callable[[str], None]
    """Is told each stage once: `dialled`, `connected`, `handed`."""
    stages: set[str] = field(default_factory=set)
    status: int | None = None
    """Of the last answer over HTTP."""
    answer: str = ""
    retry_after: float | None = None
    trouble: str | None = None
    """What became of the last request that got no answer."""
    redirect: str | None = None
    smtp: tuple[int, str] | None = None
    """The last reply of a mail server that was no yes."""
    warnings: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    """Whom it spoke with: these names may be shown, whatever else of the URL may not."""

    def reach(self, stage: str) -> None:
        """It has come so far."""
        if stage not in self.stages:
            self.stages.add(stage)
            self.announce(stage)

    @property
    def handed(self) -> bool:
        """Whether the message, or something like it, has left."""
        return "handed" in self.stages


def listen(watch: Watch) -> None:
    """From now on `watch` knows what is asked and answered."""
    import requests

    class Listening(requests.Session):
        """A session that follows no redirect of anything but a question, and says what was answered."""

        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            if request.method not in {"GET", "HEAD"}:
                kwargs["allow_redirects"] = False  # it would become a GET, without the message, and look well
            watch.hosts.add(urlsplit(request.url or "").hostname or "")
            watch.status, watch.trouble, watch.redirect = None, None, None
            try:
                response = super().send(request, **kwargs)
            except requests.RequestException as error:
                watch.trouble = _trouble(error, request.url or "", handed=watch.handed)
                raise
            watch.status, watch.answer = response.status_code, _answer(response)
            watch.retry_after = _retry_after(response)
            if response.is_redirect:
                watch.redirect = response.headers.get("Location", "")
            return response

    requests.sessions.Session = requests.Session = Listening  # type: ignore[misc] # what `requests.post` and plugins make sessions of
    sys.addaudithook(_hook(watch))
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Ear(watch))
    logger.propagate = False


def _hook(watch: Watch) -> Any:
    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        match event:
            case "http.client.send" if isinstance(arguments[1], bytes):
                if not arguments[1].startswith((b"GET ", b"HEAD ")):
                    watch.reach("handed")
            case "smtplib.send":
                data = arguments[1] if isinstance(arguments[1], bytes) else str(arguments[1]).encode()
                if data.endswith(b"\r\n.\r\n"):
                    watch.reach("handed")
            case "http.client.connect" | "smtplib.connect":
                watch.hosts.add(str(arguments[1]))
                watch.reach("connected")
            case "socket.connect":
                watch.reach("dialled")
            case _:
                pass

    return hear


class Ear(logging.Handler):
    """Hears what Apprise says."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self.watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps what says something of the outcome."""
        text = record.getMessage()
        if text.startswith(("Socket Exception", "SMTP recipient")):
            found = _CODE.search(text)
            if found is not None:
                self.watch.smtp = (int(found[1]), found[3])
            elif text.startswith("Socket Exception: ") and self.watch.status is None:
                self.watch.trouble = self.watch.trouble or _NUMBER.sub("", text.removeprefix("Socket Exception: "))
        elif record.levelno >= logging.WARNING:
            self.watch.warnings.append(text)


def verdict(watch: Watch, *, mail: bool) -> tuple[str, str]:
    """What became of a message that Apprise says was not sent: an `Arrival`, and why."""
    warning = watch.warnings[-1] if watch.warnings else "the service did not take it, and did not say why"
    if watch.smtp is not None and mail:
        code, text = watch.smtp
        return ("refused" if code >= 500 else "failed"), f"SMTP {code}: {text}"
    if watch.status is not None:
        said = f"HTTP {watch.status}" + (f": {watch.answer}" if watch.answer else "")
        if watch.redirect is not None:
            why = "it is not followed, because the message would be lost on the way"
            return "failed", f"HTTP {watch.status}: a redirect to {watch.redirect}; {why}"
        if watch.status in _LATER or watch.status >= 500 or "ratelimited" in watch.answer:
            return "failed", said
        return ("refused" if watch.status >= 400 or watch.answer else "failed"), said
    said = watch.trouble or warning
    if mail and watch.hosts:
        said = f"{', '.join(sorted(watch.hosts))}: {said}"
    return ("doubtful" if watch.handed else "failed"), said


def _trouble(error: Exception, url: str, *, handed: bool) -> str:
    """What is wrong with a connection, without the address, in which a token may stand."""
    import requests

    where = urlsplit(url).netloc.rpartition("@")[2]
    innermost = _innermost(error)
    match error:
        case requests.exceptions.ProxyError():
            return f"the proxy does not let us through to {where}"
        case requests.exceptions.SSLError():
            return f"TLS with {where} does not work: {innermost}"
        case requests.exceptions.ConnectTimeout():
            return f"{where} cannot be reached: no answer within the time for connecting"
        case requests.exceptions.ReadTimeout():
            return f"{where} took the message and did not answer in time"
        case requests.exceptions.ConnectionError() if handed:
            return f"{where} took the message, and the connection broke before it answered"
        case requests.exceptions.ConnectionError():
            return f"{where} cannot be reached: {innermost}"
        case _:
            return f"the request to {where} failed: {type(error).__name__}"


def _innermost(error: BaseException) -> str:
    """What lies at the bottom of what requests and urllib3 wrap: the words of the system, else the name of the error."""
    below: BaseException | None = error
    while below is not None:
        error = below
        wrapped = (getattr(error, "reason", None), *error.args, error.__cause__)
        below = next((each for each in wrapped if isinstance(each, BaseException)), None)
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _answer(response: requests.Response) -> str:
    """What the service says of a message that it did not take: the text of its JSON, or the beginning of its plain text."""
    said: Any = None
    with suppress(ValueError):
        said = response.json()
    if isinstance(said, dict):
        if response.ok and said.get("ok") is not False:
            return ""
        words = (said.get(key) for key in ("message", "error", "errorDescription", "description", "detail", "errors"))
        return next((str(word)[:300] for word in words if isinstance(word, str) and word), "")
    return "" if response.ok or "html" in response.headers.get("Content-Type", "") else response.text[:200].strip()


def _retry_after(response: requests.Response) -> float | None:
    from email.utils import parsedate_to_datetime

    said: Any = response.headers.get("Retry-After")
    if said is None and response.status_code == 429:
        with suppress(ValueError, AttributeError, TypeError):
            told = response.json()
            said = told.get("retry_after") or told.get("parameters", {}).get("retry_after")
    if said is None:
        return None
    with suppress(ValueError):
        return min(max(0.0, float(said)), _LONGEST_WAIT)
    with suppress(ValueError, TypeError):
        import time

        return min(max(0.0, parsedate_to_datetime(str(said)).timestamp() - time.time()), _LONGEST_WAIT)
    return None


def scrubbed(text: str, url: str, shown: Collection[str] = ()) -> str:
    """`text` without any piece of the URL that may be a secret: all but the names in `shown`, and those of its parameters."""
    parts = urlsplit(url)
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    harmless = {name.lower() for name in shown} | _HARMLESS
    pieces: set[str] = set()
    for chunk in re.split(r"[/,;#]", ",".join((parts.netloc.rpartition("@")[0], parts.path, *values, parts.fragment))):
        plain = unquote(chunk)
        if plain.lower() not in harmless:
            pieces |= {chunk, plain, *re.split(r"[@:]", plain)}
    place = parts.netloc.rpartition("@")[2]
    if place.partition(":")[0].lower() not in harmless:  # for some services a token stands where a host would
        pieces |= {place, *place.split(":")}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= 4 and piece.lower() not in harmless:
            text = text.replace(piece, "••••")
    return text[:400]
