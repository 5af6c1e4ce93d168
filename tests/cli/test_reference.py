"""The reference of the command is current, and complete."""

from __future__ import annotations

from anchorwatch.cli.verbs import declared
from tests.cli.reference import FILE, reference, verbs


def test_the_reference_is_what_the_program_says_now() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run: python -m tests.cli.reference"


def test_every_verb_is_in_the_reference() -> None:
    written = FILE.read_text(encoding="utf-8")
    named = list(verbs(declared()))
    assert ("config", "check") in named
    for verb in named:
        assert f"\n## `anchorwatch {' '.join(verb)}`\n" in written
