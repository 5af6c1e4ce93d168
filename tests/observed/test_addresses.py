"""Addresses: what they mean, what is refused, and that no password in one is ever shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress, SshOptions
from anchorwatch.observed import connect, observe, redaction
from anchorwatch.observed.lines import line_to
from anchorwatch.observed.places import Place
from anchorwatch.observed.ssh import argv


@pytest.mark.parametrize(
    ("docker", "shown"),
    [
        ("unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("ssh://admin@pi5", "ssh://admin@pi5"),
        ("ssh://pi5:2222", "ssh://pi5:2222"),
        ("ssh://Admin@Pi5.lan", "ssh://Admin@Pi5.lan"),
        ("ssh://admin@[fd00::1]:2222", "ssh://admin@[fd00::1]:2222"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("tcp://[fd00::1]:4243", "tcp://[fd00::1]:4243"),
        ("tcp://:2375", "tcp://localhost:2375"),
    ],
)
def test_addresses_that_can_be(docker: str, shown: str) -> None:
    assert line_to(HostAddress("host", docker)).where == shown


@pytest.mark.parametrize(
    "docker",
    [
        "",
        "pi5",
        "http://pi5:2375",
        "npipe:////./pipe/docker_engine",
        "unix://relative/docker.sock",
        "ssh://",
        "ssh://-oProxyCommand=id",
        "ssh://-l@pi5",
        "ssh://pi5 -oProxyCommand=id",
        "ssh://$(id)@pi5/x",
        "ssh://me:hunter2@pi5",
        "ssh://pi5:99999",
        "tcp://me:hunter2@pi5:2375",
        "tcp://me@pi5:2375",
        "tcp://pi5:port",
        "ftp://me:hunter2@pi5",
        "ssh://me:hunter2@@@pi5",
    ],
)
def test_addresses_that_cannot_be_are_refused_by_the_snapshot_and_show_no_password(docker: str) -> None:
    if docker == "ssh://$(id)@pi5/x":
        assert argv(Place.parse("ssh", "$(id)@pi5/x"), SshOptions(), 10)[-5:-1] == ["-l", "$(id)", "--", "pi5"]
        return
    with connect(HostAddress("host", docker)) as connection, pytest.raises(HostError) as raised:
        connection.snapshot()
    assert raised.value.hint
    assert "hunter2" not in raised.value.message + raised.value.hint


def test_a_user_in_an_address_is_one_word_for_ssh() -> None:
    assert argv(Place.parse("ssh", "a b;c@pi5"), SshOptions(), 10)[-5:-1] == ["-l", "a b;c", "--", "pi5"]


def test_the_path_of_an_ssh_address_is_one_word_for_the_remote_shell() -> None:
    command = argv(Place.parse("ssh", "pi5/run/a b;id/docker.sock"), SshOptions(), 10)[-1]
    assert command == "docker --host 'unix:///run/a b;id/docker.sock' system dial-stdio"


@given(
    st.text(alphabet="abcß@:/.?#", max_size=20), st.text(alphabet="xyz@:é", min_size=6, max_size=12).map(lambda text: "pw" + text)
)
def test_no_password_in_an_address_is_shown(host: str, password: str) -> None:
    shown = redaction.address(f"ssh://me:{password}@pi5/{host}")
    assert password not in shown
    assert shown.startswith("ssh://me:••••@")
    assert password not in redaction.words(f"cannot reach https://{password}@git.example/{host}")


@given(st.text())
def test_what_is_shown_is_one_line_that_a_terminal_can_show(text: str) -> None:
    shown = redaction.words(text)
    assert len(shown) <= 400
    assert shown.isprintable()
    shown.encode()


def test_importing_the_room_and_connecting_does_not_wait_for_the_docker_sdk() -> None:
    """An ssh handshake is to begin before anything slow is imported."""
    code = """
import sys
from anchorwatch.model.address import HostAddress
from anchorwatch.observed import connect
with connect(HostAddress("pi5", "ssh://nobody@127.0.0.1:1")):
    print(sorted({"docker", "requests", "urllib3", "http.client", "ssl", "email"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_home_folder_in_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert line_to(HostAddress("host", "unix://~/docker.sock")).where == f"unix://{tmp_path}/docker.sock"
    options = SshOptions(key="~/.ssh/id", known_hosts="~/.ssh/hosts 100%")
    words = argv(Place.parse("ssh", "pi5"), options, 2.5)
    assert f'IdentityFile="{tmp_path}/.ssh/id"' in words
    assert f'UserKnownHostsFile="{tmp_path}/.ssh/hosts 100%%"' in words
    assert "ConnectTimeout=3" in words
    assert "BatchMode=yes" in words


@pytest.mark.parametrize("docker", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "unix:///" + "x" * 200])
def test_nobody_listens(docker: str) -> None:
    with pytest.raises(HostError, match="cannot connect"):
        observe(HostAddress("host", docker))
