"""The process that hands one message to one service, through Apprise: `python -I -m anchorwatch.notify.child`.

Why a process: a server that drips its answer holds a thread for ever, and a thread cannot be ended; Apprise with its plugins is
35 to 45 MB that the service is not to carry; and what it holds of credentials is gone with it.

It reads one order from standard input (JSON, so that no secret stands in arguments or environment), and writes lines of JSON: how
far it has come (`stage`), and at last what came of it. It never outlives the order's deadline, whatever becomes of its parent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from anchorwatch.notify.overheard import Watch, listen, scrubbed, verdict
from anchorwatch.notify.services import TAKES_MARKDOWN, Service, dress, examined, form, opened, problem, written

_UNREADABLE = frozenset({400, 413, 415, 422})
_ADDRESS_SPACE = 2**30


def main() -> None:
    """Does what standard input asks for."""
    _harden()
    order = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, float(order["deadline"]))  # nobody catches it: the process is gone then
    if "urls" in order:
        _say({"examined": [examined(url) for url in order["urls"]]})
        return
    watch = Watch(lambda stage: _say({"stage": stage}))
    listen(watch)
    try:
        _say(deliver(order["url"], order["recipient"], order["message"], watch))
    except Exception as error:
        # a plugin that fails in a way of its own: said without its text, which may hold anything
        arrival = "doubtful" if watch.handed else "failed"
        _say({"arrival": arrival, "said": f"Apprise failed: {type(error).__name__}"})


_OUT = 1


def _harden() -> None:
    import resource

    global _OUT  # noqa: PLW0603 - the one way out, moved where no plugin prints by accident
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    _OUT = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _say(said: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):
        os.write(_OUT, json.dumps(said).encode() + b"\n")


def deliver(url: str, recipient: str, message: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Hands the message over, and says what came of it: the JSON of an `Outcome`."""
    service = opened(url, recipient)
    if service is None:
        return {"arrival": "refused", "said": problem(url, watch.warnings)}
    style = form(service)
    dress(service, message)
    outcome = _attempt(service, style, message, watch, url)
    if style == "markdown" and watch.status in _UNREADABLE and outcome["arrival"] == "refused":
        # it was not taken, so this is no repeat; some services refuse what they cannot read as Markdown
        outcome = _attempt(service, "text", message, watch, url)
    return outcome


def _attempt(service: Service, style: str, message: Mapping[str, Any], watch: Watch, url: str) -> dict[str, Any]:
    from apprise import NotifyType, OverflowMode

    kinds = {"info": NotifyType.INFO, "warning": NotifyType.WARNING, "critical": NotifyType.FAILURE}
    kind = NotifyType.SUCCESS if message["resolved"] else kinds[message["severity"]]
    title, body = written(service, style, message)
    source = "text" if style == "markdown" and service.scheme in TAKES_MARKDOWN else style
    overflow = OverflowMode.UPSTREAM if style == "html" else OverflowMode.TRUNCATE
    well = service.plugin.notify(body=body, title=title, notify_type=kind, body_format=source, overflow=overflow)
    return _outcome(bool(well), service, watch, url)


def _outcome(well: bool, service: Service, watch: Watch, url: str) -> dict[str, Any]:
    said: str | None = None
    arrival = "arrived"
    if not well:
        arrival, said = verdict(watch, mail=service.is_smtp)
    shown = watch.hosts | {address for _, address in service.plugin.targets} if service.is_smtp else watch.hosts
    return {
        "arrival": arrival,
        "said": None if said is None else scrubbed(said, url, shown),
        "retry_after": watch.retry_after if arrival == "failed" else None,
    }


if __name__ == "__main__":
    main()
