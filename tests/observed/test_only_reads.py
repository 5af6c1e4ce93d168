"""anchorwatch changes nothing on a host: no request that could leaves the process, whatever code asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.model.address import HostAddress
from anchorwatch.observed.limits import Limits
from anchorwatch.observed.lines import line_to
from anchorwatch.observed.transport import EngineClient, WritingForbidden
from tests.observed.fake_engine import FakeEngine, told

CHANGES: dict[str, Callable[[Any], Any]] = {
    "start": lambda client: client.start("a"),
    "stop": lambda client: client.stop("a"),
    "remove": lambda client: client.remove_container("a"),
    "create": lambda client: client.create_container("busybox", "true", use_config_proxy=False),
    "exec": lambda client: client.exec_create("a", "id"),
    "archive": lambda client: client.put_archive("a", "/", b""),
    "pull": lambda client: client.pull("busybox", auth_config={"username": "me", "password": "hunter2"}),
    "prune": lambda client: client.prune_volumes(),
    "update": lambda client: client.update_container("a", mem_limit="1g"),
    "post": lambda client: client.post(f"{client.base_url}/v1.41/containers/a/stop"),
    "put": lambda client: client.put(f"{client.base_url}/x"),
    "patch": lambda client: client.patch(f"{client.base_url}/x"),
    "delete": lambda client: client.delete(f"{client.base_url}/x"),
    "any other method": lambda client: client.request("BREW", f"{client.base_url}/x"),
    "another host": lambda client: client.post("http://192.0.2.1/x"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_request_that_could_change_something_does_not_leave(change: Callable[[Any], Any], tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        client = EngineClient(line_to(HostAddress("host", server.docker)), Limits("host", 5, 5))
        with pytest.raises(WritingForbidden):
            change(client)
        client.close()
    assert server.requests == []
    assert server.connections == 0


def test_reading_does_leave(tmp_path: Path) -> None:
    with FakeEngine(told({}), path=tmp_path / "s") as server:
        client = EngineClient(line_to(HostAddress("host", server.docker)), Limits("host", 5, 5))
        client.info()
        client.close()
    assert server.requests == [("GET", "/v1.41/info")]
