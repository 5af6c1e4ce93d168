"""What Git says, without asking any host, as a person reads it: the text of `stacks`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState
from anchorwatch.model.report import ErrorInfo
from anchorwatch.reports.build import in_order, shown, unknown_values
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count
from anchorwatch.reports.text import error_lines, unknown_lines


def stacks_lines(state: DesiredState, *, resolved: bool = False) -> Iterator[Line]:
    """Host by host every stack with its project, services, and what is unknown of it; then what is no stack; then the sum."""
    for host, stacks in groupby(in_order(state), key=lambda each: each.stack.host):
        yield ((Style.NAME, shorten(host)),)
        for stack in stacks:
            yield from _broken(stack) if isinstance(stack, BrokenStack) else _project(stack, resolved)
        yield EMPTY
    if state.not_stacks:
        yield ((Style.NAME, "Not stacks"),)
        for each in state.not_stacks:
            yield ((Style.PLAIN, f"  · {shorten(each.path)}"), (Style.QUIET, f"  {shorten(each.because)}"))
        yield EMPTY
    yield _summary(state)


def _project(project: DesiredProject, resolved: bool) -> Iterator[Line]:
    names = (name if service.enabled else f"{name} (inactive)" for name, service in project.services.items())
    yield (
        (Style.GOOD, "  ✓ "),
        (Style.NAME, shorten(project.stack.name)),
        (Style.PLAIN, f"  project {shorten(project.name)}: {shorten(', '.join(names), 1000)}"),
        (Style.QUIET, f"  {shorten(project.stack.path)}"),
    )
    for line in unknown_lines("", unknown_values(project)):
        yield ((Style.PLAIN, "    "), *line)
    if resolved:
        for name, service in project.services.items():
            yield ((Style.PLAIN, "      "), (Style.NAME, f"{shorten(name)}:"))
            for key, value in service.config.items():
                text = json.dumps(shown(value), ensure_ascii=False)
                yield ((Style.PLAIN, f"        {shorten(key)}: "), (Style.PLAIN, shorten(text, 1000)))


def _broken(broken: BrokenStack) -> Iterator[Line]:
    yield (
        (Style.UNSURE, "  ? "),
        (Style.NAME, shorten(broken.stack.name)),
        (Style.UNSURE, f"  {clean(broken.error.kind)}"),
        (Style.QUIET, f"  {shorten(broken.stack.path)}"),
    )
    yield from error_lines(ErrorInfo.of(broken.error))


def _summary(state: DesiredState) -> Line:
    stacks = in_order(state)
    figures = [
        count(len(stacks), "stack"),
        count(len({each.stack.host for each in stacks}), "host"),
        count(sum(len(project.services) for project in state.projects), "service"),
    ]
    unknown_keys = sum(len(unknown_values(project)) for project in state.projects)
    if unknown_keys:
        figures.append(f"{count(unknown_keys, 'key')} cannot be judged")
    if state.broken:
        figures.append(f"{count(len(state.broken), 'stack')} cannot be resolved")
    return ((Style.PLAIN, " · ".join(figures)),)
