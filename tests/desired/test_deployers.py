"""The maps of Komodo and doco-cd: which stacks they say are on which host. The examples follow those programs' own manuals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from anchorwatch.desired import komodo
from anchorwatch.desired.deployers import Deployed, find_maps, with_deployers
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.stacks import Stacks, find_stacks
from anchorwatch.errors import GitFailed
from anchorwatch.model.settings import Deployer, HostLayout, StackValues
from tests.desired.trees import write

KOMODO = """
[[server]]
name = "server-prod"
[server.config]
address = "https://10.0.0.1:8120"

[[stack]]
name = "Media Stack"
deploy = true
[stack.config]
server = "server-prod"
run_directory = "stacks/media"
file_paths = ["compose.yaml", "gpu.yaml"]
linked_repo = "ops"
additional_env_files = ["shared.env"]
environment = '''
# comments
TZ = Europe/Berlin # and here
KEY_2="two words"
- KEY_3: 'three'
'KEY_4 = four'
TOKEN = [[SECRET_TOKEN]]
'''

[[stack]]
name = "dns"
[stack.config]
server_id = "pi5"
run_directory = "/opt/homelab/stacks/dns"
files_on_host = true
project_name = "resolver"

[[stack]]
name = "listed"
[stack.config]
server = "pi5"
run_directory = "stacks/listed"
file_paths = '''
a.yml, b.yml # both
'''

[[stack]]
name = "in-komodo"
[stack.config]
server = "pi5"
file_contents = "services: {}"

[[stack]]
name = "swarm"
[stack.config]
swarm = "s1"
run_directory = "stacks/media"

[[stack]]
name = "elsewhere"
[stack.config]
server = "nas"
run_directory = "stacks/nas"
"""
TREE = {
    "stacks/media/compose.yaml": "", "stacks/media/gpu.yaml": "services: {g: {image: g}}",
    "stacks/media/shared.env": "SHARED=1\nTZ=UTC\n",
    "stacks/dns/compose.yaml": "", "stacks/dns/compose.override.yaml": "services: {o: {image: o}}",
    "stacks/listed/a.yml": "", "stacks/listed/b.yml": "", "stacks/nas/compose.yaml": "",
}  # fmt: skip


def read(
    folder: Path, files: Mapping[str, str], deployer: Deployer, hosts: tuple[str, ...] = ("proxmox", "pi5")
) -> tuple[Deployed, Stacks]:
    opened = open_folder(write(folder, files))
    deployed = with_deployers(opened, [HostLayout(host, ()) for host in hosts], [deployer])
    return deployed, find_stacks(opened, deployed.layouts)


def shown(stacks: Stacks) -> dict[str, tuple[str | None, list[str]]]:
    return {str(one.stack): (one.project.name, list(one.stack.files)) for one in stacks.found}


def values(deployed: Deployed, host: str, stack: str) -> StackValues:
    return next(layout for layout in deployed.layouts if layout.name == host).per_stack[stack]


def test_komodo(tmp_path: Path) -> None:
    deployer = Deployer("komodo", "komodo/*.toml", servers={"server-prod": "proxmox"})
    deployed, stacks = read(tmp_path, {**TREE, "komodo/stacks.toml": KOMODO}, deployer)
    assert shown(stacks) == {
        "pi5/dns": ("resolver", ["stacks/dns/compose.yaml"]),
        "pi5/listed": ("listed", ["stacks/listed/a.yml", "stacks/listed/b.yml"]),
        "proxmox/media": ("media_stack", ["stacks/media/compose.yaml", "stacks/media/gpu.yaml"]),
    }
    assert values(deployed, "proxmox", "media").env == {
        "SHARED": "1", "TZ": "Europe/Berlin", "KEY_2": "two words", "KEY_3": "three", "KEY_4": "four",
    }  # fmt: skip
    assert deployed.unplaced == ("elsewhere (on nas)",)
    assert stacks.broken == ()


def test_komodo_without_a_path_takes_what_is_there(tmp_path: Path) -> None:
    files = {"k.toml": '[[stack]]\nname = "a"\n[stack.config]\nserver = "pi5"\nrun_directory = "a"\n', "a/docker-compose.yml": ""}
    assert shown(read(tmp_path, files, Deployer("komodo", "k.toml"))[1]) == {"pi5/a": ("a", ["a/docker-compose.yml"])}


def test_a_file_that_komodo_names_and_the_repo_has_not(tmp_path: Path) -> None:
    files = {
        "k.toml": '[[stack]]\nname = "a"\n[stack.config]\nserver = "pi5"\nrun_directory = "a"\nfile_paths = ["x.yml"]\n',
        "a/y": "1",
    }
    assert [one.error.kind for one in read(tmp_path, files, Deployer("komodo", "*.toml"))[1].broken] == ["no_compose_file"]


def test_the_maps_that_are_in_a_repo(tmp_path: Path) -> None:
    stack = '[[stack]]\nname = "a"\n[stack.config]\nserver = "pi5"\n'

    def maps(name: str, files: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(one.reader, one.path) for one in find_maps(open_folder(write(tmp_path / name, files)))]

    assert maps("none", {"pyproject.toml": "[project]", "a/.doco-cd.yml": "name: a"}) == []
    both = maps("one", {"k/a.toml": stack, ".doco-cd.nas.yml": "name: a", ".doco-cd.yml": "name: b"})
    assert both == [("komodo", "k/a.toml"), ("doco_cd", ".doco-cd*.y*ml")]
    several = maps("several", {"k/a.toml": stack, "k/deep/b.toml": stack.replace("stack", "stacks")})
    assert several == [("komodo", "k/**/*.toml")]
    assert maps("top", {"a.toml": stack, "b/b.toml": stack}) == [("komodo", "**/*.toml")]
    # doco-cd reads `.yaml` and not the other, and nothing that was put aside.
    one = maps("first", {".doco-cd.yml": "name: a", ".doco-cd.yaml": "name: b", ".doco-cd.yaml.bak": "name: c"})
    assert one == [("doco_cd", ".doco-cd.yaml")]


@pytest.mark.parametrize(
    ("name", "project"), [("Media Stack", "media_stack"), ("a.b", "a_b"), ("_x", "x"), (" Plain-1 ", "plain-1")]
)
def test_the_project_that_komodo_makes_of_a_name(name: str, project: str) -> None:
    assert komodo.project(name) == project


def test_what_the_config_says_wins_over_the_map(tmp_path: Path) -> None:
    opened = open_folder(write(tmp_path, {**TREE, "k.toml": KOMODO}))
    own = {"dns": StackValues(env={"A": "1"}, project="mine"), "media": StackValues(env={"TZ": "UTC"}, env_files=("/x",))}
    layouts = [HostLayout("proxmox", ("stacks/nas",), per_stack=own), HostLayout("pi5", (), per_stack=own)]
    deployed = with_deployers(opened, layouts, [Deployer("komodo", "k.toml", servers={"server-prod": "proxmox"})])
    assert values(deployed, "pi5", "dns").project == "mine"
    media = values(deployed, "proxmox", "media")
    assert (media.env["TZ"], media.env["SHARED"], media.env_files, media.project) == ("UTC", "1", ("/x",), "media_stack")
    assert "proxmox/nas" in shown(find_stacks(opened, deployed.layouts))


def test_doco_cd_with_several_deployments(tmp_path: Path) -> None:
    text = """
name: Gitea
working_dir: gitea
profiles: [web, runner]
environment: {TZ: UTC}
---
name: paperless-ngx
working_dir: paperless
compose_files: [docker-compose.yml, docker-compose.overwrite.yml, not-there.yml]
env_files: [.env, more.env]
---
name: other-repo
repository_url: https://git.example/x.git
---
name: gone
working_dir: gitea
destroy: true
---
name: on-nas
working_dir: nas
context: nas
"""
    files = {
        ".doco-cd.yml": text, "gitea/compose.yaml": "", "gitea/compose.override.yaml": "services: {o: {image: o}}",
        "paperless/docker-compose.yml": "", "paperless/docker-compose.overwrite.yml": "services: {o: {image: o}}",
        "paperless/more.env": "MORE=1\n", "nas/compose.yml": "",
    }  # fmt: skip
    deployed, stacks = read(tmp_path, files, Deployer("doco_cd", ".doco-cd.yml", host="pi5"))
    assert shown(stacks) == {
        "pi5/gitea": ("gitea", ["gitea/compose.yaml"]),
        "pi5/paperless": ("paperless-ngx", ["paperless/docker-compose.yml", "paperless/docker-compose.overwrite.yml"]),
    }
    assert values(deployed, "pi5", "gitea").env == {"TZ": "UTC", "COMPOSE_PROFILES": "web,runner"}
    assert values(deployed, "pi5", "paperless").env == {"MORE": "1"}
    assert deployed.unplaced == ("on-nas (on nas)",)


@pytest.mark.parametrize(
    "discover",
    [
        "auto_discover: true\nauto_discover_opts: {depth: 1}",
        "auto_discovery: {enable: true, depth: 1}",
        "auto_discovery: {enabled: true, depth: 1}",
    ],
)
def test_doco_cd_that_discovers(tmp_path: Path, discover: str) -> None:
    files = {
        ".doco-cd.pi5.yaml": f"working_dir: apps/\n{discover}\n", "apps/wordpress/docker-compose.yml": "",
        "apps/nginx/compose.yml": "", "apps/nginx/.doco-cd.yml": "name: web\nenvironment: {A: b}\n",
        "apps/misc/image.png": "x", "apps/too/deep/compose.yml": "",
        "apps/off/compose.yml": "", "apps/off/.doco-cd.yaml": "destroy: {enabled: true}\n", "outside/compose.yml": "",
    }  # fmt: skip
    deployed, stacks = read(tmp_path, files, Deployer("doco_cd", ".doco-cd*"))
    assert shown(stacks) == {
        "pi5/nginx": ("web", ["apps/nginx/compose.yml"]), "pi5/wordpress": ("wordpress", ["apps/wordpress/docker-compose.yml"]),
    }  # fmt: skip
    assert values(deployed, "pi5", "nginx").env == {"A": "b"}


@pytest.mark.parametrize(
    ("reader", "name", "content"),
    [
        ("komodo", "k.toml", "[[stack"),
        ("komodo", "k.toml", "\udcff"),
        ("doco_cd", ".doco-cd.yml", "name: ["),
        ("komodo", "nowhere", ""),
    ],
)
def test_a_map_that_cannot_be_read(tmp_path: Path, reader: str, name: str, content: str) -> None:
    tree: dict[str, str] = {"a/compose.yml": ""}
    write(tmp_path, tree)
    if name != "nowhere":
        (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(GitFailed) as caught:
        with_deployers(open_folder(tmp_path), [HostLayout("pi5", ())], [Deployer(reader, name)])
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "content",
    ['stack = "x"', "[[stack]]\nname = 3", '[[stack]]\nname = "x"\nconfig = 1',
     '[[stack]]\nname = "x"\n[stack.config]\nfile_paths = 7\nserver = "pi5"',
     '[[stack]]\nname = "x"\n[stack.config]\nrun_directory = "../.."\nserver = "pi5"'],
)  # fmt: skip
def test_odd_maps_are_no_reason_to_fail(tmp_path: Path, content: str) -> None:
    read(tmp_path, {"k.toml": content, "a": "1"}, Deployer("komodo", "k.toml"))
