"""What real Compose deployed on a real engine, and nobody touched, has no drift: random services, and the kitchen sinks."""

from __future__ import annotations

import pytest

from tests.truth import sites
from tests.truth.changes import sink
from tests.truth.conftest import SiteOf
from tests.truth.deployment import Site
from tests.truth.judging import but_created, judged, line, resolved
from tests.truth.random_projects import random_project

CANNOT_START = {"old": {"privileged"}}
"""What an engine cannot start where root itself lacks capabilities, as in a container: 20.10 asks for all of them."""


def alarms(site: Site, seed: int) -> tuple[int, list[str]]:
    """How many containers the project of a seed has, and what is said of them."""
    text = random_project(seed, site.around)
    with site.deployed(text) as folder:
        found = judged(site, resolved(site, folder))
        said = [line(one) for one in but_created(found.findings)] + [f"note: {note}" for note in found.notes]
        return len(site.containers(text.name)), said


@pytest.mark.parametrize("seed", [11])
def test_random_services_show_no_drift(site: Site, seed: int) -> None:
    containers, said = alarms(site, seed)
    assert said == [], f"seed {seed}"
    assert containers >= 8


@pytest.mark.parametrize("combination", sites.UNUSUAL, ids=str)
def test_nor_do_they_on_an_engine_with_defaults_of_its_own(site_of: SiteOf, combination: sites.Combination) -> None:
    containers, said = alarms(site_of(combination), 13)
    assert said == []
    assert containers >= 8


def test_a_service_for_every_key_started_shows_no_drift(site_of: SiteOf) -> None:
    """On the oldest of all; test_program does it on the newest."""
    combination = sites.PLAIN[-1]
    site = site_of(combination)
    with site.deployed(sink("everywhere").text()) as folder:
        project = resolved(site, folder)
        left_out = CANNOT_START.get(combination.engine, set())
        site.start(folder, sorted(project.services.keys() - left_out))
        found = judged(site, project)
    assert [line(one) for one in found.findings if one.service not in left_out] == []
    assert [*found.notes, *found.unknown] == []


def test_nor_does_what_only_newer_engines_can_do(newest_site: Site) -> None:
    with newest_site.deployed(sink("newest").text()) as folder:
        project = resolved(newest_site, folder)
        newest_site.start(folder, sorted(project.services))
        found = judged(newest_site, project)
    assert [line(one) for one in found.findings] == []
    assert list(found.notes) == []
    assert list(found.unknown) == [], "the hash proves that the service was deployed without its optional env file"


def test_nor_does_what_needs_hardware(newest_site: Site) -> None:
    with newest_site.deployed(sink("created").text()) as folder:
        found = judged(newest_site, resolved(newest_site, folder))
    assert [line(one) for one in but_created(found.findings)] == []
    assert [*found.notes, *found.unknown] == []
