"""A real engine on a TCP port, with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab.certificates import Certificates, make_certificates
from lab.engines import Engine

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError
from anchorwatch.model.address import HostAddress, TlsOptions
from anchorwatch.observed import observe


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def engine(certificates: Certificates) -> Iterator[Engine]:
    with Engine("newest", name="tls", certificates=certificates) as engine:
        yield engine


@pytest.fixture
def address(engine: Engine, certificates: Certificates) -> HostAddress:
    tls = TlsOptions(str(certificates.ca), str(certificates.client_cert), str(certificates.client_key))
    return HostAddress("nas", engine.tcp_url, tls=tls, timeout=30)


def release(engine: Engine) -> str:
    return engine.docker("version", "--format", "{{.Server.Version}}")


def refused(address: HostAddress) -> HostError:
    with pytest.raises(HostError) as raised:
        observe(address)
    assert raised.value.hint
    return raised.value


def test_with_the_right_certificates(address: HostAddress, engine: Engine) -> None:
    assert observe(address).engine.id == engine.docker("info", "--format", "{{.ID}}")


def test_by_name(address: HostAddress, engine: Engine) -> None:
    assert observe(replace(address, docker=f"tcp://localhost:{engine.port}")).engine.version == release(engine)


def test_a_name_that_is_not_in_the_certificate(address: HostAddress, engine: Engine) -> None:
    """127.1 is another spelling of 127.0.0.1, and no name of the certificate."""
    error = refused(replace(address, docker=f"tcp://127.1:{engine.port}"))
    assert isinstance(error, HostAuthError)
    assert "127.1" in error.message


def test_an_authority_that_did_not_sign_the_certificate(address: HostAddress, others: Certificates) -> None:
    assert address.tls
    error = refused(replace(address, tls=replace(address.tls, ca=str(others.ca))))
    assert isinstance(error, HostAuthError)
    assert "certificate of tcp://" in error.message


def test_a_certificate_that_is_not_to_be_checked(address: HostAddress, others: Certificates, engine: Engine) -> None:
    assert address.tls
    unchecked = replace(address.tls, ca=str(others.ca), verify=False)
    assert observe(replace(address, tls=unchecked)).engine.version == release(engine)


def test_no_certificate_of_ours(address: HostAddress, certificates: Certificates) -> None:
    error = refused(replace(address, tls=TlsOptions(str(certificates.ca))))
    assert isinstance(error, HostAuthError)
    assert "cert" in (error.hint or "")


def test_a_certificate_of_ours_that_another_authority_signed(address: HostAddress, others: Certificates) -> None:
    assert address.tls
    stranger = replace(address, tls=replace(address.tls, cert=str(others.client_cert), key=str(others.client_key)))
    for _ in range(10):  # the engine's alert and our question cross each other, this way or that
        assert isinstance(refused(stranger), HostAuthError)


def test_no_tls_where_the_engine_wants_it(address: HostAddress) -> None:
    error = refused(replace(address, tls=None))
    assert isinstance(error, HostBadAnswer)
    assert "tls:" in (error.hint or "")


def test_tls_where_the_server_does_not_speak_it(address: HostAddress) -> None:
    with Engine("newest", name="plain", tcp=True) as plain:
        error = refused(replace(address, docker=plain.tcp_url))
        assert isinstance(error, HostBadAnswer)
        assert "does not speak TLS" in error.message
        assert observe(replace(address, docker=plain.tcp_url, tls=None)).engine.version == release(plain)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_files_that_are_missing_or_no_certificates(content: str | None, address: HostAddress, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    assert address.tls
    error = refused(replace(address, tls=replace(address.tls, ca=str(tmp_path / "ca.pem"))))
    assert isinstance(error, HostAuthError)
    assert str(tmp_path) in error.message
    assert (str(address.tls.cert) in error.message) is (content is not None), "of those that are there nothing is said"
