"""Predict the container that Compose would make now, and compare the one that is there.

Pure: no I/O, no clock, nothing but the standard library.
"""

from __future__ import annotations

from anchorwatch.compare.host import HostComparison, Memo, compare_host

__all__ = ["HostComparison", "Memo", "compare_host"]
