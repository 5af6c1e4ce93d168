"""A pass that fails does not wait for hosts that do not answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from anchorwatch.check.fleet import Host, check_fleet
from anchorwatch.clock import now
from anchorwatch.errors import NotARepo
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.options import Filters
from anchorwatch.model.report import Silence
from anchorwatch.model.settings import Policy
from anchorwatch.observed import connect
from tests.check.pasts import no_past
from tests.observed.fake_engine import FakeEngine


@pytest.mark.parametrize("asked_first", [True, False], ids=["it is being asked", "it has hardly begun"])
def test_the_repo_cannot_be_read_while_a_host_says_nothing(asked_first: bool, tmp_path: Path) -> None:
    asked = threading.Event()

    def read_desired() -> DesiredState:
        if asked_first:
            asked.wait(20)
        raise NotARepo("there is none")

    def tell(path: str) -> bytes:
        asked.set()
        server.silence()
        return b""

    with FakeEngine(tell, path=tmp_path / "s") as server:
        address = HostAddress("host", server.docker, timeout=60, deadline=60)
        began = time.monotonic()
        with connect(address) as connection, pytest.raises(NotARepo):
            check_fleet([Host(address, Policy(), connection)], read_desired, Filters(), Silence(), now(), no_past)
        assert time.monotonic() - began < 10
