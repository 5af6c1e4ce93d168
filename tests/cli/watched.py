"""A program for tests: `check` over two hosts that answer when they are told to. Run it on a terminal.

It reads a line before each step. Everything but the looking is the real thing.
"""

from __future__ import annotations

import sys

from anchorwatch.cli import CHECK_FAILED, guarded
from anchorwatch.cli.arguments import CheckArguments, plain_check
from anchorwatch.cli.checking import run
from anchorwatch.model.options import CheckOptions
from anchorwatch.model.report import CheckReport, Progress, Silence
from tests.reports.samples import EVERYTHING


def look(options: CheckOptions, watched: Progress | None) -> CheckReport:
    """Pretends to look."""
    progress = watched or Silence()
    for host in EVERYTHING.hosts:
        progress.host_started(host.name)
    for host in EVERYTHING.hosts:
        sys.stdin.readline()
        stacks = tuple(stack for stack in EVERYTHING.stacks if stack.host == host.name)
        for stack in stacks:
            progress.stack_done(host.name, stack.stack)
        progress.host_done(host, stacks, tuple(finding for finding in EVERYTHING.findings if finding.host == host.name))
    sys.stdin.readline()
    return EVERYTHING


if __name__ == "__main__":
    arguments = plain_check(sys.argv[1:]) or CheckArguments()
    sys.exit(guarded(lambda: run(arguments, look), failed=CHECK_FAILED))
