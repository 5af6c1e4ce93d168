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
        try:
            self._process = self._started()
            eventually(self._answers, within=30, what=f"PostgreSQL in {self.folder}")
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self._log.close()
        shutil.rmtree(self.folder)

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

    def _started(self) -> subprocess.Popen[bytes]:
        bin_folder, environment = programs()
        given = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
        as_nobody: dict[str, Any] = {"env": given, "cwd": self.folder}
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            as_nobody |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        made = subprocess.run(
            [
                bin_folder / "initdb",
                "-D",
                self.folder / "data",
                "-U",
                "anchorwatch",
                "-A",
                "trust",
                "-N",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            capture_output=True,
            text=True,
            check=False,
            **as_nobody,
        )
        assert made.returncode == 0, made.stderr
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", bin_folder / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings],
            stdout=self._log,
            stderr=self._log,
            **as_nobody,
        )

    def _answers(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True
