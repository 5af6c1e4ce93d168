"""Bundles into messages: every form of one text, for whatever service it goes to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchorwatch.model.clean import encodable
from anchorwatch.model.drifts import Subject
from anchorwatch.model.findings import Severity
from anchorwatch.model.messages import Bundle, Item, Message, Piece
from anchorwatch.notify import hypertext, markdown, plain, webhook
from anchorwatch.notify.letter import Letter, Tone
from anchorwatch.notify.limits import joined
from anchorwatch.notify.words import Tongue, compose

if TYPE_CHECKING:
    from anchorwatch.notify.templates import Templates

_SEVERITIES = {
    Tone.GOOD: Severity.INFO,
    Tone.INFO: Severity.INFO,
    Tone.WARNING: Severity.WARNING,
    Tone.CRITICAL: Severity.CRITICAL,
}

_PLAIN_TONGUE = Tongue()

_THREADS = 12
"""So many drifts of one message are woven into threads: header lines have an end."""


def render(bundle: Bundle, tongue: Tongue = _PLAIN_TONGUE, templates: Templates | None = None) -> Message:
    """The message for a bundle. The same bundle gives the same message; names and values in it cannot make it fail."""
    letter = compose(bundle, tongue)
    if templates is not None:
        return templates.applied(_message(bundle, letter), letter)
    return _message(bundle, letter)


def _message(bundle: Bundle, letter: Letter) -> Message:
    pieces = tuple(
        Piece(encodable(plain.write(part)), encodable(markdown.write(part)), part.things, part.tight) for part in letter.parts()
    )
    return Message(
        id=bundle.id,
        title=letter.title,
        text=joined([(piece.text, piece.tight) for piece in pieces]),
        markdown=joined([(piece.markdown, piece.tight) for piece in pieces]),
        html=encodable(hypertext.write(letter)),
        severity=_SEVERITIES.get(letter.tone, Severity.INFO),
        resolved=letter.tone is Tone.GOOD,
        thread=" ".join(dict.fromkeys(_thread(item) for item in bundle.items[:_THREADS])) or bundle.occasion.value,
        fields=webhook.fields(bundle, letter),
        pieces=pieces,
    )


def _thread(item: Item) -> str:
    """An episode of a drift; a host, a stack, or the repo."""
    transition = item.transition
    if transition.subject is Subject.DRIFT:
        return f"drift-{transition.drift or (item.drift.id if item.drift else '')}-{transition.episode}"
    return "-".join(each for each in (transition.subject.value, transition.host, transition.stack) if each).replace(" ", "_")
