"""When a host that a look came to nothing at counts as lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch import clock
from anchorwatch.check.memory import Ground
from anchorwatch.errors import HostError, HostForbidden, HostTimeout
from anchorwatch.ledger.look import Patiences
from anchorwatch.model.address import HostAddress
from anchorwatch.model.report import HostStatus
from anchorwatch.model.service import Patience
from anchorwatch.store import Store, hosts
from anchorwatch.watch.standing import PATIENCE, Standing
from tests.watch.test_host import NoPast


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state.db", at=clock.now(), who="a test") as store:
        yield store


@pytest.mark.parametrize(
    ("error", "patience"),
    [(HostForbidden("status 403 for /containers/json"), 0.0), (HostTimeout("no answer"), PATIENCE)],
    ids=["a proxy that refuses never changes its mind", "who does not answer may be starting"],
)
def test_at_the_start(store: Store, error: HostError, patience: float) -> None:
    ground = Ground(store, Patiences(Patience(0.0), Patience(0.0)), NoPast(), lambda *_: None)
    standing = Standing(HostAddress("pi5", "tcp://pi5:2375"), ground, lambda: None)
    lost = [standing.unseen(error, None, now) is not None for now in (0.0, PATIENCE - 1, PATIENCE + 1)]
    assert lost == [patience == 0.0, patience == 0.0, True]
    with store.read() as read:
        assert hosts.current(read)["pi5"].seen.status is HostStatus.UNREACHABLE
