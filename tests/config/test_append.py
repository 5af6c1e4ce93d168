"""Rules are added to a file, and nothing else in it is touched."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.config.append import rule_line, with_rules
from anchorwatch.errors import ConfigError
from anchorwatch.model.findings import Kind
from anchorwatch.model.settings import IgnoreRule

RULE = IgnoreRule(host="pi5", kind=Kind.CHANGED, path="environment.A B*", because='so it "is": ü # x')
LINE = '{host: pi5, kind: changed, path: "environment.A B*", because: "so it \\"is\\": ü # x"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"ignore:\n  - {LINE}\n"),
        ("# a remark", f"# a remark\nignore:\n  - {LINE}\n"),
        ("hosts: {}\n", f"hosts: {{}}\nignore:\n  - {LINE}\n"),
        ("ignore:\nwatch: {}\n", f"ignore:\n  - {LINE}\nwatch: {{}}\n"),
        ("ignore: []\nwatch: {}\n", f"ignore: [{LINE}]\nwatch: {{}}\n"),
        ("ignore: [{host: a}] # x\n", f"ignore: [{{host: a}}, {LINE}] # x\n"),
        ("ignore:\n  - {host: a}", f"ignore:\n  - {{host: a}}\n  - {LINE}\n"),
        (
            "ü: 'ö'\nignore:\n    - {host: a}  # why\n    # what comes next\n\nwatch: {}\n",
            f"ü: 'ö'\nignore:\n    - {{host: a}}  # why\n    - {LINE}\n    # what comes next\n\nwatch: {{}}\n",
        ),
        (
            "ignore:\n- host: a\n  because: |\n    long\n    text\n# the end\nwatch: {}\n",
            f"ignore:\n- host: a\n  because: |\n    long\n    text\n- {LINE}\n# the end\nwatch: {{}}\n",
        ),
    ],
)
def test_a_rule_goes_behind_the_others(before: str, after: str) -> None:
    assert with_rules("anchorwatch.yml", before, [RULE]) == after


@pytest.mark.parametrize("text", ["ignore: [", "ignore: a\n", "ignore: {host: a}\n", "a: &x [{host: a}]\nignore: *x\n"])
def test_a_file_that_nothing_can_be_added_to_is_left_alone(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        with_rules("anchorwatch.yml", text, [RULE])
    assert raised.value.mistakes


@given(st.text(min_size=1).filter(lambda text: "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)))
def test_any_name_is_read_back(name: str) -> None:
    line = rule_line(IgnoreRule(container=name, because=name))
    assert yaml.load(line, Loader=yaml.BaseLoader) == {"container": name, "because": name}
