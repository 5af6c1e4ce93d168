"""Which earlier version a container was made from: in which order the past is asked, how far, and when it is not.

With real git, Compose and engines: tests/truth/test_left_together.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from anchorwatch.check.made_from import COMMITS, VERSIONS, compared
from anchorwatch.compare import HostComparison, Memo
from anchorwatch.errors import AnchorwatchError, ComposeError, GitFailed, UsageError
from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.observed import Container
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Commit
from tests.check.pasts import no_past
from tests.compare.make import LONG_AGO, container, snapshot
from tests.compare.test_deployed import definition, made
from tests.compare.test_put_back import now

DAY = timedelta(days=1)
DEPLOYED = definition(["shm", "log"])
PRESENT = replace(now(web=definition([])), revision="present", paths=("nas/media/compose.yaml",))
LEFT = {"shm_size", "logging.options.max-size", "logging.options.max-file"}


class Remembered:
    """The commits of a stack, newest first, one a day, that at `place` when the container was made; and what each wanted."""

    def __init__(self, count: int, place: int, deployed: int, trouble: AnchorwatchError | None = None) -> None:
        self.asked: list[int] = []
        self.keys: list[ProjectKey] = []
        self.upto = ""
        self._count = count
        self._place = place
        self._deployed = deployed
        self._trouble = trouble

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> Sequence[Commit]:
        assert tuple(paths) == PRESENT.paths
        self.upto = upto
        made = [Commit(str(n), LONG_AGO + (self._place - n) * DAY, "Ada", "change") for n in range(self._count)]
        newest = [Commit("present", LONG_AGO + self._count * DAY, "Ada", "change")] if upto == "present" else []
        return [*newest, *made][:limit]

    def histories(
        self, asked: Mapping[ProjectKey, tuple[Iterable[str], str]], *, limit: int = 100
    ) -> Mapping[ProjectKey, Sequence[Commit]]:
        return {key: self.commits(paths, None, upto, limit=limit) for key, (paths, upto) in asked.items()}

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        self.keys.append(key)
        self.asked.append(int(revision))
        if self._trouble is not None:
            raise self._trouble
        if revision == "0":
            return None  # one that Compose refused
        return now(web=DEPLOYED if int(revision) == self._deployed else definition([], stop_signal=f"SIG{revision}"))


def look(
    past: Remembered, wanted: DesiredProject = PRESENT, memo: Memo | None = None, *others: Container, of: Container | None = None
) -> HostComparison:
    return compared([wanted], (), snapshot(of or seen(), *others), Policy(), lambda: past, memo)


def seen() -> Container:
    return made(DEPLOYED, ["shm", "log"])


def paths(found: HostComparison) -> set[str | None]:
    return {one.path for one in found.stacks[0].findings if one.service is not None}


def unknown(found: HostComparison) -> set[str]:
    return {entry.path for entry in found.stacks[0].unknown}


@pytest.mark.parametrize(
    ("place", "deployed", "asked"),
    [
        (3, 3, [3]),  # committed, then deployed
        (3, 2, [3, 2]),  # deployed, then committed
        (3, 4, [3, 2, 4]),
        (0, 1, [0, 1]),  # the nearest one cannot be read
        (9, 1, [9, 8, 10, 7, 11, 6, 5, 4]),  # not found within so many
        (50, 10, [11, 10]),  # made before all of them
    ],
)
def test_the_likeliest_commits_are_asked_first(place: int, deployed: int, asked: list[int]) -> None:
    past = Remembered(12, place, deployed)
    found = look(past)
    assert past.asked == asked
    if asked[-1] == deployed:
        assert (paths(found), unknown(found)) == (LEFT, set())
    else:
        assert (paths(found), unknown(found), len(asked)) == (set(), LEFT, COMMITS)


@pytest.mark.parametrize("trouble", [GitFailed("no"), ComposeError("no"), UsageError("no Compose file at that commit")])
def test_a_past_that_cannot_be_read_leaves_the_doubt(trouble: AnchorwatchError) -> None:
    found = look(Remembered(5, 2, 2, trouble))
    assert (paths(found), unknown(found)) == (set(), LEFT)


def test_files_as_they_lie_there_may_be_those_of_any_commit() -> None:
    past = Remembered(5, 1, 1)
    assert paths(look(past, replace(PRESENT, revision=None))) == LEFT
    assert (past.upto, past.asked) == ("HEAD", [1])


def test_nothing_is_asked_where_nothing_is_in_doubt() -> None:
    deployed = replace(now(web=DEPLOYED), revision="present")
    one_less = replace(now(web=definition(["log"])), revision="present")
    for wanted, drift in ((deployed, set()), (one_less, {"shm_size"})):
        assert paths(compared([wanted], (), snapshot(seen()), Policy(), no_past)) == drift


def test_what_was_told_is_not_asked_again() -> None:
    """Whatever happens to other containers: an event must not cost what the first look did."""
    for deployed, drift, asked in ((2, LEFT, 2), (30, set(), COMMITS)):
        past, memo = Remembered(12, 3, deployed), Memo()
        for others in ((), (container("other"),), ()):
            assert paths(look(past, PRESENT, memo, *others)) == drift
        assert len(past.asked) == asked
        again = replace(PRESENT, revision="present", services={**PRESENT.services, "more": PRESENT.services["web"]})
        assert paths(look(past, again, memo)) == drift
        assert len(past.asked) == 2 * asked, "another commit may tell more"
        anew = replace(seen(), id="f" * 64)
        assert paths(look(past, again, memo, of=anew)) == drift
        assert len(past.asked) == 3 * asked, "another container was made from something else"


def test_a_past_that_could_not_be_read_is_asked_again() -> None:
    memo = Memo()
    assert paths(look(Remembered(5, 2, 2, GitFailed("no")), PRESENT, memo)) == set()
    assert paths(look(Remembered(5, 2, 2), PRESENT, memo)) == LEFT


@pytest.mark.parametrize(("stacks", "each"), [(1, COMMITS), (VERSIONS // 4, 4), (VERSIONS, 1), (2 * VERSIONS, 1)])
def test_many_stacks_in_doubt_share_what_a_look_is_worth(stacks: int, each: int) -> None:
    past = Remembered(12, 3, 30)
    web = PRESENT.services["web"]
    both = {"web": web, "too": replace(web, name="too")}
    several = [replace(PRESENT, name=f"s{n}", stack=replace(PRESENT.stack, name=f"s{n}"), services=both) for n in range(stacks)]
    there = snapshot(*(of(one, service) for one in several for service in both))
    found = compared(several, (), there, Policy(), lambda: past)
    assert len(found.doubts) == 2 * stacks
    assert {key: past.keys.count(key) for key in past.keys} == {one.key: 2 * each for one in several[:VERSIONS]}


def of(stack: DesiredProject, service: str) -> Container:
    labels = {**seen().labels, "com.docker.compose.project": stack.name, "com.docker.compose.service": service}
    identity = hashlib.sha256(f"{stack.name}-{service}".encode()).hexdigest()
    return replace(seen(), id=identity, name=f"{stack.name}-{service}-1", labels=labels)
