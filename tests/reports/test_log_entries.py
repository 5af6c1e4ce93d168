"""What the log says of containers: made or found, changed in which key, and what is not worth a line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from anchorwatch.model.findings import Kind
from anchorwatch.model.log import ContainerChange, Entry, Told
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan, Span
from anchorwatch.reports.lines import plain
from anchorwatch.reports.log import is_said, log_lines, text_of, values, verb
from tests.store.make import BEGIN, appeared, container, drift, finding

DAY = timedelta(days=1)


def change(
    before: ContainerSeen | None, now: ContainerSeen | None, *, lasting: timedelta | None = None, **more: Any
) -> ContainerChange:
    end = None if lasting is None else BEGIN + lasting
    was = None if before is None else ContainerSpan("pi5", Span(BEGIN - (lasting or DAY), BEGIN), before)
    known = None if now is None else ContainerSpan("pi5", Span(BEGIN, end), now)
    return ContainerChange(BEGIN, "pi5", "mealie", was, known, **more)


@pytest.mark.parametrize(
    ("age", "watched", "word"),
    [
        (10.0, 3600.0, "made"),  # while somebody watched
        (10.0, 3.0, "found"),  # before somebody began to, however shortly
        (7200.0, 3600.0, "found"),
        (600.0, 3600.0, "found"),  # while the host was out of reach
        (10.0, None, "made"),
    ],
)
def test_who_was_there_before_us_was_not_made_but_found(age: float, watched: float | None, word: str) -> None:
    made = container(created_at=BEGIN - timedelta(seconds=age))
    since = None if watched is None else BEGIN - timedelta(seconds=watched)
    found = change(None, made, watched_from=since)
    assert verb(found) == word
    assert ("before" in text_of(found)) == (word == "found"), "and it is said since when it is there"


def test_what_has_changed_is_told_in_the_keys_of_compose() -> None:
    before = container(configuration={"HostConfig": {"Memory": 512 * 2**20, "RestartPolicy": {"Name": "always"}}})
    now = replace(before, configuration={"HostConfig": {"Memory": 2**30, "RestartPolicy": {"Name": "no"}}})
    found = change(before, now)
    assert (verb(found), text_of(found)) == ("updated", "running; mem_limit 512 MiB → 1 GiB; restart always → no")
    other = replace(before, configuration={**before.configuration, "Config": {"AttachStdout": True}})
    assert text_of(change(before, other)) == "running; Config.AttachStdout not set → True", "what has no key in Compose"


def test_an_engine_that_numbers_its_networks_anew_has_changed_nothing() -> None:
    before = container(configuration={"Networks": {"mealie_default": {"Aliases": ["mealie", "0123456789ab"]}}})
    now = replace(before, configuration={"Networks": {"mealie_default": {"Aliases": ["mealie"]}}})
    assert not is_said(change(before, now))
    started = change(before, replace(now, started_at=BEGIN))
    assert (is_said(started), verb(started)) == (True, "started")


def test_the_steps_in_which_compose_makes_a_container_anew_are_no_entries() -> None:
    step = container("0123456789ab_mealie", state="created")
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    assert not is_said(change(None, step, lasting=second))
    assert not is_said(change(step, None, lasting=second))
    assert is_said(change(None, step, lasting=hour)), "one that stays is worth a line"
    assert is_said(change(None, step))
    assert is_said(change(None, container("mealie"), lasting=second))


def restarts(number: int) -> list[ContainerChange]:
    """A container that restarts so often, the newest change first."""
    up, down = container(), container(state="restarting")
    states = [change(down, replace(up, started_at=BEGIN)), change(up, replace(down, restart_count=1))] * number
    return [replace(one, at=BEGIN - timedelta(seconds=second)) for second, one in enumerate(states)]


def test_a_crash_loop_is_told_in_three_lines_and_what_tells_more_stands_by_itself() -> None:
    made = change(None, container(), watched_from=BEGIN - DAY)
    loop = restarts(10)
    lines = plain(log_lines([*loop, replace(made, at=BEGIN - DAY), *restarts(2)], UTC)).splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("  ")][:3] == [
        ["22:40:00", "◦", "started"], ["…", "18", "steps"], ["22:39:41", "◦", "restarting"],
    ]  # fmt: skip
    assert len(lines) == 1 + 3 + 2 + 1 + 2 + 4, "a day, the loop; the day before, one; a day, four steps"
    assert len(plain(log_lines(loop, UTC, whole=True)).splitlines()) == 1 + 20


def deaths(codes: Sequence[int], *, killed: Collection[int] = ()) -> list[Entry]:
    """A container that ends with each of these codes, the newest first; those of which the numbers are in `killed`, for want of
    memory. Between one and the next it is started, and missed for a moment."""
    up = container()
    found: list[Entry] = []
    for number, code in enumerate(codes):
        down = container(state="exited", exit_code=code, oom_killed=number in killed)
        missing = drift(finding(None, kind=Kind.MISSING, desired=None, observed=f"exited ({code})"))
        found += [change(down, replace(up, started_at=BEGIN)), Told(appeared(missing), missing.finding), change(up, down)]
    return found


def test_a_death_unlike_the_others_is_not_left_out() -> None:
    def shown(*codes: int, killed: Collection[int] = ()) -> str:
        return plain(log_lines(deaths(codes, killed=killed), UTC))

    assert len(shown(*[1] * 9).splitlines()) == 1 + 3
    assert len(shown(*[137] * 9, killed=range(9)).splitlines()) == 1 + 3, "the same each time"
    other = shown(1, 1, 1, 1, 137, 1, 1, 1, 1)
    assert "exited (137)" in other
    assert other.count("steps like these") == 2
    memory = shown(*[137] * 9, killed=[4])
    assert memory.count("killed for want of memory") == 1


def test_an_empty_value_is_not_one_that_is_not_set() -> None:
    empty = replace(finding(), path="environment.A", desired="", observed=None)
    assert values(empty) == "environment.A: (empty) → not set"
