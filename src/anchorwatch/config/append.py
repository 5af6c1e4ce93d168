"""Adds rules to the `ignore:` of a YAML file, and touches nothing else: comments, order and quotes stay as somebody wrote them.

The new text is read again before it counts: it has to say what the old one said, and the new rules behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import yaml

from anchorwatch.config.yaml_file import parse_document
from anchorwatch.errors import ConfigError, Mistake
from anchorwatch.model.settings import IgnoreRule


def rule_line(rule: IgnoreRule) -> str:
    """A rule as one line of YAML, without the dash: `{host: pi5, path: image, because: "…"}`."""
    given = {field.name: getattr(rule, field.name) for field in fields(rule)}
    because = given.pop("because")
    pairs = [(name, str(value)) for name, value in given.items() if value is not None]
    pairs += [("because", because)] if because else []
    return "{" + ", ".join(f"{name}: {_scalar(value)}" for name, value in pairs) + "}"


def with_rules(name: str, content: str, rules: Sequence[IgnoreRule]) -> str:
    """The file's text with the rules at the end of its `ignore:`, which is made where there is none.

    Raises `ConfigError` where the file cannot be read, or is written in a way that nothing can be added to.
    """
    before = parse_document(name, content.encode())
    if before.mistakes:
        raise ConfigError(before.mistakes)
    lines = [rule_line(rule) for rule in rules]
    after = _inserted(content, lines)
    read = parse_document(name, after.encode())
    old = before.tree.get("ignore")
    wanted = {**before.tree, "ignore": [*(old if isinstance(old, list) else []), *_trees(lines)]}
    if read.mistakes or read.tree != wanted:
        place = before.where.get(("ignore",))
        problem = "is written in a way that nothing can be added to"
        raise ConfigError([Mistake(name, place.line if place else None, "ignore", problem, "add the rule by hand")])
    return after


def _inserted(content: str, rules: Sequence[str]) -> str:
    node = yaml.compose(content, Loader=yaml.CSafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found = next(((key, value) for key, value in pairs if key.value == "ignore"), None)
    end = "" if not content or content.endswith("\n") else "\n"
    if found is None:
        return content + end + "ignore:\n" + "".join(f"  - {rule}\n" for rule in rules)
    key, value = found
    if isinstance(value, yaml.SequenceNode) and value.flow_style:
        place = _offset(content, value.end_mark) - 1
        glue = ", " if value.value else ""
        return content[:place] + glue + ", ".join(rules) + content[place:]
    if isinstance(value, yaml.SequenceNode) and value.value:
        last = value.value[-1]
        dash = " " * value.start_mark.column + "- "
        place = _line_end(content, _content_end(content, last))
    else:  # `ignore:` with nothing behind it
        dash, place = "  - ", _line_end(content, _offset(content, key.end_mark))
    end = "" if content[:place].endswith("\n") else "\n"
    return content[:place] + end + "".join(f"{dash}{rule}\n" for rule in rules) + content[place:]


def _content_end(content: str, node: yaml.Node) -> int:
    """Where the last character of a node stands; the mark of a block node lies behind the comments that follow it."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = _offset(content, node.end_mark)
    while end > 0 and content[end - 1] in " \n\r\t":
        end -= 1
    return end


def _line_end(content: str, place: int) -> int:
    """Behind the line that `place` lies in."""
    found = content.find("\n", place)
    return len(content) if found < 0 else found + 1


def _offset(content: str, mark: yaml.Mark) -> int:
    """Marks of the C loader count lines and columns right, and bytes instead of characters."""
    lines = content.splitlines(keepends=True)
    return sum(len(line) for line in lines[: mark.line]) + mark.column


def _trees(rules: Sequence[str]) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in yaml.load(rule, Loader=yaml.BaseLoader).items()} for rule in rules]  # noqa: S506


def _scalar(text: str) -> str:
    """`text` as YAML reads it back."""
    plain = text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").replace("/", "").isalnum()
    if plain and text[0].isalnum():
        return text
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
