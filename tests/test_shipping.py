"""What is shipped beside the program: the Compose file, the image's recipe and the systemd unit say what the docs say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from anchorwatch.observed.trial import REQUESTS

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def allowed(method: str) -> str:
    """The proxy's argument: a regular expression that a whole path has to fit."""
    (found,) = (one for one in SERVICES["socket-proxy"]["command"] if one.startswith(f"-allow{method}="))
    return str(found).partition("=")[2]


def test_the_docs_show_the_list_that_is_shipped() -> None:
    hosts = (ROOT / "docs" / "hosts.md").read_text("utf-8")
    for method in ("GET", "HEAD"):
        assert f"'-allow{method}={allowed(method)}'" in hosts


@pytest.mark.parametrize(
    "path",
    [
        *(request.removeprefix("GET ").replace("{name}", "ghcr.io/a/b:2") for request, _ in REQUESTS.values()),
        "/version",
        "/containers/json",
        "/containers/4f0c9f0e/json",
        "/images/sha256:4f0c/json",
    ],
)
def test_what_anchorwatch_asks_for_is_let_through(path: str) -> None:
    assert re.fullmatch(allowed("GET"), path)
    assert re.fullmatch(allowed("GET"), f"/v1.51{path}")


@pytest.mark.parametrize(
    "path",
    [
        "/containers/x/attach/ws",
        "/containers/x/archive",
        "/containers/x/export",
        "/containers/x/logs",
        "/containers/x/exec",
        "/containers/../x/json",
        "/images/x/get",
        "/secrets",
        "/swarm/unlockkey",
        "/exec/x/json",
        "/events/x",
        "/v1.51",
        "/",
    ],
)
def test_what_it_does_not_is_not(path: str) -> None:
    assert not re.fullmatch(allowed("GET"), path)
    assert not re.fullmatch(allowed("GET"), f"/v1.51{path}")


def test_no_method_that_writes_is_let_through() -> None:
    given = [one.partition("=")[0] for one in SERVICES["socket-proxy"]["command"]]
    assert sorted(one for one in given if one.startswith("-allow")) == ["-allowGET", "-allowHEAD", "-allowfrom"]


@pytest.mark.parametrize("name", ["anchorwatch", "socket-proxy"])
def test_both_run_with_as_little_as_can_be(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert service["restart"] == "unless-stopped"
    assert "privileged" not in service
    assert "cap_add" not in service


def test_anchorwatch_never_holds_the_engines_socket() -> None:
    assert not any("docker.sock" in volume for volume in SERVICES["anchorwatch"]["volumes"])
    assert all(volume.endswith(":ro") or volume.startswith("state:") for volume in SERVICES["anchorwatch"]["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["anchorwatch"]["ports"])


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """By its own `systemd-analyze verify`, with the program in place."""
    text = (ROOT / "docs" / "anchorwatch.service").read_text()
    program = shutil.which("true")
    assert program is not None
    unit = tmp_path / "anchorwatch.service"
    unit.write_text(text.replace("/opt/anchorwatch/.venv/bin/anchorwatch", program))
    analyze = shutil.which("systemd-analyze")
    if analyze is None:  # not on every machine: then at least every line has the shape of one
        assert all(re.fullmatch(r"#.*|\[\w+\]|\w+=.*|", line) for line in text.splitlines())
        return
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "anchorwatch.service" in line]
    assert ours == []
