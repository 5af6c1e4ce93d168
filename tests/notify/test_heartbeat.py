"""The heartbeat: asked for only while everything is well, and never shown."""

from __future__ import annotations

import logging

import pytest

from anchorwatch.model.values import Secret
from anchorwatch.notify.heartbeat import Heartbeat
from tests.notify.endpoints import web


def test_it_beats_while_everything_is_well() -> None:
    well = [True]
    with web() as site:
        heartbeat = Heartbeat(Secret(site.url("ok/uuid", "http")), lambda: well[0])
        assert heartbeat.turn()
        well[0] = False
        assert not heartbeat.turn()
        well[0] = True
        assert heartbeat.turn()
        assert [(one.method, one.path) for one in site.requests] == [("GET", "/ok/uuid")] * 2


@pytest.mark.parametrize("what", ["500", "404", "hang", "drop"])
def test_what_goes_wrong_is_said_once_and_without_the_url(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with web() as site, caplog.at_level(logging.INFO):
        heartbeat = Heartbeat(Secret(site.url(f"{what}/canary-1234", "http")), lambda: True, deadline=0.3)
        assert not heartbeat.turn()
        assert not heartbeat.turn()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "canary-1234" not in caplog.text


def test_nobody_is_there(caplog: pytest.LogCaptureFixture) -> None:
    assert not Heartbeat(Secret("http://127.0.0.1:9/canary-1234"), lambda: True).turn()
    assert "Connection refused" in caplog.text
    assert "canary-1234" not in caplog.text
