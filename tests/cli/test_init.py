"""Where `init` writes to, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchorwatch.cli.init import save, target
from anchorwatch.errors import UsageError


def test_the_file_is_named_by_the_option_else_by_the_environment_else_by_habit() -> None:
    assert target("a.yml", {"ANCHORWATCH_CONFIG": "b.yml"}) == Path("a.yml")
    assert target(None, {"ANCHORWATCH_CONFIG": "b.yml"}) == Path("b.yml")
    assert target(None, {}) == Path("anchorwatch.yml")


def test_a_file_that_is_there_is_left_alone_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "anchorwatch.yml"
    save("one: 1\n", file, force=False)
    with pytest.raises(UsageError, match="is there already"):
        save("two: 2\n", file, force=False)
    assert file.read_text() == "one: 1\n"
    save("two: 2\n", file, force=True)
    assert file.read_text() == "two: 2\n"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file or directory"):
        save("", tmp_path / "nowhere" / "anchorwatch.yml", force=False)
