"""Everything that is measured in a few minutes: `python -m bench`. Each part runs by itself as well (`python -m bench.check`)."""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    ("A whole check beside a script and a dry run", ["bench.check"]),
    ("A commit that touches one of fifty stacks", ["bench.commit"]),
    ("Resolving stacks beside `docker compose config`", ["bench.resolve", "--stacks", "50"]),
    ("The comparison alone", ["bench.compare_core"]),
    ("From an event to the recorded drift", ["bench.event"]),
)


def main() -> int:
    """Runs each part; the exit code of the first that fails."""
    for title, words in PARTS:
        print(f"\n{title}\n{'-' * len(title)}", flush=True)
        code = subprocess.run([sys.executable, "-m", *words], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
