"""Which commit is to blame: the stack as each commit had it is written out, and the commit that changed the value is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from anchorwatch.ledger.blame import FARTHEST, blame
from anchorwatch.model.desired import DesiredProject, DesiredService
from anchorwatch.model.findings import Kind
from anchorwatch.model.timeline import Commit
from tests.store.make import BEGIN, finding, stack

Models = Sequence[DesiredProject | None]


def project(networks: dict[str, Any] | None = None, **services: dict[str, Any]) -> DesiredProject:
    made = {name: DesiredService(name, config) for name, config in services.items()}
    return DesiredProject(stack(), "mealie", None, made, networks=networks or {})


def history(*models: DesiredProject | None) -> tuple[list[Commit], str, Callable[[str], DesiredProject | None]]:
    """The commits after the first of the models, newest first; the first one's revision; and how to read each."""
    revisions = [f"{place:040x}" for place in range(len(models))]
    commits = [
        Commit(revision, BEGIN + timedelta(minutes=place), "Anna", f"change {place}")
        for place, revision in enumerate(revisions)
        if place
    ]
    read = dict(zip(revisions, models, strict=True))
    return commits[::-1], revisions[0], read.get


PLAIN: dict[str, Any] = {"image": "a:1", "mem_limit": "512"}
OLD = project(mealie=PLAIN)
MORE = project(mealie={**PLAIN, "mem_limit": "1024"})
OTHER = project(mealie={**PLAIN, "image": "a:2"})
BOTH = project(mealie={**PLAIN, "mem_limit": "1024", "image": "a:2"})


@pytest.mark.parametrize(
    ("path", "models", "guilty", "confidence"),
    [
        ("mem_limit", [OLD, MORE], 1, "certain"),
        ("mem_limit", [OLD, MORE, BOTH], 1, "certain"),
        ("image", [OLD, MORE, BOTH], 2, "certain"),
        ("mem_limit", [OLD, OTHER, BOTH], 2, "certain"),
        # what it is now it is since the last of several that changed it
        ("mem_limit", [OLD, MORE, OLD, MORE, BOTH], 3, "certain"),
        # one that cannot be read may have done it as well
        ("mem_limit", [OLD, None, BOTH], 2, "likely"),
        ("mem_limit", [OLD, None, None], 2, "likely"),
        # set by another spelling, which is not there before
        (
            "deploy.resources.limits.memory",
            [
                OLD,
                OTHER,
                project(mealie={"image": "a:2", "deploy": {"resources": {"limits": {"memory": "9"}}}}),
                project(mealie={"image": "a:3", "deploy": {"resources": {"limits": {"memory": "9"}}}}),
            ],
            2,
            "certain",
        ),
        # names with dots, and lists that have no names at all
        (
            "labels.traefik.enable",
            [
                project(mealie={"labels": {"a": "1"}}),
                project(mealie={"labels": {"a": "1", "traefik.enable": "true"}}),
                project(mealie={"labels": {"a": "2", "traefik.enable": "true"}}),
            ],
            1,
            "certain",
        ),
        (
            "ports.8080/tcp",
            [
                project(mealie={"ports": [{"target": 8080}], "image": "a:1"}),
                project(mealie={"ports": [{"target": 8080, "published": "80"}], "image": "a:1"}),
                project(mealie={"ports": [{"target": 8080, "published": "80"}], "image": "a:2"}),
            ],
            1,
            "certain",
        ),
        # a path that no model knows: whatever changed the service
        ("expose", [OLD, OTHER, OTHER], 1, "certain"),
        # nothing in the service: whatever changed the project (its network's name…)
        ("networks.x", [OLD, replace(OLD, networks={"default": {"name": "y"}}), OLD, OLD], 2, "certain"),
        # nothing that the models show
        ("volumes./etc/app.conf", [OLD, OLD, OLD], 2, "likely"),
    ],
)
def test_a_changed_value(path: str, models: Models, guilty: int, confidence: str) -> None:
    commits, reference, past = history(*models)
    found = blame(finding(path), commits, reference, past)
    assert (found.commit, found.confidence.value) == (f"{guilty:040x}", confidence)
    assert found.text == f"commit 0000000 by Anna: change {guilty}"
    assert (found.kind.value, found.by, found.at) == ("commit", "Anna", BEGIN + timedelta(minutes=guilty))
    behind = len(models) - 1
    assert found.as_json()["behind"] == behind, "all that touched the stack since"
    if behind > 1:
        first = "the first is 0000000 by Anna: change 1"
        assert found.evidence == (f"{behind} commits touched the stack since it was in sync; {first}",)


def test_a_service_that_came_and_one_that_went() -> None:
    grown = project(mealie=PLAIN, db={"image": "db:1"})
    commits, reference, past = history(OLD, grown, replace(grown, services={**grown.services, **OTHER.services}))
    absent = finding(None, kind=Kind.MISSING, service="db", container="mealie-db-1")
    assert blame(absent, commits, reference, past).commit == f"{1:040x}"
    commits, reference, past = history(grown, OTHER, OLD)
    orphan = finding(None, kind=Kind.UNMANAGED, service="db", container="mealie-db-1")
    assert blame(orphan, commits, reference, past).commit == f"{1:040x}"


def test_a_service_that_was_switched_on_and_a_number_of_replicas() -> None:
    off = project(mealie={**PLAIN, "scale": 0})
    commits, reference, past = history(off, OLD, OTHER)
    assert blame(finding(None, kind=Kind.MISSING), commits, reference, past).commit == f"{1:040x}"
    two = project(mealie={**PLAIN, "deploy": {"replicas": 2}})
    commits, reference, past = history(OLD, OTHER, two)
    assert blame(finding("scale", container=None), commits, reference, past).commit == f"{2:040x}"


def test_a_network() -> None:
    with_it = project({"front": {"name": "front"}}, mealie=PLAIN)
    internal = project({"front": {"name": "front", "internal": True}}, mealie=PLAIN)
    commits, reference, past = history(OLD, with_it, internal)
    missing = finding("networks.front", kind=Kind.MISSING, service=None, container=None)
    assert blame(missing, commits, reference, past).commit == f"{1:040x}"
    changed = finding("networks.front.internal", service=None, container=None)
    assert blame(changed, commits, reference, past).commit == f"{2:040x}"


def test_a_stack_that_has_just_been_committed() -> None:
    commits, _, past = history(None, OLD, OTHER)
    absent = finding(None, kind=Kind.MISSING)
    found = blame(absent, commits, None, past)
    assert found.commit == f"{1:040x}"
    assert "behind" not in found.as_json(), "it was never in sync, so there is nothing to count from"
    assert found.evidence == ("2 commits touched the stack, and it was never in sync",)


def test_containers_of_one_stack_may_be_of_different_revisions() -> None:
    """A commit from before the container was last in sync is not to blame, whatever it changed."""
    commits, _, past = history(OLD, MORE, BOTH, BOTH)
    found = blame(finding("mem_limit"), commits, f"{2:040x}", past)
    assert found.commit == f"{3:040x}"


def test_a_commit_that_is_gone() -> None:
    found = blame(finding(), [], "f" * 40, lambda _: None)
    assert (found.kind.value, found.confidence.value, found.commit) == ("commit", "unknown", None)


def test_no_more_commits_are_read_than_are_needed_and_none_where_one_is_alone() -> None:
    commits, reference, past = history(*[OLD] * 100)
    asked: list[str] = []

    def counted(revision: str) -> DesiredProject | None:
        asked.append(revision)
        return past(revision)

    blame(finding(), commits, reference, counted)
    assert len(asked) == FARTHEST + 1
    asked.clear()
    assert blame(finding(), commits[:1], reference, counted).commit == commits[0].revision
    assert asked == []


def test_a_secret_in_the_subject_is_not_shown() -> None:
    token = "ghp_" + "a1B2" * 9
    commit = Commit("a" * 40, BEGIN, "Anna", f"use {token}")
    assert token not in str(blame(finding(), [commit], None, lambda _: None))
