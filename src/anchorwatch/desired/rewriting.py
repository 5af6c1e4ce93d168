"""The files of a stack written anew for Compose, with stand-ins where Git does not tell a value.

Written anew as a whole, from what our own reader saw: Compose reads nothing that was not looked at. Places decide what may stand
in (`places`); the short syntaxes of ports and volumes are taken apart, since each of their pieces takes something else.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.desired.inputs import Document, EnvFile, pairs
from anchorwatch.desired.interpolation import Use, split
from anchorwatch.desired.places import FIXED_VALUES, ITEM, Kind, Place, kind_at
from anchorwatch.desired.resolution import Mark, StandIn
from anchorwatch.desired.stand_ins import StandIns, masked, scalars_below, statements

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
_ELEMENTS = (("ports",), ("volumes",), ("secrets",), ("configs",))


@dataclass(slots=True)
class Rewriting:
    """The files of a stack as they are handed to Compose.

    With `real` the values from outside stay, and Compose interpolates them. `spared` are keys, (service, key), that are left
    out if they hang on an unknown value; with `sparing` all are, image, environment and labels excepted. That is for files which
    Compose does not accept otherwise.
    """

    stand_ins: StandIns
    root: str
    """Where the repo's folder lies in the export."""
    real: bool = False
    sparing: bool = False
    spared: frozenset[tuple[str, str]] = frozenset()
    _document: Document = field(init=False)
    _built: dict[int, yaml.Node] = field(default_factory=dict)
    _service: str | None = None
    _mounts: dict[int, yaml.MappingNode] = field(default_factory=dict)
    """Kept, since what is built is known by `id`."""

    def compose_file(self, document: Document) -> str:
        """One Compose file, written anew."""
        import yaml

        self._document = document
        self._built = {}
        tops = [self._top(node) for node in document.nodes]
        text: str = yaml.serialize_all(tops, Dumper=yaml.CSafeDumper, width=10**9, allow_unicode=True, explicit_start=True)
        return text

    def env_file(self, file: EnvFile) -> str:
        """One env file or label file."""
        stand_ins = self.stand_ins
        if file.origin == "missing":
            return f"{stand_ins.letters}e{list(stand_ins.inputs.env_files).index(file.path)}e=1\n"
        if file.origin == "outside" and self.real:
            return file.text
        if file.origin in ("outside", "encrypted"):
            lines = []
            for statement in statements(file.text):
                if statement.name.startswith("sops_"):
                    continue
                why = "" if file.origin == "outside" else f"{statement.name} {file.because}"
                stand_in = StandIn(statement.name, file.origin == "outside", source=file.path, because=why)
                lines.append(f"{statement.name}={stand_ins.word((file.path, statement.name), stand_in)}\n")
            return "".join(lines)
        return file.text if file.verbatim else self._git_env_file(file)

    def _git_env_file(self, file: EnvFile) -> str:
        kept: list[str] = []
        known: set[str] = set()
        at = 0
        for statement in statements(file.text):
            kept.append(file.text[at : statement.start])
            at = statement.end
            value = file.text[statement.start : statement.end]
            key = (file.path, statement.start)
            if statement.inherited:
                use = Use(statement.name, "", "", f"${{{statement.name}}}")
                verdict = self.stand_ins.judge(use, 0)
                if verdict == "unknown" or (verdict == "outside" and not self.real):
                    value = "=" + self._word(key, verdict, use, 0)
            elif statement.quote != "'":
                value = self._text(masked(file.text, statement), 0, key, known=known).replace("\0\0", "\\$")
            kept.append(value)
            known.add(statement.name)
        return "".join([*kept, file.text[at:]])

    # -- nodes ------------------------------------------------------------------------------------------------------------

    def _top(self, node: yaml.Node) -> yaml.Node:
        import yaml

        if not isinstance(node, yaml.MappingNode):
            return node
        # What stands in its final place comes first: a fragment under `x-…` may be shared with it.
        for key, value in sorted(node.value, key=lambda pair: str(pair[0].value).startswith("x-")):
            self._service = None
            self._node(value, (str(key.value),), str(key.value))
        return self._node(node, (), "") or node

    def _node(self, node: yaml.Node, place: Place, shown: str) -> yaml.Node | None:
        import yaml

        if id(node) in self._built:
            return self._built[id(node)]
        built: yaml.Node | None
        if isinstance(node, yaml.MappingNode):
            built = self._mapping(node, place, shown)
        elif isinstance(node, yaml.SequenceNode):
            built = self._sequence(node, place, shown)
        else:
            built = self._scalar(node, place, shown) if isinstance(node, yaml.ScalarNode) else node
        if built is not None:
            self._built[id(node)] = built
        return built

    def _mapping(self, node: yaml.MappingNode, place: Place, shown: str) -> yaml.Node:
        import yaml

        kept: list[tuple[yaml.Node, yaml.Node]] = []
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            # A port or a mount is one thing to a user: marked as a whole.
            of_element = place[2:3] in _ELEMENTS and len(place) > 3
            inner, label = (*place, name), shown if of_element else f"{shown}.{name}" if shown else name
            if name == "<<":
                inner, label = place, shown
            elif place == ("services",):
                self._service, label = name, ""
            if (self.sparing or self.spared) and self._too_much(inner, value):
                for variable in self._hanging_below(value, "unknown")[:1]:
                    self._mark(label, variable)
                continue
            if name == "<<" and isinstance(value, yaml.SequenceNode):
                merged = [self._node(item, inner, label) or item for item in value.value]
                kept.append((key, yaml.SequenceNode(value.tag, merged, flow_style=value.flow_style)))
                continue
            below = self._node(value, inner, label)
            if below is not None:
                kept.append((key, below))
        return yaml.MappingNode(node.tag, kept, flow_style=node.flow_style)

    def _too_much(self, place: Place, value: yaml.Node) -> bool:
        if len(place) != 3 or place[0] != "services" or place[2] in ("image", "environment", "labels"):
            return False
        if not (self.sparing or (place[1], place[2]) in self.spared):
            return False
        return bool(self._hanging_below(value, "unknown", *(() if self.real else ("outside",))))

    def _hanging_below(self, node: yaml.Node, *verdicts: str) -> list[str]:
        """The variables below a node of which these are the verdicts."""
        return [
            use.name
            for scalar in scalars_below(node, set())
            for verdict, use in self.stand_ins.hangs_on(scalar.value, self._document.scope)
            if verdict in verdicts
        ]

    def _mount(self, node: yaml.MappingNode, label: str) -> yaml.MappingNode | None:
        """A volume in the long syntax: left out where its type is not known, a bind where the source is not.

        A named volume would have to be declared under the name that stands in.
        """
        import yaml

        keys = dict(pairs(node))
        if "type" in keys and (hanging := self._hanging(keys["type"])):
            self._left_out(label, *hanging[0])
            return None
        kind = str(keys["type"].value) if "type" in keys else "volume"
        if "source" not in keys or kind not in ("volume", "bind") or not self._hanging(keys["source"]):
            return node
        source = keys["source"]
        path = self._source(str(source.value), self._document.scope, (self._document.path, id(source)))
        bind = {"type": "bind", "source": path}
        own = [(key, value) for key, value in node.value if key.value not in (*bind, "volume")]
        text = "tag:yaml.org,2002:str"
        made = [(yaml.ScalarNode(text, key), yaml.ScalarNode(text, value, style='"')) for key, value in bind.items()]
        self._mounts[id(node)] = yaml.MappingNode(node.tag, [*own, *made])
        return self._mounts[id(node)]

    def _hanging(self, node: yaml.Node) -> list[tuple[str, Use]]:
        """The uses below a node that something has to stand in for."""
        return [found for scalar in scalars_below(node, set()) for found in self._open(scalar.value, self._document.scope)]

    def _sequence(self, node: yaml.SequenceNode, place: Place, shown: str) -> yaml.Node:
        import yaml

        kept: list[yaml.Node] = []
        for index, item in enumerate(node.value):
            if not index and place[2:] == ("healthcheck", "test") and self._hanging_below(item, "unknown"):
                self._mark(shown, self._hanging_below(item, "unknown")[0])
                kept.append(yaml.ScalarNode("tag:yaml.org,2002:str", "CMD"))
                continue
            label = self._label(place[2:], item, shown)
            mount: yaml.Node | None = item
            if place[2:] == ("volumes",) and isinstance(item, yaml.MappingNode):
                mount = self._mount(item, label)
            below = None if mount is None else self._node(mount, (*place, ITEM), label)
            if below is not None:
                kept.append(below)
        return yaml.SequenceNode(node.tag, kept, flow_style=node.flow_style)

    def _label(self, section: Place, item: yaml.Node, shown: str) -> str:
        """What a user calls a port or a mount in the long syntax."""
        keys = dict(pairs(item))
        if section not in (("volumes",), ("ports",)) or "target" not in keys:
            return shown
        parts = [str(keys["target"].value), str(keys["protocol"].value) if "protocol" in keys else "tcp"]
        if self._hanging(keys["target"]) or ("protocol" in keys and self._hanging(keys["protocol"])):
            return f"{section[0]}.*"
        target, protocol = (self.stand_ins.from_git(part, self._document.scope) for part in parts)
        return f"volumes.{posixpath.normpath(target)}" if section == ("volumes",) else f"ports.{target}/{protocol}"

    def _scalar(self, node: yaml.ScalarNode, place: Place, shown: str) -> yaml.Node | None:
        import yaml

        target = self._document.targets.get(id(node))
        if target is not None:
            return self._made(node, f"{self.root}/{target}")
        if node.tag.endswith(":null") and not node.value:
            return yaml.ScalarNode(node.tag, "null")  # written as nothing at all it may come out as an empty text
        scope = self._document.scope
        hanging = [
            (verdict, use)
            for verdict, use in (self.stand_ins.hangs_on(node.value, scope) if "$" in node.value else ())
            if verdict == "unknown" or not self.real
        ]
        if not hanging:
            return node
        verdict, use = hanging[0]
        kind = kind_at(place)
        if kind is Kind.REFERENCE:
            return node
        if kind is Kind.NAME or (kind is Kind.TEXT and str(node.value).startswith("service:")):
            if verdict == "unknown":
                self._mark(shown, use.name)
            return None
        value = self._value(node, kind, place, shown, verdict, use)
        return None if value is None else self._made(node, value)

    def _value(self, node: yaml.ScalarNode, kind: Kind, place: Place, shown: str, verdict: str, use: Use) -> str | None:
        scope = self._document.scope
        key = (self._document.path, id(node))
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
                    self._mark(shown, use.name)
                return "true" if kind is Kind.BOOL else FIXED_VALUES.get(place[-1], node.value)
            case Kind.PATH:
                return self._path(node.value, scope, key)
            case Kind.PORT:
                return self._port(node.value, scope, key, verdict, use)
            case Kind.VOLUME:
                return self._volume(node.value, scope, key, verdict, use)
        return self._text(node.value, scope, key, splits=kind is Kind.WORDS)

    def _made(self, node: yaml.ScalarNode, value: str) -> yaml.ScalarNode:
        import yaml

        # A text everywhere, as what Compose interpolates is one: it casts where a figure is wanted.
        return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=node.style or '"')

    # -- texts ------------------------------------------------------------------------------------------------------------

    def _stand_in(self, verdict: str, name: str, expression: str, scope: int, *, splits: bool = False) -> StandIn:
        outside = verdict == "outside"
        return StandIn(name, outside, expression if outside else "", scope, splits=splits)

    def _word(
        self, key: tuple[object, ...], verdict: str, use: Use, scope: int, *, splits: bool = False, path: bool = False
    ) -> str:
        stand_in = self._stand_in(verdict, use.name, use.raw, scope, splits=splits)
        return self.stand_ins.word((*key, use.raw), stand_in, path=path)

    def _text(
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
                made.append(self._word((*key, len(made)), verdict, piece, scope, splits=loose, path=path and not made))
            elif piece.argument and verdict == "git" and self.stand_ins.argument(piece, scope):
                inner = self._text(piece.argument, scope, (*key, len(made)), splits=splits, known=known, path=path and not made)
                made.append(f"${{{piece.name}{piece.operator}{inner}}}")
            else:
                made.append(piece.raw)
        return "".join(made)

    def _path(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        first = next(iter(split(text)), "")
        if isinstance(first, Use) and first.name == "HOME" and not first.operator.endswith("+"):  # a login always sets it
            return "~" + self._text(text[len(first.raw) :], scope, key)
        hanging = self._open(text, scope)
        if hanging and _climbs_after_a_use(text):
            return self._whole_path(text, scope, key)  # Compose would clean the stand-in away
        return self._text(text, scope, key, path=True)

    def _whole_path(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        verdict, use = self._open(text, scope)[0]
        return self.stand_ins.word((*key, "whole"), self._stand_in(verdict, use.name, text, scope), path=True)

    def _source(self, text: str, scope: int, key: tuple[object, ...]) -> str:
        """The source of a mount. A volume's name in which a use stands becomes a path: its own would have to be declared."""
        if not text.startswith(("$", ".", "/", "~")) and self._open(text, scope):
            return self._whole_path(text, scope, key)
        return self._path(text, scope, key)

    def _volume(self, text: str, scope: int, key: tuple[object, ...], verdict: str, use: Use) -> str | None:
        parts = _cut(text)
        if len(parts) == 1 or len(parts) > 3:
            self._left_out("volumes.*", verdict, use)
            return None
        source, target, *mode = parts
        source = self._source(source, scope, (*key, "source"))
        if mode and (open_mode := self._open(mode[0], scope)):
            known_target = "" if self._open(target, scope) else self.stand_ins.from_git(target, scope)
            self._left_out(f"volumes.{posixpath.normpath(known_target)}" if known_target else "volumes.*", *open_mode[0])
            mode = []
        return ":".join([source, self._text(target, scope, (*key, "target")), *mode])

    def _port(self, text: str, scope: int, key: tuple[object, ...], verdict: str, use: Use) -> str | None:
        mapping, slash, protocol = _cut_protocol(text)
        parts = _cut(mapping)
        if len(parts) == 1 or len(parts) > 3 or any("-" in _literals(part) for part in parts[-2:]) or self._open(protocol, scope):
            self._left_out("ports.*", verdict, use)
            return None
        made = []
        for index, part in enumerate(reversed(parts)):
            hanging = self._open(part, scope)
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

    def _open(self, text: str, scope: int) -> list[tuple[str, Use]]:
        return [pair for pair in self.stand_ins.hangs_on(text, scope) if pair[0] == "unknown" or not self.real]

    def _left_out(self, path: str, verdict: str, use: Use) -> None:
        if verdict == "unknown":
            self._mark(path, use.name)

    def _mark(self, path: str, variable: str) -> None:
        for one in (path, *_ALONG_WITH.get(path, ())):
            mark = Mark(self._document.path, self._service, one, variable)
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
