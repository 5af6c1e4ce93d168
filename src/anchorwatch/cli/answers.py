"""What verbs that write have in common: the config and the time, how long something is to hold, and the answer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from anchorwatch.cli.arguments import path
from anchorwatch.cli.output import show, write
from anchorwatch.errors import UsageError

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.reports.lines import Line


def loaded(file: str | None) -> tuple[Config, datetime]:
    """The config, judged, and the time."""
    from anchorwatch import clock
    from anchorwatch.config import load

    return load(path(file), os.environ), clock.now()


def until_of(until: str | None, lasting: str | None, now: datetime) -> datetime | None:
    """When what `--until` or `--for` say is over; None where neither is given. Raises `UsageError`.

    A time of day that is over for today is tomorrow's.
    """
    from anchorwatch.config.quantities import duration
    from anchorwatch.config.wrong import WrongValue
    from anchorwatch.model.times import local_zone, read_moment

    if until is not None and lasting is not None:
        raise UsageError("--until and --for are given both", hint="keep one of the two")
    if lasting is not None:
        try:
            return now + timedelta(seconds=duration(lasting))
        except (WrongValue, OverflowError) as error:
            instead = error.instead if isinstance(error, WrongValue) else "write 2h, 30d"
            raise UsageError(f"--for {lasting!r} is no duration", hint=instead) from error
    if until is None:
        return None
    found = read_moment(until, now, local_zone(os.environ))
    return found + timedelta(days=1) if found <= now and len(until.strip()) <= len("00:00:00") else found


def answer(document: Mapping[str, Any], lines: Iterable[Line], *, as_json: bool, no_color: bool) -> int:
    """Writes the answer, for scripts or for people."""
    if as_json:
        from anchorwatch.reports.json import dumps

        write(dumps({"version": 1, **document}))
    else:
        show(lines, no_color=no_color)
    return 0
