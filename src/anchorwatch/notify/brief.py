"""The short and plain message that is tried once where a service refuses the whole one: something in it is too much for it."""

from __future__ import annotations

import re

from anchorwatch.model.messages import Bundle, Message
from anchorwatch.notify.route import is_bad, severity

_ODD = re.compile(r"[^A-Za-z0-9 ./:_-]")
_LONGEST = 80


def brief(bundle: Bundle) -> Message:
    """One line of plain letters: how much there is to tell, and where to look."""
    number = len(bundle.items) + bundle.left_out
    places = sorted({item.transition.host or "the repo" for item in bundle.items})
    where = _ODD.sub("?", ", ".join(places[:3]))[:_LONGEST]
    things = "one thing" if number == 1 else f"{number} things"
    title = f"anchorwatch: {things} to tell of {where}"
    bad = [severity(item.transition) for item in bundle.items if is_bad(item.transition)]
    text = f"{title}. The whole message was refused; anchorwatch history has it."
    return Message(
        id=bundle.id,
        title=title,
        text=text,
        markdown=text,
        html=f"<p>{text}</p>",
        severity=max(bad, default=severity(bundle.items[0].transition)),
        resolved=not bad,
        thread=bundle.id,
        fields={"id": bundle.id, "text": text},
    )
