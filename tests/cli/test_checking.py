"""`check` from its arguments to its exit code, with a world that is made up: what is shown and what the shell is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from anchorwatch.cli.arguments import CheckArguments
from anchorwatch.cli.checking import run
from anchorwatch.model.options import CheckOptions
from anchorwatch.model.report import CheckReport, Progress
from tests.reports.samples import CLEAN, EVERYTHING, MEMORY


@pytest.mark.parametrize(("number", "code"), [(0, 0), (1, 1), (99, 99), (100, 100), (256, 100)])
def test_the_exit_code_counts(number: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    report = replace(CLEAN, findings=(MEMORY,) * number)
    assert run(CheckArguments(), lambda options, progress: report) == code
    assert run(CheckArguments(exit_code="any"), lambda options, progress: report) == min(number, 1)


def test_filters_narrow_what_is_shown_and_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = CheckArguments(format="json", severity="critical", hosts=("proxmox",))
    assert run(arguments, lambda options, progress: EVERYTHING) == 1
    document = json.loads(capsys.readouterr().out)
    assert [drift["path"] for drift in document["drift"]] == ["privileged"]
    assert [host["name"] for host in document["hosts"]] == ["proxmox"]
    assert document["summary"]["drift"] == 1


def test_the_world_is_told_what_is_asked_for() -> None:
    asked: list[CheckOptions] = []

    def look(options: CheckOptions, progress: Progress | None) -> CheckReport:
        asked.append(options)
        return CLEAN

    run(CheckArguments(repo="r", config="c.yml", worktree=True, stacks=("pi5/mealie",)), look)
    (options,) = asked
    assert (str(options.repo), str(options.config), options.worktree) == ("r", "c.yml", True)
    assert options.filters.stacks == (("pi5", "mealie"),)


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [("text", "proxmox  unix"), ("json", "{"), ("html", "<!doctype html>"), ("markdown", "## 5 drifts"), ("junit", "<?xml")],
)
def test_formats(wanted: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(CheckArguments(format=wanted), lambda options, progress: EVERYTHING) == 5
    assert capsys.readouterr().out.startswith(begins)
