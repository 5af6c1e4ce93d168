"""Docker contexts mean here what they mean to the Docker CLI: the contexts of these tests are made by it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lab import tools
from lab.certificates import Certificates

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress, TlsOptions
from anchorwatch.observed import connect, contexts, current_address


class Cli:
    """The Docker CLI with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"DOCKER_CONFIG": str(folder / "docker"), "HOME": str(folder)}

    def __call__(self, *words: str, **more: str) -> str:
        done = subprocess.run([tools.docker(), *words], env=self.environ | more, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def host_of(cli: Cli, **more: str) -> str:
    """What the CLI says its current context reaches."""
    name = cli("context", "show", **more)
    return cli("context", "inspect", name, "--format", "{{.Endpoints.docker.Host}}", **more)


def test_the_current_context_is_the_one_of_the_cli(cli: Cli) -> None:
    cli("context", "create", "pi", "--docker", "host=ssh://admin@pi5:2222")
    cli("context", "create", "nas", "--docker", "host=tcp://nas:2375")
    cli("context", "use", "pi")
    for more in (
        {},
        {"DOCKER_CONTEXT": "nas"},
        {"DOCKER_CONTEXT": "default"},
        {"DOCKER_HOST": "tcp://10.0.0.1:4243"},
        {"DOCKER_HOST": "tcp://10.0.0.1:4243", "DOCKER_CONTEXT": "nas"},
        {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"},
        {"DOCKER_HOST": ""},
    ):
        assert current_address(cli.environ | more).docker == host_of(cli, **more), more


def test_without_anything_it_is_the_socket_of_this_machine(cli: Cli) -> None:
    address = current_address(cli.environ)
    assert address == HostAddress("default", "unix:///var/run/docker.sock")
    assert address.docker == host_of(cli)
    assert current_address(cli.environ, "nas").name == "nas"


def test_a_named_context_with_certificates(cli: Cli, certificates: Certificates) -> None:
    files = [certificates.ca, certificates.client_cert, certificates.client_key]
    named = ",".join(f"{name}={file}" for name, file in zip(("ca", "cert", "key"), files, strict=True))
    cli("context", "create", "nas", "--docker", f"host=tcp://nas:2376,{named}")
    address = contexts.resolve(HostAddress("nas", "context:nas", timeout=3), cli.environ)
    assert (address.name, address.docker, address.timeout) == ("nas", "tcp://nas:2376", 3)
    assert address.tls is not None
    found = (address.tls.ca, address.tls.cert, address.tls.key)
    assert [Path(file or "").read_text() for file in found] == [file.read_text() for file in files]
    assert address.tls.verify


def test_a_context_with_a_ca_only_that_is_not_to_be_checked(cli: Cli, certificates: Certificates) -> None:
    cli("context", "create", "nas", "--docker", f"host=tcp://nas:2376,ca={certificates.ca},skip-tls-verify=true")
    tls = contexts.resolve(HostAddress("nas", "context:nas"), cli.environ).tls
    assert tls is not None
    assert (tls.cert, tls.key, tls.verify) == (None, None, False)


def test_a_context_needs_no_config_json(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("context", "create", "nas", "--docker", "host=tcp://nas:2375")
    assert not (tmp_path / "docker" / "config.json").exists()
    monkeypatch.chdir(tmp_path)
    assert contexts.resolve(HostAddress("x", "context:nas"), cli.environ).docker == "tcp://nas:2375"


def test_certificates_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("ca")
    environ = {"DOCKER_HOST": "tcp://nas", "DOCKER_CERT_PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert current_address(environ).tls is None
    assert current_address(environ | {"DOCKER_TLS_VERIFY": "1"}).tls == TlsOptions(ca=str(tmp_path / "ca.pem"))
    assert current_address(environ | {"DOCKER_TLS": "1"}).tls == TlsOptions(ca=str(tmp_path / "ca.pem"), verify=False)


def test_certificates_of_the_config_win_over_those_of_the_context(cli: Cli) -> None:
    cli("context", "create", "nas", "--docker", "host=tcp://nas:2376")
    mine = TlsOptions(ca="/mine.pem")
    assert contexts.resolve(HostAddress("nas", "context:nas", tls=mine), cli.environ).tls == mine


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"Endpoints": []}', '{"Endpoints": {"docker": {"Host": 3}}}'])
def test_a_context_that_is_not_there_or_broken(content: str | None, cli: Cli, tmp_path: Path) -> None:
    if content is not None:
        cli("context", "create", "nas", "--docker", "host=tcp://nas:2375")
        (meta,) = tmp_path.glob("docker/contexts/meta/*/meta.json")
        meta.write_text(content)
    with connect(HostAddress("nas", "context:nas"), cli.environ) as connection, pytest.raises(HostError, match="'nas'") as raised:
        connection.snapshot()
    assert raised.value.hint
    assert "docker context ls" in raised.value.hint
