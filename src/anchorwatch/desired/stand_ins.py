"""Literals that stand in for values which Git does not tell, so that Compose can read a file whole.

Of real Compose files more than half use variables that are set nowhere in Git, and a blank breaks many of them. So each use of
such a variable is replaced, before Compose reads the file, by a literal that occurs nowhere else and fits where the use stands:
a word in a text, a path at the head of a bind, a number for a port, a size or a count, and so on (`places`). One run of Compose
then gives the whole project, and wherever a literal comes out (`restore`), the value hangs on that variable.

Where nothing of its own can stand (true or false, one of three words, the name of another service), something valid does,
or the key is left out, and the place itself is noted (`Mark`).

A value that is known from outside Git gets a stand-in too: what Compose makes of the file then holds nothing secret and may be
kept on disk, and shows which pieces of a text came from outside. A second run with the real values is the check upon it.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.desired import dotenv
from anchorwatch.desired.inputs import Document, EnvFile, Inputs, pairs
from anchorwatch.desired.interpolation import Use, interpolate, split, variables
from anchorwatch.desired.places import FIXED_VALUES, ITEM, Kind, Place, kind_at
from anchorwatch.desired.resolution import OF_THE_DEPLOYER, Mark, StandIn

if TYPE_CHECKING:
    import yaml

    from anchorwatch.desired.outside import Outside

_IP = "10.201.{}.{}"
_OWN = frozenset({"HOME", "COMPOSE_PROJECT_NAME"})
"""Names that have a meaning of their own: `~`, and what Compose calls the project."""
_ELEMENTS = (("ports",), ("volumes",), ("secrets",), ("configs",), ("devices",))


@dataclass(slots=True)
class StandIns:
    """The stand-ins of one stack. The same use has the same literal in every rewriting."""

    inputs: Inputs
    outside: Outside
    found: dict[str, StandIn] = field(default_factory=dict)
    """Literal as it comes out of Compose -> what it stands for."""
    marks: list[Mark] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Every variable that the files use."""
    letters: str = ""
    """What every textual literal begins with: letters and digits that occur in no input."""
    _unset: set[str] = field(default_factory=set)
    _memo: dict[tuple[object, ...], str] = field(default_factory=dict)
    _next: Iterator[int] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        texts = [node.value for document in self.inputs.documents for top in document.nodes for node in _scalars(top, set())]
        texts += [file.text for file in self.inputs.env_files.values()] + list(self.inputs.dotenvs.values())
        everything = "\n".join(texts)
        self.letters = "aw" + hashlib.sha256(everything.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        first = 49152 + int(self.letters[2:], 16) % 8192
        self._next = (number for number in range(first, 65536) if str(number) not in everything)
        for document in self.inputs.documents:
            for top in document.nodes:
                for node in _scalars(top, set()):
                    self._note(node.value, document.scope)
                for _, service in pairs(dict(pairs(top)).get("services")):
                    self.names.update(_inherited(dict(pairs(service)).get("environment")))
        for file in self.inputs.env_files.values():
            self.names.update(s.name for s in _statements(file.text))
            self._note_env_file(file)

    def _note(self, text: str, scope: int, known: Iterable[str] = ()) -> None:
        if "$" not in text:
            return
        for use in variables(text):
            self.names.add(use.name)
            if (
                use.demands
                and use.name not in known
                and self._git(use.name, scope) is None
                and use.name not in self.outside.values
            ):
                self._unset.add(use.name)

    def _note_env_file(self, file: EnvFile) -> None:
        if file.origin == "git" and not file.verbatim:
            known: set[str] = set()
            for statement in _statements(file.text):
                if statement.quote != "'" and not statement.inherited:
                    self._note(_masked(file.text, statement), 0, known)
                known.add(statement.name)

    def _git(self, name: str, scope: int) -> str | None:
        if name == "COMPOSE_PROJECT_NAME":
            return self.inputs.scopes[scope].get(name, "project")  # Compose itself sets it, to the project's name
        return None if name in OF_THE_DEPLOYER else self.inputs.scopes[scope].get(name)

    @property
    def uses_outside(self) -> bool:
        """Whether anything in the stack hangs on a value from outside Git."""
        return any(stand_in.outside for stand_in in self.found.values()) or bool(self.names & self.outside.values.keys())

    def from_git(self, text: str, scope: int) -> str:
        """What Compose makes of a text of which Git tells every value."""
        return interpolate(text, lambda name: self._git(name, scope))

    # -- what stands for what ---------------------------------------------------------------------------------------------

    def judge(self, use: Use, scope: int, known: Iterable[str] = ()) -> str:
        """`git`: Git tells the value (or a default does); `outside`: it is known from elsewhere; `unknown`: it is set nowhere."""
        if use.name in self.outside.values and use.name not in _OWN:
            return "outside"
        if use.name in known:
            return "git"
        value = self._git(use.name, scope)
        if value is not None:
            return "unknown" if use.operator == ":?" and not value else "git"
        return "unknown" if use.demands or use.name in self._unset or use.name in OF_THE_DEPLOYER else "git"

    def hangs_on(self, text: str, scope: int, known: Iterable[str] = ()) -> list[tuple[str, Use]]:
        """The uses in the text that Git does not tell, unknown ones first."""
        found = []
        for piece in split(text):
            if isinstance(piece, Use):
                verdict = self.judge(piece, scope, known)
                found += [(verdict, piece)] if verdict != "git" else self.hangs_on(self.argument(piece, scope), scope, known)
        return sorted(found, key=lambda pair: pair[0] != "unknown")

    def argument(self, use: Use, scope: int) -> str:
        """The argument, where it decides; else nothing."""
        value = self._git(use.name, scope)
        present = bool(value) if use.operator.startswith(":") else value is not None
        return use.argument if present == use.operator.endswith("+") and not use.demands else ""

    def number(self, key: tuple[object, ...], stand_in: StandIn) -> str:
        """A figure that occurs nowhere else, and may be a port."""
        return self._literal(key, stand_in, lambda: str(next(self._next)))

    def word(self, key: tuple[object, ...], stand_in: StandIn, *, path: bool = False) -> str:
        """A word that occurs nowhere else, or a path."""
        return self._literal(
            key, stand_in, lambda: f"/{self.letters}x{len(self._memo)}p" if path else f"{self.letters}x{len(self._memo)}x"
        )

    def duration(self, key: tuple[object, ...], stand_in: StandIn) -> str:
        """A duration that occurs nowhere else, in seconds. It comes out as Go prints it (`time.Duration.String`)."""
        seconds = int(self.number((*key, "s"), stand_in))
        self.found[f"{seconds // 3600}h{seconds // 60 % 60}m{seconds % 60}s"] = stand_in
        return f"{seconds}s"

    def address(self, key: tuple[object, ...], stand_in: StandIn, form: str) -> str:
        """An address that occurs nowhere else; `form` has a place for two bytes."""
        number = int(self.number((*key, "a"), stand_in))
        literal = form.format(number // 256, number % 256)
        self.found[literal] = stand_in
        return literal

    def _literal(self, key: tuple[object, ...], stand_in: StandIn, make: Callable[[], str]) -> str:
        if key not in self._memo:
            self._memo[key] = make()
        self.found[self._memo[key]] = stand_in
        return self._memo[key]


@dataclass(slots=True)
class Rewriting:
    """The files of a stack as they are handed to Compose.

    With `real` the values from outside stay, and Compose interpolates them. With `sparing` every key that hangs on an unknown
    value is left out, image, environment and labels excepted: for files that Compose does not accept otherwise.
    """

    stand_ins: StandIns
    root: str
    """Where the repo's folder lies in the export."""
    real: bool = False
    sparing: bool = False
    _document: Document = field(init=False)
    _built: dict[int, yaml.Node] = field(default_factory=dict)
    _service: str | None = None

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
            for statement in _statements(file.text):
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
        for statement in _statements(file.text):
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
                masked = _masked(file.text, statement)
                value = self._text(masked, 0, key, known=known).replace("\0\0", "\\$")
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
            if self.sparing and self._too_much(inner, value):
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
        if place[-2:] == ("volumes", ITEM):
            kept = self._bind_where_the_source_is_open(node, kept)
        return yaml.MappingNode(node.tag, kept, flow_style=node.flow_style)

    def _too_much(self, place: Place, value: yaml.Node) -> bool:
        if len(place) != 3 or place[0] not in ("services", "networks", "volumes", "secrets", "configs"):
            return False
        kept = place[0] == "services" and place[2] in ("image", "environment", "labels")
        return not kept and bool(self._hanging_below(value, "unknown", *(() if self.real else ("outside",))))

    def _hanging_below(self, node: yaml.Node, *verdicts: str) -> list[str]:
        """The variables below a node of which these are the verdicts."""
        return [
            use.name
            for scalar in _scalars(node, set())
            for verdict, use in self.stand_ins.hangs_on(scalar.value, self._document.scope)
            if verdict in verdicts
        ]

    def _bind_where_the_source_is_open(
        self, node: yaml.MappingNode, kept: list[tuple[yaml.Node, yaml.Node]]
    ) -> list[tuple[yaml.Node, yaml.Node]]:
        """A volume whose source is not known as a bind: a named one would have to be declared."""
        import yaml

        source = dict(pairs(node)).get("source")
        if source is None or self._built.get(id(source)) is source or not str(source.value).count("$"):
            return kept
        bind = yaml.ScalarNode("tag:yaml.org,2002:str", "bind")
        return [(key, bind if key.value == "type" else value) for key, value in kept if key.value != "volume"]

    def _sequence(self, node: yaml.SequenceNode, place: Place, shown: str) -> yaml.Node:
        import yaml

        kept = []
        for item in node.value:
            label = shown
            keys = dict(pairs(item))
            if place[2:] == ("volumes",) and "target" in keys:
                label = f"volumes.{keys['target'].value}"
            elif place[2:] == ("ports",) and "target" in keys:
                label = f"ports.{keys['target'].value}/{keys['protocol'].value if 'protocol' in keys else 'tcp'}"
            below = self._node(item, (*place, ITEM), label)
            if below is not None:
                kept.append(below)
        return yaml.SequenceNode(node.tag, kept, flow_style=node.flow_style)

    def _scalar(self, node: yaml.ScalarNode, place: Place, shown: str) -> yaml.Node | None:
        target = self._document.targets.get(id(node))
        if target is not None:
            return self._made(node, f"{self.root}/{target}")
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
        if isinstance(first, Use) and first.name == "HOME" and not first.operator:
            return "~" + self._text(text[len(first.raw) :], scope, key)
        return self._text(text, scope, key, path=True)

    def _volume(self, text: str, scope: int, key: tuple[object, ...], verdict: str, use: Use) -> str | None:
        parts = _cut(text)
        if len(parts) == 1 or len(parts) > 3:
            self._left_out("volumes.*", verdict, use)
            return None
        source, target, *mode = parts
        if not source.startswith(("$", ".", "/", "~")) and self._open(source, scope):
            whole = self._stand_in(verdict, use.name, source, scope)
            source = self.stand_ins.word((*key, "source"), whole, path=True)
        else:
            source = self._path(source, scope, (*key, "source"))
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
        mark = Mark(self._document.path, self._service, path, variable)
        if mark not in self.stand_ins.marks:
            self.stand_ins.marks.append(mark)


def _scalars(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Every scalar below a node that is a value, each once."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, seen)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value, seen)


def _inherited(environment: yaml.Node | None) -> Iterator[str]:
    """The names in an `environment` that stand there without a value."""
    import yaml

    for name, value in pairs(environment):
        if isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null"):
            yield name
    if isinstance(environment, yaml.SequenceNode):
        for item in environment.value:
            if isinstance(item, yaml.ScalarNode) and "=" not in item.value:
                yield item.value


def _statements(text: str) -> list[dotenv.Statement]:
    try:
        return list(dotenv.statements(text))
    except ValueError:
        return []  # Compose refuses such a file, and says where


def _masked(text: str, statement: dotenv.Statement) -> str:
    """The value's raw text; in double quotes a dollar behind a backslash is none."""
    value = text[statement.start : statement.end]
    return value.replace("\\$", "\0\0") if statement.quote == '"' else value


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


def _literals(text: str) -> str:
    return "".join(piece for piece in split(text) if isinstance(piece, str))
