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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.desired import dotenv
from anchorwatch.desired.inputs import EnvFile, Inputs, pairs
from anchorwatch.desired.interpolation import Use, interpolate, split, variables
from anchorwatch.desired.resolution import OF_THE_DEPLOYER, Mark, StandIn
from anchorwatch.model.secrecy import name_says_secret

if TYPE_CHECKING:
    import yaml

    from anchorwatch.desired.outside import Outside

_OWN = frozenset({"HOME", "COMPOSE_PROJECT_NAME"})
"""Names that have a meaning of their own: `~`, and what Compose calls the project."""


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
    veiled: set[str] = field(default_factory=set)
    """What Git tells of variables whose name says secret: their values, their defaults, and what replaces them."""
    letters: str = ""
    """What every textual literal begins with: letters and digits that occur in no input."""
    _unset: set[str] = field(default_factory=set)
    _memo: dict[tuple[object, ...], str] = field(default_factory=dict)
    _next: Iterator[int] = field(default_factory=lambda: iter(()))

    def __post_init__(self) -> None:
        texts = [node.value for document in self.inputs.documents for top in document.nodes for node in scalars_below(top, set())]
        texts += [file.text for file in self.inputs.env_files.values()] + list(self.inputs.dotenvs.values())
        everything = "\n".join(texts)
        self.letters = "aw" + hashlib.sha256(everything.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        first = 49152 + int(self.letters[2:], 16) % 8192
        self._next = (number for number in range(first, 65536) if str(number) not in everything)
        for document in self.inputs.documents:
            for top in document.nodes:
                for node in scalars_below(top, set()):
                    self._note(node.value, document.scope)
                for _, service in pairs(dict(pairs(top)).get("services")):
                    self.names.update(_inherited(dict(pairs(service)).get("environment")))
        for file in self.inputs.env_files.values():
            self.names.update(s.name for s in statements(file.text))
            self._note_env_file(file)

    def _note(self, text: str, scope: int, known: Iterable[str] = ()) -> None:
        if "$" not in text:
            return
        for use in variables(text):
            self.names.add(use.name)
            if name_says_secret(use.name):
                argument = "" if use.demands else self.from_git(use.argument, scope)
                self.veiled |= {self._git(use.name, scope) or "", argument} - {""}
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
            for statement in statements(file.text):
                if statement.quote != "'" and not statement.inherited:
                    self._note(masked(file.text, statement), 0, known)
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


def scalars_below(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    """Every scalar below a node that is a value, each once."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from scalars_below(item, seen)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from scalars_below(value, seen)


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


def statements(text: str) -> list[dotenv.Statement]:
    """The statements of an env file; none of one that Compose refuses."""
    try:
        return list(dotenv.statements(text))
    except ValueError:
        return []  # Compose refuses such a file, and says where


def masked(text: str, statement: dotenv.Statement) -> str:
    """The value's raw text; in double quotes a dollar behind a backslash is none."""
    value = text[statement.start : statement.end]
    return value.replace("\\$", "\0\0") if statement.quote == '"' else value
