"""The example fleet on real engines: `proxmox` with 14 containers, `pi5` with 7, and the Git repo behind them.

`Homelab.up` makes a Git clone of `examples/homelab`, starts both engines, deploys every stack with real Compose from
that clone, and writes a config for anchorwatch. Everything lies in one folder; `down` leaves nothing of it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lab import images, tools
from lab.compose import Compose
from lab.engines import Engine
from lab.errors import LabError
from lab.machine import Machine
from lab.places import CHECKOUT, homelab_folder, machines_folder
from lab.ssh import SshHost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXAMPLE = CHECKOUT / "examples" / "homelab"
HOSTS = ("proxmox", "pi5")
NOT_DEPLOYED = ("pi5-stacks", "nginx-proxy-manager")
AT_ONCE = 4  # `compose up` spends its time waiting for the engine
REMOVAL = {"container": ("--force", "--volumes"), "network": (), "volume": ("--force",)}
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "lab",
    "GIT_AUTHOR_EMAIL": "lab@example.invalid",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "lab",
    "GIT_COMMITTER_EMAIL": "lab@example.invalid",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}

CONFIG = """\
# Written by `python3 -m lab up`.
compose: {compose}

repo:
  path: {repo}
  branch: main

hosts:
  proxmox:
    docker: {proxmox}
    stacks: ["proxmox/*"]
    exclude: ["proxmox/pi5-stacks"]
  pi5:
    docker: {pi5}
    stacks: ["pi5/*"]

declared_elsewhere:
  - {{stack: proxmox/nginx-proxy-manager, because: "runs as an LXC"}}

database: sqlite:///{folder}/anchorwatch.db
secrets_key: {folder}/secrets.key
"""


@dataclass(frozen=True, slots=True)
class Choices:
    """What `lab up` can be told: which engine for which host, which Compose, and sshd before both."""

    proxmox: tools.EngineRole = "newest"
    pi5: tools.EngineRole = "old"
    compose: tools.ComposeRole = "newest"
    ssh_both: bool = False


class Homelab:
    """Both hosts with the example deployed. `with Homelab(folder) as homelab:` is up inside."""

    def __init__(self, folder: Path | None = None, choices: Choices | None = None, *, detached: bool = False) -> None:
        choices = choices or Choices()
        self.folder = folder or homelab_folder()
        self.compose = Compose(choices.compose)
        self.proxmox = self._engine("proxmox", choices.proxmox, "10.201.0.0/16", detached)
        self.pi5 = self._engine("pi5", choices.pi5, "10.202.0.0/16", detached)
        self.pi5_ssh = SshHost(self.pi5)
        self.proxmox_ssh = SshHost(self.proxmox) if choices.ssh_both else None
        self._images: dict[str, list[str]] = {}
        self._contents: dict[str, dict[str, str]] = {}
        self._commit = ""

    @classmethod
    def attach(cls, folder: Path | None = None) -> Homelab:
        """The one that `lab up` left running. Raises LabError where there is none."""
        folder = folder or homelab_folder()
        try:
            state = json.loads((folder / "homelab.json").read_text())
        except (OSError, ValueError):
            raise LabError("the homelab is not up: `python3 -m lab up` starts it") from None
        homelab = cls.__new__(cls)
        homelab.folder = folder
        homelab.compose = Compose(state["compose"])
        homelab.proxmox, homelab.pi5 = (Engine.attach(folder / host) for host in HOSTS)
        homelab.pi5_ssh = SshHost.attach(homelab.pi5)
        homelab.proxmox_ssh = SshHost.attach(homelab.proxmox) if state["ssh_both"] else None
        homelab._images, homelab._contents, homelab._commit = {}, {}, ""
        return homelab

    @classmethod
    def clear_away(cls, folder: Path | None = None) -> None:
        """Takes down the homelab that `lab up` left running, and whatever is left of machines whose maker died."""
        folder = folder or homelab_folder()
        for host in HOSTS:
            with contextlib.suppress(LabError):
                Machine.attach(folder / host).stop()
        shutil.rmtree(folder, ignore_errors=True)
        sweep()

    @property
    def repo(self) -> Path:
        """The Git clone, branch main, that the stacks are deployed from."""
        return self.folder / "repo"

    @property
    def config(self) -> Path:
        """A config file for anchorwatch that fits."""
        return self.folder / "anchorwatch.yml"

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`: the hosts that have an sshd, by their names."""
        return self.folder / "ssh_config"

    @property
    def engines(self) -> tuple[Engine, Engine]:
        """proxmox, pi5."""
        return self.proxmox, self.pi5

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()

    def up(self) -> None:
        """Starts and deploys everything, or leaves nothing behind. Raises LabError."""
        try:
            self.repo.mkdir(parents=True)
        except FileExistsError:
            raise LabError(f"{self.folder} has a homelab already: `python3 -m lab down` takes it down") from None
        try:
            self._up()
        except BaseException:
            self.down()
            raise

    def _up(self) -> None:
        self._make_repo()
        state = {"compose": _role(self.compose), "ssh_both": bool(self.proxmox_ssh)}
        (self.folder / "homelab.json").write_text(json.dumps(state))
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(engine.start) for engine in self.engines]
            asked = {engine.name: pool.submit(self._ask_for_images, engine) for engine in self.engines}
            for job in started:
                job.result()
            for host in filter(None, (self.pi5_ssh, self.proxmox_ssh)):
                host.start()
            self._images = {name: job.result() for name, job in asked.items()}
            list(pool.map(self._load_images, self.engines))
        self._write_configs()
        self.deploy()
        self._contents = {engine.name: _contents(engine) for engine in self.engines}

    def down(self) -> None:
        """Ends both engines and removes the folder."""
        for engine in self.engines:
            engine.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stacks(self, engine: Engine) -> list[Path]:
        """The folders of the stacks that belong on this host, in the clone."""
        folders = sorted(path.parent for path in (self.repo / engine.name).glob("*/docker-compose.yml"))
        return [folder for folder in folders if folder.name not in NOT_DEPLOYED]

    def deploy(self, *more: str, stacks: Sequence[Path] | None = None) -> None:
        """`docker compose up -d` for every stack (or these), as many at a time as is quickest."""
        chosen = self.stacks(self.proxmox) + self.stacks(self.pi5) if stacks is None else stacks
        engines = {engine.name: engine for engine in self.engines}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [pool.submit(self.compose.up, stack, engines[stack.parent.name], *more) for stack in chosen]
            for job in jobs:
                job.result()

    def thaw(self) -> None:
        """Whatever was frozen goes on."""
        for host in filter(None, (self.pi5_ssh, self.proxmox_ssh)):
            host.thaw()
        for engine in self.engines:
            engine.thaw()

    def reset(self) -> None:
        """Everything as `up` left it: engines awake, repo clean, and only what differs deployed anew."""
        self.thaw()
        for engine in self.engines:
            if not engine.machine.processes("dockerd"):
                engine.start()
        for host in filter(None, (self.pi5_ssh, self.proxmox_ssh)):
            if not host.runs:
                host.start()
        git(self.repo, "checkout", "--quiet", "--force", "main")
        git(self.repo, "reset", "--quiet", "--hard", self._commit)
        git(self.repo, "clean", "--quiet", "-fd")
        self._write_configs()
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._restore, self.engines))

    def status(self) -> Iterator[str]:
        """What runs, line by line."""
        for engine in self.engines:
            state = f"{len(engine.running())} containers" if engine.machine.processes("dockerd") else "dockerd is dead"
            yield f"{engine.name:8} Docker {engine.version:9} {engine.url}  {state}"
        for host in filter(None, (self.pi5_ssh, self.proxmox_ssh)):
            yield f"{host.engine.name:8} ssh -F {self.ssh_config} {host.engine.name}"
        yield f"repo     {self.repo}"
        yield f"config   {self.config}"
        folder = self.compose.folder  # `docker compose` finds its plugins through the second
        yield f"compose  {self.compose.version}: PATH={folder}:$PATH DOCKER_CONFIG={folder}"

    def _engine(self, name: str, role: tools.EngineRole, address_pool: str, detached: bool) -> Engine:
        return Engine(role, name=name, folder=self.folder / name, address_pool=address_pool, detached=detached)

    def _make_repo(self) -> None:
        shutil.copytree(EXAMPLE, self.repo, dirs_exist_ok=True)
        git(self.repo, "init", "--quiet", "--initial-branch=main")
        git(self.repo, "add", "--all")
        git(self.repo, "commit", "--quiet", "--message", "The fleet")
        self._commit = git(self.repo, "rev-parse", "HEAD").strip()

    def _write_configs(self) -> None:
        proxmox = f'"{self.proxmox.url}"' if not self.proxmox_ssh else _ssh_address(self.proxmox_ssh)
        values = {"proxmox": proxmox, "pi5": _ssh_address(self.pi5_ssh), "compose": self.compose.program}
        text = CONFIG.format(repo=self.repo, folder=self.folder, **values)
        self.config.write_text(text)
        hosts = filter(None, (self.pi5_ssh, self.proxmox_ssh))
        self.ssh_config.write_text("".join(host.config_for(host.engine.name) for host in hosts))

    def _ask_for_images(self, engine: Engine) -> list[str]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sorted({name for names in pool.map(self.compose.images, self.stacks(engine)) for name in names})

    def _load_images(self, engine: Engine) -> None:
        images.load(engine, [images.like(name) for name in self._images[engine.name]])

    def _restore(self, engine: Engine) -> None:
        wanted, found = self._contents[engine.name], _contents(engine)
        if wanted == found:
            return
        for foreign in sorted(found.keys() - wanted.keys()):  # containers before networks and volumes
            kind, _, name = foreign.partition("/")
            engine.docker(kind, "rm", *REMOVAL[kind], name)
        self._load_images(engine)
        for stack in self.stacks(engine):
            services = self.compose.config(stack)["services"]
            names = {key: f"container/{service['container_name']}" for key, service in services.items()}
            changed = [key for key, name in names.items() if wanted[name] != found.get(name)]
            if changed:
                self.compose.up(stack, engine, "--force-recreate", "--no-deps", "--remove-orphans", *changed)
        self._contents[engine.name] = _contents(engine)


def sweep() -> None:
    """Removes what is left of machines whose maker was killed; those that run are left alone."""
    for folder in machines_folder().glob("*/"):
        Machine.remove_remains(folder)


def git(folder: Path, *arguments: str) -> str:
    """What git prints in this folder, undisturbed by the user's settings. Raises LabError where it fails."""
    argv = ["git", "-C", str(folder), *arguments]
    environment = GIT | {"PATH": tools.SYSTEM_PATH, "HOME": "/nonexistent"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise LabError(f"`git {' '.join(arguments)}` in {folder}: {done.stderr.strip()}")
    return done.stdout


def _ssh_address(host: SshHost) -> str:
    return f'"{host.url}"\n    ssh: {{key: "{host.key}", known_hosts: "{host.known_hosts}"}}'


def _role(compose: Compose) -> tools.ComposeRole:
    return next(role for role in tools.COMPOSE_ROLES if tools.compose(role) == compose.build)


def _contents(engine: Engine) -> dict[str, str]:
    """`container/NAME`, `network/NAME`, `volume/NAME` -> all of it that somebody may have changed."""
    listed = json.loads(engine.request("GET", "/containers/json?all=1"))
    inspected = [json.loads(engine.request("GET", f"/containers/{one['Id']}/json")) for one in listed]
    networks = json.loads(engine.request("GET", "/networks"))
    volumes = json.loads(engine.request("GET", "/volumes"))["Volumes"] or []
    found = {f"container{container['Name']}": _fingerprint(container) for container in inspected}
    found |= {f"network/{network['Name']}": network["Id"] for network in networks}
    return found | {f"volume/{volume['Name']}": volume["CreatedAt"] for volume in volumes}


def _fingerprint(container: dict[str, Any]) -> str:
    told = {key: container[key] for key in ("Id", "Config", "HostConfig", "Image")}
    told |= {"state": container["State"]["Status"], "networks": sorted(container["NetworkSettings"]["Networks"])}
    return json.dumps(told, sort_keys=True)
