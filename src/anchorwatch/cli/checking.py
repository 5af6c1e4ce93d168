"""What `check` does once its arguments are known: look, narrow, show, and say it in the exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from anchorwatch.cli.arguments import CheckArguments
from anchorwatch.cli.output import in_colour, on_terminal, warn, write
from anchorwatch.reports import Format, render

if TYPE_CHECKING:
    from anchorwatch.cli.watching import Watching
    from anchorwatch.model.options import CheckOptions
    from anchorwatch.model.report import CheckReport, Progress

    Check: TypeAlias = Callable[[CheckOptions, Progress | None], CheckReport]


def check(arguments: CheckArguments) -> int:
    """Checks the real world. Returns the exit code."""
    return run(arguments, _look)


def run(arguments: CheckArguments, look: Check) -> int:
    """Shows what `look` finds, and returns the exit code."""
    options = arguments.options()
    wanted = Format(arguments.format)
    if wanted is Format.TEXT and on_terminal():
        report = _watched(options, look, colour=in_colour(no_color=arguments.no_color))
    else:
        report = _narrowed(look(options, None), options)
        write(render(report, wanted))
    for mistake in report.mistakes:
        warn(f"{mistake}; this rule of the repo is not applied")
    from anchorwatch.reports.verdict import exit_code

    return exit_code(report, any_mode=arguments.exit_code == "any")


def _look(options: CheckOptions, progress: Progress | None) -> CheckReport:
    from anchorwatch import app

    return app.check(options, progress)


def _watched(options: CheckOptions, look: Check, *, colour: bool) -> CheckReport:
    from anchorwatch.cli.folding import columns
    from anchorwatch.cli.watching import Paper, Watching

    width = columns()
    if not colour:
        return _finished(Watching(Paper(), options.filters, width), options, look)
    from anchorwatch.cli.screen import Screen

    with Screen() as screen:
        return _finished(Watching(screen, options.filters, width), options, look)


def _finished(watching: Watching, options: CheckOptions, look: Check) -> CheckReport:
    report = _narrowed(look(options, watching), options)
    watching.finish(report)
    return report


def _narrowed(report: CheckReport, options: CheckOptions) -> CheckReport:
    from anchorwatch.reports.verdict import narrow  # only now: hosts are connected to before anything else is loaded

    return narrow(report, options.filters)
