"""Making a message fit a service: cut to its limit with the summary whole, and with no mention left in it that could ring. Pure.

Standard library only: the sending child loads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LOUD = "everyone|here|channel|all|room|group|team|online"
_MENTION = re.compile(rf"(?<=[@＠])(?=\S)(?:(?<![\w.\-][@＠])|(?={_LOUD}))|(?<=<)(?=\S)", re.IGNORECASE)
_NOTHING = "\u200b"
"""A blank of no width: what stands on both sides of it is read as before, and no service takes it for a name any more."""

_TAIL = 60
"""Bytes kept for the line that says how much was left out."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service takes, in bytes of UTF-8, which is never more than it counts in characters."""

    body: int = 32_768
    title: int = 250
    """0: it knows no titles."""
    together: bool = False
    """Whether title and body share the limit of the body."""


def disarmed(text: str) -> str:
    """`text` without mentions: `@everyone`, `@here`, `@name`, `<@id>`, `<!channel>`, and whatever else begins with `@` or `<`.

    It looks the same. Addresses (`admin@pi5`, `image@sha256:…`) stay as they are, unless what follows would ring for everybody.
    """
    return _MENTION.sub(_NOTHING, text)


def joined(pieces: Sequence[tuple[str, bool]]) -> str:
    """The texts with an empty line between them, or none where the second one is to stand right below the first."""
    return "".join(text if place == 0 else ("\n" if tight else "\n\n") + text for place, (text, tight) in enumerate(pieces))


def fit(title: str, heading: str, pieces: Sequence[tuple[str, int, bool]], limits: Limits) -> tuple[str, str]:
    """Title and body within the limits. `heading` is the title as the body shows it where it has to.

    `pieces` are texts, how many things each tells of, and whether they stand tight.

    Whole pieces are left out from the end on, and the number of things in them is said. Where the service knows no title, or not
    one as long as this, the body begins with it: it is whole unless the service takes less than it altogether. The body is empty
    only if there are no pieces and the service has a title.
    """
    shown = cut(title, limits.title) if limits.title > 0 else ""
    room = limits.body - (size(shown) + 2 if limits.together and shown else 0)
    lines = list(pieces)
    if shown != title:
        lines.insert(0, (heading if size(heading) <= room else title, 0, False))
    whole = joined([(text, tight) for text, _, tight in lines])
    if size(whole) <= room:
        return shown, whole
    return shown, _cut(lines, room)


def _cut(lines: Sequence[tuple[str, int, bool]], room: int) -> str:
    kept: list[tuple[str, bool]] = []
    for place, (text, _, tight) in enumerate(lines):
        left = sum(things for _, things, _ in lines[place + 1 :])
        enough = room - (_TAIL if left else 0)
        if size(joined([*kept, (text, tight)])) <= enough:
            kept.append((text, tight))
            continue
        left = sum(things for _, things, _ in lines[place:])
        if place == 0 or (place == 1 and not lines[0][1]):  # better the beginning of it than nothing at all
            start = joined([*kept, ("", tight)]) if kept else ""
            piece = cut(text, room - size(start) - (_TAIL if left > 1 else 0))
            if size(piece) > 20 or not kept:
                kept.append((piece, tight))
                left = sum(things for _, things, _ in lines[place + 1 :])
        said = f"… and {left:,} more" if left else "…"
        whole = joined([*kept, (said, False)])
        return whole if size(whole) <= room else cut(joined(kept), room)
    return joined(kept)


def cut(text: str, room: int) -> str:
    """`text` in at most `room` bytes, its end replaced by an ellipsis."""
    data = text.encode()
    if len(data) <= room:
        return text
    if room < 3:
        return data[: max(0, room)].decode(errors="ignore")
    return data[: room - 3].decode(errors="ignore") + "…"


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())
