"""What a running service answers, and what it is asked to do: pages, verbs that write, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
import urllib.error
import urllib.request
from pathlib import Path

from lab.homelab import Homelab, git
from lab.waiting import eventually
from lab.watcher import Watcher
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.program import run
from tests.e2e.conftest import Program
from tests.e2e.recorded import Recorded, Told
from tests.e2e.watching import loud

SECRET = "a secret that the forge knows"


def figures(watcher: Watcher) -> dict[tuple[str, str], float]:
    """Those that are about a host: by name and host."""
    status, text = watcher.asks("/metrics")
    assert status == 200
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, sample.labels["host"]): sample.value for sample in samples if set(sample.labels) == {"host"}}


def of_stacks(watcher: Watcher) -> list[str]:
    """The figures of drifts and stacks, without what they all begin with."""
    lines = (line.removeprefix("anchorwatch_") for line in watcher.asks("/metrics")[1].splitlines())
    return sorted(line for line in lines if line.startswith(("drifts{", "stacks{")))


def test_its_pages_and_what_it_is_asked_to_do(homelab: Homelab, tmp_path: Path, anchorwatch: Program) -> None:
    with Watcher(homelab.config, tmp_path / "watch", environment={"ANCHORWATCH_WATCH__GRACE": "1h"}) as watcher:
        watcher.wait_until_well()
        assert watcher.asks("/livez")[0] == 200
        found = figures(watcher)
        assert [found["anchorwatch_host_up", host] for host in ("proxmox", "pi5")] == [1, 1]
        assert [found["anchorwatch_containers", host] for host in ("proxmox", "pi5")] == [14, 7]
        homelab.proxmox.docker("update", "--restart", "no", "vaultwarden")
        drifted = [
            'drifts{host="proxmox",severity="warning",state="pending"} 1.0',
            'stacks{host="pi5",status="in_sync"} 6.0',
            'stacks{host="proxmox",status="drifted"} 1.0',
            'stacks{host="proxmox",status="in_sync"} 5.0',
        ]
        eventually(lambda: of_stacks(watcher) == drifted, within=60, what=f"a drift that is pending ({of_stacks(watcher)})")

        door = watcher.folder / "state" / "anchorwatch.db.sock"
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        pruned = run("db", "prune", "--format", "json", "--config", str(watcher.config))
        assert (pruned.returncode, pruned.stderr) == (0, "")
        assert json.loads(pruned.stdout)["fits"] is True
        assert watcher.ended() is None

        listening = f"watch: {{listen: 127.0.0.1:{watcher.port}}}\n"
        beside = tmp_path / "beside.yml"
        beside.write_text(watcher.config.read_text() + listening)
        answer = anchorwatch("doctor", "--format", "json", config=beside)
        assert (answer.code, answer.err) == (0, ""), answer.out
        (service,) = (trial for trial in answer.json["trials"] if trial["part"] == "service")
        assert f"process {watcher.pid}" in service["message"]

        assert watcher.stop() == 0
        assert not door.exists()


def test_a_webhook_makes_it_look_at_once(homelab: Homelab, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    git(homelab.repo, "clone", "--quiet", "--bare", str(homelab.repo), str(origin))
    settings = (
        f"repo: {{url: 'file://{origin}', branch: main, poll: 1h, webhook: {{provider: gitea, secret: '{SECRET}'}}}}\n"
        "watch: {grace: 1s, rollout: 1s}\n"
    )
    with Watcher(homelab.config, tmp_path / "watch", settings) as watcher:
        watcher.wait_until_well()
        book = Recorded(watcher.database)
        stack = homelab.repo / "pi5" / "mealie" / "docker-compose.yml"
        stack.write_text(stack.read_text().replace("restart: always", "restart: unless-stopped"))
        git(homelab.repo, "commit", "--quiet", "--all", "--message", "Unless stopped")
        git(homelab.repo, "push", "--quiet", str(origin), "main")
        assert called(watcher, b"{}", "0" * 64) == 401
        body = b'{"ref": "refs/heads/main"}'
        assert called(watcher, body, hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()) == 202
        eventually(lambda: ("pi5", "mealie restart") in book.drifted(), within=60, what="the commit to be known")


def test_a_commit_that_is_deployed_before_the_next_poll_is_no_drift(homelab: Homelab, tmp_path: Path) -> None:
    """Whoever pushed it has deployed it, too; what the host shows and Git does not say is a reason to ask Git."""
    origin = tmp_path / "origin.git"
    git(homelab.repo, "clone", "--quiet", "--bare", str(homelab.repo), str(origin))
    settings = f"repo: {{url: 'file://{origin}', branch: main, poll: 1h}}\nwatch: {{grace: 15s}}\n"
    with Watcher(homelab.config, tmp_path / "watch", settings) as watcher:
        watcher.wait_until_well()
        book = Recorded(watcher.database)
        book.news()
        stack = homelab.repo / "pi5" / "mealie" / "docker-compose.yml"
        stack.write_text(stack.read_text().replace("restart: always", "restart: unless-stopped"))
        git(homelab.repo, "commit", "--quiet", "--all", "--message", "Unless stopped")
        git(homelab.repo, "push", "--quiet", str(origin), "main")
        homelab.deploy(stacks=[stack.parent])
        told: list[Told] = []

        def is_over() -> bool:
            told.extend(book.news())
            return any((one.what, one.reason) == ("mealie restart", "passed") for one in told)

        eventually(is_over, within=60, what="the commit to be known")
        assert loud(told) == []


def called(watcher: Watcher, body: bytes, signature: str) -> int:
    """The status that a webhook is answered with."""
    headers = {"Content-Type": "application/json", "X-Gitea-Signature": signature, "X-Gitea-Delivery": signature[:8]}
    request = urllib.request.Request(f"http://127.0.0.1:{watcher.port}/hooks/git", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
