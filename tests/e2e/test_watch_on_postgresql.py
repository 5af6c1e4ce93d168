"""`anchorwatch watch` with a PostgreSQL database: a shorter day, with the server restarted under it, and the watcher killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.homelab import Homelab
from lab.waiting import eventually
from lab.watcher import Watcher

from anchorwatch.model.drifts import Side
from tests.e2e.recorded import Recorded, Told
from tests.e2e.watching import all_in_sync, loud, refused_to_a_second_one, titles, wait_for_messages, watching
from tests.notify.endpoints import Web
from tests.store.server import Server

LIMIT = ("pi5", "mealie deploy.resources.limits.memory")
STOPPED = ("proxmox", "loki missing")
MESSAGES = [
    "pi5/mealie mealie: memory limit is 1 GiB, Git says 512 MiB",
    "pi5/mealie: mealie deploy.resources.limits.memory resolved",
    "proxmox/monitoring: loki does not run: exited (0)",
    "proxmox/monitoring: loki resolved",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def watcher(server: Server, homelab: Homelab, tmp_path: Path, mailbox: Web) -> Iterator[Watcher]:
    database = server.url(server.new_database())
    with watching(homelab, tmp_path / "watch", mailbox, database) as watcher:
        yield watcher


def test_it_ends_in_time_though_the_server_stands_still(server: Server, watcher: Watcher) -> None:
    """Whoever asks the database waits for ever: the pages, the messages, the worker, and the main thread's signs of life."""
    server.freeze()
    try:
        stuck = {"status": "degraded", "because": ["service: stuck"]}
        eventually(lambda: watcher.told() == stuck, within=30, what="the pages to say so")
        began = time.monotonic()
        assert watcher.stop() == 0
        assert time.monotonic() - began < 10
    finally:
        server.thaw()


def test_a_day(server: Server, homelab: Homelab, watcher: Watcher, mailbox: Web) -> None:
    book = Recorded(watcher.database)
    assert book.news() == [], "a fleet in order is no news"
    _a_second_one_is_refused(watcher)

    homelab.pi5.docker("update", "--memory", "1g", "--memory-swap", "1g", "mealie")
    eventually(lambda: LIMIT in book.drifted(), within=60, what="the memory limit to be open")
    wait_for_messages(mailbox, 1)
    eventually(lambda: not book.unsettled(), within=60, what="the message to be written down as sent")

    server.stop()
    homelab.pi5.docker("update", "--memory", "512m", "--memory-swap", "1g", "mealie")
    eventually(lambda: "database: store" in watcher.told().get("because", ()), within=60, what="the database to be missed")
    assert watcher.asks("/livez")[0] == 200, "a new start would not mend it"
    server.start()
    eventually(lambda: not book.drifted(), within=60, what="the memory limit, mended meanwhile, to be resolved")
    watcher.wait_until_well(120)
    wait_for_messages(mailbox, 2)
    eventually(lambda: not book.unsettled(), within=60, what="the message to be written down as sent")
    assert book.news() == [
        Told(*LIMIT, "None → pending", "appeared", Side.HOST),
        Told(*LIMIT, "pending → open", "grace over", Side.HOST),
        Told(*LIMIT, "open → resolved", "mended on the host", Side.HOST),
    ]

    watcher.kill()
    homelab.proxmox.docker("stop", "loki")
    watcher.start()
    eventually(lambda: STOPPED in book.drifted(), within=60, what="loki, stopped while nobody watched, to be missed")
    wait_for_messages(mailbox, 3)
    homelab.proxmox.docker("start", "loki")
    wait_for_messages(mailbox, 4)
    assert [(one.what, one.reason) for one in loud(book.news())] == [
        ("loki missing", "grace over"),
        ("loki missing", "mended on the host"),
    ]
    assert all_in_sync(book)
    assert titles(mailbox) == MESSAGES
    assert watcher.stop() == 0


def _a_second_one_is_refused(watcher: Watcher) -> None:
    said = refused_to_a_second_one(watcher)
    assert f":{watcher.pid})" in said
    assert watcher.ended() is None
