"""The service over the example fleet, in a hurry, and somebody who is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.homelab import Homelab
from lab.waiting import eventually
from lab.watcher import Watcher

from anchorwatch.model.report import StackStatus
from tests.e2e.recorded import Recorded, Told
from tests.notify.endpoints import Web

HURRY = {
    "WATCH__SETTLE": "300ms",
    "WATCH__GRACE": "20s",
    "WATCH__ROLLOUT": "6s",
    "HOSTS__PI5__PER_STACK__MEALIE__GRACE": "5s",
    "HOSTS__PI5__PER_STACK__PROMTAIL__GRACE": "10s",
    "HOSTS__PROXMOX__PER_STACK__MONITORING__GRACE": "5s",
}
"""Short where a test waits for a drift to open, and long where containers are made anew, however busy the machine is."""


@contextmanager
def watching(homelab: Homelab, folder: Path, mailbox: Web, database: str | None = None) -> Iterator[Watcher]:
    """It is well, every stack is in sync, and there is nothing to tell."""
    settings = f'notify: {{destinations: [{{name: chat, url: "{mailbox.url("ok")}"}}]}}\n'
    environment = {f"ANCHORWATCH_{name}": value for name, value in HURRY.items()}
    with Watcher(homelab.config, folder, settings, environment, database) as watcher:
        watcher.wait_until_well()
        eventually(lambda: all_in_sync(Recorded(watcher.database)), within=60, what="every stack to be in sync")
        yield watcher


def wait_for_messages(mailbox: Web, count: int) -> None:
    eventually(lambda: len(mailbox.requests) >= count, within=90, what=f"message {count} to come")


def titles(mailbox: Web) -> list[str]:
    """Of every message that came, without how long it lasted."""
    return [re.sub(r" after .*", "", request.json["title"]) for request in mailbox.requests]


def loud(told: Iterable[Told]) -> list[Told]:
    """What somebody would hear of: it opened, or it was open."""
    return [one for one in told if "open" in one.change or one.what in {"host", "repo", "stack"}]


def all_in_sync(book: Recorded) -> bool:
    found = book.verdicts()
    return len(found) == 14 and set(found.values()) == {StackStatus.IN_SYNC}


def refused_to_a_second_one(watcher: Watcher) -> str:
    """What another service with the same config says, which ends at once: who watches already."""
    second = Watcher(watcher.config, watcher.folder / "second")
    second.config.write_text(watcher.config.read_text())
    second.start(wait=False)
    assert eventually(second.ended, within=60) == 2
    said = second.log.read_text()
    assert "anchorwatch watch" in said
    return said
