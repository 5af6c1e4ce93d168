"""A private machine: a place where an engine believes itself alone, and from which nothing leaks.

A machine is a set of Linux namespaces (network, mounts, processes, host name) whose root is an overlay: this
machine's own files, and above them a tmpfs that takes every write and holds a link to each file of the unpacked
layers. So `/etc`, `/srv` and the rest look as they do here, programs of the layers lie where their packages put
them, and whatever an engine writes, mounts, routes or filters is gone with the machine. Real, and shared with
this machine, are only the lab's folder, the checkout, the folder for temporary files, and what `shared` names:
sockets made there are reached from here.

A machine lives as long as its first process, which holds a lock on the file `alive` all the while. That one ends
with the Python process that started the machine, however that ends, unless it was started `detached`; when it
ends, the kernel ends every other process in it. Control groups are the one thing outside; `stop` removes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lab.errors import LabError
from lab.places import CHECKOUT, lab_folder
from lab.processes import freeze, lives
from lab.tools import SYSTEM_PATH
from lab.waiting import eventually

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

# $1 folder of the machine, $2 host name, $3 layers, then the shared folders. Runs in the fresh namespaces, before
# their /proc is there: so /proc/self still tells the process id that this machine's other processes see.
SET_UP = r"""
set -eu
folder=$1 name=$2 layers=$3; shift 3
read -r pid rest < /proc/self/stat
hostname "$name" || true
mount -t tmpfs -o mode=0755 machine "$folder/root"
mkdir "$folder/root/upper" "$folder/root/work" "$folder/root/merged"
root=$folder/root/merged
for layer in $layers; do cp -as --remove-destination "$layer/." "$folder/root/upper/"; done
mount -t overlay -o "lowerdir=/,upperdir=$folder/root/upper,workdir=$folder/root/work" machine "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=0755 run "$root/run"
for path; do mkdir -p "$root$path"; mount --bind "$path" "$root$path"; done
mkdir -p "$root/run/sshd" "$root/run/lock"
echo "127.0.0.1 localhost $name" > "$root/etc/hosts"
grep -q '^sshd:' "$root/etc/passwd" || echo 'sshd:x:99:65534::/run/sshd:/usr/sbin/nologin' >> "$root/etc/passwd"
mkdir "$root/run/old"
pivot_root "$root" "$root/run/old"  # no mere chroot: `docker exec` enters by the root of the mount namespace
cd /
umount -l /run/old
rmdir /run/old
mount --make-shared /  # as systemd leaves it: Compose files say rslave
busybox ip link set lo up
echo "$pid ready"
exec /bin/sh -c 'exec >/dev/null 2>&1; WAIT; exit 0'
"""
# Standard input may be a listening socket: it becomes file descriptor 3, where sd_listen_fds(3) puts the first.
SPAWN = """exec 3<&0
sh -c 'export LISTEN_PID=$$; exec "$@"' sh "$@" </dev/null >&2 &
echo $!
"""
INSIDE = {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
CGROUPS = Path("/sys/fs/cgroup")

Network = Literal["own", "host"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a machine: the id it has out here, the id it has inside, and its command's name."""

    pid: int
    inner: int
    command: str

    @property
    def runs(self) -> bool:
        """Whether it lives; a process that nobody has waited for yet does not."""
        return lives(self.pid)


class Machine:
    """One private machine; its `folder` holds everything of it that is on disk."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._unshare: subprocess.Popen[str] | None = None
        self._pid = 0

    @property
    def cgroup(self) -> str:
        """The control group that every container of the machine belongs under."""
        return f"/anchorwatch-lab-{self.name}-{hashlib.sha256(bytes(self.folder)).hexdigest()[:8]}"

    def start(
        self,
        layers: Sequence[Path],
        *,
        shared: Sequence[Path] = (),
        detached: bool = False,
        network: Network = "own",
    ) -> None:
        """Starts it. `network="host"` leaves it in this machine's network. Raises LabError."""
        stack = " ".join(str(layer) for layer in reversed(layers))
        if any(mark in str(path) for path in (self.folder, *layers) for mark in ": ,\\"):
            raise LabError(f"the lab cannot work under a path with a blank, colon, comma or backslash: {self.folder}")
        (self.folder / "root").mkdir(parents=True, exist_ok=True)
        common = {self.folder, lab_folder(), CHECKOUT, Path(tempfile.gettempdir()).resolve(), Path("/tmp"), *shared}
        argv = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        argv += ["--net"] if network == "own" else []
        argv += ["/bin/sh", "-c", SET_UP.replace("WAIT", "sleep infinity" if detached else "cat")]
        argv += ["machine", str(self.folder), self.name, stack, *(str(path) for path in sorted(common))]
        with (self.folder / "machine.log").open("w") as log, (self.folder / "alive").open("w") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            self._unshare = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=(alive.fileno(),),
                start_new_session=True,
                env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
            )
        assert self._unshare.stdout
        said = self._unshare.stdout.readline().split()
        if said[1:] != ["ready"]:
            why = (self.folder / "machine.log").read_text().strip()
            self.stop()
            raise LabError(f"the private machine {self.name} could not be set up: {why or 'no word from it'}")
        self._pid = int(said[0])
        (self.folder / "machine.json").write_text(json.dumps({"name": self.name, "pid": self._pid}))

    @classmethod
    def attach(cls, folder: Path) -> Machine:
        """The machine that some other process started in `folder`. Raises LabError where there is none."""
        try:
            state = json.loads((folder / "machine.json").read_text())
        except (OSError, ValueError):
            raise LabError(f"there is no machine in {folder}") from None
        machine = cls(state["name"], folder)
        machine._pid = state["pid"]
        return machine

    @classmethod
    def remove_remains(cls, folder: Path) -> None:
        """Removes what a machine left whose maker was killed; a machine that runs is left alone."""
        with contextlib.suppress(LabError):
            machine = cls.attach(folder)
            if (folder / "alive").exists() and not machine.runs:
                machine.stop()

    @property
    def runs(self) -> bool:
        """Whether its first process lives."""
        try:
            with (self.folder / "alive").open() as alive:
                fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            pass
        return False

    def inside(self, argv: Sequence[str | Path], *, network: Network = "own") -> list[str]:
        """The command line that runs `argv` in the machine; `network="host"`: in this machine's network."""
        enter = ["nsenter", f"--target={self._pid}", "--mount", "--uts", "--pid", "--wd=/"]
        enter += ["--net"] if network == "own" else []
        return [*enter, "--", *(str(part) for part in argv)]

    def spawn(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        network: Network = "own",
        listener: socket.socket | None = None,
    ) -> Process | None:
        """Starts a service: a child of the machine's first process, so it outlives the caller but not the machine.

        A `listener` is handed over as systemd does (sd_listen_fds(3)). None if the program has ended already.
        """
        with log.open("ab") as output:
            started = subprocess.run(
                self.inside(["/bin/sh", "-c", SPAWN, "sh", *argv], network=network),
                stdin=listener.fileno() if listener else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                check=True,
                env=INSIDE | dict(environment or {}) | ({"LISTEN_FDS": "1"} if listener else {}),
            )
        inner = int(started.stdout)
        return next((process for process in self.processes() if process.inner == inner), None)

    def run(self, *argv: str | Path, network: Network = "own") -> str:
        """What the program printed, run in the machine to its end. Raises LabError where it fails."""
        command = self.inside(argv, network=network)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=INSIDE)
        if done.returncode:
            raise LabError(f"{self.name}: `{' '.join(map(str, argv))}`: {done.stderr.strip()[-600:]}")
        return done.stdout

    def processes(self, command: str | None = None) -> list[Process]:
        """Its processes (not those inside containers), or those of them with this command name."""
        if not self.runs:
            return []
        own = Path(f"/proc/{self._pid}/ns/pid").readlink()
        found: list[Process] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "ns/pid").readlink() == own:
                        fields = dict(line.split(":\t", 1) for line in (entry / "status").read_text().splitlines())
                        inner = int(fields["NSpid"].split()[-1])
                        found.append(Process(int(entry.name), inner, fields["Name"]))
        return [process for process in found if command in (None, process.command)]

    def signal(self, command: str, number: signal.Signals) -> int:
        """Sends a signal to every process with this command name; how many there were."""
        processes = self.processes(command)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        return len(processes)

    def freeze(self, command: str) -> int:
        """Has every process with this command name stand still, until SIGCONT; how many there were."""
        processes = self.processes(command)
        for process in processes:
            freeze(process.pid)
        return len(processes)

    def stop(self) -> None:
        """Ends every process in it and removes its files and control groups. Once is enough, twice does no harm."""
        if self._pid and self.runs:
            os.kill(self._pid, signal.SIGKILL)
            _thaw_cgroups(self.cgroup)
            what = f"the end of machine {self.name}"
            eventually(lambda: not lives(self._pid), within=30, what=what)
        _thaw_cgroups(self.cgroup)
        if self._unshare:
            self._unshare.kill()
            self._unshare.wait()
            for stream in (self._unshare.stdin, self._unshare.stdout):
                if stream:
                    stream.close()
        eventually(lambda: _remove_cgroups(self.cgroup), within=10, what=f"the removal of {self.cgroup}")
        shutil.rmtree(self.folder, ignore_errors=True)


def _thaw_cgroups(name: str) -> None:
    """Lets go whatever `docker pause` froze: in a frozen control group (version 1), not even SIGKILL is heard."""
    for state in (CGROUPS / "freezer" / name[1:]).rglob("freezer.state"):
        with contextlib.suppress(OSError):
            state.write_text("THAWED")


def _remove_cgroups(name: str) -> bool:
    """Removes the control group in every hierarchy; whether all of it is gone."""
    roots = [CGROUPS / name[1:], *(path / name[1:] for path in CGROUPS.glob("*"))]
    for root in roots:
        if root.is_dir():
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
    return not any(root.is_dir() for root in roots)
