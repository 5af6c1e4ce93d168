"""Docker Engines to test against: real, private, quick to start, and gone without a trace.

An `Engine` is one dockerd (with its containerd) in a private machine of its own, reached from here by a unix
socket, and by TCP (with TLS or without) where asked for. It can be frozen, killed and started again.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lab import tools
from lab.errors import LabError
from lab.machine import Machine, Network, Process
from lab.places import machines_folder
from lab.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.certificates import Certificates

LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path, unix(7)


class Engine:
    """One Docker Engine. `with Engine("newest") as engine:` starts it, and stops it at the end.

    `name` is the machine's host name; `settings` are more lines of its daemon.json; `containerd_store` uses
    containerd's image store (28 and newer); `tcp` listens on a free port of 127.0.0.1 as well, with TLS and
    client certificates if `certificates` are given; `network="host"` has no networks of its own but lets builds
    reach the outside (`docker build --network host`); `shared` folders are the same inside as outside (the
    checkout and /tmp always are). `detached` lets it outlive this process.
    """

    def __init__(
        self,
        build: tools.EngineRole | tools.EngineBuild = "newest",
        *,
        name: str = "engine",
        settings: Mapping[str, Any] | None = None,
        containerd_store: bool = False,
        tcp: bool = False,
        certificates: Certificates | None = None,
        network: Network = "own",
        address_pool: str = "10.200.0.0/16",
        shared: Sequence[Path] = (),
        detached: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.build = tools.engine(build) if isinstance(build, str) else build
        self.machine = Machine(name, folder or machines_folder() / f"{name}-{secrets.token_hex(3)}")
        self._settings = dict(settings or {})
        self._containerd_store = containerd_store
        self._certificates = certificates
        self._network: Network = network
        self._address_pool = address_pool
        self._shared = tuple(shared)
        self._detached = detached
        self._listener = socket.create_server(("127.0.0.1", 0)) if tcp or certificates else None
        self._dockerd: Process | None = None

    @classmethod
    def attach(cls, folder: Path) -> Engine:
        """The engine that another process started, detached, in `folder`. Raises LabError where there is none."""
        machine = Machine.attach(folder)
        state = json.loads((folder / "engine.json").read_text())
        engine = cls(tools.EngineBuild(state["version"], state["dockerd"], ()), folder=folder)
        engine.machine = machine
        return engine

    @property
    def name(self) -> str:
        """The host name of its machine."""
        return self.machine.name

    @property
    def version(self) -> str:
        """For example `28.5.2`."""
        return self.build.version

    @property
    def folder(self) -> Path:
        """Its files: `docker.sock`, `dockerd.log`, `data/`."""
        return self.machine.folder

    @property
    def socket(self) -> Path:
        """Its unix socket, as seen from here; in its own machine it is /var/run/docker.sock as well."""
        return self.folder / "docker.sock"

    @property
    def url(self) -> str:
        """DOCKER_HOST for its unix socket."""
        return f"unix://{self.socket}"

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1. Raises LabError for an engine without one."""
        if not self._listener:
            raise LabError(f"engine {self.name} was not made with tcp=True")
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def tcp_url(self) -> str:
        """DOCKER_HOST for its TCP port. Raises LabError for an engine without one."""
        return f"tcp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it (again, after `kill` or `shut_down`) and returns when it answers. Raises LabError."""
        if len(str(self.socket)) > LONGEST_SOCKET_PATH:
            raise LabError(f"{self.socket} is too long for a socket: set ANCHORWATCH_LAB to a shorter folder")
        if not self.machine.runs:
            self.machine.start(self.build.layers, shared=self._shared, detached=self._detached, network=self._network)
        state = {"version": self.version, "dockerd": self.build.dockerd}
        (self.folder / "engine.json").write_text(json.dumps(state))
        (self.folder / "daemon.json").write_text(json.dumps(self._daemon_settings(), indent=1))
        self.machine.run("rm", "-f", "/run/docker.pid")
        self.socket.unlink(missing_ok=True)
        self._dockerd = self.machine.spawn(
            [self.build.dockerd, "--config-file", self.folder / "daemon.json"],
            log=self.folder / "dockerd.log",
            environment={"container": "lab"},  # containerd then leaves this machine's AppArmor profiles alone
            listener=self._listener,
        )
        eventually(self._answers, within=60, what=f"engine {self.name} ({self.version})", every=0.02)

    def shut_down(self) -> None:
        """Stops dockerd as a service manager would (SIGTERM); its machine stays, `start` brings it back."""
        self.machine.signal("dockerd", signal.SIGTERM)
        self._gone()

    def kill(self) -> None:
        """dockerd is killed, as by the kernel's memory killer; containers live until it is started again."""
        self.machine.signal("dockerd", signal.SIGKILL)
        self._gone()

    def freeze(self) -> None:
        """dockerd accepts connections and answers nothing any more, until `thaw`."""
        if not self.machine.freeze("dockerd"):
            raise LabError(f"no dockerd runs in {self.name}")

    def thaw(self) -> None:
        """dockerd goes on where `freeze` stopped it."""
        self.machine.signal("dockerd", signal.SIGCONT)

    def stop(self) -> None:
        """Ends the engine with everything in it. Nothing of it stays."""
        self.machine.stop()
        if self._listener:
            self._listener.close()

    def docker(self, *arguments: str | Path, stdin: str | None = None, check: bool = True) -> str:
        """What `docker ARGUMENTS` prints against this engine, stripped. Raises LabError where it fails."""
        done = subprocess.run(
            [tools.docker(), *arguments],
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": tools.SYSTEM_PATH, "HOME": str(self.folder), "DOCKER_HOST": self.url},
        )
        if done.returncode and check:
            shown = " ".join(str(argument) for argument in arguments)
            raise LabError(f"`docker {shown}` on {self.name} failed: {done.stderr.strip()[-600:]}")
        return done.stdout.strip()

    def request(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 60) -> bytes:
        """The body of one answer of the engine's HTTP API. Raises LabError for a status of 400 or more."""
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/x-tar"} if body else {})
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise LabError(f"{method} {path} on {self.name}: {error}") from error
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise LabError(f"{method} {path} on {self.name}: {answer.status} {content.decode().strip()}")
        return content

    def running(self) -> list[str]:
        """The names of the containers that run, sorted."""
        return sorted(self.docker("ps", "--format", "{{.Names}}").split())

    def remove_everything(self) -> None:
        """Every container, network and volume is removed; images stay."""
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-fv", *containers)
        self.docker("network", "prune", "-f")
        volumes = self.docker("volume", "ls", "-q").split()
        if volumes:
            self.docker("volume", "rm", "-f", *volumes)

    def _answers(self) -> bool:
        if not self._dockerd or not self._dockerd.runs:
            log = (self.folder / "dockerd.log").read_text(errors="replace").splitlines()
            raise LabError(f"engine {self.name} ({self.version}) ended at once: " + "\n".join(log[-8:]))
        with contextlib.suppress(LabError):
            return self.request("GET", "/_ping", timeout=5) == b"OK"
        return False

    def _gone(self) -> None:
        what = f"the end of {self.name}'s dockerd"
        eventually(lambda: not self.machine.processes("dockerd"), within=30, what=what)

    def _daemon_settings(self) -> dict[str, Any]:
        hosts = [self.url, "unix:///var/run/docker.sock"] + (["fd://"] if self._listener else [])
        settings: dict[str, Any] = {
            "hosts": hosts,
            "data-root": str(self.folder / "data"),
            "exec-root": "/run/docker",
            "pidfile": "/run/docker.pid",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": self.machine.cgroup,
            "group": "root",
            "init-path": "/usr/bin/tini-static",
        }
        if self._network == "host":
            settings |= {"bridge": "none", "iptables": False, "ip6tables": False}
        else:
            settings["default-address-pools"] = [{"base": self._address_pool, "size": 24}]
        if self._containerd_store:
            settings["features"] = {"containerd-snapshotter": True}
        if self._certificates:
            files = self._certificates
            settings |= {"tlsverify": True, "tlscacert": str(files.ca)}
            settings |= {"tlscert": str(files.server_cert), "tlskey": str(files.server_key)}
        return settings | self._settings


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))
