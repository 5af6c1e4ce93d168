"""What the lab says when it cannot do its work."""

from __future__ import annotations


class LabError(Exception):
    """Something the lab needs is not there, or a program it started failed: what, where, and what to do."""
