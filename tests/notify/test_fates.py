"""Every reason has a line in the docs, and the docs have no other."""

from __future__ import annotations

import re
from pathlib import Path

from anchorwatch.config import load
from anchorwatch.notify import again, calm, fold, route
from anchorwatch.notify.fates import SAID, Fate
from tests.e2e.test_watch import MESSAGES

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def test_the_examples_load(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 3
    for number, text in enumerate(examples):
        for name in re.findall(r"_file: */run/secrets/([\w-]+)", text):
            (tmp_path / name).write_text("https://secret\n")
        file = tmp_path / f"{number}.yml"
        file.write_text(re.sub(r"(_file: *)/run/secrets/", rf"\1{tmp_path}/", text))
        load(file, {"HOME": "/root"}).service()


def test_every_reason_is_explained() -> None:
    _, _, table = PAGE.partition("## Every reason")
    rows = re.findall(r"^\| `([^`]+)` \|", table.partition("## The watcher")[0], re.MULTILINE)
    assert rows == [fate.value for fate in Fate]
    assert f"`{SAID}`" in PAGE
    assert again.refused(2) == "refused 2 times"
    assert "refused 2 times" in PAGE


def test_the_day_of_the_page_is_the_one_that_is_tested() -> None:
    day = PAGE.partition("## A day")[2].partition("## ")[0]
    assert re.findall(r"\| `([^`]+)` \|$", day, re.MULTILINE) == MESSAGES


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert (route.WINDOW.total_seconds(), "within 5 seconds" in PAGE) == (5, True)
    assert (fold.FLAPPING_TIMES, fold.FLAPPING_WITHIN.total_seconds(), "three times within an hour" in PAGE) == (3, 3600, True)
    assert (fold.CALM_AFTER.total_seconds(), "calm\n  for 15 minutes" in PAGE) == (900, True)
    assert (again.GIVE_UP_AFTER.total_seconds(), "After 24 hours it is given up" in PAGE) == (86400, True)
    assert (again.MOST_REFUSALS, "(five times)" in PAGE) == (5, True)
    assert (calm.MOST_ITEMS, "of 200 things at most" in PAGE) == (200, True)
    assert (route.SUMMARY_AFTER.total_seconds(), route.SUMMARY_WITHIN.total_seconds()) == (60, 600)


def test_the_waits_grow_and_end() -> None:
    waits = [again.pause(attempt, lambda: 0.5).total_seconds() for attempt in range(1, 14)]
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == 3600
    for least_or_most in (lambda: 0.0, lambda: 0.999):
        assert all(10 <= again.pause(attempt, least_or_most).total_seconds() <= 3600 for attempt in range(1, 99))
    assert again.pause(1, lambda: 0.5, 90.0).total_seconds() == 90
    assert again.pause(1, lambda: 0.5, 1e9).total_seconds() == 3600
