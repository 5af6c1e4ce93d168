"""The lab keeps its promises: real engines, the example fleet on them, and nothing left behind."""

from __future__ import annotations

import filecmp
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab import images, tools
from lab.debian import sources_for
from lab.demo import make_drifts
from lab.engines import Engine
from lab.errors import LabError
from lab.homelab import Choices, Homelab
from lab.places import CHECKOUT, lab_folder, layers_folder
from lab.waiting import eventually

if TYPE_CHECKING:
    from lab.compose import Compose
    from lab.ssh import SshHost

PROXMOX = [
    *("dockhand", "grafana", "homeassistant", "jellyfin", "loki", "mosquitto", "nextcloud", "nextcloud-db"),
    *("nextcloud-redis", "prometheus", "prowlarr", "radarr", "sonarr", "vaultwarden"),
]
PI5 = ["mealie", "nebula-sync", "node-exporter", "obsidian-livesync", "pihole", "promtail", "tailscale"]

# Runs in a network, a process tree and mounts of its own, where nothing but the lab changes anything: whatever differs
# between two looks is the lab's doing.
LOOK_UP_LOOK_DOWN_LOOK = r"""
import json, os, subprocess, sys
from pathlib import Path
from lab.machine import Machine

def command_line(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it has ended
        return ""

def look():
    processes = {p.name: command_line(p) for p in Path("/proc").iterdir() if p.name.isdigit()}
    own = str(os.getpid())
    mine = [Machine(host, lab / "homelab" / host).cgroup[1:] for host in ("proxmox", "pi5")]
    return {
        "processes": sorted(text for pid, text in processes.items() if text and pid != own),
        "mounts": sorted(Path("/proc/self/mounts").read_text().splitlines()),
        "links": sorted(line.split(":")[0] for line in Path("/proc/net/dev").read_text().splitlines()[2:]),
        "routes": Path("/proc/net/route").read_text(),
        "listening": sorted(line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
                            if line.split()[3] == "0A"),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "filters": Path("/proc/net/ip_tables_names").read_text() if Path("/proc/net/ip_tables_names").exists() else "",
        "cgroups": [str(path) for name in mine for place in (name, f"*/{name}") for path in Path("/sys/fs/cgroup").glob(place)],
        "homelab": (lab / "homelab").exists(),
        "system": {folder: sorted(os.listdir(folder)) for folder in ("/etc", "/run", "/opt", "/srv", "/var/lib")},
    }

def run(command):
    done = subprocess.run([sys.executable, "-m", "lab", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout

lab = Path(os.environ["ANCHORWATCH_LAB"])
subprocess.run([str(lab / "busybox"), "ip", "link", "set", "lo", "up"], check=True)
before = look()
said = run(["up", "--ssh-both"])
during = look()
run(["down"])
print(json.dumps({"said": said, "before": before, "during": during, "after": look()}))
"""


def test_both_hosts_run_what_the_repo_says(homelab: Homelab) -> None:
    assert homelab.proxmox.running() == PROXMOX
    assert homelab.pi5.running() == PI5
    assert (len(PROXMOX), len(PI5)) == (14, 7)


def test_the_hosts_have_the_newest_engine_and_an_old_one(homelab: Homelab) -> None:
    versions = [json.loads(engine.request("GET", "/version"))["Version"] for engine in homelab.engines]
    assert int(versions[0].partition(".")[0]) >= 28
    assert versions[1].startswith("20.10.")


def test_pi5_is_reached_by_ssh_and_knows_its_name(homelab: Homelab) -> None:
    assert homelab.pi5_ssh.run("hostname").strip() == "pi5"
    assert sorted(homelab.pi5_ssh.run("docker", "ps", "--format", "{{.Names}}").split()) == PI5


def test_the_health_checks_of_the_fleet_pass(homelab: Homelab) -> None:
    homelab.proxmox.docker("exec", "nextcloud-db", "healthcheck.sh", "--connect", "--innodb_initialized")
    homelab.proxmox.docker("exec", "vaultwarden", "/bin/sh", "-c", "curl -fsS http://localhost:8080/alive || exit 1")
    homelab.pi5.docker("exec", "pihole", "dig", "+norecurse", "@127.0.0.1", "pi.hole")


def test_no_container_of_the_fleet_restarts_or_has_ended(homelab: Homelab) -> None:
    for engine in homelab.engines:
        states = engine.docker("ps", "--all", "--format", "{{.State}}").split()
        assert set(states) == {"running"}


def test_the_clone_is_a_git_repo_on_main_with_a_clean_tree(homelab: Homelab) -> None:
    def git(*arguments: str) -> str:
        argv = ["git", "-c", "safe.directory=*", "-C", str(homelab.repo), *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    assert git("branch", "--show-current") == "main"
    assert git("status", "--porcelain") == ""


def test_a_reset_undoes_whatever_a_test_did(homelab: Homelab) -> None:
    make_drifts(homelab)
    homelab.proxmox.docker("network", "create", "stray")
    homelab.pi5.docker("rm", "-f", "pihole")
    (homelab.repo / "pi5" / "mealie" / "docker-compose.yml").unlink()
    homelab.pi5.freeze()
    homelab.reset()
    assert homelab.proxmox.running() == PROXMOX
    assert homelab.pi5.running() == PI5
    assert homelab.pi5.docker("inspect", "--format", "{{.HostConfig.Memory}}", "mealie") == str(512 * 2**20)
    restart = homelab.proxmox.docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", "vaultwarden")
    assert restart == "unless-stopped"
    assert "stray" not in homelab.proxmox.docker("network", "ls")
    assert (homelab.repo / "pi5" / "mealie" / "docker-compose.yml").exists()


def test_it_deploys_with_the_oldest_compose_and_the_engines_swapped(lab_tools: None, tmp_path: Path) -> None:
    with Homelab(tmp_path, Choices(proxmox="old", pi5="newest", compose="oldest")) as swapped:
        assert swapped.proxmox.version.startswith("20.10.")
        assert swapped.compose.version.startswith("2.26.")
        assert (swapped.proxmox.running(), swapped.pi5.running()) == (PROXMOX, PI5)


def test_the_mirror_for_hawser_is_a_copy_of_pi5s_stacks() -> None:
    example = CHECKOUT / "examples" / "homelab"
    originals = sorted(path.relative_to(example / "pi5") for path in (example / "pi5").rglob("*") if path.is_file())
    copies = example / "proxmox" / "pi5-stacks"
    assert originals == sorted(path.relative_to(copies) for path in copies.rglob("*") if path.is_file())
    for path in originals:
        assert filecmp.cmp(example / "pi5" / path, copies / path, shallow=False), path


def test_up_and_down_leave_nothing_behind(lab_tools: None, tmp_path: Path) -> None:
    (tmp_path / "layers").symlink_to(layers_folder())
    busybox = tools.program("busybox", tools.base_layers())
    (tmp_path / "busybox").symlink_to(busybox)
    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    done = subprocess.run(
        [*alone, sys.executable, "-c", LOOK_UP_LOOK_DOWN_LOOK],
        cwd=CHECKOUT,
        env=os.environ | {"ANCHORWATCH_LAB": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "14 containers" in seen["said"]
    assert "7 containers" in seen["said"]
    during = seen["during"]
    assert len([text for text in during["processes"] if "dockerd" in text]) == 2
    assert len([text for text in during["processes"] if text.startswith("/bin/busybox\0sh\0/bin/hold")]) == 21
    assert len(during["listening"]) == 2  # the two sshd
    assert during["cgroups"]
    # The engines' bridges, mounts, routes and filters were never here at all.
    for kind in ("mounts", "links", "routes", "filters", "forwarding", "system"):
        assert during[kind] == seen["before"][kind], kind
    assert seen["after"] == seen["before"]


def test_a_machine_ends_with_the_process_that_made_it(lab_tools: None) -> None:
    script = (
        "import sys; from lab.engines import Engine; engine = Engine('newest', name='orphan'); engine.start();"
        "print(engine.folder, engine.machine.processes('dockerd')[0].pid, flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout
        folder, pid = maker.stdout.readline().split()
        assert Path(f"/proc/{pid}").exists()
        maker.send_signal(signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), within=30, what="the end of the orphan's dockerd")
    subprocess.run([sys.executable, "-m", "lab", "sweep"], cwd=CHECKOUT, check=True)
    assert not Path(folder).exists()


def test_engines_do_not_meet_although_they_publish_the_same_port(emptied_new_engine: Engine, emptied_old_engine: Engine) -> None:
    for engine in (emptied_new_engine, emptied_old_engine):
        engine.docker("run", "--detach", "--name", "dns", "--publish", "53:53/udp", "hold:1")
        assert engine.running() == ["dns"]


@pytest.mark.parametrize("role", ["old", "newest"])
def test_an_engine_that_was_killed_comes_back_with_its_containers(lab_tools: None, role: str) -> None:
    with Engine(role) as engine:  # type: ignore[arg-type]  # pytest gives str
        images.load(engine, [images.hold()])
        engine.docker("run", "--detach", "--restart", "always", "--name", "web", "hold:1")
        engine.kill()
        with pytest.raises(LabError):
            engine.request("GET", "/_ping")
        engine.start()
        eventually(lambda: engine.running() == ["web"], within=60, what="the restart of web")


def test_a_frozen_engine_takes_connections_and_says_nothing(emptied_new_engine: Engine) -> None:
    emptied_new_engine.freeze()
    with pytest.raises(LabError, match="timed out"):
        emptied_new_engine.request("GET", "/_ping", timeout=0.3)
    emptied_new_engine.thaw()
    assert emptied_new_engine.request("GET", "/_ping") == b"OK"


def test_a_program_started_in_a_container_sees_the_containers_files(
    emptied_new_engine: Engine, emptied_old_engine: Engine
) -> None:
    for engine in (emptied_new_engine, emptied_old_engine):
        engine.docker("run", "--detach", "--name", "web", "--health-cmd", "curl -f localhost", "hold:1")
        assert "app:x:1000" in engine.docker("exec", "web", "cat", "/etc/passwd")
        assert engine.docker("exec", "web", "curl", "--fail", "http://localhost") == ""


def test_an_engine_with_a_paused_container_can_be_stopped(lab_tools: None) -> None:
    with Engine("newest") as engine:
        images.load(engine, [images.hold()])
        engine.docker("run", "--detach", "--name", "paused", "hold:1")
        engine.docker("pause", "paused")
        folder = engine.folder
    assert not folder.exists()


def test_the_sshd_takes_its_key_and_no_other(old_ssh_host: SshHost) -> None:
    assert old_ssh_host.run("echo", "in").strip() == "in"
    refused = subprocess.run(
        ["ssh", *old_ssh_host.options(old_ssh_host.wrong_key), "127.0.0.1", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 255
    assert "Permission denied" in refused.stderr


def test_an_image_brings_its_own_defaults(emptied_new_engine: Engine) -> None:
    emptied_new_engine.docker("run", "--detach", "--name", "rich", "rich:1", "whatever", "--it", "says")
    config = json.loads(emptied_new_engine.docker("inspect", "rich"))[0]["Config"]
    assert config["Labels"]["rich.label"] == "from the image"
    assert "RICH_VERSION=1.2.3" in config["Env"]
    assert config["User"] == "1000:1000"
    assert config["StopSignal"] == "SIGINT"
    emptied_new_engine.docker("stop", "--time", "10", "rich")
    assert emptied_new_engine.docker("inspect", "--format", "{{.State.ExitCode}}", "rich") == "0"


def test_every_image_name_of_a_compose_file_can_be_had(
    emptied_old_engine: Engine, newest_compose: Compose, tmp_path: Path
) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  one: {image: ghcr.io/some/one:1.2}\n  two: {image: two, profiles: [more], command: [x, y]}\n"
    )
    assert images.tag_for(emptied_old_engine, newest_compose, tmp_path) == ["ghcr.io/some/one:1.2", "two"]
    newest_compose.up(tmp_path, emptied_old_engine)
    assert len(emptied_old_engine.running()) == 1
    ids = (
        emptied_old_engine.docker("images", "--quiet", "ghcr.io/some/one:1.2"),
        emptied_old_engine.docker("images", "--quiet", "two"),
    )
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param(
            "debian.sources",
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\nComponents: main\n"
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp\n\n"
            "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main\n",
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp\n\n\n",
            id="deb822",
        ),
        pytest.param(
            "a.list",
            "deb [signed-by=/etc/k.gpg arch=amd64] http://mirror/debian trixie main contrib\n"
            "deb-src http://mirror/debian trixie main\n# deb http://old/debian trixie main\n"
            "deb http://mirror/debian-security trixie-security main\n",
            "\ndeb [signed-by=/etc/k.gpg arch=amd64] http://mirror/debian bookworm main contrib\n",
            id="one line",
        ),
        pytest.param(
            "a.sources",
            "Enabled: no\nTypes: deb\nURIs: http://off/debian\nSuites: trixie\nComponents: main\n\n"
            "Types: deb\nURIs: http://on/debian\nSuites: stable\nComponents: main\n",
            "Types: deb\nURIs: http://on/debian\nSuites: bookworm\nComponents: main\n\n",
            id="disabled, and a suite by its class",
        ),
    ],
)
def test_sources_of_another_suite_are_the_systems_own(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / name).write_text(text)
    modern, one_line = sources_for("bookworm", "trixie", tmp_path)
    assert f"{modern}{one_line}" == (expected if name.endswith(".list") else f"{expected.rstrip()}\n\n")


def test_no_entry_to_copy_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no entry for trixie"):
        sources_for("bookworm", "trixie", tmp_path)


def test_without_root_it_says_so() -> None:
    argv = ["unshare", "--user", sys.executable, "-m", "lab", "status"]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "must run as root" in done.stderr


def test_a_path_too_long_for_a_socket_is_said(lab_tools: None) -> None:
    with pytest.raises(LabError, match="ANCHORWATCH_LAB"):
        Engine("newest", folder=lab_folder() / ("long" * 30)).start()
