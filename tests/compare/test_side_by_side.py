"""Git and the host side by side: each key in one notation, and a container that is not there is an empty side."""

from __future__ import annotations

from anchorwatch.compare import compare_host
from anchorwatch.compare.side_by_side import side_by_side
from anchorwatch.model.report import SideBySide
from anchorwatch.model.settings import Policy
from tests.compare.make import container, project, snapshot


def sides(*containers: object, **config: object) -> SideBySide:
    wanted = project(web={"mem_limit": "536870912", "restart": "always", **config})
    comparison = compare_host([wanted], [], snapshot(*containers), Policy()).stacks[0]  # type: ignore[arg-type]
    return side_by_side(wanted, comparison)[0]


def test_only_what_differs_differs() -> None:
    always = {"Name": "always", "MaximumRetryCount": 0}
    seen = container("media-web-1", "web", host_config={"Memory": 2**30, "MemorySwap": 2**31, "RestartPolicy": always})
    found = sides(seen)
    assert [line for line in found.git if line not in found.host] == ["mem_limit: 512 MiB"]
    assert [line for line in found.host if line not in found.git] == ["mem_limit: 1 GiB"]
    assert "restart: always" in found.git
    assert found.name == "nas/media: web (media-web-1)"


def test_a_container_that_is_not_there_has_an_empty_side() -> None:
    found = sides()
    assert (found.host, "mem_limit: 512 MiB" in found.git) == ((), True)
