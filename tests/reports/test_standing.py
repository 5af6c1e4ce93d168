"""What may be said of a moment at which nobody watched, or nobody could see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

from anchorwatch.model.desired import ProjectKey
from anchorwatch.model.drifts import Check, Trigger
from anchorwatch.model.log import CheckThen, Facts, Run
from anchorwatch.model.options import Filters
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.timeline import HostSpan, Span, StackSpan
from anchorwatch.reports.lines import plain
from anchorwatch.reports.standing import standing
from anchorwatch.reports.status import status_lines
from tests.store.make import BEGIN, host

MINUTE = timedelta(minutes=1)
KEY = ProjectKey("pi5", "mealie")


def facts(run: Run, *, status: StackStatus = StackStatus.IN_SYNC, error: ErrorInfo | None = None, lost: bool = False) -> Facts:
    """Ten minutes after the beginning; the host was seen before that and after."""
    check = Check(KEY, Trigger.RESYNC, BEGIN, 0.01, status, run=1)
    seen = host(status=HostStatus.UNREACHABLE if lost else HostStatus.OK)
    return Facts(
        at=BEGIN + 10 * MINUTE,
        live=False,
        hosts={"pi5": HostSpan(Span(BEGIN), seen, BEGIN + 60 * MINUTE)},
        first_seen={"pi5": BEGIN},
        stacks=(StackSpan("pi5", "mealie", "mealie", "pi5/mealie/compose.yml", Span(BEGIN), None, None, error),),
        checks={KEY: CheckThen(check, BEGIN + 2 * MINUTE)},
        drifts=(),
        containers=(),
        run=run,
    )


WATCHES = Run(1, BEGIN, BEGIN + 60 * MINUTE, None, "1.0")
KILLED = Run(1, BEGIN, BEGIN + 3 * MINUTE, None, "1.0")


def told(facts: Facts) -> str:
    return plain(status_lines(standing(facts, Filters()), UTC))


def test_a_host_was_not_seen_when_nobody_watched() -> None:
    (seen,) = standing(facts(KILLED), Filters()).hosts
    assert seen.seen_at == BEGIN + 3 * MINUTE
    (seen,) = standing(facts(WATCHES), Filters()).hosts
    assert seen.seen_at == BEGIN + 10 * MINUTE
    assert "last seen 2026-11-22 22:43:00 UTC" in told(facts(KILLED))


def test_a_limited_host_says_what_is_the_matter() -> None:
    """Only what is refused is a matter of what may be asked."""
    for error, words in (
        (None, "not everything may be asked"),
        (ErrorInfo("forbidden", "does not permit its events to be heard", "let it"), "not everything may be asked"),
        (ErrorInfo("timeout", "no answer within 10 s", "is it up?"), "its events do not come"),
    ):
        all_well = facts(WATCHES)
        limited = host(status=HostStatus.LIMITED, error=error)
        text = told(replace(all_well, hosts={"pi5": HostSpan(Span(BEGIN), limited, BEGIN + 60 * MINUTE)}))
        why = "" if error is None else f"\n      {error.message}\n      → {error.hint}"
        assert f"  ? {words}{why}\n  ✓ mealie" in text


def test_what_could_not_be_judged_before_either_is_said_once() -> None:
    assert "  ? mealie  host out of reach\n" in told(facts(WATCHES, status=StackStatus.UNKNOWN, lost=True))
    broken = facts(WATCHES, status=StackStatus.UNKNOWN, error=ErrorInfo("bad_yaml", "a tab in line 3"))
    assert "  ? mealie  not judged\n      a tab in line 3\n" in told(broken)
    assert "  ? mealie  in sync 8m 0s before\n".replace(" 0s", "") in told(facts(WATCHES, lost=True))
