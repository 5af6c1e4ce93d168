"""YAML that nobody vouches for: counted before it is built.

A few hundred bytes of nested aliases stand for gigabytes, and a long row of brackets breaks a recursive builder. So the
parser's events are counted first, aliases at the size of what they repeat; only what stays within the limits is built, by
the C loader. Scalars are taken as Compose takes them (YAML 1.2 core, gopkg.in/yaml.v3): `yes`, `on`, `12:30` and dates are
text. Tags that we do not know (`!reset`, `!override`) are looked through: the value below them is what is returned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from anchorwatch.desired.files import MAX_FILE_BYTES
from anchorwatch.errors import StackError

if TYPE_CHECKING:
    import yaml

MAX_NODES = 50_000
"""Keys, values and containers, aliases counted at the size of what they repeat. The largest real Compose files have 6,000."""
MAX_DEPTH = 50

_SHOWN = "`docker compose config` in that folder shows the place"
_TOO_LARGE_HINT = "a Compose file of this size is no Compose file; exclude it, or split it with `include`"


def read_documents(content: bytes, path: str) -> list[object]:
    """The documents of a YAML file as plain values (dict, list, str, int, float, bool, None).

    `path` is only named in messages. Raises StackError: `too_large` above the limits, `bad_yaml` with the line otherwise.
    """
    import yaml

    if len(content) > MAX_FILE_BYTES:
        raise StackError("too_large", f"{path} is larger than {MAX_FILE_BYTES // 1000} kB", hint=_TOO_LARGE_HINT)
    try:
        _count(yaml.parse(content, Loader=yaml.CSafeLoader), path)
        return list(yaml.load_all(content, Loader=_loader()))
    except yaml.YAMLError as error:
        raise StackError("bad_yaml", f"{path}{_told(error, content)}", hint=_SHOWN) from None
    except (ValueError, RecursionError, OverflowError) as error:
        raise StackError("bad_yaml", f"{path}: {error}", hint=_SHOWN) from None


def read_mapping(content: bytes, path: str) -> dict[str, Any]:
    """The top-level mapping of a YAML file; of several documents the keys of the later ones win; {} for an empty file.

    Raises StackError like `read_documents`, and `bad_yaml` for a file whose top is no mapping.
    """
    merged: dict[str, Any] = {}
    for document in read_documents(content, path):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise StackError("bad_yaml", f"{path}: the top is no mapping", hint="a Compose file begins with `services:`")
        merged.update({str(key): value for key, value in document.items()})
    return merged


def _count(events: Iterator[yaml.Event], path: str) -> None:
    """Raises StackError where building would go above the limits; consumes no more events than needed to tell."""
    import yaml

    sizes: dict[str, tuple[int, int]] = {}  # anchor -> nodes and depth of what it names
    held: list[tuple[str | None, int, int]] = []  # open containers: anchor, nodes counted before it, deepest below it
    nodes = 0
    for event in events:
        anchor = getattr(event, "anchor", None)
        size, depth = 1, 1
        if isinstance(event, yaml.AliasEvent):
            if anchor in {name for name, _, _ in held}:
                raise StackError("bad_yaml", f"{path}: the alias *{anchor} stands within what it repeats", hint="take it out")
            size, depth = sizes.get(str(anchor), (1, 1))  # one that is not defined is the builder's to complain about
        elif isinstance(event, yaml.ScalarEvent):
            if anchor:
                sizes[anchor] = (1, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            held.append((anchor, nodes, 1))
            depth = 0
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before, deepest = held.pop()
            size, depth = 0, deepest
            if held:
                held[-1] = (held[-1][0], held[-1][1], max(held[-1][2], deepest + 1))
            if name:
                sizes[name] = (nodes - before, deepest)
            continue
        else:
            if isinstance(event, yaml.DocumentStartEvent):
                sizes.clear()
            continue
        nodes += size
        if held and depth:
            held[-1] = (held[-1][0], held[-1][1], max(held[-1][2], depth + 1))
        if nodes > MAX_NODES or len(held) + depth > MAX_DEPTH:
            what = f"stands for more than {MAX_NODES:,} values" if nodes > MAX_NODES else f"is nested more than {MAX_DEPTH} deep"
            raise StackError("too_large", f"{path} {what}", hint=_TOO_LARGE_HINT)


_made: list[type[yaml.CSafeLoader]] = []


def _loader() -> type[yaml.CSafeLoader]:
    """The C loader with the scalars of Compose; made once, and only when YAML is read."""
    if _made:
        return _made[0]
    import yaml

    class Loader(yaml.CSafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {}
    tag = "tag:yaml.org,2002:"
    Loader.add_implicit_resolver(f"{tag}null", re.compile(r"^(?:~|null|Null|NULL|)$"), [*"~nN", ""])
    Loader.add_implicit_resolver(f"{tag}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"])
    Loader.add_implicit_resolver(f"{tag}int", re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$"), [*"-+0123456789"])
    Loader.add_implicit_resolver(
        f"{tag}float", re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"), [*"-+0123456789."]
    )
    Loader.add_implicit_resolver(f"{tag}merge", re.compile(r"^<<$"), ["<"])
    Loader.add_multi_constructor("", _look_through)
    _made.append(Loader)
    return Loader


def _look_through(loader: yaml.CSafeLoader, _suffix: str, node: yaml.Node) -> object:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


def _told(error: yaml.YAMLError, content: bytes) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
    if mark is None:
        return f": {problem}"
    return f":{min(mark.line, content.rstrip().count(10)) + 1}: {problem}"  # the end of the file is its last line
