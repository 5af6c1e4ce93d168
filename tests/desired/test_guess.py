"""What a repo's layout says by itself, and the config that `init` makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from anchorwatch.config import load
from anchorwatch.desired.deployers import with_deployers
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.guess import Guess, guess
from anchorwatch.desired.propose import Machine, propose
from anchorwatch.desired.stacks import find_stacks
from anchorwatch.model.settings import RepoSource
from tests.desired.trees import service, write

BASE = "services: {web: {image: x, ports: ['1:1'], volumes: ['/a:/a']}}\n"
OVERLAY = "services: {web: {environment: {A: b}}}\n"
Files = Mapping[str, str]

HOSTS: dict[str, tuple[Files, dict[str, tuple[str, ...]]]] = {
    "folders called like machines": (
        {"proxmox/media/compose.yml": "", "proxmox/dns/compose.yml": "", "pi5/mealie/compose.yml": ""},
        {"pi5": ("pi5/*",), "proxmox": ("proxmox/*",)},
    ),
    "with a grouping folder more": (
        {"proxmox/apps/media/compose.yml": "", "pi5/apps/mealie/compose.yml": "", "pi5/dns/compose.yml": ""},
        {"pi5": ("pi5/**",), "proxmox": ("proxmox/**",)},
    ),
    "below hosts": (
        {"hosts/anna/x/compose.yml": "", "hosts/bert/y/compose.yml": ""},
        {"anna": ("hosts/anna/*",), "bert": ("hosts/bert/*",)},
    ),
    "one big file each": (
        {"proxmox/docker-compose.yml": "", "pi5/docker-compose.yml": ""},
        {"pi5": ("pi5",), "proxmox": ("proxmox",)},
    ),
    "this machine among them": (
        {"alpha/media/compose.yml": "", "watcher/dns/compose.yml": ""},
        {"alpha": ("alpha/*",), "watcher": ("watcher/*",)},
    ),
    "the same stack twice": (
        {"alpha/agent/compose.yml": "", "beta/agent/compose.yml": "", "beta/dns/compose.yml": ""},
        {"alpha": ("alpha/*",), "beta": ("beta/*",)},
    ),
    "in the names of files": (
        {"docker-compose-pi5.yml": "", "docker-compose-proxmox.yml": "", "docker-compose-attic2.yml": ""},
        {
            "attic2": ("docker-compose-attic2.yml",),
            "pi5": ("docker-compose-pi5.yml",),
            "proxmox": ("docker-compose-proxmox.yml",),
        },
    ),
    "in the names of files of each stack": (
        {"media/docker-compose-pi5.yaml": "", "media/docker-compose-nas.yaml": "", "dns/docker-compose-pi5.yaml": ""},
        {"nas": ("*/docker-compose-nas.yaml",), "pi5": ("*/docker-compose-pi5.yaml",)},
    ),
    "overlays": (
        {"media/compose.yaml": BASE, "media/compose.pi5.yaml": OVERLAY, "media/compose.nas.yaml": OVERLAY},
        {"nas": ("*/compose.yaml + compose.nas.yaml",), "pi5": ("*/compose.yaml + compose.pi5.yaml",)},
    ),
    "files called like hosts and nothing else": (
        {
            **{f"stacks/traefik/{host}.yml": service("traefik") for host in ("neo", "tower", "helm")},
            "stacks/alloy/neo.yml": service("alloy"),
            "stacks/plex/tower.yml": service("plex"),
            "stacks/dns/helm.yml": service("dns"),
            "rules/alerts.yml": "groups: []",
        },
        {"helm": ("stacks/*/helm.yml",), "neo": ("stacks/*/neo.yml",), "tower": ("stacks/*/tower.yml",)},
    ),
    "hosts called like groups, one folder down": (
        {
            **{f"apps/{host}/{name}/compose.yml": "" for host in ("gateway", "media") for name in ("promtail", "watchtower")},
            "apps/paperless/db/compose.yml": "",
            "presets/x/x/compose.yml": "",
            "stacks-backup/media/promtail/compose.yml": "",
        },
        {"gateway": ("apps/gateway/*",), "media": ("apps/media/*",), "paperless": ("apps/paperless/*",)},
    ),
    "below servers, and a folder more": (
        {
            **{f"servers/{host}/apps/{name}/compose.yml": "" for host in ("lenovo-1", "odroid") for name in ("dns", "logs")},
            "servers/spare/apps/dns/compose.yml": "",
            "apps/dns/compose.yml": "",
            "apps/logs/compose.yml": "",
        },
        {"lenovo-1": ("servers/lenovo-1/**",), "odroid": ("servers/odroid/**",), "spare": ("servers/spare/**",)},
    ),
    "the same stacks at two sites": (
        {f"{site}/{name}/compose.yml": "" for site in ("prod", "dev") for name in ("web", "db")},
        {"dev": ("dev/*",), "prod": ("prod/*",)},
    ),
    "with files that are nobody's": (
        {"pi5/a/compose.yml": "", "nas/b/compose.yml": "", "common/x.yml": OVERLAY, "archive/c/compose.yml": ""},
        {"nas": ("nas/*",), "pi5": ("pi5/*",)},
    ),
}

ONE: dict[str, tuple[Files, tuple[str, ...]]] = {
    "flat": ({"media/compose.yaml": "", "dns/compose.yml": "", "pihole/compose.yml": ""}, ("**",)),
    "groups": ({"apps/media/compose.yaml": "", "infra/dns/compose.yml": "", "apps/web/compose.yml": ""}, ("**",)),
    "folders that tell nothing": ({"alpha/media/compose.yaml": "", "beta/dns/compose.yml": ""}, ("**",)),
    "one host's folder alone": ({"pi5/media/compose.yaml": "", "pi5/dns/compose.yml": ""}, ("**",)),
    "a stack called like this machine": ({"watcher/compose.yaml": "", "dns/compose.yml": ""}, ("**",)),
    "a file for all": ({"compose.yaml": "include: [a/compose.yml]", "a/compose.yml": ""}, ("**",)),
    "a file for each app": ({"docker-compose-plex.yml": "", "docker-compose-sonarr.yml": ""}, ("**",)),
    "one name in two groups": ({"apps/db/compose.yml": "", "media/db/compose.yml": "name: other\n" + BASE}, ("**",)),
    "names in several groups, moved and left behind": (
        {f"apps/{group}/{name}/compose.yml": "" for group in ("networking", "infrastructure") for name in ("proxy", "tunnel")}
        | {"apps/tools/wiki/compose.yml": ""},
        ("**",),
    ),
    "the same odd name everywhere": (
        {"plex/stack.yml": service("plex"), "dns/stack.yml": service("dns")},
        ("dns/*.yml", "plex/*.yml"),
    ),
    "variants": (
        {"app/docker-compose.yml": BASE, "app/docker-compose.dev.yml": BASE, "app/docker-compose.prod.yml": BASE},
        ("**",),
    ),
    "files of other names": (
        {"compose/plex.yml": "", "compose/sonarr.yml": "", "ha/configuration.yaml": "a: b", "k8s/x.yml": "kind: Service"},
        ("compose/*.yml",),
    ),
    "some of other names": ({"media/compose.yml": "", "plex/plex.yaml": ""}, ("**", "plex/*.yaml")),
}


def guessed(folder: Path, files: Files, hostname: str = "watcher.example.org") -> Guess:
    return guess(open_folder(write(folder, files)), hostname, ["default"])


@pytest.mark.parametrize("case", HOSTS)
def test_several_hosts(case: str, tmp_path: Path) -> None:
    files, expected = HOSTS[case]
    found = guessed(tmp_path, files)
    assert {layout.name: layout.stacks for layout in found.layouts} == expected
    mine = found.mine("watcher.example.org")
    assert (mine.name if mine else None) == ("watcher" if "watcher" in expected else None)
    assert found.mine(next(iter(expected)).upper()) == found.layouts[0]
    assert len(find_stacks(open_folder(tmp_path), found.layouts).found) >= len(expected)


@pytest.mark.parametrize("case", ONE)
def test_one_host(case: str, tmp_path: Path) -> None:
    files, entries = ONE[case]
    found = guessed(tmp_path, files)
    assert [layout.stacks for layout in found.layouts] == [entries]
    mine = found.mine("watcher.example.org")
    assert mine is not None
    assert mine.name == "watcher"
    assert find_stacks(open_folder(tmp_path), [mine]).found


def test_a_docker_context_makes_a_host_known(tmp_path: Path) -> None:
    files = open_folder(write(tmp_path, {"anna/x/compose.yml": "", "bert/y/compose.yml": ""}))
    assert guess(files, "watcher").by == "one"
    assert guess(files, "watcher", ["bert"]).by == "folder"


def test_no_compose_file_at_all(tmp_path: Path) -> None:
    found = guessed(tmp_path, {"README.md": "x"})
    stacks = find_stacks(open_folder(tmp_path), found.layouts)
    assert [one.error.kind for one in stacks.broken] == ["no_compose_file"]


@pytest.mark.parametrize("case", [*HOSTS, *ONE])
def test_the_config_that_is_proposed_is_one(case: str, tmp_path: Path) -> None:
    files = HOSTS[case][0] if case in HOSTS else ONE[case][0]
    found = guessed(tmp_path / "my repo", files)
    stacks = find_stacks(open_folder(tmp_path / "my repo"), found.layouts)
    machine = Machine("watcher.example.org", {"default": "unix:///var/run/docker.sock", "nas": "ssh://admin@nas"})
    text = propose(RepoSource(path=str(tmp_path / "my repo")), found, stacks, machine)
    (tmp_path / "anchorwatch.yml").write_text(text)
    config = load(tmp_path / "anchorwatch.yml", {})
    assert config.repo.path == str(tmp_path / "my repo")
    proposed = {layout.name: layout.stacks for layout in config.layouts()}
    assert proposed == {("watcher" if found.by == "one" else layout.name): layout.stacks for layout in found.layouts}
    addresses = {address.name: address.docker for address in config.addresses()}
    assert addresses.get("nas", "context:nas") == "context:nas"
    assert addresses.get("watcher", "unix:///var/run/docker.sock") == "unix:///var/run/docker.sock"


def test_what_a_person_has_to_look_at_is_said(tmp_path: Path) -> None:
    files = {
        "pi5/a/compose.yml": "", "nas/b/compose.yml": "services: [", "loose/compose.yml": "",
        "nas/pi5-stacks/a/compose.yml": "services: {pi5-a-compose-yml: {image: 'example/pi5-a-compose-yml:1'}}",
        ".doco-cd.yml": "name: a",
    }  # fmt: skip
    found = guessed(tmp_path, files)
    text = propose(
        RepoSource(url="https://git.example/ops.git", branch="main"),
        found,
        find_stacks(open_folder(tmp_path), found.layouts),
        Machine("watcher"),
    )
    assert "# a guess: correct user and name" in text
    assert "#   loose/compose.yml" in text
    assert "#   nas/pi5-stacks/a/compose.yml" in text
    assert "#   nas/b: nas/b/compose.yml:1: " in text
    assert '#   - {doco_cd: ".doco-cd.yml"}' in text
    assert "token_file" in text
    assert yaml.safe_load(text)["repo"] == {"url": "https://git.example/ops.git", "branch": "main"}


KOMODO = """
[[stack]]
name = "web"
[stack.config]
server = "{}"
run_directory = "stacks/web"
file_paths = ["compose.yml"]

[[stack]]
name = "names"
[stack.config]
server = "{}"
run_directory = "stacks/dns"
file_paths = ["compose.yml"]

[[stack]]
name = "clustered"
[stack.config]
swarm = "lab"
file_paths = ["stacks/clustered/compose.yml"]
"""
STACKS = {f"stacks/{name}/compose.yml": "" for name in ("web", "dns", "clustered", "by-hand")}
DOCO = "name: names\nworking_dir: stacks/dns\n---\nname: web\nworking_dir: stacks/web\n"

MAPPED: dict[str, tuple[Files, str, dict[str, dict[str, str | None]]]] = {
    "two servers": (
        {"komodo/stacks.toml": KOMODO.format("anna", "bert")},
        "map",
        {"anna": {"stacks/web": "web"}, "bert": {"stacks/dns": "names"}},
    ),
    "one server: it has what the map does not name, too, but not what a Swarm has": (
        {"komodo/stacks.toml": KOMODO.format("anna", "anna")},
        "map",
        {"anna": {"stacks/web": "web", "stacks/dns": "names", "stacks/by-hand": "by-hand"}},
    ),
    "no server": (
        {".doco-cd.yml": DOCO, ".doco-cd.yaml.bak": "name: gone\nworking_dir: gone\n"},
        "one",
        {"watcher": {"stacks/web": "web", "stacks/dns": "names", "stacks/by-hand": "by-hand", "stacks/clustered": "clustered"}},
    ),
    "a target each": (
        {".doco-cd.anna.yml": DOCO, ".doco-cd.bert.yaml": "name: web\nworking_dir: stacks/web\n"},
        "map",
        {"anna": {"stacks/web": "web", "stacks/dns": "names"}, "bert": {"stacks/web": "web"}},
    ),
    "a map that cannot be read": (
        {"komodo/stacks.toml": "[[stack]]\nname = "},
        "one",
        {"watcher": {f"stacks/{name}": name for name in ("web", "dns", "clustered", "by-hand")}},
    ),
}


@pytest.mark.parametrize("case", MAPPED)
def test_a_deployers_map_tells_more_than_folders(case: str, tmp_path: Path) -> None:
    maps, by, expected = MAPPED[case]
    files = open_folder(write(tmp_path / "ops", {**STACKS, **maps}))
    found = guess(files, "watcher.example.org")
    assert found.by == by
    text = propose(RepoSource(path=str(tmp_path / "ops")), found, find_stacks(files, found.layouts), Machine("watcher"))
    (tmp_path / "anchorwatch.yml").write_text(text)
    config = load(tmp_path / "anchorwatch.yml", {})
    for layouts in (found.layouts, with_deployers(files, config.layouts(), config.deployers).layouts):
        stacks = find_stacks(files, layouts)
        assert not stacks.broken
        there: dict[str, dict[str, str | None]] = {}
        for one in stacks.found:
            there.setdefault(one.stack.host, {})[one.stack.folder] = one.project.name
        assert there == expected
