"""Sending one message to one recipient, in a process of its own that can be ended (see `child`).

A send blocks its thread for `deadline` seconds at most, and says what became of the message as well as that can be known.
Credentials reach the child through a pipe: never its arguments, its environment or a log. The child gets of our environment only
what it needs to find the network.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from anchorwatch.model.clean import clean
from anchorwatch.model.messages import Arrival, Message, Outcome
from anchorwatch.model.secrecy import redact
from anchorwatch.model.values import Secret
from anchorwatch.notify.letter import TONES, Tone
from anchorwatch.notify.markdown import MARKS

_PASSED_ON = frozenset(
    {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    | {name for each in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (each, each.upper())}
)
_START = 15.0
"""Seconds that a slow machine may need to start the child, whose own clock ends it."""

_ENDED = "the process that sends ended at once"


@dataclass(frozen=True, slots=True)
class Examined:
    """What a destination's URL says of itself."""

    service: str | None = None
    """`Discord`, `E-Mail`…"""
    recipients: tuple[str, ...] = ("",)
    """The addresses of a mail, who get a message of their own each; a single empty one for everything else."""
    problem: str | None = None
    """What is wrong with it, without credentials."""
    hint: str | None = None


class Sender:
    """Hands messages to services. Any number of threads may send at the same time."""

    def __init__(self, deadline: float = 45.0, environ: Mapping[str, str] | None = None) -> None:
        self._deadline = deadline
        self._environ = {
            name: value for name, value in (os.environ if environ is None else environ).items() if name in _PASSED_ON
        }
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._examined: dict[Secret, Examined] = {}

    def send(self, url: Secret, message: Message, recipient: str = "") -> Outcome:
        """Sends `message`, and says what became of it within `deadline` seconds. Never raises for what a service does.

        `recipient` is one of those of `url` (see `examine`); empty: all of them.
        """
        said, stages = self._ask({"url": url.reveal(), "recipient": recipient, "message": _order(message)})
        if said is None:
            if "handed" in stages or (stages and "connected" not in stages):  # the latter: a way that we do not see into
                return Outcome(Arrival.DOUBTFUL, "handed over, and no answer came in time")
            return Outcome(
                Arrival.FAILED, "could not be handed over in time" if stages else "the process that sends ended at once"
            )
        words = said.get("said")
        return Outcome(Arrival(said["arrival"]), None if words is None else clean(redact(str(words))), said.get("retry_after"))

    def examine(self, urls: Sequence[Secret]) -> tuple[Examined, ...]:
        """What each URL is. Sends nothing, and needs no network. Asked again, it answers from memory."""
        new = [url for url in dict.fromkeys(urls) if url not in self._examined]
        if new:
            said, _ = self._ask({"urls": [url.reveal() for url in new]})
            if said is None:
                return tuple(Examined(problem=_ENDED) for _ in urls)
            self._examined.update({url: _examined(each) for url, each in zip(new, said["examined"], strict=True)})
        return tuple(self._examined[url] for url in urls)

    def close(self) -> None:
        """Ends everything that is being sent, and sends nothing more."""
        with self._lock:
            self._closed = True
            children = tuple(self._children)
        for child in children:
            _end(child)

    def _ask(self, order: dict[str, Any]) -> tuple[dict[str, Any] | None, frozenset[str]]:
        """What the child said at last (None: nothing), and how far it came."""
        limit = self._deadline + _START
        with self._lock:
            if self._closed:
                return None, frozenset()
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "anchorwatch.notify.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                cwd="/",
                start_new_session=True,
            )
            self._children.add(child)
        try:
            data = json.dumps({**order, "deadline": self._deadline}).encode()
            try:
                out, _ = child.communicate(data, timeout=limit)
            except subprocess.TimeoutExpired:
                _end(child)
                out, _ = child.communicate()
        finally:
            _end(child)
            with self._lock:
                self._children.discard(child)
        return _heard(out)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kills the child and whatever it started, unless it has been waited for: its number may be another's by then."""
    if child.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _heard(out: bytes) -> tuple[dict[str, Any] | None, frozenset[str]]:
    stages, said = set(), None
    for line in out.splitlines():
        with suppress(ValueError):
            each = json.loads(line)
            if "stage" in each:
                stages.add(each["stage"])
            else:
                said = each
    return said, frozenset(stages)


def _order(message: Message) -> dict[str, Any]:
    tone = Tone.GOOD if message.resolved else TONES[message.severity]
    return {
        "id": message.id,
        "title": message.title,
        "text": message.text,
        "markdown": message.markdown,
        "html": message.html,
        "severity": str(message.severity),
        "resolved": message.resolved,
        "mark": MARKS[tone],
        "threads": [hashlib.sha256(thread.encode()).hexdigest()[:24] for thread in message.thread.split()],
        "fields": dict(message.fields),
        "pieces": [asdict(piece) for piece in message.pieces],
    }


def _examined(said: Mapping[str, Any]) -> Examined:
    if said.get("problem"):
        return Examined(problem=clean(redact(str(said["problem"]))), hint=said.get("hint"))
    return Examined(said["service"], tuple(said.get("recipients") or [""]))
