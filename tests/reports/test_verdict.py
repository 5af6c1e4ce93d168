"""The exit code and the filters, as the contract has them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.options import Filters
from anchorwatch.model.report import CheckReport, StackStatus
from anchorwatch.reports.verdict import exit_code, narrow
from tests.reports.samples import CLEAN, CONTRACT, EVERYTHING, MEMORY

UNREACHABLE_HOST = replace(EVERYTHING, findings=(), stacks=())
BROKEN_STACK = replace(CLEAN, stacks=(replace(CLEAN.stacks[0], status=StackStatus.UNKNOWN), *CLEAN.stacks[1:]))
UNKNOWN_KEY = replace(CLEAN, stacks=(replace(CLEAN.stacks[0], unknown=CONTRACT.stacks[0].unknown),))
LIMITED_HOST = replace(CLEAN, hosts=EVERYTHING.hosts[:1])


def drifts(number: int, whole: CheckReport = CLEAN) -> CheckReport:
    return replace(whole, findings=tuple(replace(MEMORY, service=f"s{each}") for each in range(number)))


@pytest.mark.parametrize(
    ("report", "count", "any_mode"),
    [
        (CLEAN, 0, 0),
        (drifts(1), 1, 1),
        (drifts(99), 99, 1),
        (drifts(100), 100, 1),
        (drifts(101), 100, 1),
        (drifts(102), 100, 1),
        (drifts(256), 100, 1),
        (drifts(512), 100, 1),
        (UNREACHABLE_HOST, 101, 2),
        (BROKEN_STACK, 101, 2),
        (drifts(3, BROKEN_STACK), 3, 1),
        (drifts(3, UNREACHABLE_HOST), 3, 1),
        (UNKNOWN_KEY, 0, 0),
        (LIMITED_HOST, 0, 0),
        (replace(CLEAN, hosts=(), stacks=()), 0, 0),
    ],
)
def test_exit_code(report: CheckReport, count: int, any_mode: int) -> None:
    assert exit_code(report) == count
    assert exit_code(report, any_mode=True) == any_mode


def test_info_counts_like_any_other_drift() -> None:
    assert exit_code(replace(CLEAN, findings=(replace(MEMORY, severity=Severity.INFO),))) == 1


def messages(report: CheckReport) -> list[str]:
    return [finding.message.split()[0] for finding in report.findings]


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (Filters(), ["privileged", "variable", "media-sonarr-2", "networks.back.internal", "watchtower"]),
        (Filters(severity=Severity.WARNING), ["privileged", "media-sonarr-2", "networks.back.internal", "watchtower"]),
        (Filters(severity=Severity.CRITICAL), ["privileged"]),
        (Filters(kinds=(Kind.MISSING, Kind.UNMANAGED)), ["media-sonarr-2", "watchtower"]),
        (Filters(hosts=("pi5",)), []),
        (Filters(hosts=("pi5", "proxmox"), kinds=(Kind.UNMANAGED,)), ["watchtower"]),
        (Filters(stacks=(("proxmox", "media"),)), ["privileged", "variable", "media-sonarr-2", "networks.back.internal"]),
        (Filters(stacks=(("proxmox", "dns"),)), []),
        (Filters(stacks=(("pi5", "media"),)), []),
        (Filters(hosts=("pi5",), stacks=(("proxmox", "media"),)), []),
    ],
)
def test_filters_narrow_the_drift_that_is_shown_and_the_code(filters: Filters, shown: list[str]) -> None:
    report = narrow(replace(EVERYTHING, hidden=0), filters)
    assert messages(report) == shown
    assert report.hidden == 5 - len(shown)
    if shown:
        assert exit_code(report) == len(shown)


def test_filters_narrow_hosts_and_stacks_and_with_them_what_counts_as_not_looked_at() -> None:
    report = narrow(EVERYTHING, Filters(stacks=(("proxmox", "dns"),)))
    assert [host.name for host in report.hosts] == ["proxmox"]
    assert [stack.stack for stack in report.stacks] == ["dns"]
    assert exit_code(report) == 0


def test_a_stack_whose_drift_is_filtered_out_is_not_called_in_sync() -> None:
    report = narrow(CONTRACT, Filters(severity=Severity.CRITICAL))
    assert exit_code(report) == 0
    assert [stack.status for stack in report.stacks] == [StackStatus.DRIFTED]


def test_a_filter_of_kinds_does_not_hide_that_one_could_not_look_everywhere() -> None:
    assert exit_code(narrow(UNREACHABLE_HOST, Filters(kinds=(Kind.MISSING,)))) == 101


def test_hosts_that_are_not_asked_for() -> None:
    filters = Filters(stacks=(("pi5", "mealie"),))
    assert filters.wants_host("pi5")
    assert not filters.wants_host("proxmox")
    assert filters.wants_stack("pi5", "mealie")
    assert not filters.wants_stack("pi5", "infra")


def test_what_is_in_no_stack_is_not_shown_for_a_stack() -> None:
    stray = Finding(host="pi5", kind=Kind.UNMANAGED, message="x runs", container="x")
    assert Filters(hosts=("pi5",)).wants(stray)
    assert not Filters(stacks=(("pi5", "mealie"),)).wants(stray)
