"""For the tests of what outlives a crash: the process kills itself at a named point.

`ANCHORWATCH_CRASH_AT=after_send:3` kills it (SIGKILL, nothing is cleaned up) the third time that it passes `after_send`. Without
the variable nothing happens, and nothing is counted. The points, in the order in which a message passes them:

- `after_transition`: transitions are written, the promises are not, and nothing is committed
- `before_claim`: promised and committed; it has been decided what goes out
- `after_claim`: the claim is committed, nothing is handed over
- `after_send`: handed over, and that is not written down yet: the one window in which a message may go out twice
- `after_settle`: what became of it is committed
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = ("after_transition", "before_claim", "after_claim", "after_send", "after_settle")

_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """A named point is passed."""
    wanted = os.environ.get("ANCHORWATCH_CRASH_AT")
    if not wanted:
        return
    place, _, number = wanted.partition(":")
    _passed[name] += 1
    if name == place and _passed[name] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
