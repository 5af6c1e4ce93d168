"""`anchorwatch check` from end to end: two real engines, a real repo, real Compose. States in, exit code and JSON out."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import jsonschema
from lab.homelab import Homelab, git

from tests.e2e.conftest import Program

SCHEMA = json.loads((Path(__file__).parents[1] / "contract_schema.json").read_text())


def commit(homelab: Homelab, file: str, old: str, new: str) -> str:
    """Commits a change of one file of the repo; the new commit."""
    path = homelab.repo / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    git(homelab.repo, "commit", "--quiet", "--all", "--message", "change")
    return git(homelab.repo, "rev-parse", "HEAD").strip()


def test_a_clean_fleet_has_no_drift(homelab: Homelab, anchorwatch: Program) -> None:
    answer = anchorwatch("check", "--format", "json")
    assert (answer.code, answer.err) == (0, "")
    report = answer.json
    jsonschema.validate(report, SCHEMA)
    assert report["summary"] == {
        "hosts": 2, "stacks": 12, "containers": 21, "drift": 0, "unknown": 0, "unknown_keys": 0, "ignored": 0,
    }  # fmt: skip
    assert [(host["name"], host["containers"]) for host in report["hosts"]] == [("proxmox", 14), ("pi5", 7)]
    assert {stack["status"] for stack in report["stacks"]} == {"in_sync"}
    assert {(one["path"].split("/")[1], one["because"]) for one in report["not_stacks"]} == {
        ("nginx-proxy-manager", "declared_elsewhere"),
        ("pi5-stacks", "excluded"),
    }
    again = anchorwatch("check", "--format", "json")
    assert again.json["stacks"] == report["stacks"]  # what the cache gives is what Compose gave


def test_four_changes_are_four_drifts(homelab: Homelab, anchorwatch: Program) -> None:
    homelab.pi5.docker("stop", "mealie")
    homelab.proxmox.docker("run", "--detach", "--name", "byhand", "redis:7.4-alpine")
    homelab.proxmox.docker("update", "--memory", "700m", "--memory-swap", "1400m", "grafana")
    homelab.proxmox.docker("update", "--restart", "no", "sonarr")
    answer = anchorwatch("check", "--format", "json")
    assert answer.code == 4
    jsonschema.validate(answer.json, SCHEMA)
    assert answer.drift == {
        ("pi5", "mealie", "missing", None),
        ("proxmox", "byhand", "unmanaged", None),
        ("proxmox", "grafana", "changed", "mem_limit"),
        ("proxmox", "sonarr", "changed", "restart"),
    }
    memory = next(one for one in answer.json["drift"] if one["path"] == "mem_limit")
    assert (memory["desired"], memory["observed"], memory["severity"]) == ("512 MiB", "700 MiB", "warning")
    assert memory["fix"].endswith("up -d --force-recreate grafana")
    assert anchorwatch("check", "--host", "pi5").code == 1
    assert anchorwatch("check", "--kind", "changed").code == 2
    assert anchorwatch("check", "--stack", "proxmox/media").code == 1
    assert anchorwatch("check", "--exit-code", "any").code == 1
    assert anchorwatch("check", "--severity", "critical").code == 0
    homelab.proxmox.docker("rm", "--force", "byhand")


def test_the_commands_that_are_given_mend_it(homelab: Homelab, anchorwatch: Program) -> None:
    homelab.proxmox.docker("update", "--memory", "700m", "--memory-swap", "1400m", "grafana")
    homelab.proxmox.docker("stop", "sonarr")
    homelab.proxmox.docker("pause", "vaultwarden")
    for drift in anchorwatch("check", "--format", "json").json["drift"]:
        words = drift["fix"].split()
        if words[1] == "compose":
            homelab.compose.run(homelab.repo, *words[2:], engine=homelab.proxmox)
        else:
            homelab.proxmox.docker(*words[1:])
    assert anchorwatch("check").code == 0


def test_a_frozen_host_costs_only_itself(homelab: Homelab, anchorwatch: Program) -> None:
    text = homelab.config.read_text()
    homelab.config.write_text(text.replace('stacks: ["pi5/*"]', 'stacks: ["pi5/*"]\n    timeout: 2s\n    deadline: 5s'))
    homelab.pi5.freeze()
    answer = anchorwatch("check", "--format", "json")
    assert answer.code == 101
    hosts = {host["name"]: host for host in answer.json["hosts"]}
    assert (hosts["proxmox"]["status"], hosts["pi5"]["status"]) == ("ok", "unreachable")
    assert hosts["pi5"]["error"]["class"] == "timeout"
    assert hosts["pi5"]["error"]["hint"]
    statuses = {(stack["host"], stack["status"]) for stack in answer.json["stacks"]}
    assert statuses == {("proxmox", "in_sync"), ("pi5", "unknown")}
    homelab.proxmox.docker("stop", "sonarr")
    assert anchorwatch("check").code == 1
    assert anchorwatch("check", "--host", "proxmox", "--stack", "proxmox/nextcloud").code == 0
    assert anchorwatch("check", "--exit-code", "any", "--host", "pi5").code == 2


def test_what_is_committed_counts_and_not_what_lies_in_the_work_tree(homelab: Homelab, anchorwatch: Program) -> None:
    file = homelab.repo / "proxmox/monitoring/docker-compose.yml"
    file.write_text(file.read_text().replace("512m", "640m"))
    assert anchorwatch("check").code == 0
    worktree = anchorwatch("check", "--worktree", "--format", "json")
    assert worktree.drift == {("proxmox", "grafana", "changed", "mem_limit")}
    assert worktree.json["revision"] is None
    git(homelab.repo, "checkout", "--quiet", "--", ".")
    head = commit(homelab, "proxmox/monitoring/docker-compose.yml", "512m", "640m")
    answer = anchorwatch("check", "--format", "json")
    assert answer.drift == {("proxmox", "grafana", "changed", "mem_limit")}
    assert answer.json["revision"] == head
    assert {stack["revision"] == head for stack in answer.json["stacks"] if stack["stack"] == "monitoring"} == {True}
    assert {stack["revision"] == head for stack in answer.json["stacks"] if stack["stack"] == "media"} == {False}


def test_a_broken_file_costs_only_its_stack(homelab: Homelab, anchorwatch: Program) -> None:
    commit(homelab, "pi5/mealie/docker-compose.yml", "services:", "services: [")
    answer = anchorwatch("check", "--format", "json")
    assert answer.code == 101
    broken = [stack for stack in answer.json["stacks"] if stack["error"]]
    assert [(stack["stack"], stack["status"], stack["error"]["class"]) for stack in broken] == [("mealie", "unknown", "bad_yaml")]
    assert answer.drift == set()  # the container of a stack that cannot be read is not called unmanaged


def test_what_stops_everything_ends_with_102(homelab: Homelab, anchorwatch: Program, tmp_path: Path) -> None:
    assert anchorwatch("check", str(tmp_path / "nowhere")).code == 102
    assert anchorwatch("check", "--stack", "proxmox/nothing").code == 102
    assert anchorwatch("check", "--no-such-option").code == 102
    config = tmp_path / "bad.yml"
    fleet = homelab.config.read_text()
    kept = [line for line in fleet.splitlines() if not line.startswith("compose:")]
    config.write_text("\n".join([*kept, f"compose: {tmp_path}/docker-compose"]))
    without = anchorwatch("check", config=config)
    assert (without.code, f"{tmp_path}/docker-compose" in without.err, "hint:" in without.err) == (102, True, True)
    config.write_text(fleet.replace("branch: main", "branch: gone"))
    gone = anchorwatch("check", config=config)
    assert (gone.code, "gone" in gone.err) == (102, True)
    config.write_text(
        "hosts:\n  a:\n    docker: ftp://x\n    stack: [x]\nwatch: {grace: soon}\nignore:\n  - {because: y}\ncolour: blue\n"
    )
    mistakes = anchorwatch("check", config=config)
    assert mistakes.code == 102
    for where in (":3:", ":4:", ":5:", ":7:", ":8:"):
        assert where in mistakes.err


def test_a_host_that_refuses_is_named_with_what_to_do(homelab: Homelab, anchorwatch: Program, tmp_path: Path) -> None:
    config = tmp_path / "gone.yml"
    config.write_text(homelab.config.read_text().replace(homelab.proxmox.url, f"unix://{tmp_path}/none.sock"))
    answer = anchorwatch("check", "--format", "json", config=config)
    assert answer.code == 101
    error = answer.json["hosts"][0]["error"]
    assert error["class"] == "refused"
    assert error["hint"]


def test_no_config_means_this_machine_and_this_folder(homelab: Homelab, tmp_path: Path) -> None:
    from subprocess import run
    from sys import executable

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANCHORWATCH", "DOCKER"))}
    environment = {
        **kept,
        "PATH": f"{homelab.compose.folder}:{os.environ['PATH']}",
        "DOCKER_HOST": homelab.proxmox.url,
        "XDG_CACHE_HOME": str(tmp_path),
    }
    command = [executable, "-m", "anchorwatch.cli", "check", "--format", "json"]
    stack = run(command, cwd=homelab.repo / "proxmox/media", env=environment, capture_output=True, text=True, check=False)
    report = json.loads(stack.stdout)
    assert [one["project"] for one in report["stacks"]] == ["media"]
    assert {drift["kind"] for drift in report["drift"]} == {"unmanaged"}
    whole = run([*command, str(homelab.repo)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert whole.returncode == 102  # the layout names proxmox and pi5, and this machine is neither
    assert "init" in whole.stderr


def test_a_redeploy_is_never_drift(homelab: Homelab, anchorwatch: Program) -> None:
    from concurrent.futures import ThreadPoolExecutor

    folder = homelab.repo / "proxmox/media"
    with ThreadPoolExecutor(1) as pool:
        deploy = pool.submit(lambda: homelab.compose.up(folder, homelab.proxmox, "--force-recreate"))
        seen = []
        while not deploy.done():
            seen.append(anchorwatch("check", "--stack", "proxmox/media", "--format", "json").drift)
        deploy.result()
    assert seen
    assert set().union(*seen) == set()
    assert anchorwatch("check").code == 0


def test_a_mount_of_the_engine_socket_is_critical(homelab: Homelab, anchorwatch: Program) -> None:
    seen = homelab.proxmox.docker("inspect", "--format", "{{.Config.Image}}", "sonarr").strip()
    labels = json.loads(homelab.proxmox.docker("inspect", "--format", "{{json .Config.Labels}}", "sonarr"))
    homelab.proxmox.docker("rm", "--force", "sonarr")
    flags = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    homelab.proxmox.docker(
        "run",
        "--detach",
        "--name",
        "sonarr",
        "--privileged",
        "--volume",
        "/var/run/docker.sock:/var/run/docker.sock",
        *flags,
        seen,
    )
    answer = anchorwatch("check", "--stack", "proxmox/media", "--severity", "critical", "--format", "json")
    paths = {one["path"] for one in answer.json["drift"]}
    assert {"privileged", "volumes./var/run/docker.sock"} <= paths


def test_diff_shows_a_stopped_container_the_files_as_they_lie_there_and_a_stack_that_cannot_be_read(
    homelab: Homelab, anchorwatch: Program
) -> None:
    homelab.pi5.docker("stop", "promtail")
    stopped = anchorwatch("diff", "pi5/promtail").out
    assert ("-container.state: running" in stopped, "+container.state: exited (0)" in stopped) == (True, True)
    compose = homelab.repo / "pi5" / "mealie" / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("512M", "256M"))
    assert anchorwatch("diff", "pi5/mealie").out == "", "it is not committed"
    for words in (("--worktree",), ("--worktree", "--repo", str(homelab.repo))):
        out = anchorwatch("diff", "pi5/mealie", *words).out
        assert "-deploy.resources.limits.memory: 256 MiB" in out
    compose.write_text("services: [")
    answer = anchorwatch("diff", "pi5/mealie", "--worktree")
    assert (answer.code, answer.out) == (2, "")
    assert "pi5/mealie" in answer.err
    assert "nothing differs" not in answer.err
    assert anchorwatch("check", "--stack", "pi5/mealie", "--worktree").code == 101, "what `check` could not judge either"
    whole = anchorwatch("diff", "--worktree")
    assert (whole.code, "+container.state: exited (0)" in whole.out) == (2, True), "what could be read is shown"
    assert anchorwatch("diff", "pi5/promtail", "--worktree").code == 0
    assert anchorwatch("diff", "--at", "1h", "--worktree").code == 2


def test_diff_shows_what_it_can_and_names_the_host_that_is_gone(homelab: Homelab, anchorwatch: Program, tmp_path: Path) -> None:
    homelab.proxmox.docker("update", "--restart", "no", "sonarr")
    config = tmp_path / "gone.yml"
    config.write_text(re.sub(r"(ssh://root@127.0.0.1):\d+", r"\1:1", homelab.config.read_text()))
    answer = anchorwatch("diff", config=config)
    assert answer.code == 2
    assert ("-restart: unless-stopped" in answer.out, "+restart: no" in answer.out) == (True, True)
    assert "pi5" in answer.err
    assert anchorwatch("diff", "proxmox/media", config=config).code == 0
