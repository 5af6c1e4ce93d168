"""The only room that sees the desired state, the observed state and the comparison together."""

from __future__ import annotations

from anchorwatch.check.fleet import Host, check_fleet

__all__ = ["Host", "check_fleet"]
