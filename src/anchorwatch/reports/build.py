"""The contract's JSON objects, as dicts whose keys stand in the contract's order.

Texts are as they are, but for bytes that are no UTF-8, which no JSON can carry: those become visible (`\\xff`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from anchorwatch.errors import Mistake
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, BrokenStack, DesiredProject, DesiredState, NotStack, UnknownValue
from anchorwatch.model.findings import Finding, Note
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, SideBySide, StackReport, StackStatus
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
        "hosts": [_host(host) for host in report.hosts],
        "stacks": [_stack(stack) for stack in report.stacks],
        "not_stacks": _not_stacks(report.not_stacks),
        "drift": [_drift(finding) for finding in report.findings],
    }


def stacks_document(state: DesiredState, *, resolved: bool = False) -> dict[str, Any]:
    """The object of `stacks --format json`.

    A stack's `status` is null, because no host was asked; `unknown` for one that cannot be resolved.
    """
    return {
        "version": VERSION,
        "revision": state.revision,
        "not_stacks": _not_stacks(state.not_stacks),
        "stacks": [
            _broken(stack, resolved) if isinstance(stack, BrokenStack) else _project(stack, resolved) for stack in in_order(state)
        ],
    }


def diff_document(sides: Iterable[SideBySide]) -> dict[str, Any]:
    """The object of `diff --format json`: the lines that are compared, for what differs."""
    return {
        "version": VERSION,
        "differences": [
            {"name": _text(side.name), "git": [_text(line) for line in side.git], "host": [_text(line) for line in side.host]}
            for side in sides
            if side.git != side.host
        ],
    }


def mistakes_document(mistakes: Iterable[Mistake]) -> dict[str, Any]:
    """The object of `config check --format json`."""
    return {
        "version": VERSION,
        "mistakes": [
            {
                "file": _text(mistake.file),
                "line": mistake.line,
                "key": _text(mistake.key),
                "problem": _text(mistake.problem),
                "instead": _text(mistake.instead),
            }
            for mistake in mistakes
        ],
    }


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, with milliseconds and `Z`. `moment` has a time zone, else `ValueError` is raised."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


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


def _text(text: str | None) -> str | None:
    return text if text is None else encodable(text)


def _error(error: ErrorInfo | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"class": error.kind, "message": _text(error.message), "hint": _text(error.hint)}


def _host(host: HostReport) -> dict[str, Any]:
    return {
        "name": _text(host.name),
        "address": _text(host.address),
        "status": host.status.value,
        "error": _error(host.error),
        "engine": _text(host.engine),
        "containers": host.containers,
    }


def _stack(stack: StackReport) -> dict[str, Any]:
    return {
        "host": _text(stack.host),
        "stack": _text(stack.stack),
        "path": _text(stack.path),
        "project": _text(stack.project),
        "revision": stack.revision,
        "status": stack.status.value,
        "error": _error(stack.error),
        "unknown": [_unknown(value) for value in stack.unknown],
        "notes": [_note(note) for note in stack.notes],
    }


def _unknown(value: UnknownValue) -> dict[str, Any]:
    return {"service": _text(value.service), "path": _text(value.path), "because": _text(value.because)}


def _note(note: Note) -> dict[str, Any]:
    return {"service": _text(note.service), "path": _text(note.path), "message": _text(note.message)}


def _not_stacks(not_stacks: Iterable[NotStack]) -> list[dict[str, Any]]:
    return [{"path": _text(each.path), "because": _text(each.because)} for each in not_stacks]


def _drift(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "host": _text(finding.host),
        "stack": _text(finding.stack),
        "project": _text(finding.project),
        "service": _text(finding.service),
        "container": _text(finding.container),
        "kind": finding.kind.value,
        "path": _text(finding.path),
        "desired": _text(finding.desired),
        "observed": _text(finding.observed),
        "severity": str(finding.severity),
        "message": _text(finding.message),
        "fix": _text(finding.fix),
    }


def _project(project: DesiredProject, resolved: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "host": _text(project.stack.host),
        "stack": _text(project.stack.name),
        "path": _text(project.stack.path),
        "project": _text(project.name),
        "revision": project.revision,
        "status": None,
        "error": None,
        "unknown": [_unknown(value) for value in unknown_values(project)],
        "notes": [],
        "services": [_text(name) for name in project.services],
    }
    if resolved:
        document["resolved"] = {encodable(name): shown(service.config) for name, service in project.services.items()}
    return document


def _broken(broken: BrokenStack, resolved: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "host": _text(broken.stack.host),
        "stack": _text(broken.stack.name),
        "path": _text(broken.stack.path),
        "project": _text(broken.project),
        "revision": broken.revision,
        "status": StackStatus.UNKNOWN.value,
        "error": _error(ErrorInfo.of(broken.error)),
        "unknown": [],
        "notes": [],
        "services": [],
    }
    return {**document, "resolved": {}} if resolved else document
