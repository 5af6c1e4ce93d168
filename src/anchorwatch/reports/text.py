"""The report of `check` as a person likes to read it: host by host, then a line a drift, and one line that sums up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from anchorwatch.model.desired import UnknownValue
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, HostStatus, StackReport, StackStatus
from anchorwatch.reports.clean import clean, paragraphs, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count, place, plain

NOT_STACKS_SHOWN = 6
"""How many files that are no stacks are named; `anchorwatch stacks` names all."""

_SEVERITY = {Severity.INFO: Style.INFO, Severity.WARNING: Style.WARNING, Severity.CRITICAL: Style.CRITICAL}
_INDENT = (Style.PLAIN, "      ")


def write(report: CheckReport) -> str:
    """The whole report."""
    return plain(
        (
            *(line for host in report.hosts for line in host_lines(host, report.stacks, report.findings)),
            *closing_lines(report),
        )
    )


def host_lines(host: HostReport, stacks: Iterable[StackReport], findings: Sequence[Finding]) -> Iterator[Line]:
    """One host and its stacks; `stacks` and `findings` may hold those of other hosts too."""
    own = [finding for finding in findings if finding.host == host.name]
    yield _host_line(host)
    yield from error_lines(host.error)
    stacks = [stack for stack in stacks if stack.host == host.name]
    width = width_of(stack.stack for stack in stacks)
    for stack in stacks:
        yield _stack_line(stack, sum(finding.stack == stack.stack for finding in own), width)
        if host.status is not HostStatus.UNREACHABLE:
            yield from error_lines(stack.error)
    yield from homeless_line(own, width)


def width_of(names: Iterable[str]) -> int:
    """How wide the column of the stacks' names is."""
    return min(max((len(clean(name)) for name in names), default=0), 32)


def homeless_line(findings: Iterable[Finding], width: int) -> Iterator[Line]:
    """One line for everything on a host that belongs to no stack, where there is anything; like that of a stack."""
    homeless = [finding for finding in findings if finding.stack is None]
    if homeless:
        names = ", ".join(dict.fromkeys(finding.container or place(finding) for finding in homeless))
        drifts = (Style.WARNING, f"  {count(len(homeless), 'drift')}")
        yield ((Style.WARNING, "  ✗ "), (Style.QUIET, "(in no stack)".ljust(width)), drifts, (Style.QUIET, f"  {shorten(names)}"))


def closing_lines(report: CheckReport) -> Iterator[Line]:
    """Everything after the hosts: the drift, the remarks, and the sum."""
    yield from _section("Drift", drift_lines(report.findings))
    yield from remark_lines(report)
    yield EMPTY
    yield from summary_lines(report)


def remark_lines(report: CheckReport) -> Iterator[Line]:
    """What is no drift and is worth knowing: keys that were not judged, notes, files that are no stacks."""
    yield from _section("Not judged", _unknown_lines(report.stacks))
    yield from _section("Notes", _note_lines(report.stacks))
    yield from _section("Not stacks", _not_stack_lines(report))


def drift_lines(findings: Iterable[Finding]) -> Iterator[Line]:
    """A line a drift; below the last of those that one command mends, that command."""
    for fix, group in groupby(findings, key=lambda finding: finding.fix):
        for finding in group:
            style = _SEVERITY[finding.severity]
            yield (
                (style, f"  ✗ {finding.severity!s:<8}  "),
                (Style.NAME, shorten(place(finding))),
                (Style.PLAIN, f"  {shorten(said_beside(finding), 1000)}"),
            )
        if fix:
            yield (_INDENT, (Style.COMMAND, clean(fix)))


def said(finding: Finding) -> str:
    """What has drifted, with the key as the user wrote it where the sentence does not begin with it. Not clean."""
    if finding.path is None or finding.message.startswith(finding.path):
        return finding.message
    return f"{finding.path}: {finding.message}"


def said_beside(finding: Finding) -> str:
    """The same beside the place, whose name the sentence then does not begin with once more. Not clean."""
    sentence = said(finding)
    name = place(finding).rpartition(" ")[2]
    return sentence.removeprefix(f"{name} ") if finding.path is None else sentence


def summary_lines(report: CheckReport) -> Iterator[Line]:
    """`3 drifts · 21 containers · 12 stacks · 2 hosts`, and what the sum does not cover."""
    drifts = len(report.findings)
    figures = [
        count(sum(host.containers for host in report.hosts), "container"),
        count(len(report.stacks), "stack"),
        count(len(report.hosts), "host"),
    ]
    if report.ignored:
        figures.append(f"{report.ignored:,} ignored")
    if report.hidden:
        figures.append(f"{count(report.hidden, 'drift')} not asked for")
    unknown_keys = sum(len(stack.unknown) for stack in report.stacks)
    if unknown_keys:
        figures.append(f"{count(unknown_keys, 'key')} not judged")
    blind = list(blind_spots(report))
    worst = max((finding.severity for finding in report.findings), default=None)
    style = _SEVERITY[worst] if worst else Style.UNSURE if blind else Style.GOOD
    yield (
        (style, count(drifts, "drift") if drifts else "0 drift"),
        (Style.PLAIN, "".join(f" · {figure}" for figure in figures)),
    )
    if blind:
        yield ((Style.UNSURE, f"? could not look at {', '.join(blind)}"),)


def blind_spots(report: CheckReport) -> Iterator[str]:
    """What could not be looked at: hosts out of reach, and stacks of other hosts that could not be judged. Clean."""
    unreachable = {host.name for host in report.hosts if host.status is HostStatus.UNREACHABLE}
    for host in report.hosts:
        if host.name in unreachable:
            stacks = sum(stack.host == host.name for stack in report.stacks)
            yield shorten(host.name) + (f" ({count(stacks, 'stack')})" if stacks else "")
    for stack in report.stacks:
        if stack.status is StackStatus.UNKNOWN and stack.host not in unreachable:
            yield shorten(f"{stack.host}/{stack.stack}")


def error_lines(error: ErrorInfo | None) -> Iterator[Line]:
    """What went wrong, and what to do next."""
    if error is not None:
        for text in paragraphs(error.message):
            yield (_INDENT, (Style.UNSURE, text))
        for text in paragraphs(error.hint or ""):
            yield (_INDENT, (Style.QUIET, f"→ {text}"))


def unknown_lines(name: str, values: Iterable[UnknownValue]) -> Iterator[Line]:
    """The values of one stack that cannot be judged, those with one reason on one line."""
    groups: dict[tuple[str | None, str], list[str]] = {}
    for value in values:
        groups.setdefault((value.service, value.because), []).append(value.path)
    for (service, because), paths in groups.items():
        yield (
            (Style.UNSURE, "  ? "),
            (Style.NAME, " ".join(shorten(each) for each in (name, service) if each)),
            (Style.PLAIN, f"  {shorten(', '.join(paths))}: {shorten(because)}"),
        )


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if number == 0:
            yield EMPTY
            yield ((Style.NAME, title),)
        yield line


def _host_line(host: HostReport) -> Line:
    name = (Style.NAME, shorten(host.name))
    address = (Style.QUIET, f"  {shorten(host.address)}")
    if host.status is HostStatus.UNREACHABLE:
        return (name, address, (Style.UNSURE, "  ? cannot be asked"))
    facts = [f"Docker {shorten(host.engine)}"] if host.engine else []
    facts.append(count(host.containers, "container"))
    if host.status is HostStatus.LIMITED:
        return (name, address, (Style.PLAIN, f"  {', '.join(facts)}"), (Style.UNSURE, "  ? not everything may be asked"))
    return (name, address, (Style.PLAIN, f"  {', '.join(facts)}"))


def _stack_line(stack: StackReport, drifts: int, width: int) -> Line:
    name = shorten(stack.stack).ljust(width)
    services = ", ".join(stack.services)
    match stack.status:
        case StackStatus.IN_SYNC:
            return ((Style.GOOD, "  ✓ "), (Style.PLAIN, name), (Style.QUIET, f"  {shorten(services)}"))
        case StackStatus.DRIFTED:
            said = count(drifts, "drift") if drifts else "drift that was not asked for"
            return ((Style.WARNING, "  ✗ "), (Style.PLAIN, name), (Style.WARNING, f"  {said}"))
        case StackStatus.UNKNOWN:
            return ((Style.UNSURE, "  ? "), (Style.PLAIN, name), (Style.UNSURE, "  not judged"))


def _unknown_lines(stacks: Iterable[StackReport]) -> Iterator[Line]:
    for stack in stacks:
        yield from unknown_lines(f"{stack.host}/{stack.stack}", stack.unknown)


def _note_lines(stacks: Iterable[StackReport]) -> Iterator[Line]:
    for stack in stacks:
        for note in stack.notes:
            where = " ".join(each for each in (f"{stack.host}/{stack.stack}", note.service) if each)
            message = f"{note.path}: {note.message}" if note.path else note.message
            yield ((Style.QUIET, "  · "), (Style.NAME, shorten(where)), (Style.PLAIN, f"  {shorten(message, 1000)}"))


def _not_stack_lines(report: CheckReport) -> Iterator[Line]:
    more = len(report.not_stacks) - NOT_STACKS_SHOWN
    if more == 1:
        more = 0  # a line that says so would be as long
    for each in report.not_stacks[: None if more <= 0 else NOT_STACKS_SHOWN]:
        yield ((Style.QUIET, f"  · {shorten(each.path)}  {shorten(each.because)}"),)
    if more > 0:
        yield ((Style.QUIET, f"  · {more:,} more: see `anchorwatch stacks`"),)
