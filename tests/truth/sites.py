"""The engines and Composes that the truth is asked of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import images, tools
from lab.engines import Engine

from tests.truth.deployment import HOLD, RICH, Site

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

IMAGES = (
    images.hold(HOLD),
    images.Image(
        (RICH,),
        {
            "Env": [PATH, "RICH=yes", "LANG=C.UTF-8", "EMPTY=", "SHARED=image"],
            "Labels": {"rich.label": "yes", "shared": "image", "org.opencontainers.image.title": "A rich one"},
            "ExposedPorts": {"8080/tcp": {}, "9090/udp": {}},
            "Volumes": {"/data": {}, "/var/lib/rich/": {}},
            "Entrypoint": ["/bin/hold"],
            "Cmd": ["image", "cmd"],
            "WorkingDir": "/srv/app/",
            "User": "1000:1000",
            "StopSignal": "SIGUSR1",
            "Healthcheck": {
                "Test": ["CMD", "/bin/busybox", "true"], "Interval": 45_000_000_000, "Timeout": 5_000_000_000,
                "StartPeriod": 9_000_000_000, "Retries": 7,
            },
        },
    ),
)  # fmt: skip
"""One image that brings nothing, and one that brings a default for everything an image can bring one for."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A Compose of one version on an engine of another, with what the engine's daemon.json says."""

    engine: tools.EngineRole
    compose: tools.ComposeRole
    settings: Mapping[str, Any] = field(default_factory=dict)
    containerd_store: bool = False

    def __str__(self) -> str:
        extra = "-containerd" if self.containerd_store else "-settings" if self.settings else ""
        return f"{self.engine}-{self.compose}{extra}"


PLAIN = tuple(Combination(engine, compose) for engine in ("newest", "old") for compose in ("newest", "oldest"))
"""The newest and the oldest engine with the newest and the oldest Compose."""

SETTINGS: Mapping[str, Any] = {
    "log-driver": "json-file",
    "log-opts": {"max-size": "11m", "max-file": "7"},
    "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1111, "Hard": 2222}, "core": {"Name": "core", "Soft": 0, "Hard": 0}},
    "default-shm-size": "99M",
    "default-ipc-mode": "shareable",
    "default-cgroupns-mode": "private",
    "runtimes": {"other": {"path": "/usr/sbin/runc"}},
    "default-runtime": "other",
    "init": True,
    "default-address-pools": [{"base": "10.230.0.0/16", "size": 26}],
    "dns": ["9.9.9.9"],
}
"""A daemon.json that changes every default which a container shows."""

LOCAL_LOGS: Mapping[str, Any] = {"log-driver": "local", "log-opts": {"max-size": "5m"}, "no-new-privileges": True}

UNUSUAL = (
    Combination("newest", "newest", containerd_store=True),
    Combination("newest", "newest", SETTINGS),
    Combination("old", "oldest", SETTINGS),
    Combination("newest", "oldest", LOCAL_LOGS),
)
"""Engines with settings and stores of their own."""


def site(engine: Engine, compose: tools.ComposeRole, folder: Path) -> Site:
    """The place to deploy at, for an engine that runs already and has the images."""
    return Site(engine.url, tools.compose(compose).program, folder)


@contextmanager
def engine_of(combination: Combination) -> Iterator[Engine]:
    """The combination's engine, started, with the images."""
    name = f"truth-{combination.engine}"
    with Engine(
        combination.engine, name=name, settings=combination.settings, containerd_store=combination.containerd_store
    ) as engine:
        images.load(engine, IMAGES)
        yield engine
