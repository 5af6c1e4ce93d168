"""What outlives SIGKILL: a service that tells people of drift as fast as it can, killed again and again at any moment.

    python -m bench.kills [--kills 200]

Virtual time over real HTTP on loopback, two destinations, SQLite. It ends with an error where a transition did not arrive at each
of them at least once, where one arrived twice under different IDs, or where the database is not sound.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.notify.test_kills import kills
from tests.store.places import Place


def main() -> None:
    """Kills, and says what that came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    number = parser.parse_args().kills
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder:
        place = Place(f"sqlite:///{folder}/anchorwatch.db", Path(folder))
        place.open().close()
        found = kills(place, number)
    print(
        f"{found['kills']} kills in {time.monotonic() - begun:.0f} s: {found['transitions']} transitions, "
        f"all of them arrived at both destinations; {found['repeated']} arrived twice, under the same ID"
    )


if __name__ == "__main__":
    main()
