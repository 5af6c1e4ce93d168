"""Single texts of a stack's files, written anew: what stands in for a use that Git does not tell, by the kind of its place.

The short syntaxes of ports and volumes are taken apart, since each of their pieces takes something else. Where nothing can stand
in, the place is marked.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.desired.inputs import Document
from anchorwatch.desired.interpolation import Use, split
from anchorwatch.desired.places import FIXED_VALUES, Kind, Place
from anchorwatch.desired.resolution import Mark, StandIn
from anchorwatch.desired.stand_ins import StandIns

if TYPE_CHECKING:
    import yaml

_IP = "10.201.{}.{}"
_ALONG_WITH = {
    "network_mode": ("networks", "depends_on"),
    "pid": ("depends_on",),
    "ipc": ("depends_on",),
    "links": ("depends_on",),
    "volumes_from": ("depends_on",),
}
"""What Compose derives from a key: without its network mode a service is on the default network, and so on."""


@dataclass(slots=True)
class Spelling:
    """How texts are written, in the document and the service that are being walked through."""

    stand_ins: StandIns
    real: bool
    """Whether values from outside stay, for Compose to interpolate."""
    document: Document = field(init=False)
    service: str | None = None

    def value(self, node: yaml.ScalarNode, kind: Kind, place: Place, shown: str, verdict: str, use: Use) -> str | None:
        """What to write for a text with uses that hang; None where it is left out."""
        scope = self.document.scope
        key = (self.document.path, id(node))
        whole = self._stand_in(verdict, use.name, node.value, scope)
        match kind:
            case Kind.NUMBER:
                return self.stand_ins.number(key, whole)
            case Kind.DURATION:
                return self.stand_ins.duration(key, whole)
            case Kind.IP:
                return self.stand_ins.address(key, whole, _IP)
            case Kind.IP6:
                return self.stand_ins.address(key, whole, "fd00::{:x}{:02x}")
            case Kind.SUBNET:
                return self.stand_ins.address(key, whole, "10.{}.{}.0/24")
            case Kind.MAC:
                return self.stand_ins.address(key, whole, "02:42:0a:c9:{:02x}:{:02x}")
            case Kind.BOOL | Kind.FIXED:
                if verdict == "unknown":
                    self.mark(shown, use.name)
                return "true" if kind is Kind.BOOL else FIXED_VALUES.get(place[-1], node.value)
            case Kind.PATH:
                return self._path(node.value, scope, key)
            case Kind.PORT:
                return self._port(node.value, scope, key, verdict, use)
            case Kind.VOLUME:
                return self._volume(node.value, scope, key, verdict, use)
        return self.text(node.value, scope, key, splits=kind is Kind.WORDS)

    def _stand_in(self, verdict: str, name: str, expression: str, scope: int, *, splits: bool = False) -> StandIn:
        outside = verdict == "outside"
        return StandIn(name, outside, expression if outside else "", scope, splits=splits)

    def word(
        self, key: tuple[object, ...], verdict: str, use: Use, scope: int, *, splits: bool = False, path: bool = False
    ) -> str:
        """A word that stands in for one use."""
        stand_in = self._stand_in(verdict, use.name, use.raw, scope, splits=splits)
        return self.stand_ins.word((*key, use.raw), stand_in, path=path)

    def text(
        self,
        text: str,
        scope: int,
        key: tuple[object, ...],
        *,
        splits: bool = False,
        known: Iterable[str] = (),
        path: bool = False,
    ) -> str:
        """The text with a word for each use that Git does not tell; with `path`, a path for one that begins the text."""
        made: list[str] = []
        for piece in split(text):
            if isinstance(piece, str):
                made.append(piece)
                continue
            verdict = self.stand_ins.judge(piece, scope, known)
            if verdict == "unknown" or (verdict == "outside" and not self.real):
                loose = splits and "".join(made).count('"') % 2 == 0 and "".join(made).count("'") % 2 == 0
                made.append(self.word((*key, len(made)), verdict, piece, scope, splits=loose, path=path and not made))
            elif piece.argument and verdict == "git" and self.stand_ins.argument(piece, scope):
                inner = self.text(piece.argument, scope, (*key, len(made)), splits=splits, known=known, path=path and not made)
                made.append(f"${{{piece.name}{piece.operator}{inner}}}")
            else:
                made.append(piece.raw)
        return "".join(made)

    def _path(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        first = next(iter(split(text)), "")
        if isinstance(first, Use) and first.name == "HOME" and not first.operator.endswith("+"):  # a login always sets it
            return "~" + self.text(text[len(first.raw) :], scope, key)
        hanging = self.hanging(text, scope)
        if hanging and _climbs_after_a_use(text):
            return self.whole_path(text, scope, key)  # Compose would clean the stand-in away
        return self.text(text, scope, key, path=True)

    def whole_path(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        """One path that stands in for a whole text."""
        verdict, use = self.hanging(text, scope)[0]
        return self.stand_ins.word((*key, "whole"), self._stand_in(verdict, use.name, text, scope), path=True)

    def source(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        """The source of a mount. A volume's name in which a use stands becomes a path: its own would have to be declared."""
        if not text.startswith(("$", ".", "/", "~")) and self.hanging(text, scope):
            return self.whole_path(text, scope, key)
        return self._path(text, scope, key)

    def _volume(self, text: str, scope: int, key: tuple[object, ...], verdict: str, use: Use) -> str | None:
        parts = _cut(text)
        if len(parts) == 1 or len(parts) > 3:
            self.left_out("volumes.*", verdict, use)
            return None
        source, target, *mode = parts
        source = self.source(source, scope, (*key, "source"))
        if mode and (open_mode := self.hanging(mode[0], scope)):
            known_target = "" if self.hanging(target, scope) else self.stand_ins.from_git(target, scope)
            self.left_out(f"volumes.{posixpath.normpath(known_target)}" if known_target else "volumes.*", *open_mode[0])
            mode = []
        return ":".join([source, self.text(target, scope, (*key, "target")), *mode])

    def _port(self, text: str, scope: int, key: tuple[object, ...], verdict: str, use: Use) -> str | None:
        mapping, slash, protocol = _cut_protocol(text)
        parts = _cut(mapping)
        if (
            len(parts) == 1
            or len(parts) > 3
            or any("-" in _literals(part) for part in parts[-2:])
            or self.hanging(protocol, scope)
        ):
            self.left_out("ports.*", verdict, use)
            return None
        made = []
        for index, part in enumerate(reversed(parts)):
            hanging = self.hanging(part, scope)
            if not hanging:
                made.append(part)
                continue
            stand_in = self._stand_in(hanging[0][0], hanging[0][1].name, part, scope)
            inner = (*key, index)
            if index < 2:
                made.append(self.stand_ins.number(inner, stand_in))
            else:
                made.append(self.stand_ins.address(inner, stand_in, _IP))
        return ":".join(reversed(made)) + slash + protocol

    def hanging(self, text: str, scope: int) -> list[tuple[str, Use]]:
        """The uses in a text that something has to stand in for."""
        return [pair for pair in self.stand_ins.hangs_on(text, scope) if pair[0] == "unknown" or not self.real]

    def left_out(self, path: str, verdict: str, use: Use) -> None:
        """A key was left out, because of that use."""
        if verdict == "unknown":
            self.mark(path, use.name)

    def mark(self, path: str, variable: str) -> None:
        """A key hangs on a variable without showing it."""
        for one in (path, *_ALONG_WITH.get(path, ())):
            mark = Mark(self.document.path, self.service, one, variable)
            if mark not in self.stand_ins.marks:
                self.stand_ins.marks.append(mark)


def _cut(text: str) -> list[str]:
    """The text cut at the colons that stand outside `${…}` and brackets."""
    parts = [""]
    depth = 0
    for piece in split(text):
        if isinstance(piece, Use):
            parts[-1] += piece.raw
            continue
        for letter in piece:
            depth += (letter == "[") - (letter == "]")
            if letter == ":" and not depth:
                parts.append("")
            else:
                parts[-1] += letter
    return parts


def _cut_protocol(text: str) -> tuple[str, str, str]:
    """A port mapping, the slash and the protocol; the last two are blank where none is given."""
    pieces = split(text)
    tail = ""
    while pieces:
        piece = pieces.pop()
        if isinstance(piece, str) and "/" in piece:
            head, slash, rest = piece.rpartition("/")
            return "".join(p if isinstance(p, str) else p.raw for p in pieces) + head, slash, rest + tail
        tail = (piece if isinstance(piece, str) else piece.raw) + tail
    return text, "", ""


def _climbs_after_a_use(text: str) -> bool:
    """Whether `..` stands behind a use."""
    pieces = split(text)
    first = next((number for number, piece in enumerate(pieces) if isinstance(piece, Use)), len(pieces))
    return any(isinstance(piece, str) and ".." in piece for piece in pieces[first:])


def _literals(text: str) -> str:
    return "".join(piece for piece in split(text) if isinstance(piece, str))
