"""`anchorwatch watch` over the example fleet: a day in the life of two servers, and exactly what is written of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.homelab import Homelab, git
from lab.waiting import eventually
from lab.watcher import Watcher

from anchorwatch.model.drifts import Side
from tests.e2e.recorded import Recorded, Told
from tests.e2e.watching import all_in_sync, loud, refused_to_a_second_one, titles, wait_for_messages, watching
from tests.notify.endpoints import Web

MESSAGES = [
    "pi5/mealie mealie: memory limit is 1 GiB, Git says 512 MiB",
    "pi5/mealie: mealie deploy.resources.limits.memory resolved",
    "pi5/promtail promtail: restart policy is unless-stopped, Git says always",
    "pi5/promtail: promtail restart resolved",
    "proxmox/monitoring: grafana does not run: exited (0)",
    "proxmox/monitoring: loki does not run: exited (0)",
    "proxmox/monitoring: 2 drifts resolved",
]


@pytest.fixture
def watcher(homelab: Homelab, tmp_path: Path, mailbox: Web) -> Iterator[Watcher]:
    """The service over the fleet, well, and with nothing to tell."""
    with watching(homelab, tmp_path / "watch", mailbox) as watcher:
        yield watcher


def test_a_day(homelab: Homelab, watcher: Watcher, mailbox: Web) -> None:
    book = Recorded(watcher.database)
    assert book.news() == [], "a fleet in order is no news"
    _somebody_deploys(homelab, book)
    _a_limit_is_raised_at_night(homelab, book, mailbox)
    _a_commit_is_rolled_out_late(homelab, book, mailbox)
    _a_host_is_restarted(homelab, book)
    _the_watcher_is_killed(homelab, book, mailbox, watcher)
    assert all_in_sync(book)
    wait_for_messages(mailbox, len(MESSAGES))
    assert titles(mailbox) == MESSAGES
    assert watcher.stop() == 0


def _somebody_deploys(homelab: Homelab, book: Recorded) -> None:
    """Containers go and come back, and nobody is told."""
    homelab.deploy("--force-recreate", stacks=[homelab.repo / "proxmox" / "media"])
    _wait_for_quiet(book)
    assert loud(book.news()) == []


def _a_limit_is_raised_at_night(homelab: Homelab, book: Recorded, mailbox: Web) -> None:
    """And taken back in the morning."""
    limit = ("pi5", "mealie deploy.resources.limits.memory")
    homelab.pi5.docker("update", "--memory", "1g", "--memory-swap", "1g", "mealie")
    eventually(lambda: limit in book.drifted(), within=60, what="the memory limit to be open")
    wait_for_messages(mailbox, 1)
    homelab.pi5.docker("update", "--memory", "512m", "--memory-swap", "1g", "mealie")
    eventually(lambda: not book.drifted(), within=60, what="the memory limit to be resolved")
    wait_for_messages(mailbox, 2)
    assert book.news() == [
        Told(*limit, "None → pending", "appeared", Side.HOST),
        Told(*limit, "pending → open", "grace over", Side.HOST),
        Told(*limit, "open → resolved", "mended on the host", Side.HOST),
    ]


def _a_commit_is_rolled_out_late(homelab: Homelab, book: Recorded, mailbox: Web) -> None:
    restart = ("pi5", "promtail restart")
    compose = homelab.repo / "pi5" / "promtail" / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("restart: unless-stopped", "restart: always"))
    git(homelab.repo, "commit", "--quiet", "--all", "--message", "promtail always restarts")
    eventually(lambda: restart in book.drifted(), within=60, what="the commit to be overdue")
    wait_for_messages(mailbox, 3)
    homelab.deploy(stacks=[compose.parent])
    eventually(lambda: not book.drifted(), within=60, what="the commit to be rolled out")
    wait_for_messages(mailbox, 4)
    _wait_for_quiet(book)
    told = book.news()
    assert [one for one in told if (one.host, one.what) == restart] == [
        Told(*restart, "None → pending", "appeared", Side.GIT),
        Told(*restart, "pending → open", "grace over", Side.GIT),
        Told(*restart, "open → resolved", "mended on the host", Side.GIT),
    ]
    assert loud(one for one in told if (one.host, one.what) != restart) == []


def _a_host_is_restarted(homelab: Homelab, book: Recorded) -> None:
    """Its engine with everything on it, and its ssh daemon. What comes back by itself is no news."""
    homelab.pi5.shut_down()
    homelab.pi5.start()
    eventually(lambda: len(homelab.pi5.running()) == 7, within=60, what="its containers to be back")
    _wait_for_quiet(book)
    homelab.pi5_ssh.stop()
    homelab.pi5_ssh.start()
    _wait_for_quiet(book)
    assert loud(book.news()) == []


def _the_watcher_is_killed(homelab: Homelab, book: Recorded, mailbox: Web, watcher: Watcher) -> None:
    """While something is drifted, which is no news to the next one; what happened meanwhile is."""
    stopped, other = ("proxmox", "grafana missing"), ("proxmox", "loki missing")
    homelab.proxmox.docker("stop", "grafana")
    eventually(lambda: stopped in book.drifted(), within=60, what="grafana to be missed")
    wait_for_messages(mailbox, 5)
    assert [one.change for one in book.news() if (one.host, one.what) == stopped] == ["None → pending", "pending → open"]
    eventually(lambda: not book.unsettled(), within=60, what="the message to be written down as sent")
    watcher.kill()
    homelab.proxmox.docker("stop", "loki")
    watcher.start()
    eventually(lambda: other in book.drifted(), within=60, what="loki, stopped while nobody watched, to be missed")
    wait_for_messages(mailbox, 6)
    assert [one.what for one in loud(book.news())] == ["loki missing"]
    homelab.proxmox.docker("start", "grafana", "loki")
    eventually(lambda: not book.drifted(), within=60, what="both to be back")
    assert sorted((one.what, one.reason) for one in loud(book.news())) == [
        ("grafana missing", "mended on the host"),
        ("loki missing", "mended on the host"),
    ]


def test_a_second_one_is_refused(watcher: Watcher, homelab: Homelab) -> None:
    said = refused_to_a_second_one(watcher)
    assert str(watcher.pid) in said
    assert watcher.well()


def test_a_new_config_is_taken_and_a_broken_one_is_not(watcher: Watcher, homelab: Homelab) -> None:
    book = Recorded(watcher.database)
    watcher.config.write_text(watcher.config.read_text() + "\nnonsense: 1\n")
    watcher.send(signal.SIGHUP)
    eventually(lambda: "nonsense" in watcher.log.read_text(), within=60, what="the mistake to be named")
    assert watcher.well()
    homelab.pi5.docker("update", "--restart", "no", "mealie")
    watcher.write_config('ignore: [{service: mealie, path: restart, because: "a test"}]\n')
    eventually(lambda: ("pi5", "mealie restart") in book.drifted(), within=60, what="it to be open under the old config")
    watcher.send(signal.SIGHUP)
    eventually(lambda: not book.drifted(), within=60, what="the rule to be taken")
    assert book.news()[-1].reason == "ignored from now on"


def _wait_for_quiet(book: Recorded) -> None:
    """Until whatever appeared is gone again."""
    eventually(lambda: all_in_sync(book), within=90, what="every stack to be in sync again", every=0.2)
