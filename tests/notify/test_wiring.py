"""What the config says, made into lanes and a dispatcher: a destination with a mistake is named, and costs nobody anything."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from anchorwatch.app import messages
from anchorwatch.config import load
from anchorwatch.notify.send import Sender
from anchorwatch.store import Store, deliveries
from tests.lab_fixtures import eventually
from tests.notify.endpoints import web
from tests.notify.kill_scenes import Teller

CANARY = "canary-5f2a"


def test_a_url_with_a_typo_is_named_at_the_start_and_the_others_work(
    file_store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "anchorwatch.yml"
    with web() as site:
        file.write_text(
            "notify:\n  destinations:\n"
            f"    - {{name: typo, url: 'discrod://{CANARY}/{CANARY}'}}\n"
            f"    - {{name: chat, url: '{site.url('ok')}'}}\n"
        )
        settings = load(file, {"HOME": "/root"}).service()
        sender = Sender(deadline=8.0)
        with caplog.at_level(logging.INFO):
            told = messages.telling(settings, sender)
        assert [lane.key for lane in told.lanes] == [("typo", ""), ("chat", "")]
        assert "the destination typo cannot be used" in caplog.text
        teller = Teller(file_store, told)
        ended: list[None] = []
        teller.dispatcher = messages.messenger(file_store, settings, told, sender, lambda: ended.append(None))
        transition = teller.opens(1)
        teller.dispatcher.turn(teller.clock.now)
        eventually(lambda: len(ended) == 2, within=60)
        with file_store.read() as read:
            found = {one.destination: one for one in deliveries.of_transition(read, transition.id or 0)}
        assert (found["chat"].state.value, found["typo"].state.value) == ("sent", "retry")
        assert len(site.requests) == 1
    assert CANARY not in caplog.text + str(found["typo"])
