"""The same truth through the front door: `anchorwatch check --format json` on a deployed kitchen sink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.truth.changes import Change, sink
from tests.truth.deployment import Site
from tests.truth.judging import HOST


def check(site: Site) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of one check of everything in the site's folder."""
    config = site.folder / "anchorwatch.yml"
    config.write_text(
        json.dumps(
            {"repo": {"path": str(site.folder)}, "hosts": {HOST: {"docker": site.docker, "stacks": ["*"], "exclude": ["home"]}}}
        )
    )
    environment = {
        "PATH": os.pathsep.join([str(site.compose.parent), os.environ["PATH"]]),
        "HOME": str(site.folder / "home"),
        "DOCKER_CONFIG": str(site.compose.parent.parent),
    }
    argv = [sys.executable, "-m", "anchorwatch.cli", "check", "--worktree", "--config", str(config), "--format", "json"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_deployed_sink_is_in_sync_and_each_change_is_counted(newest_site: Site) -> None:
    one = sink("everywhere")
    changes = [
        Change("process", ("user",), "1000"),
        Change("environment", ("environment", "DB_PASSWORD"), "hunter3"),
        Change("deployed", ("deploy", "resources", "limits", "memory"), "300m"),
        Change("ports", ("ports", 0), "18090:80"),
    ]
    with newest_site.deployed(one.text()) as folder:
        services = sorted(one.model["services"])
        newest_site.start(folder, services)
        code, report = check(newest_site)
        assert report["drift"] == []
        assert code == 0
        assert [(stack["status"], stack["notes"], stack["unknown"]) for stack in report["stacks"]] == [("in_sync", [], [])]
        newest_site.write(one.text(changes))
        code, report = check(newest_site)
    found = {(drift["service"], drift["path"]): drift for drift in report["drift"]}
    assert sorted(found) == [
        ("deployed", "deploy.resources.limits.memory"),
        ("environment", "environment.DB_PASSWORD"),
        ("ports", "ports.80/tcp"),
        ("process", "user"),
    ]
    assert code == len(report["drift"]) == 4
    memory, port = found["deployed", "deploy.resources.limits.memory"], found["ports", "ports.80/tcp"]
    assert (memory["desired"], memory["observed"]) == ("300 MiB", "256 MiB")
    assert (port["desired"], port["observed"]) == ("18090:80/tcp", "18080:80/tcp")
    assert "hunter" not in json.dumps(report)
