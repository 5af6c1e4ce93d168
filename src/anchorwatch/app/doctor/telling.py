"""Whom to tell: is each destination's URL one, and does a message arrive there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from anchorwatch.model.trial import Outcome, Trial

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.model.service import Destination
    from anchorwatch.notify.send import Sender


def try_destinations(config: Config, environ: Mapping[str, str], *, send: bool) -> Iterator[Trial]:
    """Each destination; `send`: with a test message."""
    destinations = config.service().destinations
    if not destinations:
        hint = "`notify: {destinations: […]}` in the config (docs/config.md)"
        yield Trial("destination", None, Outcome.LESS, "there is none: nobody is told", hint)
        return
    from anchorwatch.notify.send import Sender

    sender = Sender(environ=environ)
    for one, examined in zip(destinations, sender.examine([one.url for one in destinations]), strict=True):
        if examined.problem is not None:
            yield Trial("destination", one.name, Outcome.BAD, f"its URL {examined.problem}", examined.hint)
        elif not send:
            yield Trial("destination", one.name, Outcome.GOOD, f"{examined.service}; its URL is well written, nothing was sent")
        else:
            yield from _sent(sender, one, f"{examined.service}")


def _sent(sender: Sender, destination: Destination, service: str) -> Iterator[Trial]:
    """A test message to everybody behind a destination."""
    from anchorwatch import clock
    from anchorwatch.model.messages import Arrival, Bundle, Occasion
    from anchorwatch.notify.render import render

    at = clock.now()
    for recipient, url in sender.recipients(destination.url):
        identity = f"doctor-{at:%Y%m%dT%H%M%S.%fZ}"
        outcome = sender.send(url, render(Bundle(identity, destination.name, recipient, Occasion.TEST, at, ())))
        to = f"{service}{f', {recipient}' if recipient else ''}"
        if outcome.arrival is Arrival.ARRIVED:
            yield Trial("destination", destination.name, Outcome.GOOD, f"{to}: the test message has arrived there")
        else:
            said = f"{to}: the test message did not arrive ({outcome.arrival}): {outcome.said or 'nothing was said'}"
            hint = "is the service up, and are the credentials in the URL right?"
            yield Trial("destination", destination.name, Outcome.BAD, said, hint)
