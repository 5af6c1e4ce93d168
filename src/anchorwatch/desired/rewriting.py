"""The files of a stack written anew for Compose, with stand-ins where Git does not tell a value.

Written anew as a whole, from what our own reader saw: Compose reads nothing that was not looked at. Here the files are walked
through; places decide what may stand in (`places`), and `spelling` how that is written.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.desired.inputs import Document, EnvFile, pairs
from anchorwatch.desired.interpolation import Use
from anchorwatch.desired.places import ITEM, Kind, Place, kind_at
from anchorwatch.desired.resolution import StandIn
from anchorwatch.desired.spelling import Spelling
from anchorwatch.desired.stand_ins import StandIns, masked, scalars_below, statements

if TYPE_CHECKING:
    import yaml

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
    _spelling: Spelling = field(init=False)
    _built: dict[int, yaml.Node] = field(default_factory=dict)
    _mounts: dict[int, yaml.MappingNode] = field(default_factory=dict)
    """Kept, since what is built is known by `id`."""

    def __post_init__(self) -> None:
        self._spelling = Spelling(self.stand_ins, self.real)

    def compose_file(self, document: Document) -> str:
        """One Compose file, written anew."""
        import yaml

        self._spelling.document = document
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
                    value = "=" + self._spelling.word(key, verdict, use, 0)
            elif statement.quote != "'":
                value = self._spelling.text(masked(file.text, statement), 0, key, known=known).replace("\0\0", "\\$")
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
            self._spelling.service = None
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
                self._spelling.service, label = name, ""
            if (self.sparing or self.spared) and self._too_much(inner, value):
                for variable in self._hanging_below(value, "unknown")[:1]:
                    self._spelling.mark(label, variable)
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
            for verdict, use in self.stand_ins.hangs_on(scalar.value, self._spelling.document.scope)
            if verdict in verdicts
        ]

    def _mount(self, node: yaml.MappingNode, label: str) -> yaml.MappingNode | None:
        """A volume in the long syntax: left out where its type is not known, a bind where the source is not.

        A named volume would have to be declared under the name that stands in.
        """
        import yaml

        keys = dict(pairs(node))
        if "type" in keys and (hanging := self._hanging(keys["type"])):
            self._spelling.left_out(label, *hanging[0])
            return None
        kind = str(keys["type"].value) if "type" in keys else "volume"
        if "source" not in keys or kind not in ("volume", "bind") or not self._hanging(keys["source"]):
            return node
        source = keys["source"]
        path = self._spelling.source(str(source.value), self._spelling.document.scope, (self._spelling.document.path, id(source)))
        bind = {"type": "bind", "source": path}
        own = [(key, value) for key, value in node.value if key.value not in (*bind, "volume")]
        text = "tag:yaml.org,2002:str"
        made = [(yaml.ScalarNode(text, key), yaml.ScalarNode(text, value, style='"')) for key, value in bind.items()]
        self._mounts[id(node)] = yaml.MappingNode(node.tag, [*own, *made])
        return self._mounts[id(node)]

    def _hanging(self, node: yaml.Node) -> list[tuple[str, Use]]:
        """The uses below a node that something has to stand in for."""
        return [
            found
            for scalar in scalars_below(node, set())
            for found in self._spelling.hanging(scalar.value, self._spelling.document.scope)
        ]

    def _sequence(self, node: yaml.SequenceNode, place: Place, shown: str) -> yaml.Node:
        import yaml

        kept: list[yaml.Node] = []
        for index, item in enumerate(node.value):
            if not index and place[2:] == ("healthcheck", "test") and self._hanging_below(item, "unknown"):
                self._spelling.mark(shown, self._hanging_below(item, "unknown")[0])
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
        target, protocol = (self.stand_ins.from_git(part, self._spelling.document.scope) for part in parts)
        return f"volumes.{posixpath.normpath(target)}" if section == ("volumes",) else f"ports.{target}/{protocol}"

    def _scalar(self, node: yaml.ScalarNode, place: Place, shown: str) -> yaml.Node | None:
        import yaml

        target = self._spelling.document.targets.get(id(node))
        if target is not None:
            return self._made(node, f"{self.root}/{target}")
        if node.tag.endswith(":null") and not node.value:
            return yaml.ScalarNode(node.tag, "null")  # written as nothing at all it may come out as an empty text
        scope = self._spelling.document.scope
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
                self._spelling.mark(shown, use.name)
            return None
        value = self._spelling.value(node, kind, place, shown, verdict, use)
        return None if value is None else self._made(node, value)

    def _made(self, node: yaml.ScalarNode, value: str) -> yaml.ScalarNode:
        import yaml

        # A text everywhere, as what Compose interpolates is one: it casts where a figure is wanted.
        return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=node.style or '"')
