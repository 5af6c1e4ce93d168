"""The report of `check` as JUnit XML, as CI systems read it: a test suite a host, a test case a service.

A service with drift is a failure, a stack or a host that could not be judged an error. What belongs to no service of a
stack (its networks and volumes) is the case `(project)`; what belongs to no stack is a case of the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from anchorwatch.model.findings import Finding
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, StackReport, StackStatus
from anchorwatch.model.times import timestamp
from anchorwatch.reports.clean import clean, paragraphs, shorten
from anchorwatch.reports.lines import place
from anchorwatch.reports.text import said

WHOLE = "(project)"
"""The case of what belongs to a stack, and to none of its services."""


def write(report: CheckReport) -> str:
    """The whole document."""
    root = ElementTree.Element("testsuites", name="anchorwatch")
    for host in report.hosts:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=shorten(host.name),
            hostname=shorten(host.address),
            timestamp=timestamp(report.checked_at)[:19],
        )
        own = [finding for finding in report.findings if finding.host == host.name]
        _host_cases(suite, host, [finding for finding in own if finding.stack is None])
        for stack in report.stacks:
            if stack.host == host.name:
                _stack_cases(
                    suite, stack, stack.error or host.error, [finding for finding in own if finding.stack == stack.stack]
                )
        _tally(suite, suite.findall("testcase"))
    _tally(root, root.findall("testsuite/testcase"))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _host_cases(suite: ElementTree.Element, host: HostReport, homeless: Sequence[Finding]) -> None:
    case = _case(suite, host.name, "engine")
    if host.error is not None:
        _error(case, host.error)
    for name in dict.fromkeys(place(finding) for finding in homeless):
        _failure(_case(suite, host.name, name), [finding for finding in homeless if place(finding) == name])


def _stack_cases(suite: ElementTree.Element, stack: StackReport, error: ErrorInfo | None, findings: Sequence[Finding]) -> None:
    place_of_stack = f"{stack.host}/{stack.stack}"
    if stack.status is StackStatus.UNKNOWN:
        _error(_case(suite, place_of_stack, WHOLE), error or ErrorInfo("unknown", "nothing of this stack could be judged"))
        return
    services = [finding.service or WHOLE for finding in findings]
    remarked = [value.service or WHOLE for value in stack.unknown] + [note.service or WHOLE for note in stack.notes]
    for service in dict.fromkeys([*stack.services, *services, *remarked] or [WHOLE]):
        case = _case(suite, place_of_stack, service)
        of_it = [finding for finding, name in zip(findings, services, strict=True) if name == service]
        if of_it:
            _failure(case, of_it)
        unknown = [value for value in stack.unknown if (value.service or WHOLE) == service]
        remarks = [f"{value.path} is not judged: {value.because}" for value in unknown]
        remarks += [f"{note.path or 'note'}: {note.message}" for note in stack.notes if (note.service or WHOLE) == service]
        if remarks:
            ElementTree.SubElement(case, "system-out").text = "\n".join(shorten(remark, 1000) for remark in remarks)


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=shorten(classname), name=shorten(name))


def _failure(case: ElementTree.Element, findings: Sequence[Finding]) -> None:
    what = ", ".join(dict.fromkeys(finding.path or finding.kind.value for finding in findings))
    failure = ElementTree.SubElement(case, "failure", message=shorten(what), type="drift")
    failure.text = "\n".join(
        f"{finding.severity}: {shorten(place(finding))}: {shorten(said(finding), 1000)}"
        + (f"\nto mend it: {clean(finding.fix)}" if finding.fix else "")
        for finding in findings
    )


def _error(case: ElementTree.Element, error: ErrorInfo) -> None:
    lines = [*paragraphs(error.message), *paragraphs(error.hint or "")]
    ElementTree.SubElement(case, "error", message=lines[0] if lines else "", type=clean(error.kind)).text = "\n".join(lines)


def _tally(element: ElementTree.Element, cases: Iterable[ElementTree.Element]) -> None:
    cases = list(cases)
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
