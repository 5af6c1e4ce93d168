"""The command: `program` is the door, and `main` what it does: run one verb and turn whatever comes of it into an exit code.

The verbs are declared to Typer (`verbs`). Typer takes about 100 ms to be loaded and to read a command line, a good part of a
whole check; so `--version` and a plainly written `check` or `watch` go past it (`arguments.plain_check`,
`serving.plain_watch`), to the same code. Anything that is not plainly right goes to Typer, which says what is wrong.

Nothing is imported here that the fastest way does not need.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

FAILED = 2
"""The exit code of a verb that could not do its work."""

CHECK_FAILED = 102
"""The same for `check`, whose small numbers count drifts."""

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended: 128 + SIGINT."""


def program() -> NoReturn:
    """The whole process: it ends as soon as the verb is done and what it said is written.

    The interpreter would take some 30 ms more for taking apart what the kernel frees anyway. It is left to it only where a thread
    still runs.
    """
    code = main()
    if not _flushed(sys.stdout):
        code = code or FAILED
    _flushed(sys.stderr)
    if threading.active_count() > 1:
        sys.exit(code)
    os._exit(code)


def _flushed(stream: TextIO | None) -> bool:
    """Writes what is left in the buffer. False where that is lost; a reader that has gone away loses nothing that it wants."""
    try:
        if stream is not None and not stream.closed:
            stream.flush()
        return True
    except OSError as error:
        from anchorwatch.cli.output import nowhere

        nowhere(stream)
        return isinstance(error, BrokenPipeError)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the verb that `argv` (without the program's name; None: the process's) asks for. Returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), None)
    return guarded(lambda: _run(words), failed=CHECK_FAILED if verb == "check" else FAILED)


def guarded(run: Callable[[], int], *, failed: int) -> int:
    """What `run` returns; `failed`, once it is said why, where it raises: a program for people does not end with a traceback."""
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        from anchorwatch.cli.output import complain

        complain(error)
        return failed


def version() -> int:
    """Prints the version."""
    from anchorwatch import __version__
    from anchorwatch.cli.output import write

    write(f"anchorwatch {__version__}\n")
    return 0


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        return version()
    if words[:1] != ["watch"]:
        gc.set_threshold(100_000)  # over within a second: looking for garbage while modules load costs a tenth of it
    if words[:1] == ["check"]:
        from anchorwatch.cli.arguments import plain_check

        arguments = plain_check(words[1:])
        if arguments is not None:
            from anchorwatch.cli.checking import check

            return check(arguments)
    if words[:1] == ["watch"]:
        from anchorwatch.cli.serving import plain_watch, serve

        config = plain_watch(words[1:])
        if config is not None:
            return serve(*config)
    from anchorwatch.cli.verbs import run

    return run(words)
