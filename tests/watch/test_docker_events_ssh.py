"""A listener over ssh, before a real sshd: killed, frozen, refusing. Every ssh is ended and waited for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from lab.engines import Engine
from lab.images import hold, load
from lab.ssh import SshHost

from anchorwatch.errors import HostAuthError, HostRefused, HostTimeout
from anchorwatch.model.address import HostAddress, SshOptions
from anchorwatch.watch.docker_events import Pace
from tests.watch.listening import Listening, ended, frozen, ssh_processes

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

PACE = Pace(quiet=(0.5, 0.6), lasting=(60, 60), patience=3.0, replay=3.0, stop=0.1)


@pytest.fixture(scope="module")
def engine(lab_tools: None) -> Iterator[Engine]:
    with Engine("newest", name="pi5") as engine:
        load(engine, [hold()])
        yield engine


@pytest.fixture(scope="module")
def host(engine: Engine) -> Iterator[SshHost]:
    with SshHost(engine) as host:
        yield host


@pytest.fixture
def address(host: SshHost) -> HostAddress:
    return HostAddress("pi5", host.url, ssh=SshOptions(str(host.key), str(host.known_hosts)), timeout=5)


def heard(listening: Listening, engine: Engine) -> None:
    """A volume that is made is heard of."""
    before = len(listening.ears.events)
    engine.docker("volume", "create", "heard")
    engine.docker("volume", "rm", "heard")
    listening.until(lambda: [one["Action"] for one in listening.ears.events[before:]] == ["create", "destroy"], "two events")


def test_a_session_that_is_killed(address: HostAddress, engine: Engine) -> None:
    with Listening(address) as listening:
        heard(listening, engine)
        (first,) = ssh_processes()
        os.kill(first, signal.SIGKILL)
        engine.docker("volume", "create", "meanwhile")
        listening.until(lambda: listening.count("sessions") == 2, "another session")
        listening.until(lambda: listening.ears.actions("volume")[-1] == "create", "what happened meanwhile")
        engine.docker("volume", "rm", "meanwhile")
        listening.until(lambda: listening.ears.actions("volume")[-1] == "destroy", "its end")
        assert listening.ears.words() == ["listening"]
        assert listening.ears.actions("volume") == ["create", "destroy", "create", "destroy"]
        assert ended(first)
    assert ssh_processes() == set()


def test_a_quiet_stream_is_kept_while_the_engine_answers_beside_it(address: HostAddress, engine: Engine) -> None:
    """A login each half minute would fill the host's logs."""
    with Listening(address, PACE) as listening:
        listening.until(lambda: len(ssh_processes()) == 2, "somebody to ask beside the stream")
        both, first = ssh_processes(), listening.listener.pulse.heard_at
        listening.until(lambda: listening.listener.pulse.heard_at != first, "an answer")
        heard(listening, engine)
        assert ssh_processes() == both
        assert listening.count("sessions") == 1


def test_a_quiet_stream_is_exchanged_after_a_while(address: HostAddress, engine: Engine) -> None:
    with Listening(address, replace(PACE, lasting=(1.0, 1.0))) as listening:
        listening.until(lambda: listening.count("sessions") >= 3, "three sessions")
        heard(listening, engine)
        assert listening.ears.words() == ["listening"]
        assert listening.count("breaks") == 0


def test_an_engine_that_freezes_behind_ssh(address: HostAddress, engine: Engine) -> None:
    with Listening(address, PACE) as listening:
        heard(listening, engine)
        with frozen(engine):
            listening.until(lambda: len(listening.ears.said) == 2, "it is lost", within=30)
            assert isinstance(listening.ears.error(), HostTimeout)
        listening.until(lambda: len(listening.ears.said) == 4, "it is found", within=45)
        assert listening.ears.words()[:3] == ["listening", "lost", "found"]
        heard(listening, engine)


def test_an_sshd_that_freezes(address: HostAddress, engine: Engine, host: SshHost) -> None:
    with Listening(address, PACE) as listening:
        heard(listening, engine)
        with frozen(host):
            listening.until(lambda: len(listening.ears.said) == 2, "it is lost", within=30)
            assert isinstance(listening.ears.error(), HostTimeout)
        listening.until(lambda: len(listening.ears.said) == 4, "it is found", within=45)
        heard(listening, engine)


def test_an_sshd_that_is_away(address: HostAddress, engine: Engine, host: SshHost) -> None:
    with Listening(address, PACE) as listening:
        host.stop()
        try:
            listening.until(lambda: len(listening.ears.said) == 2, "it is lost", within=30)
            assert isinstance(listening.ears.error(), HostRefused)
            assert "Connection refused" in listening.ears.error().message
        finally:
            host.start()
        listening.until(lambda: len(listening.ears.said) == 4, "it is found", within=45)
        heard(listening, engine)


def test_a_key_that_is_not_accepted(address: HostAddress, host: SshHost) -> None:
    with Listening(replace(address, ssh=SshOptions(str(host.wrong_key), str(host.known_hosts))), PACE, wait=False) as listening:
        listening.until(lambda: listening.ears.said, "it is lost", within=30)
        assert listening.ears.words() == ["lost"]
        assert isinstance(listening.ears.error(), HostAuthError)
        assert "does not accept the ssh key" in listening.ears.error().message


def test_a_host_key_that_changed(address: HostAddress, host: SshHost, tmp_path: Path) -> None:
    """Nothing is asked of a host that may be another one."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{host.port} {host.wrong_key.with_suffix('.pub').read_text()}")
    with Listening(replace(address, ssh=SshOptions(str(host.key), str(known_hosts))), PACE, wait=False) as listening:
        listening.until(lambda: listening.ears.said, "it is lost", within=30)
        assert isinstance(listening.ears.error(), HostAuthError)
        assert "has changed" in listening.ears.error().message


def test_one_session_a_connection_is_enough(address: HostAddress, engine: Engine, host: SshHost) -> None:
    """`MaxSessions 1`: every ssh is a connection of its own."""
    config = host.folder / "sshd_config_one"
    port = host.port + 1
    lines = (host.folder / "sshd_config").read_text().splitlines()
    config.write_text("\n".join([f"Port {port}", "MaxSessions 1", *lines[1:], ""]))
    known_hosts = host.folder / "known_hosts_one"
    known_hosts.write_text(host.known_hosts.read_text().replace(f":{host.port} ", f":{port} "))
    sshd = engine.machine.spawn(["/usr/sbin/sshd", "-D", "-e", "-f", config], log=host.folder / "one.log", network="host")
    assert sshd
    try:
        ssh = SshOptions(str(host.key), str(known_hosts))
        with Listening(replace(address, docker=f"ssh://root@127.0.0.1:{port}", ssh=ssh), PACE) as listening:
            listening.until(lambda: len(ssh_processes()) == 2, "somebody to ask beside the stream")
            heard(listening, engine)
            assert listening.ears.words() == ["listening"]
    finally:
        os.kill(sshd.pid, signal.SIGKILL)


@pytest.mark.parametrize("when", ["connecting", "listening"])
def test_it_is_closed_at_once(when: str, address: HostAddress, host: SshHost) -> None:
    """And no ssh is left, though the host does not answer."""
    with frozen(host) if when == "connecting" else nullcontext(), Listening(address, wait=when == "listening") as listening:
        listening.until(ssh_processes, "an ssh")
        listening.listener.close()
        listening._thread.join(3)
        assert not listening._thread.is_alive()
