"""No secret is in anything that the program shows, sends or keeps: on a real engine, whichever side has changed.

Every canary begins with `K4n4ry`; the letter behind it says which of three sides had it: Git, the host, or outside Git.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import images
from lab.compose import Compose
from lab.engines import Engine
from lab.waiting import eventually
from lab.watcher import Watcher

from tests.desired.trees import git, repo
from tests.e2e.recorded import Recorded
from tests.notify.endpoints import Web

CANARY = "K4n4ry"
STACK = f"""
services:
  env:
    image: hold:1
    environment:
      DB_PASSWORD: {CANARY}g
      DBPASS: {CANARY}g
      URL: "amqp://u:{CANARY}g/@{CANARY}g@mq:5672/vh"
      JSON: '{{"user": "a", "password": "{CANARY}g, {CANARY}g"}}'
      DSN_OF_GO: "root:{CANARY}g@tcp(db:3306)/app"
      OUTSIDE: "x-${{NAMELESS}}-y"
      JAVA_OPTS: "-Ddb.password={CANARY}g -Xmx1g --token {CANARY}g"
      NOTIFY: "discord://{CANARY}g@1"
      CONF: |
        port 1
        requirepass {CANARY}g
      SHOWN: before
    command: redis-server --requirepass {CANARY}g
    healthcheck: {{test: [CMD, redis-cli, -a, {CANARY}g, ping], interval: 1s}}
  sh:
    image: hold:1
    command: [sh, -c, "mysqladmin -p{CANARY}g ping; curl -u user:{CANARY}g http://x"]
    healthcheck: {{test: "curl -H 'Authorization: Bearer {CANARY}g' http://x", interval: 1s}}
    labels:
      traefik.http.middlewares.a.basicauth.users: "bob:{CANARY}g"
      homepage.widget.key: {CANARY}g
      backup.command: "mysqldump -uroot -p{CANARY}g db"
    networks: {{net: {{driver_opts: {{com.example.token: {CANARY}g}}}}}}
    volumes: ["data:/data"]
    post_start: [{{command: [sh, -c, "true --token {CANARY}g"]}}]
volumes: {{data: {{labels: {{o: "username=u,password={CANARY}g,{CANARY}g,vers=3.0"}}}}}}
networks: {{net: {{labels: {{n.key: {CANARY}g}}}}}}
"""
SHOWN = (
    ("check",),
    ("check", "--format", "json"),
    ("diff",),
    ("diff", "--format", "json"),
    ("stacks", "--resolved", "--format", "json"),
    ("status", "--format", "json"),
    ("history", "--changes", "--deliveries", "--format", "json"),
    ("at", "0s", "--format", "json"),
)
ON_THE_HOST = {("h", "web-env-1 environment.SHOWN"), ("h", "web-env-1 environment.DB_PASSWORD"), ("h", "byhand unmanaged")}


def test_no_secret_is_shown_sent_or_kept(
    emptied_new_engine: Engine, newest_compose: Compose, tmp_path: Path, mailbox: Web
) -> None:
    images.load(emptied_new_engine, [images.hold()])
    ops = repo(tmp_path / "ops", {"web/compose.yaml": STACK})
    base = tmp_path / "base.yml"
    base.write_text(
        f"compose: {newest_compose.program}\n"
        f"repo: {{path: {ops}, branch: main}}\n"
        f"hosts: {{h: {{docker: {emptied_new_engine.url}, stacks: [web], env: {{NAMELESS: {CANARY}o}}}}}}\n"
        "watch: {settle: 300ms, grace: 1s, rollout: 1s}\n"
        f'notify: {{destinations: [{{name: chat, url: "{mailbox.url("ok")}"}}]}}\n'
    )
    newest_compose.up(ops / "web", emptied_new_engine, environment={"NAMELESS": f"{CANARY}o"})
    with Watcher(base, tmp_path / "watch") as watcher:
        watcher.wait_until_well()
        _changed_on_the_host(emptied_new_engine, newest_compose, ops)
        book = Recorded(watcher.database)
        eventually(lambda: book.drifted() >= ON_THE_HOST and mailbox.requests, within=90, what="a message of the host")
        shown = {" ".join(words): _said(watcher, *words) for words in SHOWN}
        pages = {page: watcher.asks(page)[1] for page in ("/healthz", "/metrics")}
        # Git says something else now, and what stood there leaves it
        (ops / "web/compose.yaml").write_text("services: {env: {image: hold:1}, sh: {image: hold:1}}")
        git(ops, "commit", "--quiet", "--all", "--message", "gone")
        told = len(mailbox.requests)
        eventually(lambda: len(mailbox.requests) > told, within=90, what="a message of what has left Git")
        shown |= {f"then {' '.join(words)}": _said(watcher, *words) for words in SHOWN}
        kept = {str(file): file.read_bytes() for file in (tmp_path / "watch").rglob("*") if file.is_file()}
    assert "SHOWN is after, Git says before" in shown["check"]
    texts = {**shown, **pages, **{f"message {n}": one.body.decode() for n, one in enumerate(mailbox.requests)}}
    assert [name for name, text in texts.items() if CANARY in text] == []
    of_git = (tmp_path / "watch" / "cache").as_posix()  # holds what Compose makes of Git, as a clone holds it
    found = [name for name, content in kept.items() if f"{CANARY}{'' if of_git not in name else 'o'}".encode() in content]
    assert [name for name in found if not name.endswith("watch.yml")] == []


def _changed_on_the_host(engine: Engine, compose: Compose, ops: Path) -> None:
    """Somebody edits the file there, deploys it, takes the edit back, and starts a container by hand."""
    file = ops / "web/compose.yaml"
    file.write_text(STACK.replace(f"{CANARY}g", f"{CANARY}h").replace("SHOWN: before", "SHOWN: after"))
    compose.up(ops / "web", engine, environment={"NAMELESS": f"{CANARY}h"})
    git(ops, "checkout", "--quiet", "--", ".")
    engine.docker("run", "-d", "--name", "byhand", "-e", f"FOO={CANARY}h", "-l", f"x={CANARY}h", "hold:1", "-p", f"{CANARY}h")


def _said(watcher: Watcher, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "anchorwatch.cli", *words, "--config", str(watcher.config)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=watcher.folder,
        env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(watcher.folder / "cache")},
    )
    return done.stdout + done.stderr
