"""Pasts for tests of the check room."""

from __future__ import annotations

from anchorwatch.check.made_from import Past


def no_past() -> Past:
    """For comparisons that are in no doubt."""
    raise AssertionError("the past was asked, though nothing is in doubt")
