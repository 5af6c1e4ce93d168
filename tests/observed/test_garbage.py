"""Something answers that is no engine, or an engine says what none should: the host's error says so, and nothing crashes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostForbidden, HostRefused
from anchorwatch.model.address import HostAddress
from anchorwatch.observed import connect, observe
from tests.observed.fake_engine import (
    FORBIDDEN,
    HANG_UP,
    NOT_FOUND,
    VERSION,
    Answer,
    FakeEngine,
    answer,
    http,
    inspection,
    row,
    told,
)


def look(server: FakeEngine) -> HostError:
    with pytest.raises(HostError) as raised:
        observe(HostAddress("host", server.docker, timeout=30, deadline=30))
    return raised.value


ODD: dict[str, Answer] = {
    "html": http(b"<!DOCTYPE html><html><head><title>Router</title></head><body>Log in</body></html>"),
    "nested": http(b"[" * 100_000 + b"]" * 100_000),
    "empty": http(b""),
    "null": http(b"null"),
    "text": http(b'"words"'),
    "number": http(b"3"),
    "binary": http(bytes(range(256)) * 40),
    "cut JSON": http(b'{"Version": "28.5.2", "ApiVer'),
    "line of 10 MB": http(b'{"Version": "' + b"x" * 10_000_000),
    "gzip": http(gzip.compress(json.dumps(VERSION).encode()), headers={"Content-Encoding": "gzip"}),
    "500": answer({"message": "something broke"}, "500 Internal Server Error"),
    "500 without JSON": http(b"<h1>Oops</h1>", "500 Internal Server Error"),
    "500 with a list": answer(["broken"], "500 Internal Server Error"),
    "redirect": http(b"", "301 Moved Permanently", {"Location": "http://127.0.0.1:1/"}),
    "204": http(b"", "204 No Content"),
    "cut body": [http(b"[]")[:-1], HANG_UP],
    "cut chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{", HANG_UP],
    "no chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", HANG_UP],
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "no HTTP": [b"\x15\x03\x01\x00\x02\x02\x46", HANG_UP],
    "headers without end": [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, HANG_UP],
}


@pytest.mark.parametrize("path", ["/version", "/containers/json", "/info", "/networks", "/volumes"])
@pytest.mark.parametrize("said", ODD.values(), ids=ODD.keys())
def test_an_answer_that_no_engine_gives(said: Answer, path: str, tmp_path: Path) -> None:
    with FakeEngine(told({path: said}), path=tmp_path / "s") as server:
        error = look(server)
    assert isinstance(error, HostBadAnswer)
    assert error.hint


@pytest.mark.parametrize(
    "answers",
    [
        {"/version": answer({"Version": "1", "ApiVersion": "banana"})},
        {"/version": answer({"Version": "1"})},
        {"/containers/json": answer([{"Names": ["/x"]}])},
        {"/containers/json": answer(["x"])},
        {"/containers/json": answer([row("a", "x")]), "/containers/a/json": answer({})},
        {"/containers/json": answer([row("a", "x")]), "/containers/a/json": answer([])},
        {"/containers/json": answer([row("a", "x")]), "/containers/a/json": answer(inspection("b", "x"))},
        {"/containers/json": answer({})},
        {"/networks": answer({})},
        {"/volumes": answer([])},
        {"/info": answer([])},
    ],
)
def test_json_of_another_shape_is_not_taken_for_an_empty_answer(answers: dict[str, Answer], tmp_path: Path) -> None:
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        assert isinstance(look(server), HostBadAnswer)


def test_an_engine_that_is_too_old_is_named_with_what_it_speaks(tmp_path: Path) -> None:
    with FakeEngine(told({"/version": answer({"Version": "19.03", "ApiVersion": "1.40"})}), path=tmp_path / "s") as server:
        error = look(server)
    assert isinstance(error, HostBadAnswer)
    assert "1.40" in error.message
    assert error.hint
    assert "20.10" in error.hint


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.51", "1.24", "1.51"),
        ("1.60", "1.44", "1.51"),
        ("1.60", "1.55", "1.55"),
        ("2.0", "1.44", "1.51"),
    ],
)
def test_the_version_of_the_api_that_is_spoken(newest: str, oldest: str, spoken: str, tmp_path: Path) -> None:
    version = answer({"Version": "x", "ApiVersion": newest, "MinAPIVersion": oldest})
    with FakeEngine(told({"/version": version}), path=tmp_path / "s") as server:
        snapshot = observe(HostAddress("host", server.docker))
    assert f"/v{spoken}/info" in [path for _, path in server.requests]
    assert snapshot.engine.api_version == tuple(int(part) for part in spoken.split("."))


def test_a_server_that_hangs_up_at_once_is_refusing(tmp_path: Path) -> None:
    with FakeEngine(lambda path: [HANG_UP], path=tmp_path / "s") as server:
        assert isinstance(look(server), HostRefused)


def test_a_login_that_is_asked_for(tmp_path: Path) -> None:
    with FakeEngine(lambda path: http(b"", "401 Unauthorized"), path=tmp_path / "s") as server:
        assert isinstance(look(server), HostAuthError)


def test_what_a_server_says_of_itself_is_shown_without_secrets_and_without_escape_sequences(tmp_path: Path) -> None:
    said = "\x1b[2J\x1b]0;owned\x07 upstream http://admin:hunter2@10.0.0.1/ failed"
    with FakeEngine(told({"/version": answer({"message": said}, "500 No")}), path=tmp_path / "s") as server:
        error = look(server)
    assert "hunter2" not in error.message
    assert "upstream http://••••@10.0.0.1/ failed" in error.message
    assert "\x1b" not in error.message


def test_halves_of_surrogate_pairs_do_not_get_through(tmp_path: Path) -> None:
    body = http(json.dumps(inspection("a", "bad \ud800 name", Config={"Env": ["A=\udfff"]})).encode())
    answers = {"/containers/json": answer([{"Id": "a"}]), "/containers/a/json": body}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        container = observe(HostAddress("host", server.docker)).containers[0]
    assert container.name.encode() == b"bad ? name"
    assert container.environment["A"] is not None
    assert container.environment["A"].fingerprint


def test_a_text_that_is_not_utf_8_does_not_cost_the_host(tmp_path: Path) -> None:
    body = http(b'{"Id": "a", "Name": "/caf\xe9"}')
    answers = {"/containers/json": answer([{"Id": "a"}]), "/containers/a/json": body}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        assert observe(HostAddress("host", server.docker)).containers[0].name == "caf\N{REPLACEMENT CHARACTER}"


def test_values_of_a_megabyte(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    body = answer(inspection("a", "big", Config={"Env": [f"A={long}"], "Labels": {"b": long}}))
    answers: dict[str, Answer] = {"/containers/json": answer([row("a", "big")]), "/containers/a/json": body}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        container = observe(HostAddress("host", server.docker)).containers[0]
    assert container.environment["A"] == long
    assert container.labels["b"] == long


def json_values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200) | json_values().map(lambda value: json.dumps(value).encode()), framed=st.booleans())
def test_whatever_bytes_come_end_in_a_host_error(body: bytes, framed: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    said = http(body) if framed else body
    path = tmp_path_factory.mktemp("bytes") / "s"
    with FakeEngine(lambda _: [piece for piece in (said,) if piece] + [HANG_UP], path=path) as server:
        assert look(server).message


@pytest.mark.parametrize("refusal", [FORBIDDEN, NOT_FOUND, http(b"", "405 Method Not Allowed")])
@pytest.mark.parametrize("kind", ["info", "networks", "volumes"])
def test_what_a_proxy_refuses_is_noted_and_the_rest_is_read(kind: str, refusal: bytes, tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        f"/{kind}": refusal,
        "/containers/json": answer([row("a", "x")]),
        "/containers/a/json": answer(inspection("a", "x")),
    }
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        snapshot = observe(HostAddress("host", server.docker))
    assert snapshot.not_permitted == {kind}
    assert [container.name for container in snapshot.containers] == ["x"]


def test_images_that_a_proxy_refuses_are_asked_for_once(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {"/containers/json": answer([row("a", "x"), row("b", "y")])}
    answers |= {f"/containers/{identity}/json": answer(inspection(identity, name)) for identity, name in [("a", "x"), ("b", "y")]}
    answers |= {"/images/sha256:1/json": FORBIDDEN}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        snapshot = observe(HostAddress("host", server.docker), images_for=["nginx:1", "redis"])
    assert snapshot.not_permitted == {"images"}
    assert sum("/images/" in path for _, path in server.requests) == 1


def test_an_image_that_the_engine_fails_to_show_costs_the_image_only(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {
        "/containers/json": answer([row("a", "x")]),
        "/containers/a/json": answer(inspection("a", "x")),
        "/images/sha256:1/json": answer({"message": "content digest not found"}, "500 Internal Server Error"),
        "/images/redis/json": answer({"Id": "sha256:2", "RepoTags": ["redis:latest"]}),
    }
    with FakeEngine(told(answers), path=tmp_path / "s") as server, connect(HostAddress("host", server.docker)) as connection:
        snapshot = connection.snapshot(images_for=["redis"])
    assert set(snapshot.images) == {"sha256:2"}
    assert snapshot.not_permitted == frozenset()


@pytest.mark.parametrize("path", ["/containers/json", "/containers/a/json"])
def test_without_containers_nothing_can_be_judged(path: str, tmp_path: Path) -> None:
    answers: dict[str, Answer] = {"/containers/json": answer([row("a", "x")]), path: FORBIDDEN}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        error = look(server)
    assert isinstance(error, HostForbidden)
    assert error.hint
    assert "CONTAINERS=1" in error.hint


def test_a_proxy_that_hides_the_version_is_asked_by_ping(tmp_path: Path) -> None:
    ping = http(b"", headers={"Api-Version": "1.45"})
    answers: dict[str, Answer] = {"/version": FORBIDDEN, "/_ping": ping, "/info": answer({"ServerVersion": "26.1.5"})}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        snapshot = observe(HostAddress("host", server.docker))
    assert snapshot.engine.api_version == (1, 45)
    assert snapshot.engine.version == "26.1.5"
    assert ("HEAD", "/_ping") in server.requests
