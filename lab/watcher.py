"""`anchorwatch watch` in a process of its own, over a homelab: started, killed, started again, and asked what it has recorded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lab.errors import LabError
from lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping


class Watcher:
    """The service. `settings` are lines of YAML that are added to `config`, in place of sections of the same name there.

    `database` is the URL of one that is there already; else it is a file in `folder`. `with Watcher(config, folder) as watcher:`
    is listening inside.
    """

    def __init__(
        self,
        config: Path,
        folder: Path,
        settings: str = "",
        environment: Mapping[str, str] | None = None,
        database: str | None = None,
    ) -> None:
        self.folder = folder
        self.config = folder / "watch.yml"
        self.log = folder / "watch.log"
        self.port = 0
        self._settings = settings
        self._base = config
        self._environment = dict(environment or {})
        self.database = database or f"sqlite:///{folder}/state/anchorwatch.db"
        """Its URL."""
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.write_config()

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        if self._process is None:
            raise LabError("the watcher was not started")
        return self._process.pid

    def write_config(self, settings: str | None = None) -> None:
        """Writes the config anew."""
        self._settings = self._settings if settings is None else settings
        own = self._settings.splitlines()
        heads = {line.partition(":")[0] for line in own if line and not line.startswith((" ", "#"))}
        kept, skipping = [], False
        for line in self._base.read_text().splitlines():
            if line and not line.startswith((" ", "#")):
                skipping = line.partition(":")[0] in heads | {"database", "secrets_key"}
            if not skipping:
                kept.append(line)
        places = [f"database: {self.database}", f"secrets_key: {self.folder}/state/secrets.key"]
        self.config.write_text("\n".join([*kept, *places, *own, ""]))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, *, wait: bool = True, program: tuple[str, ...] = (sys.executable, "-m", "anchorwatch.cli")) -> None:
        """Begins; returns once its pages answer (`wait`). Raises LabError where it ends instead."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANCHORWATCH", "DOCKER"))}
        before = self.log.stat().st_size if self.log.exists() else 0
        self.port = _free_port()
        listen = f"127.0.0.1:{self.port}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*program, "watch", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **kept,
                    "XDG_CACHE_HOME": str(self.folder / "cache"),
                    "ANCHORWATCH_WATCH__LISTEN": listen,
                    **self._environment,
                },
            )
        if wait:
            eventually(lambda: self._listening(before), within=60, what=f"{self.log} to say that it listens")

    def stop(self) -> int:
        """SIGTERM; returns its exit code. Raises where it does not end within 15 s."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def ended(self) -> int | None:
        """Its exit code, if it has ended by itself."""
        return None if self._process is None else self._process.poll()

    def asks(self, page: str) -> tuple[int, str]:
        """The status and the text of one of its pages."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{page}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def well(self) -> bool:
        """Whether `/healthz` says so."""
        return self.asks("/healthz")[0] == 200

    def told(self) -> dict[str, Any]:
        """What `/healthz` says."""
        return dict(json.loads(self.asks("/healthz")[1]))

    def wait_until_well(self, within: float = 60) -> None:
        """Returns as soon as `/healthz` says so. Raises LabError where it does not."""
        eventually(self.well, within=within, what=f"/healthz to be well ({self.folder}/watch.log)", every=0.1)

    def resident(self) -> int:
        """Bytes of memory that it holds now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor(self, *, alone: bool = False) -> float:
        """Seconds of a core that it has used so far; with the processes that it has started and those have, unless `alone`."""
        return _used(self.pid) if alone else _processor(self.pid)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            raise LabError("the watcher was not started")
        self._process.send_signal(number)
        return self._process.wait(15)

    def _listening(self, before: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(before)
            text = log.read().decode(errors="replace")
        if self.ended() is not None:
            raise LabError(f"anchorwatch ended with {self.ended()}:\n{text}")
        return "listening on " in text


def _processor(pid: int) -> float:
    """Of a process, of those that it has waited for, and of its children that run."""
    try:
        tasks = [*Path(f"/proc/{pid}/task").iterdir()]
        children = {child for task in tasks for child in (task / "children").read_text().split()}
        return _used(pid, waited_for=True) + sum(_processor(int(child)) for child in children)
    except OSError:  # it has just ended
        return 0.0


def _used(pid: int, *, waited_for: bool = False) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11 : 15 if waited_for else 13])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
