"""Who moved: Git or the host. R0 is the revision that the container was last in sync with, R1 the one of now."""

from __future__ import annotations

import pytest

from anchorwatch.ledger.side import Earlier, revisions, sides
from anchorwatch.model.drifts import Side
from anchorwatch.model.findings import Finding, Kind
from tests.store.make import finding

R0, R1 = "0" * 40, "1" * 40
MEMORY = finding()
NETWORK = finding("networks.front", service=None, container=None, kind=Kind.MISSING)
NEW_SERVICE = finding(None, kind=Kind.MISSING, service="db", container="mealie-db-1")
FOREIGN = finding(None, kind=Kind.UNMANAGED, stack=None, service=None, container="portainer")


def moved(one: Finding, now: str | None, earlier: Earlier, found: dict[str, set[str]], *, baseline: bool = False) -> Side:
    return sides([one], now, earlier, found, baseline)[one.id]


SYNCED = Earlier({"mealie": R0}, R0)


def test_git_has_not_moved() -> None:
    assert revisions([MEMORY], R0, SYNCED) == frozenset()
    assert moved(MEMORY, R0, SYNCED, {}) is Side.HOST


def test_a_commit_that_is_not_deployed() -> None:
    """The container still is what R0 wanted: compared with it, nothing is found."""
    assert revisions([MEMORY], R1, SYNCED) == {R0}
    assert moved(MEMORY, R1, SYNCED, {R0: set()}) is Side.GIT


def test_somebody_changed_the_host_and_a_commit_came_too() -> None:
    assert moved(MEMORY, R1, SYNCED, {R0: {MEMORY.id}}) is Side.HOST


def test_containers_of_one_stack_may_be_of_different_revisions() -> None:
    db = finding(service="db", container="db")
    earlier = Earlier({"mealie": R0, "db": R1}, R1)
    assert revisions([MEMORY, db], R1, earlier) == {R0}
    assert sides([MEMORY, db], R1, earlier, {R0: ()}, False) == {MEMORY.id: Side.GIT, db.id: Side.HOST}


@pytest.mark.parametrize("one", [NETWORK, NEW_SERVICE])
def test_what_belongs_to_no_known_container_is_held_against_the_last_look(one: Finding) -> None:
    assert revisions([one], R1, SYNCED) == {R0}
    assert moved(one, R1, SYNCED, {R0: set()}) is Side.GIT
    assert moved(one, R1, SYNCED, {R0: {one.id}}) is Side.HOST
    assert moved(one, R0, SYNCED, {}) is Side.HOST


def test_a_stack_that_has_just_been_committed() -> None:
    new = Earlier(looked=False)
    assert revisions([NEW_SERVICE], R1, new) == frozenset()
    assert moved(NEW_SERVICE, R1, new, {}) is Side.GIT


def test_a_stack_that_was_renamed() -> None:
    """Its container was in sync with a stack that R0 had under another name: of this one R0 says nothing."""
    renamed = Earlier({"mealie": R0}, looked=False)
    assert revisions([MEMORY], R1, renamed) == {R0}
    assert moved(MEMORY, R1, renamed, {}) is Side.GIT
    assert moved(MEMORY, None, renamed, {}) is Side.UNKNOWN  # outside Git


def test_a_service_that_a_commit_removed_still_runs() -> None:
    orphan = finding(None, kind=Kind.UNMANAGED)
    assert moved(orphan, R1, SYNCED, {R0: set()}) is Side.GIT


def test_a_stack_that_a_commit_removed_still_runs() -> None:
    orphan = finding(None, kind=Kind.UNMANAGED, stack=None)
    assert moved(orphan, None, SYNCED, {R0: set()}) is Side.GIT


def test_a_foreign_container_is_the_hosts_doing() -> None:
    assert moved(FOREIGN, None, Earlier({"mealie": R0}, None), {}) is Side.HOST


def test_what_nobody_can_know() -> None:
    assert moved(MEMORY, R1, SYNCED, {}) is Side.UNKNOWN  # R0 is not in the repo any more
    assert moved(MEMORY, R1, Earlier(), {}) is Side.UNKNOWN  # looked at, and never judged
    assert moved(MEMORY, None, Earlier(looked=False), {}) is Side.UNKNOWN  # outside Git
    assert moved(MEMORY, R1, SYNCED, {R0: set()}, baseline=True) is Side.UNKNOWN
