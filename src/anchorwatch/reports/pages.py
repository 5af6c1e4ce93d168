"""Small pieces of text gathered into larger ones, so that writing each does not cost a call of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ROOM = 32_768
"""Characters of a page, about."""


def pages(pieces: Iterable[str], room: int = ROOM) -> Iterator[str]:
    """The pieces one behind the other, cut between pieces; the first page is a short one, so that something is seen at once."""
    held: list[str] = []
    size, wanted = 0, min(room, 4096)
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= wanted:
            yield "".join(held)
            held, size, wanted = [], 0, room
    if held:
        yield "".join(held)
