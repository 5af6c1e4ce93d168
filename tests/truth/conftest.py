"""Engines and Composes for this suite: each engine is started once a session, when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from lab.engines import Engine

from tests.truth import sites
from tests.truth.deployment import Site

SiteOf = Callable[[sites.Combination], Site]


@pytest.fixture(scope="session")
def site_of(lab_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteOf]:
    """The place to deploy at, for a combination. Combinations of one engine share it."""
    engines: dict[str, Engine] = {}
    with ExitStack() as stack:

        def give(combination: sites.Combination) -> Site:
            key = str(sites.Combination(combination.engine, "newest", combination.settings, combination.containerd_store))
            if key not in engines:
                engines[key] = stack.enter_context(sites.engine_of(combination))
            return sites.site(engines[key], combination.compose, tmp_path_factory.mktemp("projects"))

        yield give


@pytest.fixture(params=sites.PLAIN, ids=str)
def site(site_of: SiteOf, request: pytest.FixtureRequest) -> Site:
    """Each of the plain combinations in turn."""
    return site_of(request.param)


@pytest.fixture(params=[sites.PLAIN[0], sites.PLAIN[-1]], ids=str)
def far_site(site_of: SiteOf, request: pytest.FixtureRequest) -> Site:
    """The two combinations that lie farthest apart: all of the newest, all of the oldest."""
    return site_of(request.param)


@pytest.fixture
def newest_site(site_of: SiteOf) -> Site:
    """The newest engine and the newest Compose."""
    return site_of(sites.PLAIN[0])
