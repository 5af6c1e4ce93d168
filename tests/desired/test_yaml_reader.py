"""YAML from strangers: what is read, what is refused, and how long that takes."""

from __future__ import annotations

import time
import tracemalloc

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.desired.files import MAX_FILE_BYTES
from anchorwatch.desired.yaml_reader import MAX_DEPTH, MAX_NODES, read_documents, read_mapping
from anchorwatch.errors import StackError

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"\n".join(
    b"%c: &%c [%s]" % (c + 1, c + 1, b",".join([b"*%c" % c] * 9)) for c in range(97, 110)
)


def refused(content: bytes) -> StackError:
    with pytest.raises(StackError) as caught:
        read_documents(content, "pi5/x/compose.yml")
    assert caught.value.message.startswith("pi5/x/compose.yml")
    assert caught.value.hint
    return caught.value


def test_scalars_as_compose_takes_them() -> None:
    text = b"""
on: yes
time: 12:30
date: 2024-01-01
octal: 0755
hexadecimal: 0x1F
number: -12
float: 1.5
none: ~
empty:
quoted: "true"
bool: True
merge: {<<: &base {a: 1}, b: 2}
"""
    assert read_mapping(text, "x") == {
        "on": "yes", "time": "12:30", "date": "2024-01-01", "octal": "0755", "hexadecimal": 31, "number": -12, "float": 1.5,
        "none": None, "empty": None, "quoted": "true", "bool": True, "merge": {"a": 1, "b": 2},
    }  # fmt: skip


def test_tags_are_looked_through() -> None:
    text = b"""
services:
  a:
    ports: !override [80]
    environment: !reset {A: 1}
    image: !reset
x: !python/object:os.system ls
"""
    assert read_mapping(text, "x") == {
        "services": {"a": {"ports": [80], "environment": {"A": 1}, "image": ""}}, "x": "ls",
    }  # fmt: skip


def test_several_documents_and_none() -> None:
    assert read_mapping(b"name: a\nservices: {}\n---\nname: b\n", "x") == {"name": "b", "services": {}}
    assert read_mapping(b"", "x") == {}
    assert read_mapping(b"# nothing\n", "x") == {}
    assert read_mapping("\ufeffname: a".encode(), "x") == {"name": "a"}


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a: [", 1), (b"services:\n\tweb: x", 2), (b"a: b: c", 1), (b"x: *nowhere", 1), (b"image: {{ name }}", 1),
     (b"a: &a [*a]", None), (b"a: \x00", None), (b"\xff\xfe\xfa", None), (b"a: !!int text", None), (b"- just\n- a list", None)],
)  # fmt: skip
def test_bad_yaml_is_named_with_its_line(content: bytes, line: int | None) -> None:
    with pytest.raises(StackError) as caught:
        read_mapping(content, "pi5/x/compose.yml")
    assert caught.value.kind == "bad_yaml"
    assert caught.value.hint
    if line is not None:
        assert caught.value.message.startswith(f"pi5/x/compose.yml:{line}: ")


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        b"x: " + b"[" * 1200,
        b"x: " + b"[" * 1200 + b"]" * 1200,
        b"- " * 1200 + b"x",
        b"{a: " * 200,
        b"\n".join(b"k%06d: 1" % number for number in range(MAX_NODES)),
        b"a: &a {k: v}\nb: [" + b",".join([b"*a"] * MAX_NODES) + b"]",
        b"x" * (MAX_FILE_BYTES + 1),
        b"? " * 100 + b"x",
    ],
)
def test_too_large_costs_little(content: bytes) -> None:
    tracemalloc.start()
    began = time.process_time()
    error = refused(content)
    assert time.process_time() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert error.kind == "too_large"


def test_just_within_the_limits() -> None:
    deep = b"[" * (MAX_DEPTH - 1) + b"x" + b"]" * (MAX_DEPTH - 1)
    read_documents(deep, "x")
    assert refused(b"[" + deep + b"]").kind == "too_large"
    keys = b"\n".join(b"k%06d: 1" % number for number in range(MAX_NODES // 2 - 1))
    assert len(read_mapping(keys, "x")) == MAX_NODES // 2 - 1


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(TEXTS, below, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=80, deadline=None)
@given(VALUES, st.booleans())
def test_what_pyyaml_wrote_is_read_again(value: object, flow: bool) -> None:
    text = yaml.safe_dump([value, value], default_flow_style=flow, allow_unicode=True).encode()
    (found,) = read_documents(text, "x")
    assert found == [value, value]


def sized(value: object) -> tuple[int, int]:
    """How many values something is made of, and how deep it is."""
    below = (
        [part for pair in value.items() for part in pair] if isinstance(value, dict) else value if isinstance(value, list) else []
    )
    parts = [sized(part) for part in below]
    return 1 + sum(size for size, _ in parts), 1 + max((depth for _, depth in parts), default=0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=6))
def test_aliases_are_counted_at_the_size_of_what_they_repeat(rows: list[list[int]]) -> None:
    """Rows of numbers become lists whose elements are aliases of earlier lists: some within the limits, some far above."""
    lines = []
    for number, row in enumerate(rows):
        parts = [f"*r{number - 1 - one % number}" if number and one else "x" for one in row for _ in range(3)]
        lines.append(f"- &r{number} [{', '.join(parts)}]")
    text = "\n".join(lines).encode()
    size, depth = sized(yaml.load(text, Loader=yaml.CSafeLoader))
    if size > MAX_NODES or depth > MAX_DEPTH:
        assert refused(text).kind == "too_large"
    else:
        assert len(read_documents(text, "x")) == 1
