"""The program as a user has it, over the example fleet on two real engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab.homelab import Homelab

from tests.notify.endpoints import Web, web

DEADLINE = 90


@dataclass(frozen=True)
class Answer:
    """What one run of the program gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))

    @property
    def drift(self) -> set[tuple[str, str | None, str, str | None]]:
        """Each drift as host, container or service, kind and path."""
        return {(one["host"], one["container"] or one["service"], one["kind"], one["path"]) for one in self.json["drift"]}


Program = Callable[..., Answer]


@pytest.fixture
def mailbox() -> Iterator[Web]:
    """Somebody who is told."""
    with web() as mailbox:
        yield mailbox


@pytest.fixture
def anchorwatch(homelab: Homelab, tmp_path: Path) -> Program:
    """Runs `anchorwatch WORDS` with the fleet's config; `PATH` has the lab's Compose, the cache is the test's own."""

    def run(*words: str, config: Path | None = None, path: str | None = None, cwd: Path | None = None) -> Answer:
        found = f"{homelab.compose.folder}:{os.environ['PATH']}" if path is None else path
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANCHORWATCH", "DOCKER"))}
        done = subprocess.run(
            [sys.executable, "-m", "anchorwatch.cli", *words],
            env={
                **kept,
                "PATH": found,
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                "ANCHORWATCH_CONFIG": str(config or homelab.config),
            },
            cwd=cwd or tmp_path,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run
