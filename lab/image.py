"""The container image, built from the checkout and run as people would: `python3 -m lab image`.

No registry is needed: the base image is made by debootstrap from the distribution's mirror (once; it is kept in `.lab/image`),
and a throw-away engine builds the Dockerfile on it. It is run with the project's own docker-compose.yml on the host `proxmox` of
a homelab, which it reaches through a socket proxy, and looks at `pi5` over ssh.

What this machine itself needs to reach package indexes, its own certificate authorities and its apt's settings, goes into that
base, so that nothing of it is in the project.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lab.debian import Suite, locked, sources_for, this_distribution
from lab.engines import Engine
from lab.errors import LabError
from lab.homelab import Homelab
from lab.places import CHECKOUT, lab_folder
from lab.waiting import eventually

BASE = "debian:trixie-slim"
"""What the Dockerfile builds on, and what ours is called."""
SUITE = "trixie"
NAME = "anchorwatch"
NOT_IN_SLIM = ("doc", "info", "locale", "man", "groff", "lintian", "linda")
"""What the slim images of Debian leave out of /usr/share, also of what is installed later."""
CLEAN = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";
"""
"""What they tell apt, so that no package stays in the image."""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


CONTAINER = f"{NAME}-{NAME}-1"
SSH_PORT = 2222
"""On which pi5's sshd is reached from containers on proxmox."""
CONFIG = """\
repo: {path: /repo, branch: main}
hosts:
  proxmox: {docker: "tcp://socket-proxy:2375", stacks: ["proxmox/*"], exclude: ["proxmox/pi5-stacks"]}
  pi5:
    docker: ssh://root@pi5:2222
    ssh: {key: /etc/anchorwatch/ssh/id_ed25519, known_hosts: /etc/anchorwatch/ssh/known_hosts}
    stacks: ["pi5/*"]
declared_elsewhere: [{stack: proxmox/nginx-proxy-manager, because: "runs as an LXC"}]
ignore: [{host: proxmox, project: anchorwatch}]
"""
OVERRIDE = """\
services:
  anchorwatch: {extra_hosts: ["pi5:host-gateway"]}
"""
"""Where pi5 is: all that the lab adds to the project's file."""
STAND_IN = """\
FROM anchorwatch
COPY socket_proxy.py /
ENTRYPOINT ["python3", "-u", "/socket_proxy.py"]
HEALTHCHECK NONE
"""


def folder() -> Path:
    """Where images are kept."""
    return lab_folder() / "image"


def build() -> Path:
    """The image `anchorwatch` as an archive that `docker load` takes, built anew from the checkout. Raises LabError."""
    built = folder() / f"{NAME}.tar"
    with Engine("newest", name="build", network="host") as engine:
        changes = [part for line in _environment() for part in ("--change", line)]
        engine.docker("import", *changes, str(base()), BASE)
        engine.docker("build", "--network", "host", "--tag", NAME, str(CHECKOUT))
        engine.docker("save", "--output", str(built), NAME)
    return built


def try_it() -> None:
    """Builds it, runs it, and says what it is like. Raises LabError where it is not healthy, or does not see both hosts."""
    began = time.monotonic()
    archive = build()
    print(f"built in {time.monotonic() - began:.0f} s", flush=True)
    try_out(archive)


def try_out(archive: Path) -> None:
    """The same with an image that is built already."""
    with Homelab(lab_folder() / f"image-{os.getpid()}") as homelab, _deployed(homelab, archive) as compose:
        began = time.monotonic()
        compose("up", "--detach", "--no-build")
        engine = homelab.proxmox

        def health() -> str:
            return engine.docker("inspect", "--format", "{{.State.Health.Status}}", CONTAINER).strip()

        with contextlib.suppress(LabError):
            eventually(lambda: health() == "healthy", within=120, what="a healthy container")
        was = health()
        print(f"{was} after {time.monotonic() - began:.0f} s")
        print(compose("ps", "--format", "table {{.Name}}  {{.Status}}"))
        print(engine.docker("image", "ls", "--format", "{{.Repository}} {{.Size}}", NAME))
        print(engine.docker("exec", CONTAINER, "anchorwatch", "doctor", check=False))
        found = json.loads(engine.docker("exec", CONTAINER, "anchorwatch", "check", "--format", "json", check=False))
        for host in found["hosts"]:
            print(f"{host['name']}: {host['status']}, Docker {host['engine']}, {host['containers']} containers run")
        print(json.dumps(found["summary"]))
        print(_memory(engine))
        refused = compose("logs", "--no-log-prefix", "socket-proxy").count("refused:")
        print(f"{refused} requests refused by the socket proxy")
        began = time.monotonic()
        compose("stop", "anchorwatch")
        code = engine.docker("inspect", "--format", "{{.State.ExitCode}}", CONTAINER).strip()
        print(f"stopped within {time.monotonic() - began:.1f} s, exit code {code}")
        if (was, [host["status"] for host in found["hosts"]], refused, code) != ("healthy", ["ok", "ok"], 0, "0"):
            raise LabError(compose("logs", "anchorwatch"))


def _memory(engine: Engine) -> str:
    """What the service takes: its own figures, as it serves them."""
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8899/metrics').read().decode())"
    said = engine.docker("exec", CONTAINER, "python3", "-c", ask)
    wanted = ("process_resident_memory_bytes", "process_cpu_seconds_total", "anchorwatch_host_up", "anchorwatch_containers")
    return "\n".join(line for line in said.splitlines() if line.startswith(wanted))


class _Run(Protocol):
    def __call__(self, *words: str) -> str:
        """What `docker compose WORDS` printed. Raises LabError."""


@contextmanager
def _deployed(homelab: Homelab, archive: Path) -> Iterator[_Run]:
    """`docker compose` for the project's file on proxmox, with everything in place that it asks for."""
    engine, place = homelab.proxmox, homelab.folder / "anchorwatch"
    place.mkdir()
    (place / "ssh").mkdir()
    (place / "anchorwatch.yml").write_text(CONFIG)
    (place / "lab.yml").write_text(OVERRIDE)
    shutil.copy(homelab.pi5_ssh.key, place / "ssh" / "id_ed25519")
    known = homelab.pi5_ssh.known_hosts.read_text().split(maxsplit=1)[1]
    (place / "ssh" / "known_hosts").write_text(f"[pi5]:{SSH_PORT} {known}")
    for path in (place / "ssh", *(place / "ssh").iterdir()):
        os.chown(path, 65532, 65532)
    for path in (homelab.folder, place):
        path.chmod(0o755)
    engine.docker("load", "--input", str(archive))
    (place / "stand-in").mkdir()
    (place / "stand-in" / "Dockerfile").write_text(STAND_IN)
    shutil.copy(CHECKOUT / "lab" / "socket_proxy.py", place / "stand-in")
    engine.docker("build", "--tag", "wollomatic/socket-proxy:1", str(place / "stand-in"))

    def compose(*words: str) -> str:
        environment = {
            "ANCHORWATCH_CONFIG": str(place / "anchorwatch.yml"),
            "ANCHORWATCH_SSH": str(place / "ssh"),
            "ANCHORWATCH_REPO": str(homelab.repo),
            "DOCKER_GID": "0",
        }
        return homelab.compose.run(
            place,
            *("--project-name", NAME, "--file", str(CHECKOUT / "docker-compose.yml"), "--file", str(place / "lab.yml")),
            *words,
            engine=engine,
            environment=environment,
        )

    with _reachable(homelab):
        yield compose


@contextmanager
def _reachable(homelab: Homelab) -> Iterator[None]:
    """In the network of proxmox, pi5's sshd listens on `SSH_PORT`."""
    listener: list[socket.socket] = []

    def listen() -> None:
        pid = json.loads((homelab.proxmox.folder / "machine.json").read_text())["pid"]
        with Path(f"/proc/{pid}/ns/net").open() as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0):
                raise OSError(ctypes.get_errno(), "setns")
        listener.append(socket.create_server(("0.0.0.0", SSH_PORT)))

    thread = threading.Thread(target=listen)  # a thread of its own, since it stays in that network
    thread.start()
    thread.join()
    threading.Thread(target=_relay, args=(listener[0], homelab.pi5_ssh.port), daemon=True).start()
    try:
        yield
    finally:
        listener[0].close()


def _relay(listener: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def base() -> Path:
    """A minimal system of the suite that the Dockerfile names, as an archive; made once. Raises LabError."""
    archive = folder() / f"{SUITE}.tar"
    with locked("image-base"):
        if not archive.exists():
            root = folder() / f"{SUITE}.new"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
            _bootstrap(root)
            _slim(root)
            _settle(root)
            _run(["tar", "--create", "--numeric-owner", "--file", f"{archive}.new", "--directory", str(root), "."])
            Path(f"{archive}.new").rename(archive)
            shutil.rmtree(root)
    return archive


def _bootstrap(root: Path) -> None:
    distribution = this_distribution()
    if distribution.name != "debian":
        raise LabError(f"the base image is made from Debian's packages, and this machine asks {distribution.name}'s mirrors")
    tool = Suite(distribution.suite, distribution).unpack(["debootstrap"], "debootstrap", share=True)
    modern, one_line = sources_for(SUITE, distribution.suite)
    mirror = re.search(r"^URIs:\s*(\S+)", modern, re.MULTILINE) or re.search(r"^deb (?:\[[^]]*\] )?(\S+)", one_line, re.MULTILINE)
    if mirror is None:
        raise LabError("no mirror of Debian is named in this machine's apt sources")
    program = ["unshare", "--mount", str(tool / "usr/sbin/debootstrap"), "--variant=minbase"]
    keyring = "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"
    _run([*program, keyring, SUITE, str(root), mirror[1]], DEBOOTSTRAP_DIR=str(tool / "usr/share/debootstrap"))


def _slim(root: Path) -> None:
    for name in NOT_IN_SLIM:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    for place in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
        shutil.rmtree(root / place, ignore_errors=True)
        (root / place).mkdir(parents=True)
    (root / "var/cache/apt/archives/partial").mkdir(parents=True)
    (root / "etc/apt/apt.conf.d/docker-clean").write_text(CLEAN)
    excluded = "".join(f"path-exclude /usr/share/{name}/*\n" for name in NOT_IN_SLIM)
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(excluded)


def _settle(root: Path) -> None:
    """What this machine needs to reach its package indexes: no part of the project, nor of an image that is shipped."""
    for authority in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        (root / "usr/local/share/ca-certificates").mkdir(parents=True, exist_ok=True)
        shutil.copy(authority, root / "usr/local/share/ca-certificates")
    for settings in Path("/etc/apt/apt.conf.d").iterdir():
        text = settings.read_text()
        if re.fullmatch(r"(?:\s*(?://.*|Acquire::[\w:]+ (?:\"\w*\"|\{ ?\w+ \"\w*\"; ?\});))*\s*", text):
            (root / "etc/apt/apt.conf.d" / settings.name).write_text(text)


def _environment() -> list[str]:
    """The same for pip."""
    index = os.environ.get("PIP_INDEX_URL")
    return [f"ENV PIP_CERT={AUTHORITIES}", *([f"ENV PIP_INDEX_URL={index}"] if index else [])]


def _run(argv: list[str], **environment: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", **environment})
    if done.returncode:
        raise LabError(f"`{' '.join(argv[:4])} …` failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-600:]}")
