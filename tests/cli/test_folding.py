"""Lines folded to a terminal: nothing is lost, no word is cut, commands stay whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.cli.folding import folded
from anchorwatch.reports.lines import Line, Style, plain

TEXT = st.text(st.sampled_from("ab ·:/界"), max_size=90)
LINE = st.lists(st.tuples(st.sampled_from([one for one in Style if one is not Style.COMMAND]), TEXT), min_size=1).map(tuple)


def rows(line: Line, width: int) -> list[str]:
    return plain(folded([line], width)).splitlines()


def columns(text: str) -> int:
    return sum(2 if character == "界" else 1 for character in text)


@given(LINE, st.integers(40, 120))
def test_nothing_is_lost_and_only_a_word_that_is_too_long_is_wider(line: Line, width: int) -> None:
    found = rows(line, width)
    assert "".join("".join(found).split()) == "".join("".join(text for _, text in line).split())
    for row in found:
        assert columns(row) <= width or any(columns(word) > width - 20 for word in row.split())


def test_what_is_left_over_stands_below_its_beginning() -> None:
    line: Line = ((Style.WARNING, "  ✗ warning   "), (Style.NAME, "pi5/mealie mealie"), (Style.PLAIN, "  " + "word " * 9))
    assert rows(line, 50) == ["  ✗ warning   pi5/mealie mealie  word word word", "      word word word word word word"]
    line = ((Style.QUIET, "  07:12:24"), (Style.GOOD, " ✓ ok  "), (Style.PLAIN, "word " * 9))
    assert rows(line, 40) == ["  07:12:24 ✓ ok  word word word word", "          word word word word word"]


@pytest.mark.parametrize("width", [10, 40, 80])
def test_a_command_stays_whole(width: int) -> None:
    line: Line = ((Style.PLAIN, "      "), (Style.COMMAND, "docker compose " * 12))
    assert list(folded([line], width)) == [line]


def test_there_has_to_be_room() -> None:
    line: Line = ((Style.PLAIN, "word " * 20),)
    assert list(folded([line], 39)) == [line]
