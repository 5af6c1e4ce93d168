"""Standard output and standard error: what goes where, when there is colour, and what happens when nobody reads on."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from anchorwatch.errors import AnchorwatchError, ConfigError, UsageError

if TYPE_CHECKING:
    from anchorwatch.reports.lines import Line


def write(text: str) -> None:
    """Writes `text` to standard output, at once. A reader that has gone away (`| head`) is no error: the verdict still counts.

    Raises `UsageError` where the output cannot be written: a report that was lost must not look like one that was made.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(_encodable(text))
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere(sys.stdout)
    except OSError as error:
        nowhere(sys.stdout)
        raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def nowhere(stream: TextIO | None) -> None:
    """What is still in the buffer goes nowhere, and Python has nothing to complain about at its end."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def on_terminal() -> bool:
    """Whether somebody watches standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def in_colour(*, no_color: bool) -> bool:
    """Whether colour is wanted: only on a terminal that has it, and never with `NO_COLOR` (https://no-color.org)."""
    return on_terminal() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(lines: Iterable[Line], *, no_color: bool, fold: bool = False) -> None:
    """Writes lines for people to standard output, in colour where it is wanted; to a terminal folded to its width (`fold`)."""
    if fold and on_terminal():
        from anchorwatch.cli.folding import columns, folded

        lines = folded(lines, columns())
    if in_colour(no_color=no_color):
        from anchorwatch.cli.screen import Screen

        with Screen() as screen:
            screen.show(lines)
    else:
        from anchorwatch.reports.lines import plain

        write(plain(lines))


def complain(error: Exception) -> None:
    """Says on standard error what went wrong and what to do next. Of a bug only where it is: its text may hold a secret."""
    with suppress(OSError):
        if os.environ.get("ANCHORWATCH_DEBUG") == "1":
            import traceback

            traceback.print_exception(error)
        for line in _complaint(error):
            print(line, file=sys.stderr)


def warn(text: str) -> None:
    """Says something on standard error that is wrong, and keeps nothing from being done."""
    from anchorwatch.reports.clean import clean

    with suppress(OSError):
        print(f"anchorwatch: {clean(text)}", file=sys.stderr)


def _complaint(error: Exception) -> Iterable[str]:
    if _run_out(error):  # before a module would have to be loaded
        yield "anchorwatch: this machine, or what limits it, gives no more memory, threads, processes or open files"
        yield "hint: look at `free -h` and `ulimit -a`, and at what the container or the unit may have (memory, pids)"
        return
    from anchorwatch.reports.clean import clean, paragraphs

    if isinstance(error, ConfigError) and error.mistakes:
        number = len(error.mistakes)
        yield f"anchorwatch: {number} mistake{'s' if number > 1 else ''} in the config:"
        yield from (f"  {clean(str(mistake))}" for mistake in error.mistakes)
    elif isinstance(error, AnchorwatchError):
        first, *more = paragraphs(error.message) or [error.kind]
        yield f"anchorwatch: {first}"
        yield from (f"  {line}" for line in more)
    else:
        yield f"anchorwatch: this is a bug in anchorwatch: {type(error).__name__}{_where(error)}"
        yield "hint: please report it, with the traceback that ANCHORWATCH_DEBUG=1 prints (read it first: it may show secrets)"
        return
    if error.hint:
        first, *more = paragraphs(error.hint)
        yield f"hint: {first}"
        yield from (f"  {line}" for line in more)


def _run_out(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and str(error) == "can't start new thread")


def _where(error: Exception) -> str:
    place, trace = "", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == "anchorwatch":
            place = f" at {module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _encodable(text: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
