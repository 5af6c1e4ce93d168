"""A YAML file as a document: texts, with the line that each of them stands in.

YAML guesses types from spelling (`on`, `0123`, `22:00`, `1e3`), and the guess is wrong as often as it is right; so a scalar
stays the text that was written. Only an empty value, `~` and `null` are nothing: `None`.

Promised: duplicate keys, tags, and keys that are no text are named with their line, all of them at once; nothing of what the
file says is repeated in a message, but keys. A file that is no YAML at all has one mistake. Anchors, aliases and `<<` work;
a file that unfolds into more than 100,000 values is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from anchorwatch.config.document import Document, Place, Tree, Where, spell
from anchorwatch.errors import Mistake

MOST_VALUES = 100_000
DEEPEST = 100
_YAML = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _YAML + tag for tag in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
)


def read_document(path: Path) -> Document:
    """The YAML file at `path`, which is called by that path in messages. Never raises for what is in the file or on the disk."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        document = Document(str(path))
        _refuse(document, None, "there is no such file", "look at --config and $ANCHORWATCH_CONFIG; anchorwatch init writes one")
    except OSError as error:
        document = Document(str(path))
        _refuse(document, None, f"cannot be read: {error.strerror or error}", "look at the path and its permissions")
    else:
        document = parse_document(str(path), content)
    return document


def parse_document(name: str, raw: bytes) -> Document:
    """The YAML in `raw`, which is called `name` in messages. Never raises for what is in it."""
    document = Document(name)
    content = ""
    try:
        content = raw.decode("utf-8-sig")
        _refuse_depth(content)
        node = yaml.compose(content, Loader=yaml.CSafeLoader)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == _YAML + "null"):
            return document
        if not isinstance(node, yaml.MappingNode):
            raise _Unreadable(1, "the config is no mapping", "write keys at its top: repo:, hosts:, …")
        document.where[()] = Where(document.name, 1, "")
        document.tree = _Reader(document).mapping(node, ())
    except UnicodeDecodeError as error:
        line = bytes(error.object[: error.start]).count(b"\n") + 1
        _refuse(document, line, "is not UTF-8", "save the file as UTF-8")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(document, mark.line + 1 if mark else None, *_explain(error.problem or "", content, mark))
    except yaml.reader.ReaderError as error:
        line = content[: error.position].count("\n") + 1
        _refuse(document, line, "holds a control character that YAML does not allow", "take it out")
    except _Unreadable as error:
        _refuse(document, error.line, error.problem, error.instead)
    return document


class _Unreadable(Exception):
    def __init__(self, line: int, problem: str, instead: str | None) -> None:
        super().__init__(problem)
        self.line, self.problem, self.instead = line, problem, instead


def _refuse_depth(content: str) -> None:
    """Looks at the nesting before nodes are made of it: PyYAML's composer recurses in C, and would take the process with it."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _Unreadable(line, f"is nested more than {DEEPEST} levels deep", "look at the brackets")


def _refuse(document: Document, line: int | None, problem: str, instead: str | None) -> None:
    document.whole = False
    document.mistakes.append(Mistake(document.name, line, "", problem, instead))


def _explain(problem: str, content: str, mark: yaml.Mark | None) -> tuple[str, str | None]:
    """What libyaml says, which never repeats what was written, or what it means in plain words; and what to do."""
    lines = content.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "alias" in problem or "anchor" in problem or "alphabetic or numeric" in problem:
        return "a value that begins with * or & is no text in YAML", 'quote it: "*"'
    if "occurrence" in problem:
        return "an anchor of this name stands further up already", "give it another name"
    if "another document" in problem:
        return "a second YAML document begins here", "keep one document a file: take the --- out"
    if "\t" in line and ("token" in problem or "tab" in problem):
        return "a tab is no indentation in YAML", "indent with spaces"
    if "cannot start any token" in problem:
        return "a value begins with a character that means something else in YAML", "quote the value"
    if "mapping values are not allowed" in problem:
        return "a colon stands where no key can be", "quote a value that holds a colon and a space; look at the indentation"
    return f"is no YAML: {problem}", "look at the indentation, the quotes and the brackets here and in the line above"


class _Reader:
    """One walk over the node graph; collects the mistakes that leave the rest readable."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.values = 0
        self.above: set[int] = set()

    def tree(self, node: yaml.Node, place: Place, line: int) -> Tree:
        self.values += 1
        if self.values > MOST_VALUES:
            raise _Unreadable(line, f"unfolds into more than {MOST_VALUES} values", "use fewer aliases")
        if id(node) in self.above:
            raise _Unreadable(line, "an alias holds itself", "take the alias out")
        if node.tag not in _PLAIN_TAGS:
            self.say(line, place, "has a tag, which means nothing here", "quote a value that begins with !")
        self.document.where[place] = Where(self.document.name, line, spell(place))
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == _YAML + "null" else str(node.value)
        self.above.add(id(node))
        tree: Tree
        if isinstance(node, yaml.MappingNode):
            tree = self.mapping(node, place)
        else:
            tree = [self.tree(item, (*place, i), item.start_mark.line + 1) for i, item in enumerate(node.value)]
        self.above.discard(id(node))
        return tree

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Tree]:
        tree: dict[str, Tree] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _YAML + "merge":
                continue
            if not isinstance(key, yaml.ScalarNode):
                self.say(line, place, "a key is a list or a mapping", "write a name and a colon")
                continue
            name = str(key.value)
            if name in first:
                self.say(line, (*place, name), f"stands in line {first[name]} already", "keep one of the two")
            first.setdefault(name, line)
            tree[name] = self.tree(value, (*place, name), line)
        for key, value in node.value:
            if key.tag == _YAML + "merge":
                self.merge(tree, value, place, key.start_mark.line + 1)
        return tree

    def merge(self, tree: dict[str, Tree], node: yaml.Node, place: Place, line: int) -> None:
        """`<<`: the keys of other mappings, where they are not given here (https://yaml.org/type/merge.html)."""
        for source in _sources(node):
            if not isinstance(source, yaml.MappingNode):
                self.say(line, place, "<< merges something that is no mapping", "give it an alias of a mapping")
                continue
            if id(source) in self.above:
                raise _Unreadable(line, "an alias holds itself", "take the alias out")
            for key, value in source.value:
                if key.tag == _YAML + "merge":
                    self.merge(tree, value, place, line)
                elif isinstance(key, yaml.ScalarNode) and key.value not in tree:
                    tree[key.value] = self.tree(value, (*place, key.value), key.start_mark.line + 1)

    def say(self, line: int, place: Place, problem: str, instead: str) -> None:
        self.document.mistakes.append(Mistake(self.document.name, line, spell(place), problem, instead))


def _sources(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    else:
        yield node
