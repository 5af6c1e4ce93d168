"""How long to wait before something that failed is tried again. Pure: time and chance are arguments.

The constants are those of the Kubernetes reflector (client-go `tools/cache/reflector.go`): 0.8 s at least, doubled up to 30 s,
and from the beginning again after two minutes of health. Up to half of each wait is chance, so that many who failed together do
not come back together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SHORTEST = 0.8
LONGEST = 30.0
HEALTHY_AFTER = 120.0
"""Seconds that something must have been well for its failures to be forgotten."""


def wait(failures: int, dice: float) -> float:
    """Seconds to wait after so many failures in a row (at least one); `dice` is from 0 up to 1."""
    longest = min(LONGEST, 2 * SHORTEST * 2.0 ** min(failures - 1, 16))
    return longest * (1 + dice) / 2


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often something has failed, and since when it is well. Times are seconds of a clock that only goes forward."""

    failures: int = 0
    well_since: float | None = None

    def failed(self, now: float) -> Backoff:
        """It has failed (again)."""
        forgotten = self.well_since is not None and now - self.well_since >= HEALTHY_AFTER
        return Backoff(1 if forgotten else self.failures + 1)

    def well(self, now: float) -> Backoff:
        """It works. Say so as often as you like."""
        return self if self.well_since is not None else replace(self, well_since=now)

    def wait(self, dice: float) -> float:
        """Seconds to wait now; none where nothing has failed since it was well."""
        return 0.0 if self.failures == 0 or self.well_since is not None else wait(self.failures, dice)
