"""`anchorwatch doctor` over the example fleet: well, and then with one thing after another broken."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lab.homelab import Homelab
from lab.ssh import SshHost

from anchorwatch.model.health import Health, Pulse
from anchorwatch.model.report import ErrorInfo
from anchorwatch.store import Store
from anchorwatch.web.server import Server
from anchorwatch.web.site import site
from tests.e2e.conftest import Answer, Program
from tests.e2e.refusing_proxy import RefusingProxy

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WELL = Health(AT, pulses=(Pulse("docker:pi5", ok=True, since_at=AT),))


@pytest.fixture
def port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture
def config(homelab: Homelab, tmp_path: Path, port: int) -> Callable[..., Path]:
    """Writes a config like the fleet's own, with texts in it replaced and something added."""

    def write(changed: Mapping[str, str] | None = None, more: str = "") -> Path:
        text = homelab.config.read_text()
        for old, new in {str(homelab.folder / "anchorwatch.db"): f"{tmp_path}/state/anchorwatch.db", **(changed or {})}.items():
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "anchorwatch.yml"
        file.write_text(f"{text}\nwatch: {{listen: 127.0.0.1:{port}}}\n{more}")
        return file

    return write


def told(answer: Answer) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
    """The trials by part and name."""
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for trial in answer.json["trials"]:
        found.setdefault((trial["part"], trial["name"]), []).append(trial)
    return found


def only_bad(answer: Answer) -> dict[str, Any]:
    """The one thing that is to be mended."""
    bad = [trial for trial in answer.json["trials"] if trial["outcome"] == "bad"]
    assert (answer.code, answer.err, answer.json["bad"], len(bad)) == (1, "", 1, 1), answer.out
    assert bad[0]["hint"]
    return dict(bad[0])


def test_all_well(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab, tmp_path: Path) -> None:
    answer = anchorwatch(
        "doctor", "--format", "json", config=config(more="notify: {destinations: [{name: me, url: ntfy://n.example/t}]}")
    )
    assert (answer.code, answer.err, answer.json["bad"]) == (0, "", 0), answer.out
    trials = told(answer)
    assert {one["outcome"] for found in trials.values() for one in found} == {"good"}
    assert "14 containers run" in trials["host", "proxmox"][0]["message"]
    assert f"Docker {homelab.pi5.version}" in trials["host", "pi5"][0]["message"]
    assert "12 stacks" in trials["repo", None][0]["message"]
    assert homelab.compose.version in trials["compose", None][0]["message"]
    assert ("destination", "me") in trials
    assert not (tmp_path / "state").exists()  # nothing is made
    text = anchorwatch("doctor", config=tmp_path / "anchorwatch.yml")
    assert (text.code, text.out.splitlines()[-1]) == (0, "all well")
    assert "✗" not in text.out


def test_a_frozen_engine(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    file = config({'stacks: ["proxmox/*"]': 'timeout: 1s\n    stacks: ["proxmox/*"]'})
    homelab.proxmox.freeze()
    trial = only_bad(anchorwatch("doctor", "--format", "json", config=file))
    assert (trial["part"], trial["name"]) == ("host", "proxmox")
    assert "no answer" in trial["message"]
    assert "overloaded" in trial["hint"] or "docker info" in trial["hint"] or "timeout" in trial["hint"]


def ssh(homelab: Homelab, key: Path) -> Mapping[str, str]:
    """The fleet's config, with another key for pi5."""
    written = homelab.config.read_text()
    old = next(line for line in written.splitlines() if "key:" in line and "secrets_key" not in line)
    return {old: old.replace(str(homelab.pi5_ssh.key), str(key))}


def test_an_ssh_key_that_is_not_let_in(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    host: SshHost = homelab.pi5_ssh
    trial = only_bad(anchorwatch("doctor", "--format", "json", config=config(ssh(homelab, host.wrong_key))))
    assert (trial["part"], trial["name"]) == ("host", "pi5")
    assert "does not accept the ssh key" in trial["message"]
    assert "authorized_keys" in trial["hint"]


def test_ssh_keys_that_cannot_work(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path) -> None:
    flaws = {
        "open": ("others may read", "chmod 600"),
        "public": ("public half", ".pub"),
        "locked": ("passphrase", "ssh-keygen"),
        "gone": ("cannot be read", "ssh-keygen"),
    }
    more = []
    for flaw in flaws:
        key = tmp_path / flaw
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(key), "-N", "password" if flaw == "locked" else ""]
        subprocess.run(made, check=True)
        more.append(f"  {flaw}: {{docker: 'ssh://nobody@127.0.0.1:1', stacks: ['none/*'], ssh: {{key: {key}}}}}\n")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "public").write_bytes((tmp_path / "public.pub").read_bytes())
    (tmp_path / "gone").unlink()
    answer = anchorwatch("doctor", "--format", "json", config=config({"hosts:\n": f"hosts:\n{''.join(more)}"}))
    assert answer.code == 1
    for flaw, (said, hint) in flaws.items():
        first = told(answer)["host", flaw][0]
        assert (first["outcome"], said in first["message"], hint in first["hint"]) == ("bad", True, True), first


def test_a_proxy_that_refuses_what_is_not_indispensable(
    anchorwatch: Program, config: Callable[..., Path], homelab: Homelab
) -> None:
    costs = {
        "GET /info": "daemon's defaults",
        "GET /images/{name}/json": "inherit from their images",
        "GET /networks": "networks are not checked",
        "GET /volumes": "volumes are not checked",
        "GET /events": "next resync",
    }
    with RefusingProxy(homelab.proxmox.socket, r"^/(info|images/.*|networks|volumes|events)$") as proxy:
        answer = anchorwatch("doctor", "--format", "json", config=config({homelab.proxmox.url: proxy.address}))
    assert (answer.code, answer.json["bad"]) == (1, 5)
    good, *bad = told(answer)["host", "proxmox"]
    assert good["outcome"] == "good"
    for (request, cost), trial in zip(costs.items(), bad, strict=True):
        assert trial["message"].startswith(f"{request} is not permitted")
        assert cost in trial["message"]
        assert "docs/hosts.md" in trial["hint"]


def test_a_proxy_that_refuses_events_alone(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    with RefusingProxy(homelab.proxmox.socket, r"^/events") as proxy:
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config({homelab.proxmox.url: proxy.address})))
    assert (trial["part"], trial["name"]) == ("host", "proxmox")
    assert trial["message"].startswith("GET /events is not permitted")


def test_a_proxy_that_refuses_everything_that_counts(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    with RefusingProxy(homelab.proxmox.socket, r"^/containers") as proxy:
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config({homelab.proxmox.url: proxy.address})))
    assert "does not permit" in trial["message"]
    assert "/containers/json" in trial["hint"]


def test_it_asks_for_nothing_but_what_the_docs_list(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    with RefusingProxy(homelab.proxmox.socket) as proxy:
        assert anchorwatch("doctor", config=config({homelab.proxmox.url: proxy.address})).code == 0
    allowed = (
        r"GET /(version|info|events|containers/json|containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json|images/.+/json|networks|volumes)"
    )
    assert {request for request in proxy.asked if not re.fullmatch(allowed, request)} == set()
    assert {"GET /events", "GET /info", "GET /networks", "GET /volumes", "GET /version"} <= set(proxy.asked)


def test_a_clock_that_is_off(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    with RefusingProxy(homelab.proxmox.socket, ahead=-90.0) as proxy:
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config({homelab.proxmox.url: proxy.address})))
    assert trial["name"] == "proxmox"
    assert re.search(r"its clock is (89|90|91) s behind this machine's", trial["message"])
    assert "timedatectl" in trial["hint"]


def test_no_compose(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    file = config({str(homelab.compose.program): "/nowhere/docker-compose"})
    answer = anchorwatch("doctor", "--format", "json", config=file)
    trial = only_bad(answer)
    assert (trial["part"], "/nowhere/docker-compose" in trial["message"]) == ("compose", True)
    assert "compose:" in trial["hint"]
    assert told(answer)["repo", None][0]["outcome"] == "less"


def test_a_key_file_that_cannot_be_used(
    anchorwatch: Program, config: Callable[..., Path], homelab: Homelab, tmp_path: Path
) -> None:
    key = tmp_path / "secrets.key"
    key.mkdir()  # what Docker makes of a file that is to be mounted and is not there
    trial = only_bad(anchorwatch("doctor", "--format", "json", config=config({str(homelab.folder / "secrets.key"): str(key)})))
    assert (trial["part"], str(key) in trial["message"]) == ("secrets_key", True)


@contextmanager
def held(tmp_path: Path) -> Iterator[Store]:
    """The database, open in this process, as the service has it."""
    (tmp_path / "state").mkdir(exist_ok=True)
    with Store.open(f"sqlite:///{tmp_path}/state/anchorwatch.db", at=AT, who="anchorwatch watch") as store:
        yield store


@contextmanager
def answering(health: Health, port: int) -> Iterator[None]:
    """The pages of a service."""
    server = Server(site(lambda: health, now=lambda: AT, webhook=None, nudge=lambda: None), ("127.0.0.1", port))
    server.start()
    try:
        yield
    finally:
        server.stop()


def test_beside_the_running_service(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path, port: int) -> None:
    with held(tmp_path), answering(WELL, port):
        answer = anchorwatch("doctor", "--format", "json", config=config())
    assert answer.code == 0, answer.out
    (service,) = told(answer)["service", None]
    assert "it runs, and is well" in service["message"]
    assert f"process {os.getpid()}" in service["message"]
    assert told(answer)["database", None][0]["outcome"] == "good"


def test_the_running_service_is_not_well(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path, port: int) -> None:
    ill = replace(WELL, pulses=(Pulse("docker:pi5", ok=False, error=ErrorInfo("timeout", "no answer")),))
    with held(tmp_path), answering(ill, port):
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config()))
    assert (trial["part"], trial["message"]) == ("service", "it runs, and is not well: docker: timeout")


def test_the_database_is_held_and_nobody_answers(
    anchorwatch: Program, config: Callable[..., Path], tmp_path: Path, port: int
) -> None:
    with held(tmp_path):
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config()))
    assert trial["part"] == "service"
    assert f"process {os.getpid()}" in trial["message"]
    assert f"127.0.0.1:{port}" in trial["message"]


def test_another_program_listens_there(anchorwatch: Program, config: Callable[..., Path], port: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config()))
        other.shutdown()
    assert (trial["part"], str(port) in trial["message"]) == ("service", True)
    assert "listen" in trial["hint"]


def test_the_service_of_another_config_listens_there(anchorwatch: Program, config: Callable[..., Path], port: int) -> None:
    with answering(WELL, port):
        trial = only_bad(anchorwatch("doctor", "--format", "json", config=config()))
    assert (trial["part"], str(port) in trial["message"]) == ("service", True)
    assert "listen" in trial["hint"]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 2 MB there."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path) -> None:
    with small_disk(tmp_path / "state"):
        with held(tmp_path):
            pass
        subprocess.run(["dd", "if=/dev/zero", f"of={tmp_path}/state/full", "bs=4096"], check=False, capture_output=True)
        answer = anchorwatch("doctor", "--format", "json", config=config())
    assert answer.code == 1
    bad = [trial for trial in told(answer)["database", None] if trial["outcome"] == "bad"]
    assert "No space left on device" in bad[0]["message"]
    assert bad[0]["hint"] == "make room"


def test_little_room_is_said_and_is_not_bad(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path) -> None:
    with small_disk(tmp_path / "state"):
        answer = anchorwatch("doctor", "--format", "json", config=config())
    assert answer.code == 0, answer.out
    assert "are free in" in told(answer)["database", None][0]["message"]


def test_a_damaged_database(anchorwatch: Program, config: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "anchorwatch.db").write_bytes(b"this is no database" * 1000)
    trial = only_bad(anchorwatch("doctor", "--format", "json", config=config()))
    assert (trial["part"], "damaged" in trial["message"]) == ("database", True)


def test_a_destination_with_a_typo_is_named_without_its_secret(anchorwatch: Program, config: Callable[..., Path]) -> None:
    more = (
        "notify: {destinations: [{name: chat, url: 'discrod://4711/correct-horse-battery'}, {name: mail, url: 'mailto://u:pw1'}]}"
    )
    answer = anchorwatch("doctor", "--format", "json", config=config(more=more))
    assert (answer.code, answer.json["bad"]) == (1, 2)
    trials = told(answer)
    assert "discrod://" in trials["destination", "chat"][0]["message"]
    assert "did you mean discord?" in trials["destination", "chat"][0]["message"]
    assert "mailto://" in trials["destination", "mail"][0]["message"]
    assert all(trials["destination", name][0]["hint"] for name in ("chat", "mail"))
    for secret in ("correct-horse", "4711", "pw1"):
        assert secret not in answer.out + answer.err


def test_a_test_message_is_sent_only_when_it_is_asked_for(anchorwatch: Program, config: Callable[..., Path]) -> None:
    heard: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/well" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        urls = [f"{{name: {name}, url: 'json://127.0.0.1:{receiver.server_port}/{name}'}}" for name in ("well", "ill")]
        file = config(more=f"notify: {{destinations: [{', '.join(urls)}]}}")
        assert anchorwatch("doctor", config=file).code == 0
        assert heard == []
        answer = anchorwatch("doctor", "--send", "--format", "json", config=file)
        receiver.shutdown()
    trial = only_bad(answer)
    assert (trial["part"], trial["name"], "500" in trial["message"]) == ("destination", "ill", True)
    assert "has arrived" in told(answer)["destination", "well"][0]["message"]
    assert len(heard) >= 2


def test_a_config_with_mistakes(anchorwatch: Program, config: Callable[..., Path]) -> None:
    answer = anchorwatch("doctor", "--format", "json", config=config(more="wacth: {}\nnotify: {destinations: [{name: x}]}\n"))
    assert (answer.code, answer.json["bad"]) == (1, 2)
    assert {trial["part"] for trial in answer.json["trials"]} == {"config"}
    assert any("wacth" in trial["message"] for trial in answer.json["trials"])


def test_a_repo_that_is_not_there(anchorwatch: Program, config: Callable[..., Path], homelab: Homelab) -> None:
    answer = anchorwatch("doctor", "--format", "json", config=config({f"path: {homelab.repo}": "path: /nowhere/homelab-ops"}))
    trial = only_bad(answer)
    assert (trial["part"], "/nowhere/homelab-ops" in trial["message"]) == ("repo", True)
    assert told(answer)["host", "pi5"][0]["outcome"] == "good"
