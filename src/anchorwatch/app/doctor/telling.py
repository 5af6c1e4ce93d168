"""Whom to tell: is each destination's URL one, does a message arrive there, and can the templates be used?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.config.config import Config


def try_destinations(config: Config, environ: Mapping[str, str], *, send: bool) -> Iterator[Trial]:
    """Each destination; `send`: with a test message."""
    settings = config.service()
    if not settings.destinations:
        hint = "`notify: {destinations: […]}` in the config (docs/config.md)"
        yield Trial("destination", None, Outcome.LESS, "there is none: nobody is told", hint)
        return
    from anchorwatch.notify.send import Sender

    examined = Sender(environ=environ).examine([one.url for one in settings.destinations])
    usable = {}
    for one, found in zip(settings.destinations, examined, strict=True):
        if found.problem is not None:
            yield Trial("destination", one.name, Outcome.BAD, f"its URL {found.problem}", found.hint)
        elif send:
            usable[one.name] = found.service
        else:
            yield Trial("destination", one.name, Outcome.GOOD, f"{found.service}; its URL is well written, nothing was sent")
    if usable:
        yield from _sent(config, usable)
    yield from _templates(settings.templates)


def _sent(config: Config, services: Mapping[str, str | None]) -> Iterator[Trial]:
    """A test message to everybody behind these destinations."""
    from anchorwatch import clock
    from anchorwatch.app.notify import try_destinations as send

    for one in send(config.service(), list(services), clock.now()):
        to = f"{services[one.destination]}{f', {one.recipient}' if one.recipient else ''}"
        if one.arrived:
            yield Trial("destination", one.destination, Outcome.GOOD, f"{to}: the test message has arrived there")
        else:
            said = f"{to}: the test message did not arrive: {one.said or 'nothing was said'}"
            hint = "is the service up, and are the credentials in the URL right?"
            yield Trial("destination", one.destination, Outcome.BAD, said, hint)


def _templates(folder: str | None) -> Iterator[Trial]:
    if folder is None:
        return
    from anchorwatch.notify import templates

    _, mistakes = templates.read(Path(folder))
    for mistake in mistakes:
        hint = "docs/messages.md says what a template may use; until then the built-in words are used"
        yield Trial("templates", None, Outcome.BAD, str(mistake), hint)
