"""A connection that dropped is opened again; one that holds is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.errors import HostBadAnswer, HostRefused
from anchorwatch.model.address import HostAddress
from anchorwatch.observed import connect, observe
from tests.observed.fake_engine import HANG_UP, VERSION, Answer, FakeEngine, answer, http, told


def test_one_connection_serves_every_snapshot(tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        for _ in range(3):
            connection.snapshot()
    assert server.connections == 1


def test_a_server_that_closes_after_each_answer(tmp_path: Path) -> None:
    """As a proxy with a short keep-alive does; with and without saying so."""
    healthy = told({})

    def closing(path: str) -> Answer:
        whole = healthy(path)
        assert isinstance(whole, bytes)
        said = whole.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if "info" in path else whole
        return [said, HANG_UP]

    with FakeEngine(closing, path=tmp_path / "s") as server:
        assert observe(HostAddress("host", server.docker)).engine.id == "fake"
    assert server.connections == len(server.requests) == 5


def test_a_server_that_was_away_between_two_snapshots(tmp_path: Path) -> None:
    with connect(HostAddress("host", f"unix://{tmp_path}/s")) as connection:
        with FakeEngine(told({}), path=tmp_path / "s"):
            connection.snapshot()
        with pytest.raises(HostRefused):
            connection.snapshot()
        (tmp_path / "s").unlink()
        with pytest.raises(HostRefused, match="No such file"):
            connection.snapshot()
        with FakeEngine(told({"/version": answer({**VERSION, "ApiVersion": "1.41"})}), path=tmp_path / "s"):
            assert connection.snapshot().engine.api_version == (1, 41)


@pytest.mark.parametrize("kept", [0, 1, 25, 70], ids=lambda kept: f"{kept} bytes")
def test_an_answer_that_is_cut_off_costs_the_snapshot_and_not_the_connection(kept: int, tmp_path: Path) -> None:
    cuts = iter([True])

    def tell(path: str) -> Answer:
        if "networks" in path and next(cuts, False):
            return [answer([])[:kept], HANG_UP] if kept else [HANG_UP]
        return told({})(path)

    with FakeEngine(tell, path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        if kept:  # where not one byte came, it may be that the question did not arrive: it is asked again
            with pytest.raises((HostBadAnswer, HostRefused)):
                connection.snapshot()
        assert connection.snapshot().networks == ()


def test_a_closed_connection_can_be_used_again(tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        connection = connect(HostAddress("host", server.docker))
        connection.snapshot()
        connection.close()
        connection.close()
        connection.snapshot()
        connection.close()
    assert server.connections == 2


def test_chunks_and_a_body_that_ends_with_the_connection(tmp_path: Path) -> None:
    def tell(path: str) -> Iterator[bytes]:
        if "volumes" in path:
            body = answer({"Volumes": []}).partition(b"\r\n\r\n")[2]
            yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            for byte in body:
                yield b"1\r\n" + bytes([byte]) + b"\r\n"
            yield b"0\r\n\r\n"
        elif "networks" in path:
            yield b"HTTP/1.0 200 OK\r\n\r\n[]"
            yield HANG_UP
        else:
            whole = told({})(path)
            assert isinstance(whole, bytes)
            yield whole

    with FakeEngine(tell, path=tmp_path / "s") as server:
        assert observe(HostAddress("host", server.docker)).volumes == ()


def test_the_environment_of_the_process_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    with FakeEngine(told({})) as server:
        assert observe(HostAddress("host", server.docker)).engine.id == "fake"


def test_a_path_before_the_engines_own(tmp_path: Path) -> None:
    def tell(path: str) -> Answer:
        assert re.match(r"/docker/(v1\.\d+/|version)", path)
        return told({})(path.removeprefix("/docker"))

    with FakeEngine(tell) as server:
        assert observe(HostAddress("host", server.docker + "/docker/")).engine.id == "fake"


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": 3}', '{"auths": {"x": 3}}', '{"HttpHeaders": {"A": "b"}}'])
def test_a_broken_config_of_the_docker_cli(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(content)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        observe(HostAddress("host", server.docker))


def test_a_cookie_is_not_sent_back(tmp_path: Path) -> None:
    cookie = http(b"[]", headers={"Set-Cookie": "a=b"})
    with FakeEngine(told({"/networks": cookie}), path=tmp_path / "s") as server:
        observe(HostAddress("host", server.docker))
    assert not [head for head in server.heads if b"cookie" in head.lower()]
    assert [head for head in server.heads if b"anchorwatch" in head]
