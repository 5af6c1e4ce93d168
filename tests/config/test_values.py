"""What a config file comes to, as the rest of the house sees it."""

from __future__ import annotations

import os
from contextlib import chdir
from datetime import time
from pathlib import Path

import pytest

from anchorwatch.config import load, read_draft
from anchorwatch.config.config import Config
from anchorwatch.model.address import HostAddress, SshOptions, TlsOptions
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.service import (
    Destination,
    Digest,
    HistorySettings,
    Patience,
    QuietHours,
    RateLimit,
    ServiceSettings,
    WatchSettings,
    Webhook,
)
from anchorwatch.model.settings import (
    DeclaredElsewhere,
    Deployer,
    HostLayout,
    HostSettings,
    IgnoreRule,
    Policy,
    RepoSource,
    SeverityRule,
    StackValues,
)
from anchorwatch.model.silences import Matcher
from anchorwatch.model.values import Secret
from tests.config.reading import HOME, read, write

CONTRACT = """
repo:
  path: /srv/homelab-ops
  branch: main
  poll: 60s
  webhook: {provider: forgejo, secret_file: %(secrets)s/webhook}

hosts:
  proxmox:
    docker: unix:///var/run/docker.sock
    stacks: ["proxmox/*"]
    exclude: ["proxmox/pi5-stacks"]
  pi5:
    docker: ssh://admin@pi5
    stacks: ["pi5/*"]
    root: /opt/stacks
    env_files: ["/srv/secrets/pi5.env"]
    per_stack: {mealie: {env_files: ["/srv/secrets/mealie.env"], grace: 5m}}
    unmanaged: on

declared_elsewhere:
  - {stack: proxmox/nginx-proxy-manager, because: "runs as an LXC"}

ignore:
  - {host: pi5, service: watchtower, path: image, because: "updates itself"}
severity:
  - {path: "labels.*", is: info}

watch: {settle: 500ms, grace: 30s, rollout: 10m, resync: 5m, listen: 127.0.0.1:8899}
history: {keep: 400d, max_size: 2GB}

notify:
  destinations:
    - {name: chat, url: "discord://id/token", on: [appeared, resolved], min_severity: warning}
    - {name: mail, url_file: %(secrets)s/mail, digest: "daily 08:00"}

database: sqlite:////var/lib/anchorwatch/anchorwatch.db
secrets_key: /var/lib/anchorwatch/secrets.key
"""
"""The config file of the contract, with the folder of its secrets to be filled in."""


def test_the_file_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "webhook").write_text("hook-secret\n")
    (tmp_path / "mail").write_text("mailto://u:p@mail.example\r\n")

    config = read(tmp_path, CONTRACT % {"secrets": tmp_path})

    assert config == Config(
        file=str(tmp_path / "anchorwatch.yml"),
        repo=RepoSource(path="/srv/homelab-ops", branch="main"),
        hosts={
            "proxmox": HostSettings(
                address=HostAddress("proxmox", "unix:///var/run/docker.sock"),
                layout=HostLayout("proxmox", ("proxmox/*",), ("proxmox/pi5-stacks",)),
            ),
            "pi5": HostSettings(
                address=HostAddress("pi5", "ssh://admin@pi5"),
                layout=HostLayout(
                    "pi5",
                    ("pi5/*",),
                    root="/opt/stacks",
                    values=StackValues(env_files=("/srv/secrets/pi5.env",)),
                    per_stack={"mealie": StackValues(env_files=("/srv/secrets/mealie.env",))},
                ),
            ),
        },
        declared_elsewhere=(DeclaredElsewhere("proxmox/nginx-proxy-manager", "runs as an LXC"),),
        ignore=(IgnoreRule(because="updates itself", host="pi5", service="watchtower", path="image"),),
        severity=(SeverityRule("labels.*", Severity.INFO),),
        database=Secret("sqlite:////var/lib/anchorwatch/anchorwatch.db"),
        secrets_key="/var/lib/anchorwatch/secrets.key",
    )
    assert config.service() == ServiceSettings(
        poll=60,
        webhook=Webhook("forgejo", Secret("hook-secret")),
        watch=WatchSettings(settle=0.5, resync=300, listen=("127.0.0.1", 8899)),
        grace=Patience(30, by_stack={("pi5", "mealie"): 300}),
        rollout=Patience(600),
        history=HistorySettings(keep=400 * 24 * 3600, max_size=2 * 1000**3),
        destinations=(
            Destination(
                "chat", Secret("discord://id/token"), on=frozenset({"appeared", "resolved"}), min_severity=Severity.WARNING
            ),
            Destination("mail", Secret("mailto://u:p@mail.example"), digest=Digest("daily", time(8))),
        ),
    )


def test_the_rest_of_the_keys(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """
x-tls: &tls {ca: certs/ca.pem, cert: certs/cert.pem, key: ~/key.pem}
repo: {url: git@git.example:ops.git, ssh_key: keys/deploy, known_hosts: ../known_hosts, ca: ~/ca.pem}
hosts:
  nas:
    docker: tcp://nas.lan:2376
    tls: *tls
    stacks: [./nas/*/, "nas/**/compose.yml"]
    env: {PUID: 0123, DEBUG: on, EMPTY: "", RATIO: 1.50}
    pass_environment: [DOMAIN]
    host_env_file: /opt/.env
    unmanaged: OFF
    timeout: 1m
    deadline: 2m
    grace: 1m
    rollout: 2h
    per_stack: {db: {project: db-prod, env: {A: b}, rollout: 0}}
  pi:
    docker: ssh://pi@pi.lan:2222
    ssh: {key: id, known_hosts: /etc/kh}
    stacks: [pi.yml]
  ctx: {docker: context:attic, stacks: [attic]}
deployers:
  - {komodo: "komodo/**/*.toml", servers: {prod: nas}}
  - {doco_cd: .doco-cd.yml, host: pi}
ignore: [{kind: unmanaged, container: "x*", label: "a=b", image: "i:*", project: p, stack: "nas/*"}]
long_running: ["db/*"]
one_shot: ["*/migrate"]
notify:
  destinations:
    - name: a
      url: json://h
      on: [resolved]
      remind_every: 7d
      quiet_hours: 22:00 - 7:00 Europe/Berlin
      digest: Weekly Monday 08:30
    - {name: b, url: "json://h", quiet_hours: 1:00-02:00, digest: hourly, min_severity: critical}
database: sqlite:///state/aw.db?timeout=5
secrets_key: state/key
compose: docker-compose
""",
    )

    here = str(tmp_path)
    assert config.repo == RepoSource(
        url="git@git.example:ops.git",
        ssh_key=f"{here}/keys/deploy",
        known_hosts=str(tmp_path.parent / "known_hosts"),
        ca=f"{HOME}/ca.pem",
    )
    assert config.addresses() == (
        HostAddress(
            "nas", "tcp://nas.lan:2376", tls=TlsOptions(f"{here}/certs/ca.pem", f"{here}/certs/cert.pem", f"{HOME}/key.pem"),
            timeout=60, deadline=120,
        ),
        HostAddress("pi", "ssh://pi@pi.lan:2222", SshOptions(f"{here}/id", "/etc/kh")),
        HostAddress("ctx", "context:attic"),
    )  # fmt: skip
    assert config.layouts()[0] == HostLayout(
        "nas",
        ("nas/*", "nas/**/compose.yml"),
        values=StackValues(
            env={"PUID": "0123", "DEBUG": "on", "EMPTY": "", "RATIO": "1.50"},
            pass_environment=("DOMAIN",),
            host_env_file="/opt/.env",
        ),
        per_stack={"db": StackValues(env={"A": "b"}, project="db-prod")},
    )
    assert config.deployers == (
        Deployer("komodo", "komodo/**/*.toml", servers={"prod": "nas"}),
        Deployer("doco_cd", ".doco-cd.yml", "pi"),
    )
    assert config.policy("nas") == Policy(
        unmanaged=False,
        ignore=(IgnoreRule(kind=Kind.UNMANAGED, container="x*", label="a=b", image="i:*", project="p", stack="nas/*"),),
        long_running=("db/*",),
        one_shot=("*/migrate",),
    )
    assert config.database == Secret(f"sqlite:///{here}/state/aw.db?timeout=5")
    assert (config.secrets_key, config.compose) == (f"{here}/state/key", "docker-compose")

    service = config.service()
    assert [service.grace.of(*key) for key in (("nas", "db"), ("nas", None), ("pi", "x"))] == [60, 60, 30]
    assert [service.rollout.of(*key) for key in (("nas", "db"), ("nas", "x"), ("pi", "x"))] == [0, 7200, 600]
    first, second = service.destinations
    assert first == Destination(
        "a", Secret("json://h"), on=frozenset({"resolved"}), digest=Digest("weekly", time(8, 30), 0), remind_every=604_800,
        quiet_hours=QuietHours(time(22), time(7), "Europe/Berlin"),
    )  # fmt: skip
    assert (second.digest, second.quiet_hours) == (Digest("hourly"), QuietHours(time(1), time(2)))
    assert second.min_severity is Severity.CRITICAL


def test_who_is_told_of_what(tmp_path: Path) -> None:
    (tmp_path / "heartbeat").write_text("https://hc.example/uuid\n")
    service = read(
        tmp_path,
        """
notify:
  base_url: https://anchorwatch.example/
  templates: texts
  heartbeat_file: heartbeat
  destinations:
    - {name: a, url: json://h, only: [{host: pi5, kind: missing}, {stack: "nas/*"}],
       critical_at_once: on, rate_limit: 5 Per Minute}
    - {name: b, url: json://h}
""",
    ).service()
    first, second = service.destinations
    assert first.only == (Matcher(host="pi5", kind=Kind.MISSING), Matcher(stack="nas/*"))
    assert (first.critical_at_once, first.rate_limit) == (True, RateLimit(5, 60))
    assert (second.only, second.critical_at_once, second.rate_limit) == ((), False, RateLimit(30, 3600))
    assert (service.base_url, service.templates) == ("https://anchorwatch.example", str(tmp_path / "texts"))
    assert service.heartbeat == Secret("https://hc.example/uuid")


def test_sections_without_a_key_say_what_no_section_says(tmp_path: Path) -> None:
    empty = read(tmp_path, "repo: {}\nwatch: {}\nhistory: {}\nnotify: {}\n")
    assert empty.service() == ServiceSettings()
    assert empty == Config.default({"HOME": HOME}, file=str(tmp_path / "anchorwatch.yml"))


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "---\n", "hosts:\nrepo:\n  branch:\nignore: ~\n", "x-a: {token_file: /none}\n"]
)
def test_a_key_with_nothing_behind_it_counts_as_not_written(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Config.default({"HOME": HOME}, file=str(tmp_path / "anchorwatch.yml"))


def test_a_host_that_is_not_configured_is_judged_by_the_rules_for_all(tmp_path: Path) -> None:
    config = read(tmp_path, "one_shot: [a]\n")
    assert config.policy("elsewhere") == Policy(one_shot=("a",))


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    with chdir(tmp_path):
        config = load(None, {"HOME": HOME, "XDG_STATE_HOME": "/state"})
    state = "/var/lib/anchorwatch" if os.geteuid() == 0 else "/state/anchorwatch"
    assert config == Config(database=Secret(f"sqlite:///{state}/anchorwatch.db"), secrets_key=f"{state}/secrets.key")
    assert config.hosts == {}


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    for name in ("anchorwatch.yml", "other.yml", "asked.yml"):
        (tmp_path / name).write_text(f"compose: {name}\nsecrets_key: key\n")
    with chdir(tmp_path):
        found = load(None, {})
        assert load(None, {"ANCHORWATCH_CONFIG": "other.yml"}).compose == "other.yml"
        assert load(Path("asked.yml"), {"ANCHORWATCH_CONFIG": "other.yml"}).compose == "asked.yml"
    assert (found.compose, found.file, found.secrets_key) == ("anchorwatch.yml", f"{tmp_path}/anchorwatch.yml", f"{tmp_path}/key")


def test_addresses_can_be_had_before_the_config_is_judged(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
hosts:
  a: {docker: "ssh://u@a:22", ssh: {key: k, known_hosts: ~/h}, timeout: 5s, deadline: 1m30s, stacks: [a]}
  b: {docker: "tcp://b", tls: {}, stacks: [b]}
  c: {docker_file: where, stacks: [c]}
  d: {docker: "unix:///run/docker.sock", ssh: ~, stacks: [d]}
""",
    )
    (tmp_path / "where").write_text("context:c\n")
    draft = read_draft(file, {"HOME": HOME, "ANCHORWATCH_HOSTS__B__DOCKER": "tcp://b:99"})
    assert [address.docker for address in draft.addresses()] == [
        "ssh://u@a:22",
        "tcp://b:99",
        "context:c",
        "unix:///run/docker.sock",
    ]
    assert draft.addresses() == draft.config().addresses()


def test_nothing_is_connected_to_while_a_mistake_is_known(tmp_path: Path) -> None:
    draft = read_draft(write(tmp_path, "hosts:\n  a: {docker: 'ssh://a', docker: 'ssh://b', stacks: [a]}\n"), {})
    assert draft.addresses() == ()


@pytest.mark.parametrize(
    "host",
    [
        "{docker: 'http://x', stacks: [a]}",
        "{docker: 'ssh://a', ssh: {kee: x}}",
        "{docker: 'ssh://a', timeout: soon}",
        "[]",
        "{docker: [a]}",
    ],
)
def test_what_is_wrong_is_not_connected_to(tmp_path: Path, host: str) -> None:
    file = write(tmp_path, f"hosts:\n  bad: {host}\n  good: {{docker: 'ssh://good', stacks: [a]}}\n")
    assert [address.name for address in read_draft(file, {}).addresses()] == ["good"]
