"""Builds what tells people: whom, in which words, and by which way."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.model.messages import Bundle, Message
from anchorwatch.model.service import ServiceSettings
from anchorwatch.model.times import local_zone
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.render import render
from anchorwatch.notify.send import Sender
from anchorwatch.notify.telling import Telling
from anchorwatch.notify.words import Tongue

if TYPE_CHECKING:
    from anchorwatch.notify.templates import Templates
    from anchorwatch.store import Store

log = logging.getLogger(__name__)


def telling(settings: ServiceSettings, sender: Sender) -> Telling:
    """Whom to tell. A destination with a mistake in its URL is named in the log; the others work."""
    examined = sender.examine([one.url for one in settings.destinations])
    for destination, found in zip(settings.destinations, examined, strict=True):
        if found.problem is not None:
            log.error("the destination %s cannot be used: %s (%s)", destination.name, found.problem, found.hint)
    return Telling.of(settings, [one.recipients for one in examined])


def messenger(store: Store, settings: ServiceSettings, told: Telling, sender: Sender, done: Callable[[], None]) -> Dispatcher:
    """What sends to them. A template with a mistake is named in the log; the default takes its place."""
    tongue = Tongue(link=settings.base_url, zone=local_zone(os.environ))
    templates = _templates(settings.templates)

    def written(bundle: Bundle) -> Message:
        return render(bundle, tongue, templates)

    return Dispatcher(store, told, written, sender.send, done=done, stop_sending=sender.close)


def _templates(folder: str | None) -> Templates | None:
    if folder is None:
        return None
    from anchorwatch.notify import templates

    found, mistakes = templates.read(Path(folder))
    for mistake in mistakes:
        log.error("a template is not used: %s", mistake)
    return found
