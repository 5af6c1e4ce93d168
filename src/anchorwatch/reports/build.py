"""The contract's JSON objects, as dicts whose keys stand in the contract's order.

Texts are as they are, but for bytes that are no UTF-8, which no JSON can carry: those become visible (`\\xff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from anchorwatch.errors import Mistake
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, BrokenStack, DesiredProject, DesiredState, NotStack, UnknownValue
from anchorwatch.model.findings import Finding, Note
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, SideBySide, StackReport, StackStatus
from anchorwatch.model.times import timestamp
from anchorwatch.reports.clean import encodable

VERSION = 1
"""The version of the contract's objects."""


def check_document(report: CheckReport) -> dict[str, Any]:
    """The object of `check --format json`."""
    return {
        "version": VERSION,
        "checked_at": timestamp(report.checked_at),
        "revision": report.revision,
        "summary": {
            "hosts": len(report.hosts),
            "stacks": len(report.stacks),
            "containers": sum(host.containers for host in report.hosts),
            "drift": len(report.findings),
            "unknown": sum(stack.status is StackStatus.UNKNOWN for stack in report.stacks),
            "unknown_keys": sum(len(stack.unknown) for stack in report.stacks),
            "ignored": report.ignored,
        },
        "hosts": [host_object(host) for host in report.hosts],
        "stacks": [stack_object(stack) for stack in report.stacks],
        "not_stacks": not_stack_objects(report.not_stacks),
        "drift": [drift_object(finding) for finding in report.findings],
    }


def stacks_document(state: DesiredState, *, resolved: bool = False) -> dict[str, Any]:
    """The object of `stacks --format json`.

    A stack's `status` is null, because no host was asked; `unknown` for one that cannot be resolved.
    """
    return {
        "version": VERSION,
        "revision": state.revision,
        "not_stacks": not_stack_objects(state.not_stacks),
        "stacks": [
            _broken(stack, resolved) if isinstance(stack, BrokenStack) else _project(stack, resolved) for stack in in_order(state)
        ],
    }


def diff_document(sides: Iterable[SideBySide]) -> dict[str, Any]:
    """The object of `diff --format json`: the lines that are compared, for what differs."""
    return {
        "version": VERSION,
        "differences": [
            {"name": text(side.name), "git": [text(line) for line in side.git], "host": [text(line) for line in side.host]}
            for side in sides
            if side.git != side.host
        ],
    }


def moments_document(sides: Iterable[SideBySide], at: datetime, to: datetime) -> dict[str, Any]:
    """The object of `diff --at T1 --to T2 --format json`."""
    return {
        "version": VERSION,
        "at": timestamp(at),
        "to": timestamp(to),
        "differences": [
            {"name": text(side.name), "before": [text(line) for line in side.git], "after": [text(line) for line in side.host]}
            for side in sides
        ],
    }


def mistakes_document(mistakes: Iterable[Mistake]) -> dict[str, Any]:
    """The object of `config check --format json`."""
    return {
        "version": VERSION,
        "mistakes": [
            {
                "file": text(mistake.file),
                "line": mistake.line,
                "key": text(mistake.key),
                "problem": text(mistake.problem),
                "instead": text(mistake.instead),
            }
            for mistake in mistakes
        ],
    }


def in_order(state: DesiredState) -> Sequence[DesiredProject | BrokenStack]:
    """Every stack of `state`, resolved or not, by host and name."""
    return sorted((*state.projects, *state.broken), key=lambda each: (each.stack.host, each.stack.name, each.stack.path))


def unknown_values(project: DesiredProject) -> tuple[UnknownValue, ...]:
    """Every value of `project` that cannot be judged, in its services and outside of them."""
    return (*(value for service in project.services.values() for value in service.unknown), *project.unknown)


def shown(value: Any) -> Any:
    """A part of a resolved Compose model as plain JSON: secrets masked, `.` for the stack's folder, `~` for the home folder."""
    if isinstance(value, Mapping):
        return {encodable(str(key)): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    return encodable(str(value).replace(PROJECT_DIR + "/../", "../").replace(PROJECT_DIR, ".").replace(HOME_DIR, "~"))


def text(said: str | None) -> str | None:
    """A text as it is, as far as JSON can carry it."""
    return said if said is None else encodable(said)


def error_object(error: ErrorInfo | None) -> dict[str, Any] | None:
    """The object of an error."""
    if error is None:
        return None
    return {"class": error.kind, "message": text(error.message), "hint": text(error.hint)}


def host_object(host: HostReport) -> dict[str, Any]:
    """The object of a host."""
    return {
        "name": text(host.name),
        "address": text(host.address),
        "status": host.status.value,
        "error": error_object(host.error),
        "engine": text(host.engine),
        "containers": host.containers,
    }


def stack_object(stack: StackReport) -> dict[str, Any]:
    """The object of a stack."""
    return {
        "host": text(stack.host),
        "stack": text(stack.stack),
        "path": text(stack.path),
        "project": text(stack.project),
        "revision": stack.revision,
        "status": stack.status.value,
        "error": error_object(stack.error),
        "unknown": [_unknown(value) for value in stack.unknown],
        "notes": [_note(note) for note in stack.notes],
    }


def _unknown(value: UnknownValue) -> dict[str, Any]:
    return {"service": text(value.service), "path": text(value.path), "because": text(value.because)}


def _note(note: Note) -> dict[str, Any]:
    return {"service": text(note.service), "path": text(note.path), "message": text(note.message)}


def not_stack_objects(not_stacks: Iterable[NotStack]) -> list[dict[str, Any]]:
    """The objects of what is no stack."""
    return [{"path": text(each.path), "because": text(each.because)} for each in not_stacks]


def drift_object(finding: Finding) -> dict[str, Any]:
    """The object of a drift, without its life."""
    return {
        "id": finding.id,
        "host": text(finding.host),
        "stack": text(finding.stack),
        "project": text(finding.project),
        "service": text(finding.service),
        "container": text(finding.container),
        "kind": finding.kind.value,
        "path": text(finding.path),
        "desired": text(finding.desired),
        "observed": text(finding.observed),
        "severity": str(finding.severity),
        "message": text(finding.message),
        "fix": text(finding.fix),
    }


def _project(project: DesiredProject, resolved: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "host": text(project.stack.host),
        "stack": text(project.stack.name),
        "path": text(project.stack.path),
        "project": text(project.name),
        "revision": project.revision,
        "status": None,
        "error": None,
        "unknown": [_unknown(value) for value in unknown_values(project)],
        "notes": [],
        "services": [text(name) for name in project.services],
    }
    if resolved:
        document["resolved"] = {encodable(name): shown(service.config) for name, service in project.services.items()}
    return document


def _broken(broken: BrokenStack, resolved: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "host": text(broken.stack.host),
        "stack": text(broken.stack.name),
        "path": text(broken.stack.path),
        "project": text(broken.project),
        "revision": broken.revision,
        "status": StackStatus.UNKNOWN.value,
        "error": error_object(ErrorInfo.of(broken.error)),
        "unknown": [],
        "notes": [],
        "services": [],
    }
    return {**document, "resolved": {}} if resolved else document
