"""Fixtures that stand on the lab: real engines, real Compose, real ssh. Each pytest process has engines of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab import images, tools
from lab.certificates import Certificates, make_certificates
from lab.compose import Compose
from lab.engines import Engine
from lab.homelab import Homelab
from lab.ssh import SshHost
from lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "_homelab",
    "certificates",
    "emptied_new_engine",
    "emptied_old_engine",
    "eventually",
    "homelab",
    "lab_tools",
    "new_engine",
    "newest_compose",
    "old_engine",
    "old_ssh_host",
    "oldest_compose",
]


@pytest.fixture(scope="session")
def lab_tools() -> None:
    """Every program of the lab is there (fetched, where this machine lacks it)."""
    tools.fetch()


@pytest.fixture(scope="session")
def oldest_compose(lab_tools: None) -> Compose:
    """The oldest Compose that anchorwatch supports."""
    return Compose("oldest")


@pytest.fixture(scope="session")
def newest_compose(lab_tools: None) -> Compose:
    """The newest Compose that can be had."""
    return Compose("newest")


@pytest.fixture(scope="session")
def new_engine(lab_tools: None) -> Iterator[Engine]:
    """The newest engine, with the images hold:1 and rich:1. Shared: leave it as you found it."""
    with Engine("newest", name="new") as engine:
        images.load(engine, [images.hold(), images.rich()])
        yield engine


@pytest.fixture(scope="session")
def old_engine(lab_tools: None) -> Iterator[Engine]:
    """A 20.10 engine, with the images hold:1 and rich:1. Shared: leave it as you found it."""
    with Engine("old", name="old") as engine:
        images.load(engine, [images.hold(), images.rich()])
        yield engine


@pytest.fixture
def emptied_new_engine(new_engine: Engine) -> Iterator[Engine]:
    """`new_engine` for one test: with its images, but no container, network or volume, before and after."""
    new_engine.remove_everything()
    yield new_engine
    new_engine.thaw()
    new_engine.remove_everything()


@pytest.fixture
def emptied_old_engine(old_engine: Engine) -> Iterator[Engine]:
    """`old_engine` for one test: with its images, but no container, network or volume, before and after."""
    old_engine.remove_everything()
    yield old_engine
    old_engine.thaw()
    old_engine.remove_everything()


@pytest.fixture(scope="session")
def old_ssh_host(old_engine: Engine) -> Iterator[SshHost]:
    """`old_engine` behind an sshd of its own."""
    with SshHost(old_engine) as host:
        yield host


@pytest.fixture(scope="session")
def certificates(lab_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, an engine's pair and a client's pair, for engines that listen on TCP with TLS."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def _homelab(lab_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homelab]:
    with Homelab(tmp_path_factory.mktemp("homelab")) as homelab:
        yield homelab


@pytest.fixture
def homelab(_homelab: Homelab) -> Iterator[Homelab]:
    """Both hosts with examples/homelab deployed: 14 containers on proxmox (unix), 7 on pi5 (ssh), nothing drifted.

    A test may do to it what it likes: what differs afterwards is put right before the next one.
    """
    _homelab.reset()
    yield _homelab
    _homelab.thaw()
