"""A PostgreSQL of the tests' own: the distribution's programs, run by an ordinary user on a unix socket in a temporary folder.

Nothing is installed and no service is started: where this machine has no PostgreSQL, its packages are unpacked into the lab.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from lab.debian import Suite, this_distribution
from lab.processes import freeze
from lab.waiting import eventually

NOBODY = 65534
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # nothing here outlives a power cut anyway, and it is clients that are killed, never the server
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "autovacuum": "off",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


def programs() -> tuple[Path, dict[str, str]]:
    """The folder with `initdb` and `postgres`, and the environment that they need."""
    installed = _newest(Path("/usr/lib/postgresql"))
    if installed is not None:
        return installed, {}
    distribution = this_distribution()
    layer = Suite(distribution.suite, distribution).unpack(["postgresql"], "postgresql", less=[], share=True)
    unpacked = _newest(layer / "usr/lib/postgresql")
    assert unpacked is not None, f"no PostgreSQL in {layer}"
    libraries = [str(folder) for folder in (layer / "usr/lib").iterdir() if folder.is_dir()]
    return unpacked, {"LD_LIBRARY_PATH": ":".join(libraries)}


def _newest(folder: Path) -> Path | None:
    found = [path.parent for path in folder.glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class Server:
    """It runs until its `with` block ends."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="anchorwatch-pg-"))
        self._numbers = itertools.count(1)
        self._log = (self.folder / "log").open("w")
        self._programs, environment = programs()
        given = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
        self._as_nobody: dict[str, Any] = {"env": given, "cwd": self.folder}
        try:
            self._initialise()
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._log.close()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Begins, with everything that was there; returns when it answers."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        postgres: list[str | Path] = ["setpriv", "--pdeathsig", "INT", self._programs / "postgres"]
        self._process = subprocess.Popen(
            [*postgres, "-D", self.folder / "data", "-k", self.folder, *settings],
            stdout=self._log,
            stderr=self._log,
            **self._as_nobody,
        )
        eventually(self._answers, within=60, what=f"PostgreSQL in {self.folder}")

    def stop(self) -> None:
        """Ends, and breaks off whoever is connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def freeze(self) -> None:
        """Connections are accepted (by the kernel), and nothing answers any more."""
        for process in self._family():
            freeze(process)

    def thaw(self) -> None:
        """It goes on where `freeze` stopped it: itself last, so that none is gone before its turn."""
        for process in reversed(self._family()):
            os.kill(process, signal.SIGCONT)

    def _family(self) -> list[int]:
        """The server, which makes no new process once it stands still, and those that it has made."""
        first = self._process.pid
        return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]

    def new_database(self, template: str = "template1") -> str:
        """Makes a database, as a copy of another one that nobody uses, and returns its name."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drops a database, whoever still uses it."""
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql+psycopg://anchorwatch@/{name}?host={self.folder}"

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """A connection of the test's own."""
        return psycopg.connect(host=str(self.folder), user="anchorwatch", dbname=name, autocommit=True)

    def run(self, sql: str) -> None:
        """One statement, on no database in particular."""
        with contextlib.closing(self.connect("postgres")) as connection:
            connection.execute(sql.encode())

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            self._as_nobody |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        initdb: list[str | Path] = [self._programs / "initdb", "-D", self.folder / "data"]
        made = subprocess.run(
            [*initdb, "-U", "anchorwatch", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
            capture_output=True,
            text=True,
            check=False,
            **self._as_nobody,
        )
        assert made.returncode == 0, made.stderr

    def _answers(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True
