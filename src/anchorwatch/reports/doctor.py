"""What `doctor` tried, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from anchorwatch.model.trial import Outcome, Trial, bad
from anchorwatch.reports.clean import clean
from anchorwatch.reports.lines import EMPTY, Line, Style, count

_MARKS = {
    Outcome.GOOD: (Style.GOOD, "✓ "),
    Outcome.LESS: (Style.UNSURE, "! "),
    Outcome.BAD: (Style.WARNING, "✗ "),
}


def doctor_document(trials: Sequence[Trial]) -> dict[str, Any]:
    """For scripts."""
    return {
        "version": 1,
        "bad": bad(trials),
        "trials": [
            {
                "part": trial.part,
                "name": trial.name,
                "outcome": str(trial.outcome),
                "message": trial.message,
                "hint": trial.hint,
            }
            for trial in trials
        ],
    }


def doctor_lines(trials: Sequence[Trial]) -> Iterator[Line]:
    """A line a trial, with what to do next below where there is something to do, and one that sums up."""
    for trial in trials:
        about = trial.part.replace("_", " ") + (f" {trial.name}" if trial.name else "")
        yield (_MARKS[trial.outcome], (Style.NAME, clean(about)), (Style.PLAIN, f": {clean(trial.message)}"))
        if trial.hint and trial.outcome is not Outcome.GOOD:
            yield ((Style.QUIET, f"    {clean(trial.hint)}"),)
    yield EMPTY
    number = bad(trials)
    if number:
        yield ((Style.WARNING, f"{count(number, 'thing')} to mend"),)
    else:
        yield ((Style.GOOD, "all well"),)
