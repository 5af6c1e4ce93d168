"""A real sshd before a real engine: what works, what each failure is called, and that nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab import tools
from lab.engines import Engine
from lab.images import hold, load
from lab.ssh import SshHost

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostRefused, HostTimeout
from anchorwatch.model.address import HostAddress, SshOptions
from anchorwatch.observed import EngineConnection, connect, observe
from tests.lab_fixtures import eventually

SHORT = 4.0
"""Seconds: enough for an answer over ssh on a busy machine, and little enough to wait for."""
SLACK = 4.0
"""Seconds that a busy machine may add."""

pytestmark = pytest.mark.usefixtures("ssh_on_path")


@pytest.fixture
def ssh_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    program = tools.program("ssh")
    environment = tools.environment_for(program)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for name in ("LD_LIBRARY_PATH",) if "LD_LIBRARY_PATH" in environment else ():
        monkeypatch.setenv(name, environment[name])
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("newest", name="pi5") as engine:
        load(engine, [hold()])
        engine.docker("run", "--detach", "--name", "web", "hold:1")
        yield engine


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[SshHost]:
    with SshHost(engine) as host:
        yield host


@pytest.fixture
def address(host: SshHost) -> HostAddress:
    return HostAddress("pi5", host.url, ssh=SshOptions(str(host.key), str(host.known_hosts)), timeout=30)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """After each test this process has no child more than before: no ssh that runs, and none that was not waited for."""
    before = children()
    yield
    eventually(lambda: children() <= before, within=5, what="every ssh ended and reaped")


def children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def ssh_of(connection: EngineConnection, before: set[int]) -> int:
    """The process of the connection, which is the only child that was not there before."""
    (pid,) = children() - before
    return pid


def refused(address: HostAddress) -> HostError:
    with pytest.raises(HostError) as raised:
        observe(address)
    assert raised.value.hint
    return raised.value


@pytest.fixture
def commanded(host: SshHost, address: HostAddress) -> Iterator[HostAddress]:
    """Logs in with a key whose `command=` the test writes into `authorized_keys` with `command`."""
    keys = host.folder / "authorized_keys"
    before = keys.read_text()
    yield replace(address, ssh=SshOptions(str(host.wrong_key), str(host.known_hosts)))
    keys.write_text(before)


def command(host: SshHost, words: str) -> None:
    with (host.folder / "authorized_keys").open("a") as keys:
        keys.write(f'restrict,command="{words}" {host.wrong_key.with_suffix(".pub").read_text()}')


def test_a_snapshot(address: HostAddress, engine: Engine) -> None:
    snapshot = observe(address)
    assert [container.name for container in snapshot.containers] == ["web"]
    assert snapshot.engine.id == engine.docker("info", "--format", "{{.ID}}")


def test_the_handshake_begins_with_connect_and_one_process_serves_every_snapshot(address: HostAddress) -> None:
    before = children()
    with connect(address) as connection:
        first = ssh_of(connection, before)
        for _ in range(3):
            connection.snapshot()
        assert ssh_of(connection, before) == first
    assert children() == before


def test_a_connection_that_was_never_used_leaves_nothing(address: HostAddress) -> None:
    connect(address).close()


def test_a_connection_that_dropped_is_opened_again(address: HostAddress) -> None:
    before = children()
    with connect(address) as connection:
        connection.snapshot()
        first = ssh_of(connection, before)
        os.kill(first, signal.SIGKILL)
        assert connection.snapshot().containers
        assert ssh_of(connection, before) != first


def test_a_host_whose_sshd_was_away(address: HostAddress, host: SshHost) -> None:
    with connect(address) as connection:
        connection.snapshot()
        host.stop()
        with pytest.raises(HostRefused) as raised:
            connection.snapshot()
        assert "Connection refused" in raised.value.message
        host.start()
        assert connection.snapshot().containers


def test_a_key_that_can_do_nothing_but_reach_the_engine(commanded: HostAddress, host: SshHost) -> None:
    """As docs/hosts.md recommends it."""
    command(host, "docker system dial-stdio")
    assert observe(commanded).containers
    assert "PWNED" not in subprocess.run(
        [tools.program("ssh"), *host.options(host.wrong_key), "127.0.0.1", "echo PWNED"],
        input="",
        capture_output=True,
        text=True,
        check=False,
    ).stdout  # fmt: skip


def test_an_alias_of_the_users_ssh_configuration(
    host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    """ssh reads the configuration of the user's home, which a test cannot move: an included file stands for it."""
    config = tmp_path / "config"
    config.write_text(host.config_for("Pi"))
    wrapper = tmp_path / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {tools.program("ssh")} -F {config} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert observe(HostAddress("pi5", "ssh://Pi")).engine.id == engine.docker("info", "--format", "{{.ID}}")


def test_the_socket_in_the_path_of_the_address(address: HostAddress) -> None:
    assert observe(replace(address, docker=f"{address.docker}/var/run/docker.sock")).containers
    error = refused(replace(address, docker=f"{address.docker}/run/nobody.sock"))
    assert isinstance(error, HostRefused)
    assert "/run/nobody.sock" in error.message


def test_a_key_that_is_not_accepted(address: HostAddress, host: SshHost) -> None:
    error = refused(replace(address, ssh=SshOptions(str(host.wrong_key), str(host.known_hosts))))
    assert isinstance(error, HostAuthError)
    assert "does not accept the ssh key" in error.message
    assert "authorized_keys" in (error.hint or "")


def test_the_command_to_try_by_hand_tries_the_same_key(address: HostAddress, host: SshHost) -> None:
    """As the user has it who copies it: with another key than the configured one it would tell nothing."""
    error = refused(replace(address, ssh=SshOptions(str(host.wrong_key), str(host.known_hosts))))
    (command,) = re.findall("`(ssh .*?)`", error.hint or "")
    tried = {}
    for key in (host.wrong_key, host.key):
        words = ["sh", "-c", command.replace(str(host.wrong_key), str(key))]
        tried[key] = subprocess.run(words, capture_output=True, timeout=30, check=False)
    assert (tried[host.wrong_key].returncode, tried[host.key].returncode) == (255, 0)
    assert b"Permission denied" in tried[host.wrong_key].stderr


def test_a_key_that_is_not_there(address: HostAddress, tmp_path: Path) -> None:
    error = refused(replace(address, ssh=replace(address.ssh, key=str(tmp_path / "none"))))
    assert isinstance(error, HostAuthError)
    assert str(tmp_path / "none") in error.message


def test_a_key_that_others_may_read(address: HostAddress, host: SshHost, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(host.key.read_text())
    key.chmod(0o644)
    error = refused(replace(address, ssh=replace(address.ssh, key=str(key))))
    assert isinstance(error, HostAuthError)
    assert "chmod 600" in (error.hint or "")


def test_a_host_key_that_is_not_known(address: HostAddress, host: SshHost, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known hosts 100%"
    known_hosts.touch()
    error = refused(replace(address, ssh=replace(address.ssh, known_hosts=str(known_hosts))))
    assert isinstance(error, HostAuthError)
    assert "is not known" in error.message
    assert f"ssh-keyscan -p {host.port} 127.0.0.1" in (error.hint or "")
    assert known_hosts.read_text() == ""


def test_a_host_key_that_changed(address: HostAddress, host: SshHost, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{host.port} {host.wrong_key.with_suffix('.pub').read_text()}")
    error = refused(replace(address, ssh=replace(address.ssh, known_hosts=str(known_hosts))))
    assert isinstance(error, HostAuthError)
    assert "has changed" in error.message
    assert "ssh-keygen -R" in (error.hint or "")


def test_nobody_listens() -> None:
    error = refused(HostAddress("pi5", "ssh://root@127.0.0.1:1"))
    assert isinstance(error, HostRefused)
    assert "ssh cannot reach 127.0.0.1" in error.message


def test_a_name_that_does_not_exist() -> None:
    error = refused(HostAddress("pi5", "ssh://root@host.invalid"))
    assert isinstance(error, HostRefused)
    assert "does not know the name host.invalid" in error.message


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("no-such-docker system dial-stdio", HostBadAnswer, "no `docker` program"),
        ("docker system dial-stdiox", HostBadAnswer, "does not know `docker system dial-stdio`"),
        ("docker --host unix:///run/nobody.sock system dial-stdio", HostRefused, "does not run"),
        ("echo Welcome aboard; docker system dial-stdio", HostBadAnswer, "something else than a Docker Engine"),
        ("true", HostRefused, "without an answer"),
        ("echo at your service ftp://me:hunter2@10.0.0.1 >&2; exit 9", HostRefused, "ftp://••••@10.0.0.1"),
        ("printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n'; echo gone >&2; exit 3", HostRefused, "gone"),
    ],
)
def test_what_the_other_side_says_instead(
    words: str, kind: type[HostError], said: str, commanded: HostAddress, host: SshHost
) -> None:
    command(host, words)
    error = refused(commanded)
    assert isinstance(error, kind)
    assert said in error.message
    assert "hunter2" not in error.message


def test_a_command_that_says_nothing(commanded: HostAddress, host: SshHost) -> None:
    command(host, "sleep 60")
    began = time.monotonic()
    assert isinstance(refused(replace(commanded, timeout=1.5)), HostTimeout)
    assert time.monotonic() - began < 1.5 + SLACK


def test_a_command_that_talks_without_end_on_its_standard_error(commanded: HostAddress, host: SshHost) -> None:
    command(host, "head -c 1000000 /dev/zero >&2; sleep 60")
    assert isinstance(refused(replace(commanded, timeout=2)), HostTimeout)


def test_an_sshd_that_takes_connections_and_answers_nothing(address: HostAddress, host: SshHost) -> None:
    host.freeze()
    try:
        began = time.monotonic()
        assert isinstance(refused(replace(address, timeout=2)), HostTimeout)
        assert time.monotonic() - began < 2 + SLACK
    finally:
        host.thaw()
    assert observe(address).containers


def test_a_session_that_freezes_between_two_snapshots(address: HostAddress, host: SshHost) -> None:
    with connect(replace(address, timeout=SHORT)) as connection:
        connection.snapshot()
        host.freeze()
        try:
            with pytest.raises(HostTimeout):
                connection.snapshot()
        finally:
            host.thaw()
        assert connection.snapshot().containers


def test_an_engine_that_freezes_behind_ssh(address: HostAddress, engine: Engine) -> None:
    with connect(replace(address, timeout=SHORT)) as connection:
        connection.snapshot()
        engine.freeze()
        try:
            began = time.monotonic()
            with pytest.raises(HostTimeout):
                connection.snapshot()
            assert time.monotonic() - began < SHORT + SLACK
        finally:
            engine.thaw()
        assert connection.snapshot().containers


def test_no_ssh_program(address: HostAddress, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(address)
    assert isinstance(error, HostRefused)
    assert "cannot start ssh" in error.message
