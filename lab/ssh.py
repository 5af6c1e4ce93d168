"""An engine behind ssh: a real sshd on 127.0.0.1 that lets one key in, to the engine's own machine.

The sshd runs in the engine's private machine (its files, processes and host name) but listens in this machine's
network. Whoever logs in is root there, finds `docker` on PATH and the engine on /var/run/docker.sock.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab import tools
from lab.errors import LabError
from lab.waiting import eventually

if TYPE_CHECKING:
    from lab.engines import Engine
    from lab.machine import Process


class SshHost:
    """One sshd before one engine. `with SshHost(engine) as host:`; it ends with the engine at the latest.

    `key` is the client's key that it accepts, `wrong_key` one that it does not; `known_hosts` holds its host key.
    """

    def __init__(self, engine: Engine, *, port: int = 0) -> None:
        self.engine = engine
        self.folder = engine.folder / "ssh"
        self.port = port or _free_port()
        self._sshd: Process | None = None

    @classmethod
    def attach(cls, engine: Engine) -> SshHost:
        """The sshd that another process started before this engine. Raises LabError where there is none."""
        try:
            first_line = (engine.folder / "ssh" / "sshd_config").read_text().splitlines()[0]
        except OSError:
            raise LabError(f"no sshd was started for {engine.name}") from None
        return cls(engine, port=int(first_line.split()[1]))

    @property
    def runs(self) -> bool:
        """Whether its sshd lives."""
        return bool(self.engine.machine.processes("sshd"))

    @property
    def key(self) -> Path:
        """The private key that opens."""
        return self.folder / "key"

    @property
    def wrong_key(self) -> Path:
        """A private key that does not."""
        return self.folder / "wrong_key"

    @property
    def known_hosts(self) -> Path:
        """What a client needs to know the host by."""
        return self.folder / "known_hosts"

    @property
    def url(self) -> str:
        """DOCKER_HOST, were the key a default one."""
        return f"ssh://root@127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts sshd (again, after `stop`) and returns when it listens. Raises LabError."""
        if not self.folder.exists():
            self._make_keys()
        (self.folder / "sshd_config").write_text(self._config())
        machine = self.engine.machine
        sshd = "/usr/sbin/sshd"
        self._sshd = machine.spawn(
            [sshd, "-D", "-e", "-f", self.folder / "sshd_config"], log=self.folder / "sshd.log", network="host"
        )
        eventually(self._listens, within=20, what=f"sshd of {self.engine.name}")

    def stop(self) -> None:
        """Ends sshd and its sessions."""
        machine = self.engine.machine
        for command in ("sshd", "sshd-session", "sshd-auth"):
            machine.signal(command, signal.SIGKILL)
        eventually(lambda: not machine.processes("sshd"), within=10, what="the end of sshd")

    def freeze(self) -> None:
        """Connections are accepted (by the kernel), and nothing answers any more, open sessions neither."""
        for command in ("sshd", "sshd-session", "sshd-auth"):
            self.engine.machine.freeze(command)

    def thaw(self) -> None:
        """sshd goes on where `freeze` stopped it."""
        for command in ("sshd", "sshd-session", "sshd-auth"):
            self.engine.machine.signal(command, signal.SIGCONT)

    def options(self, key: Path | None = None) -> list[str]:
        """ssh's options for this host: this key only, this host key only, no questions."""
        return [
            *("-F", "none", "-i", str(key or self.key), "-p", str(self.port), "-l", "root"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
        ]

    def run(self, *argv: str) -> str:
        """What the command prints there, run by ssh. Raises LabError where it fails."""
        ssh = tools.program("ssh")
        done = subprocess.run(
            [ssh, *self.options(), "127.0.0.1", "--", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=tools.environment_for(ssh),
        )
        if done.returncode:
            raise LabError(f"`ssh {' '.join(argv)}` to {self.engine.name}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def config_for(self, alias: str) -> str:
        """A `Host` section for an ssh_config file."""
        return (
            f"Host {alias}\n  HostName 127.0.0.1\n  Port {self.port}\n  User root\n  IdentityFile {self.key}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n  StrictHostKeyChecking yes\n"
        )

    def _make_keys(self) -> None:
        self.folder.mkdir(mode=0o700)
        for name in ("host_key", "key", "wrong_key"):
            keygen = tools.program("ssh-keygen")
            argv: list[str | Path] = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name]
            subprocess.run(argv, check=True, env=tools.environment_for(keygen))
        host_key = (self.folder / "host_key.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}")
        (self.folder / "authorized_keys").write_text((self.folder / "key.pub").read_text())

    def _config(self) -> str:
        return "\n".join(
            (
                f"Port {self.port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {self.folder}/host_key",
                f"AuthorizedKeysFile {self.folder}/authorized_keys",
                "PidFile none",
                "StrictModes no",
                "UsePAM no",
                "PermitRootLogin prohibit-password",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "MaxStartups 100:30:200",
                "PrintMotd no",
                "LogLevel VERBOSE",
                f"SetEnv PATH={tools.SYSTEM_PATH}",
                "",
            )
        )

    def _listens(self) -> bool:
        if not self._sshd or not self._sshd.runs:
            log = (self.folder / "sshd.log").read_text(errors="replace").strip()
            raise LabError(f"sshd of {self.engine.name} ended at once: {log[-600:]}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
