"""anchorwatch changes nothing on a host: no request that could leaves the process, whatever code asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchorwatch.model.address import HostAddress
from anchorwatch.observed.limits import Limits
from anchorwatch.observed.lines import line_to
from anchorwatch.observed.transport import Connection, EngineClient, WritingForbidden
from tests.observed.fake_engine import FORBIDDEN, Answer, FakeEngine, answer, http, told

NOT_QUESTIONS = {"close", "begin", "renewable", "agreed", "where"}
"""What a client has besides questions."""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "BREW", "post"])
def test_a_request_that_could_change_something_does_not_leave(method: str, tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        connection = Connection(line_to(HostAddress("host", server.docker)), Limits("host", 5, 5))
        with pytest.raises(WritingForbidden):
            connection.request(method, "/v1.41/containers/a/stop")
        connection.end()
    assert server.requests == []
    assert server.connections == 0


def test_every_question_only_reads(tmp_path: Path) -> None:
    answers: dict[str, Answer] = {"/version": FORBIDDEN, "/_ping": http(b"", headers={"Api-Version": "1.41"})}
    answers |= {path: answer({}) for path in ("/info", "/containers/a/json", "/images/a:1/json", "/networks", "/volumes")}
    with FakeEngine(told(answers), path=tmp_path / "s") as server:
        client = EngineClient(line_to(HostAddress("host", server.docker)), Limits("host", 5, 5))
        questions = {name for name in dir(client) if not name.startswith("_")} - NOT_QUESTIONS
        assert client.negotiate() is None
        for name in sorted(questions - {"negotiate", "container", "image"}):
            getattr(client, name)()
        client.container("a")
        client.image("a:1")
        client.close()
    assert sorted(server.requests) == [
        ("GET", "/v1.41/containers/a/json"),
        ("GET", "/v1.41/containers/json?all=1"),
        ("GET", "/v1.41/images/a:1/json"),
        ("GET", "/v1.41/info"),
        ("GET", "/v1.41/networks"),
        ("GET", "/v1.41/volumes"),
        ("GET", "/version"),
        ("HEAD", "/_ping"),
    ]
