"""Where things stand, or stood, as a person likes to read it: the text of `status` and `at`.

A stack is green only where somebody looked, not long ago, and watches; otherwise it says what was so when somebody last looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

from anchorwatch.model.drifts import Drift, DriftState, Side
from anchorwatch.model.findings import Severity
from anchorwatch.model.log import Doubt, HostStanding, StackStanding, Standing
from anchorwatch.model.report import CheckReport, HostStatus, StackStatus
from anchorwatch.model.times import ago, lasted, shown
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count, place
from anchorwatch.reports.moment import checked_at, is_stale
from anchorwatch.reports.text import error_lines, homeless_line, remark_lines, said_beside, width_of

SIDES = {Side.GIT: "behind Git", Side.HOST: "changed on the host", Side.UNKNOWN: "nobody knows which side moved"}
_SEVERITY = {Severity.INFO: Style.INFO, Severity.WARNING: Style.WARNING, Severity.CRITICAL: Style.CRITICAL}
_WORDS = {StackStatus.IN_SYNC: "in sync", StackStatus.DRIFTED: "drifted", StackStatus.UNKNOWN: "could not be judged"}
_WHY = {
    Doubt.NOT_YET: "not looked at yet",
    Doubt.NOBODY: "nobody watched",
    Doubt.NO_LOOK: "not looked at since the service started",
    Doubt.UNREACHABLE: "host out of reach",
    Doubt.STALE: "not looked at for too long",
}
_SAID_OF_ALL = {Doubt.NOBODY, Doubt.UNREACHABLE}
"""What stands at the top, or beside the host."""


def as_report(standing: Standing) -> CheckReport:
    """The same as a report of `check`, for the formats that have no room for more: what is open and nobody has accepted."""
    return CheckReport(
        checked_at=checked_at(standing) or standing.at,
        revision=standing.repo.revision,
        hosts=tuple(host.report for host in standing.hosts),
        stacks=tuple(stack.report for stack in standing.stacks),
        not_stacks=standing.repo.not_stacks,
        findings=tuple(drift.finding for drift in standing.drifts if is_news(drift)),
        ignored=standing.ignored,
        hidden=standing.hidden,
    )


def is_news(drift: Drift) -> bool:
    """Whether somebody is to do something about it: open, and not accepted."""
    return drift.state is DriftState.OPEN and drift.acceptance is None


def status_lines(standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    """Host by host every stack, and since when it has been so; the drift, the remarks, and the sum."""
    if not standing.live:
        yield ((Style.NAME, shown(standing.at, zone)),)
    alarms = list(_alarms(standing, zone))
    yield from alarms if standing.hosts else alarms[:-1]
    for host in standing.hosts:
        yield from _host_lines(host, standing, zone)
    yield from _drift_sections(standing, zone)
    yield from remark_lines(replace(as_report(standing), not_stacks=()))
    if not standing.live:
        from anchorwatch.reports.containers import container_lines  # brings the rules with it, which `status` does not need

        yield from _section("Containers", container_lines(standing, zone, detailed=_is_whole(standing)))
    yield EMPTY
    yield from summary_lines(standing, zone)
    if standing.repo.not_stacks:
        yield ((Style.QUIET, f"{count(len(standing.repo.not_stacks), 'file')} left aside: `anchorwatch stacks` says why"),)


def summary_lines(standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    """`3 drifts (1 pending) · 20 of 21 containers are in Git · 12 stacks · 2 hosts`, and when somebody last looked."""
    drifts = standing.drifts
    news = [drift for drift in drifts if is_news(drift)]
    pending = sum(drift.state is DriftState.PENDING for drift in drifts)
    accepted = sum(drift.acceptance is not None for drift in drifts)
    beside = [f"{pending} pending"] if pending else []
    beside += [f"{accepted} accepted"] if accepted else []
    beside += [f"{len(standing.silenced)} silenced"] if standing.silenced else []
    unknown = sum(stack.report.status is StackStatus.UNKNOWN for stack in standing.stacks)
    worst = max((drift.finding.severity for drift in news), default=None)
    unsure = bool(unknown) or is_stale(standing)
    style = _SEVERITY[worst] if worst else Style.UNSURE if unsure else Style.WARNING if drifts else Style.GOOD
    figures = [f"{standing.in_git:,} of {count(standing.running, 'container')} {'is' if standing.running == 1 else 'are'} in Git"]
    figures += [count(len(standing.stacks), "stack"), count(len(standing.hosts), "host")]
    figures += [f"{standing.ignored:,} ignored"] if standing.ignored else []
    figures += [f"{count(standing.hidden, 'drift')} not asked for"] if standing.hidden else []
    figures += [f"{count(unknown, 'stack')} not known"] if unknown else []
    yield (
        (style, (count(len(drifts), "drift") if drifts else "0 drift") + (f" ({', '.join(beside)})" if beside else "")),
        (Style.PLAIN, "".join(f" · {figure}" for figure in figures)),
    )
    looked = checked_at(standing)
    when = "never checked" if looked is None else f"last checked {shown(looked, zone)} ({ago(looked, standing.at)})"
    yield ((Style.QUIET, when),)


def watch_text(standing: Standing, zone: tzinfo | None) -> str:
    """Whether somebody watches, or watched, in one clause."""
    watch, now = standing.watch, standing.live
    if watch.running and watch.since_at is not None:
        return f"the service {'has been running' if now else 'was running'}, since {shown(watch.since_at, zone)}"
    if watch.since_at is None:
        text = "the service has never run" if now else "the service had never run by then"
    elif now:
        last = f"{ago(watch.since_at, standing.at)} ({shown(watch.since_at, zone)})"
        text = f"the service is not running: its last sign of life was {last}"
    else:
        text = f"nobody watched then: the service had last been there {shown(watch.since_at, zone)}"
    return text + (f"; the database is held by {clean(watch.holder)}" if watch.holder else "")


def doubt_text(stack: StackStanding, now: datetime) -> str:
    """Why nothing certain can be said of a stack, and what was so when somebody last looked."""
    why = _WHY[stack.doubt] if stack.doubt is not None else "not judged"
    if stack.last_status is None or stack.last_status is StackStatus.UNKNOWN or stack.checked_at is None:
        return why
    was = f"{_WORDS[stack.last_status]} {lasted((now - stack.checked_at).total_seconds())} before"
    return was if stack.doubt in _SAID_OF_ALL else f"{why}; {was}"


def drift_words(drift: Drift, standing: Standing, zone: tzinfo | None) -> str:
    """The life of a drift in one line. Clean."""
    words = [
        side_text(drift),
        f"since {shown(drift.appeared_at, zone, seconds=False)} ({lasted((standing.at - drift.appeared_at).total_seconds())})",
    ]
    if before := standing.before.get(drift.id):
        words.append(f"for the {ordinal(before + 1)} time")
    words += [cause] if (cause := cause_text(drift.cause)) else []
    if drift.acceptance is not None:
        until = drift.acceptance.until
        words.append("accepted" + (f" until {shown(until, zone, seconds=False)}" if until else " until it changes"))
        words += [shorten(drift.acceptance.reason)] if drift.acceptance.reason else []
    if drift.id in standing.silenced:
        words.append(f"silenced until {shown(standing.silenced[drift.id], zone, seconds=False)}")
    return " · ".join([*words, drift.id])


def side_text(drift: Drift) -> str:
    """Which side moved, and how far Git was ahead when that was found: nobody counts again, so it may be more by now."""
    behind = (drift.cause or {}).get("behind")
    far = f" ({behind:,} commits when it was found)" if drift.side is Side.GIT and isinstance(behind, int) and behind > 1 else ""
    return SIDES[drift.side] + far


def cause_text(cause: Mapping[str, Any] | None) -> str | None:
    """What brought a drift about, and how sure that is. Clean."""
    if not cause:
        return None
    text = shorten(str(cause.get("text") or cause.get("kind") or ""))
    confidence = cause.get("confidence")
    return f"{text} ({confidence})" if text and confidence in {"likely", "certain"} else text or None


def _alarms(standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    if not standing.watch.running:
        yield ((Style.UNSURE, f"? {watch_text(standing, zone)}"),)
        if standing.live:
            yield (
                (Style.QUIET, "  → start it: anchorwatch watch; what stands here is how things were when somebody last looked"),
            )
        yield EMPTY
    elif not standing.live:
        yield ((Style.QUIET, watch_text(standing, zone)),)
        yield EMPTY
    if standing.repo.error is not None:
        since = "" if standing.repo.at is None else f", since {shown(standing.repo.at, zone)}"
        yield ((Style.UNSURE, f"? the repository cannot be read{since}: what it said before is still in force"),)
        yield from error_lines(standing.repo.error)
        yield EMPTY
    for destination, number in standing.given_up.items():
        yield ((Style.WARNING, f"✗ {count(number, 'message')} to {clean(destination)} never arrived"),)
        yield ((Style.QUIET, "  → try it: anchorwatch notify test; what they said: anchorwatch history --deliveries"),)
        yield EMPTY


def _host_lines(host: HostStanding, standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    report = host.report
    head = (Style.NAME, shorten(report.name)), (Style.QUIET, f"  {shorten(report.address)}")
    engine = [f"Docker {shorten(report.engine)}"] if report.engine else []
    facts = ", ".join([*engine, count(report.containers, "container")])
    if host.doubt is Doubt.NOT_YET:
        yield (head[0], (Style.UNSURE, "  ? nobody had looked yet"))
    elif report.status is HostStatus.UNREACHABLE:
        since = (
            ""
            if host.since_at is None
            else f" for {lasted((standing.at - host.since_at).total_seconds())} (since {shown(host.since_at, zone)})"
        )
        yield (*head, (Style.UNSURE, f"  ? out of reach{since}"))
        yield from error_lines(report.error)
    elif host.doubt is not None:
        seen = "" if host.seen_at is None else f", last seen {shown(host.seen_at, zone)}"
        yield (*head, (Style.UNSURE, f"  ? {facts} when last looked at{seen}"))
    else:
        why = "its events do not come" if report.is_deaf else "not everything may be asked"
        limited = ((Style.UNSURE, f"  ? {why}"),) if report.status is HostStatus.LIMITED else ()
        yield (*head, (Style.PLAIN, f"  {facts}"), *limited)
        yield from error_lines(report.error)
    own = [stack for stack in standing.stacks if stack.report.host == report.name]
    width = width_of(stack.report.stack for stack in own)
    for stack in own:
        yield _stack_line(stack, standing, width)
        if host.report.status is not HostStatus.UNREACHABLE:
            yield from error_lines(stack.report.error)
    yield from homeless_line([drift.finding for drift in standing.drifts if drift.finding.host == report.name], width)


def _stack_line(stack: StackStanding, standing: Standing, width: int) -> Line:
    report = stack.report
    name = shorten(report.stack).ljust(width)
    own = [drift for drift in standing.drifts if (drift.finding.host, drift.finding.stack) == (report.host, report.stack)]
    # a look that could not tell begins a verdict anew, and no drift
    begun = min([drift.appeared_at for drift in own] + ([] if stack.since_at is None else [stack.since_at]), default=None)
    since = "" if begun is None else f" for {lasted((standing.at - begun).total_seconds())}"
    services = f"  {shorten(', '.join(report.services))}" if report.services else ""
    match report.status:
        case StackStatus.IN_SYNC:
            return ((Style.GOOD, "  ✓ "), (Style.PLAIN, name), (Style.GOOD, f"  in sync{since}"), (Style.QUIET, services))
        case StackStatus.DRIFTED:
            figure = count(len(own), "drift") if own else "drift that is not shown"
            return ((Style.WARNING, "  ✗ "), (Style.PLAIN, name), (Style.WARNING, f"  {figure}{since}"), (Style.QUIET, services))
        case StackStatus.UNKNOWN:
            known = f"; {count(len(own), 'drift')} known" if own else ""
            return ((Style.UNSURE, "  ? "), (Style.PLAIN, name), (Style.UNSURE, f"  {doubt_text(stack, standing.at)}{known}"))


def _drift_sections(standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    kinds: dict[str, list[Drift]] = {"Drift": [], "Pending": [], "Accepted": []}
    for drift in standing.drifts:
        if drift.acceptance is not None:
            kinds["Accepted"].append(drift)
        else:
            kinds["Drift" if drift.state is DriftState.OPEN else "Pending"].append(drift)
    for title, drifts in kinds.items():
        yield from _section(title, _drift_lines(drifts, standing, zone))


def _drift_lines(drifts: Iterable[Drift], standing: Standing, zone: tzinfo | None) -> Iterator[Line]:
    for fix, group in groupby(drifts, key=lambda drift: drift.finding.fix if standing.live and is_news(drift) else None):
        for drift in group:
            finding = drift.finding
            style, mark = (_SEVERITY[finding.severity], "✗") if is_news(drift) else (Style.QUIET, "·")
            yield (
                (style, f"  {mark} {finding.severity!s:<8}  "),
                (Style.NAME, shorten(place(finding))),
                (Style.PLAIN, f"  {shorten(said_beside(finding), 1000)}"),
            )
            yield ((Style.QUIET, f"      {drift_words(drift, standing, zone)}"),)
        if fix:
            yield ((Style.PLAIN, "      "), (Style.COMMAND, clean(fix)))


def _is_whole(standing: Standing) -> bool:
    """Whether how each container was configured was read, and is not too much to be shown."""
    return len(standing.stacks) == 1 and any("HostConfig" in one.seen.configuration for one in standing.containers)


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if number == 0:
            yield EMPTY
            yield ((Style.NAME, title),)
        yield line


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
