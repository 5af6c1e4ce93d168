"""What a container had is Git's value only where somebody found it to be; else it is what the container shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anchorwatch.compare.moments import moments_side_by_side
from anchorwatch.model.drifts import Check, Drift
from anchorwatch.model.log import CheckThen, Facts, Run, Standing
from anchorwatch.model.options import Filters
from anchorwatch.model.report import ErrorInfo, StackStatus
from anchorwatch.model.timeline import ContainerSpan, Span
from anchorwatch.model.values import Secret, fingerprint
from anchorwatch.reports.containers import Configuration, configuration_of
from anchorwatch.reports.standing import standing
from anchorwatch.store.documents import stored
from tests.reports.test_standing import KEY, KILLED, WATCHES, facts
from tests.store.make import BEGIN, container, drift

V1: dict[str, Any] = {"image": "mealie:v1", "mem_limit": str(512 * 2**20), "environment": {"TZ": "UTC"}}
V2: dict[str, Any] = {**V1, "image": "mealie:v2", "mem_limit": str(2**30)}
RAN = container(
    project="mealie",
    configuration=stored({"Config": {"Image": "mealie:v1"}, "HostConfig": {"Memory": 512 * 2**20}, "Env": {"TZ": Secret("UTC")}}),
)
VEILED = f"•••• ({fingerprint('UTC')[:4]})"
SAW = {"environment.TZ": VEILED, "image": "mealie:v1", "mem_limit": "512 MiB"}
"""What the container itself shows."""


def then(*, git: dict[str, Any] = V1, of: Facts, drifts: tuple[Drift, ...] = ()) -> Standing:
    """With a container that was made as V1 has it, while Git says something."""
    known = replace(
        of,
        containers=(ContainerSpan("pi5", Span(BEGIN), RAN),),
        definitions={("pi5", "mealie"): {"services": {"mealie": git}}},
        drifts=drifts,
    )
    return standing(known, Filters())


def checked(of: Facts, **more: Any) -> Facts:
    """With another last check."""
    found: Check = of.checks[KEY].check
    return replace(of, checks={KEY: CheckThen(replace(found, **more), of.checks[KEY].last_at)})


def at(revision: str, of: Facts) -> Facts:
    """With a stack of that revision."""
    return replace(of, stacks=tuple(replace(one, revision=revision) for one in of.stacks))


def had(at: Standing) -> Configuration:
    (one,) = at.containers
    return configuration_of(one, at)


def test_what_a_look_found_to_be_so_is_told_as_git_has_it() -> None:
    judged = had(then(of=at("a" * 40, checked(facts(WATCHES), revision="a" * 40))))
    assert judged.git == {**SAW, "environment.TZ": "UTC"}
    assert judged.differing == {}


def test_a_known_difference_is_told_beside_it() -> None:
    judged = had(then(git=V2, of=facts(WATCHES), drifts=(drift(), replace_image())))
    assert judged.git == {"environment.TZ": "UTC", "image": "mealie:v1", "mem_limit": "1 GiB"}
    assert judged.differing == {"image": "mealie:v2", "mem_limit": "512 MiB"}


def replace_image() -> Drift:
    """Git wants another image than runs."""
    found = drift()
    return replace(found, finding=replace(found.finding, path="image", desired="mealie:v2", observed="mealie:v1"))


NOT_JUDGED = {
    "host out of reach": facts(WATCHES, lost=True),
    "nobody watched": facts(KILLED),
    "watched anew, and not looked yet": facts(Run(2, BEGIN, BEGIN.replace(hour=23), None, "1.0")),
    "never looked at": replace(facts(WATCHES), checks={}),
    "no verdict": facts(WATCHES, status=StackStatus.UNKNOWN),
    "cannot be read": facts(WATCHES, error=ErrorInfo("bad_yaml", "a tab in line 3")),
    "a commit that came after the look": at("b" * 40, checked(facts(WATCHES), revision="a" * 40)),
    "no commit, and a definition that came after the look": replace(
        facts(WATCHES), stacks=tuple(replace(one, span=Span(facts(WATCHES).at)) for one in facts(WATCHES).stacks)
    ),
    "a rule covers something": checked(facts(WATCHES), ignored=1),
}


@pytest.mark.parametrize("why", NOT_JUDGED)
def test_where_nobody_judged_it_is_what_the_container_shows(why: str) -> None:
    found = had(then(git=V2, of=NOT_JUDGED[why]))
    assert {path: value for path, value in {**found.git, **found.beyond}.items() if path in SAW} == SAW
    assert found.differing == {}


@pytest.mark.parametrize("why", NOT_JUDGED)
def test_between_two_moments_a_container_that_stayed_as_it_was_does_not_differ(why: str) -> None:
    judged, unsure = then(of=facts(WATCHES)), then(git=V2, of=NOT_JUDGED[why])
    for before, after in ((judged, unsure), (unsure, judged)):
        assert [side.name for side in moments_side_by_side(before, after)] == ["pi5/mealie: mealie, in Git"]


def test_a_key_that_git_takes_over_as_the_container_had_it_is_no_change_of_the_container() -> None:
    before = then(git={"image": "mealie:v1"}, of=facts(WATCHES))
    assert [side.name for side in moments_side_by_side(before, then(of=facts(WATCHES)))] == ["pi5/mealie: mealie, in Git"]


def test_between_two_moments_that_were_judged_git_tells_in_clear() -> None:
    (_, host) = moments_side_by_side(then(of=facts(WATCHES)), then(git=V2, of=facts(WATCHES)))
    assert {"environment.TZ: UTC", "image: mealie:v1", "mem_limit: 512 MiB"} <= set(host.git)
    assert {"environment.TZ: UTC", "image: mealie:v2", "mem_limit: 1 GiB"} <= set(host.host)
