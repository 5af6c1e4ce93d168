"""Every layout that people keep their stacks in: which host each stack goes to, and what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.desired.files import MAX_FILE_BYTES
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.layout import Tree, claims, read_entry
from anchorwatch.desired.repo import open_repo
from anchorwatch.desired.stacks import Stacks, find_stacks
from anchorwatch.model.settings import DeclaredElsewhere, HostLayout, StackValues
from tests.desired.trees import commit, git, repo, service, write

Layouts = Mapping[str, Sequence[str]]


def found(folder: Path, files: Mapping[str, str | bytes], hosts: Layouts, *, exclude: Layouts | None = None) -> Stacks:
    write(folder, files)
    layouts = [HostLayout(host, tuple(stacks), tuple((exclude or {}).get(host, ()))) for host, stacks in hosts.items()]
    return find_stacks(open_folder(folder), layouts)


def shown(stacks: Stacks) -> dict[str, list[str]]:
    return {str(one.stack): list(one.stack.files) for one in stacks.found}


def aside(stacks: Stacks) -> dict[str, str]:
    return {one.path: one.because for one in stacks.not_stacks}


def errors(stacks: Stacks) -> dict[str, str]:
    return {str(one.stack): one.error.kind for one in stacks.broken}


def test_a_folder_a_host(tmp_path: Path) -> None:
    stacks = found(
        tmp_path,
        {"proxmox/media/compose.yaml": "", "proxmox/dns/docker-compose.yml": "", "pi5/mealie/compose.yml": ""},
        {"proxmox": ["proxmox/*"], "pi5": ["pi5/*"]},
    )
    assert shown(stacks) == {
        "pi5/mealie": ["pi5/mealie/compose.yml"],
        "proxmox/dns": ["proxmox/dns/docker-compose.yml"],
        "proxmox/media": ["proxmox/media/compose.yaml"],
    }
    assert (stacks.broken, stacks.not_stacks, stacks.unclaimed) == ((), (), ())


def test_one_grouping_folder_more(tmp_path: Path) -> None:
    files = {"pi5/apps/mealie/compose.yml": "", "pi5/infra/dns/compose.yml": "", "pi5/top/compose.yml": ""}
    assert set(shown(found(tmp_path, files, {"pi5": ["pi5/*"]}))) == {"pi5/top"}
    # Globs are over paths: this one fits the folder pi5/apps/mealie, and the file pi5/top/compose.yml as well.
    assert set(shown(found(tmp_path, files, {"pi5": ["pi5/*/*"]}))) == {"pi5/apps/mealie", "pi5/infra/dns", "pi5/top"}
    assert set(shown(found(tmp_path, files, {"pi5": ["pi5/apps/*", "pi5/top"]}))) == {"pi5/mealie", "pi5/top"}
    everything = found(tmp_path, files, {"pi5": ["pi5/**"]})
    assert set(shown(everything)) == {"pi5/apps/mealie", "pi5/infra/dns", "pi5/top"}


def test_flat(tmp_path: Path) -> None:
    stacks = found(tmp_path, {"media/compose.yaml": "", "dns/compose.yml": "", "README.md": "x"}, {"nas": ["*"]})
    assert set(shown(stacks)) == {"nas/media", "nas/dns"}


def test_one_big_file_a_host(tmp_path: Path) -> None:
    files = {"pi5/docker-compose.yml": "", "nas/docker-compose.yml": "", "nas/docker-compose.override.yml": service("a")}
    for entries in (["pi5"], ["pi5/docker-compose.yml"], ["pi5/*"], ["pi5/*.yml"]):
        assert shown(found(tmp_path, files, {"pi5": entries})) == {"pi5/pi5": ["pi5/docker-compose.yml"]}
    with_override = ["nas/docker-compose.yml", "nas/docker-compose.override.yml"]
    assert shown(found(tmp_path, files, {"nas": ["nas"]})) == {"nas/nas": with_override}
    assert shown(found(tmp_path, files, {"nas": ["*/docker-compose.yml"]}))["nas/nas"] == with_override
    assert shown(found(tmp_path, files, {"nas": ["nas/docker-compose.yml"]})) == {"nas/nas": ["nas/docker-compose.yml"]}


def test_the_host_in_the_name_of_the_file(tmp_path: Path) -> None:
    files = {
        "docker-compose-pi5.yml": "",
        "docker-compose-nas-media.yml": "",
        "docker-compose-nas-dns.yml": "name: dns\nservices: {d: {image: x}}",
    }
    stacks = found(tmp_path, files, {"pi5": ["docker-compose-pi5.yml"], "nas": ["docker-compose-nas-*.yml"]})
    assert shown(stacks) == {
        "nas/dns": ["docker-compose-nas-dns.yml"],
        "nas/media": ["docker-compose-nas-media.yml"],
        "pi5/pi5": ["docker-compose-pi5.yml"],
    }


@pytest.mark.parametrize("entry", ["*", "*/docker-compose-{}.yaml", "**"])
def test_a_file_a_host_in_each_stack(tmp_path: Path, entry: str) -> None:
    files = {"media/docker-compose-pi5.yaml": "", "media/docker-compose-nas.yaml": "", "dns/docker-compose-pi5.yaml": ""}
    stacks = found(tmp_path, files, {host: [entry.format(host)] for host in ("pi5", "nas")})
    assert shown(stacks) == {
        "nas/media": ["media/docker-compose-nas.yaml"],
        "pi5/dns": ["dns/docker-compose-pi5.yaml"],
        "pi5/media": ["media/docker-compose-pi5.yaml"],
    }
    assert stacks.broken == ()


BASE = "services: {web: {image: x, volumes: [a:/a]}, db: {image: y}}\nvolumes: {a: {}}\n"
OVERLAY = "services: {web: {ports: ['80:80']}}\n"


def test_a_base_and_an_overlay_a_host(tmp_path: Path) -> None:
    files = {
        "media/compose.yaml": BASE,
        "media/compose.pi5.yaml": OVERLAY,
        "media/compose.nas.yaml": OVERLAY,
        "dns/compose.yaml": BASE,
    }
    both = found(tmp_path, files, {host: [f"*/compose.yaml + compose.{host}.yaml"] for host in ("pi5", "nas")})
    assert shown(both) == {
        "nas/media": ["media/compose.yaml", "media/compose.nas.yaml"],
        "pi5/media": ["media/compose.yaml", "media/compose.pi5.yaml"],
    }
    assert both.unclaimed == ("dns/compose.yaml",)
    where_there = found(tmp_path, files, {"pi5": ["* +? compose.pi5.yaml"]})
    assert shown(where_there) == {"pi5/dns": ["dns/compose.yaml"], "pi5/media": ["media/compose.yaml", "media/compose.pi5.yaml"]}
    # Without a word in the config, a file that names the host and is no whole stack is merged over the one that is.
    assert shown(found(tmp_path, files, {"pi5": ["*"], "nas": ["media"]})) == {
        "nas/media": ["media/compose.yaml", "media/compose.nas.yaml"],
        "pi5/dns": ["dns/compose.yaml"],
        "pi5/media": ["media/compose.yaml", "media/compose.pi5.yaml"],
    }


def test_a_whole_stack_that_names_the_host_stands_for_the_default_one(tmp_path: Path) -> None:
    files = {"media/docker-compose.yml": BASE, "media/docker-compose-pi5.yml": BASE}
    assert shown(found(tmp_path, files, {"pi5": ["*"], "nas": ["*"]})) == {
        "nas/media": ["media/docker-compose.yml"],
        "pi5/media": ["media/docker-compose-pi5.yml"],
    }


def test_an_overlay_that_gives_every_service_another_image(tmp_path: Path) -> None:
    files = {"media/compose.yml": service("web", ports=["80:80"]), "media/compose.pi5.yml": "services: {web: {image: arm}}"}
    stacks = found(tmp_path, files, {"pi5": ["*"]})
    assert shown(stacks) == {"pi5/media": ["media/compose.yml", "media/compose.pi5.yml"]}


def test_more_than_two_files_and_files_of_other_folders(tmp_path: Path) -> None:
    files = {"media/compose.yaml": BASE, "media/a.yml": OVERLAY, "common/labels.yml": "services: {web: {labels: {a: b}}}"}
    stacks = found(tmp_path, files, {"pi5": ["media/compose.yaml + a.yml + ../common/labels.yml"]})
    assert shown(stacks) == {"pi5/media": ["media/compose.yaml", "media/a.yml", "common/labels.yml"]}
    deep = found(
        tmp_path / "deep",
        {"apps/media/compose.yaml": BASE, "apps/media/a.yml": OVERLAY},
        {"pi5": ["apps/media/compose.yaml + a.yml"]},
    )
    assert set(shown(deep)) == {"pi5/media"}
    assert aside(stacks) == {}


def test_a_root_file_with_include(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [media/compose.yaml, dns/compose.yml]\n",
        "media/compose.yaml": "include: [./parts/db.yml]\nservices: {web: {image: x}}\n",
        "media/parts/db.yml": BASE,
        "dns/compose.yml": BASE,
    }
    stacks = found(tmp_path / "lab", files, {"pi5": ["**"]})
    assert shown(stacks) == {"pi5/pi5": ["compose.yaml"]}
    assert aside(stacks) == {"media/compose.yaml": "fragment", "dns/compose.yml": "fragment", "media/parts/db.yml": "fragment"}
    # Who spells a folder out, means it.
    assert set(shown(found(tmp_path / "lab", files, {"pi5": [".", "media"]}))) == {"pi5/pi5", "pi5/media"}


def test_two_that_include_each_other_are_not_both_lost(tmp_path: Path) -> None:
    files = {"a/compose.yml": "include: [../b/compose.yml]", "b/compose.yml": "include: [../a/compose.yml]"}
    assert set(shown(found(tmp_path, files, {"pi5": ["*"]}))) == {"pi5/a", "pi5/b"}


def test_capitals(tmp_path: Path) -> None:
    files = {"Media/Docker-Compose.yml": "", "DNS/COMPOSE.YAML": "", "both/Compose.yml": "", "both/compose.yml": ""}
    stacks = found(tmp_path, files, {"pi5": ["*"]})
    assert shown(stacks) == {
        "pi5/DNS": ["DNS/COMPOSE.YAML"], "pi5/Media": ["Media/Docker-Compose.yml"], "pi5/both": ["both/compose.yml"],
    }  # fmt: skip
    assert {one.project.name for one in stacks.found} == {"dns", "media", "both"}


def test_files_of_other_names(tmp_path: Path) -> None:
    files = {"plex/plex.yml": "", "ha/stack.yml": "", "ha/configuration.yaml": "homeassistant: {}\n", "ha/dev-compose.yml": ""}
    stacks = found(tmp_path, files, {"pi5": ["plex", "ha"]})
    assert shown(stacks) == {"pi5/ha": ["ha/dev-compose.yml"], "pi5/plex": ["plex/plex.yml"]}


def test_several_files_of_one_folder_are_one_project(tmp_path: Path) -> None:
    files = {
        "compose/plex.yml": "",
        "compose/sonarr.yml": "",
        "compose/bad.yml": "services: [",
        "compose/own.yml": f"name: own\n{BASE}",
    }
    stacks = found(tmp_path, files, {"pi5": ["compose/*.yml"]})
    assert shown(stacks) == {"pi5/compose": ["compose/plex.yml", "compose/sonarr.yml"], "pi5/own": ["compose/own.yml"]}
    assert errors(stacks) == {"pi5/bad": "bad_yaml"}


def test_several_files_with_the_same_services(tmp_path: Path) -> None:
    files = {"app/docker-compose.eu.yml": BASE, "app/docker-compose.us.yml": BASE}
    stacks = found(tmp_path, files, {"pi5": ["*"]})
    assert errors(stacks) == {"pi5/app": "no_compose_file"}
    assert "stacks`" in (stacks.broken[0].error.hint or "")
    assert shown(found(tmp_path, files, {"pi5": ["app/docker-compose.eu.yml"]})) == {"pi5/app": ["app/docker-compose.eu.yml"]}
    more = {"app/docker-compose.eu.yml": BASE, "app/docker-compose.us.yml": "", "app/docker-compose.dev.yml": BASE}
    stacks = found(tmp_path / "more", more, {"pi5": ["*"]})
    assert shown(stacks) == {"pi5/app": ["app/docker-compose.eu.yml", "app/docker-compose.us.yml"]}
    assert aside(stacks) == {"app/docker-compose.dev.yml": "fragment"}


def test_only_variants_for_trying_out_are_left_aside(tmp_path: Path) -> None:
    files = {"app/docker-compose.prod.yml": BASE, "app/docker-compose.dev.yml": BASE, "app/docker-compose.test.yml": BASE}
    stacks = found(tmp_path, files, {"pi5": ["*"]})
    assert shown(stacks) == {"pi5/app": ["app/docker-compose.prod.yml"]}
    assert aside(stacks) == {"app/docker-compose.dev.yml": "fragment", "app/docker-compose.test.yml": "fragment"}


def test_variants_beside_a_default_file(tmp_path: Path) -> None:
    stacks = found(tmp_path, {"app/compose.yml": BASE, "app/docker-compose.dev.yml": BASE}, {"pi5": ["*"]})
    assert shown(stacks) == {"pi5/app": ["app/compose.yml"]}
    assert aside(stacks) == {"app/docker-compose.dev.yml": "fragment"}


def test_compose_file_in_the_env_file(tmp_path: Path) -> None:
    files = {
        "media/.env": "COMPOSE_FILE=base.yml:gpu.yml\n",
        "media/base.yml": BASE, "media/gpu.yml": OVERLAY, "media/compose.yml": BASE,
        "lost/.env": "COMPOSE_FILE=compose.yml:local.yml\n", "lost/compose.yml": BASE,
        "variable/.env": "COMPOSE_FILE=${X}.yml\n", "variable/compose.yml": BASE,
    }  # fmt: skip
    stacks = found(tmp_path, files, {"pi5": ["*"]})
    assert shown(stacks) == {"pi5/media": ["media/base.yml", "media/gpu.yml"], "pi5/variable": ["variable/compose.yml"]}
    assert errors(stacks) == {"pi5/lost": "no_compose_file"}
    assert "lost/local.yml" in stacks.broken[0].error.message


def test_fragments_archives_templates_and_encrypted_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "pi5/web/compose.yml": "services: {w: {image: x, extends: {file: ../../common/labels.yml, service: l}}}",
        "common/labels.yml": "services: {l: {labels: {a: b}}}",
        "pi5/base/compose.yml": "services: {b: {labels: {a: b}}}",
        "pi5/old/x/compose.yml": "",
        "pi5/plex.disabled/compose.yml": "",
        "archive/y/compose.yml": "",
        "pi5/tmpl/compose.yml.j2": "services: {{ all }}",
        "pi5/ytt/compose.yml": "#@ load('@ytt:data', 'data')\nservices: {a: {image: x}}\n",
        "templates/z/compose.yml": "",
        "pi5/locked/compose.yml": b"\x00GITCRYPT\x00abc",
    }
    stacks = found(tmp_path, files, {"pi5": ["pi5/**"]})
    assert shown(stacks) == {"pi5/web": ["pi5/web/compose.yml"]}
    assert aside(stacks) == {
        "common/labels.yml": "fragment",
        "pi5/base/compose.yml": "fragment",
        "pi5/old/x/compose.yml": "archived",
        "pi5/plex.disabled/compose.yml": "archived",
        "archive/y/compose.yml": "archived",
        "pi5/tmpl/compose.yml.j2": "template",
        "pi5/ytt/compose.yml": "template",
        "templates/z/compose.yml": "template",
    }
    assert errors(stacks) == {"pi5/locked": "encrypted"}


def test_excluded_and_declared_elsewhere(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pi5/a/compose.yml": "",
            "pi5/lxc/compose.yml": "",
            "pi5/vm/README.md": "x",
            "pi5/no/deep/compose.yml": "",
            "pi5/no2/compose.yml": "",
        },
    )
    layout = HostLayout("pi5", ("pi5/**", "pi5/vm"), exclude=("pi5/no", "pi5/no?"))
    stacks = find_stacks(open_folder(tmp_path), [layout], [DeclaredElsewhere("pi5/lxc", "an LXC"), DeclaredElsewhere("**/vm")])
    assert shown(stacks) == {"pi5/a": ["pi5/a/compose.yml"]}
    assert aside(stacks) == {
        "pi5/lxc/compose.yml": "declared_elsewhere", "pi5/vm": "declared_elsewhere",
        "pi5/no/deep/compose.yml": "excluded", "pi5/no2/compose.yml": "excluded",
    }  # fmt: skip
    assert stacks.broken == ()


def test_what_one_host_excludes_another_may_have(tmp_path: Path) -> None:
    stacks = found(
        tmp_path, {"agent/compose.yml": "", "media/compose.yml": ""}, {"a": ["*"], "b": ["*"]}, exclude={"b": ["media"]}
    )
    assert set(shown(stacks)) == {"a/agent", "a/media", "b/agent"}
    assert aside(stacks) == {}


def test_a_folder_without_a_compose_file(tmp_path: Path) -> None:
    files = {
        "pi5/a/compose.yml": "", "pi5/a/config/app.conf": "x", "pi5/empty/README.md": "x", "pi5/scripts/run.sh": "x",
        "pi5/group/b/compose.yml": "", "pi5/group/README.md": "x", "pi5/.github/x": "x",
    }  # fmt: skip
    stacks = found(tmp_path, files, {"pi5": ["pi5/*", "pi5/*/*"]})
    assert errors(stacks) == {"pi5/empty": "no_compose_file"}
    assert "exclude" in (stacks.broken[0].error.hint or "")
    assert set(shown(stacks)) == {"pi5/a", "pi5/group/b"}
    assert errors(found(tmp_path, files, {"pi5": ["pi5/**"]})) == {}
    assert errors(found(tmp_path, files, {"pi5": ["pi5/scripts"]})) == {"pi5/scripts": "no_compose_file"}


def test_an_entry_that_fits_nothing(tmp_path: Path) -> None:
    files = {"pi5/a/compose.yml": "", "nas/b/compose.yml": ""}
    stacks = found(tmp_path, files, {"pi6": ["pi6/*"], "pi5": ["pi5", "pi5/x/compose.yml"]})
    assert errors(stacks) == {"pi6/pi6/*": "no_compose_file", "pi5/pi5": "no_compose_file", "pi5/compose.yml": "no_compose_file"}
    hints = {str(one.stack): one.error.hint for one in stacks.broken}
    assert hints["pi6/pi6/*"] == "correct or remove it; at the top are: nas, pi5"
    assert '"pi5/*"' in (hints["pi5/pi5"] or "")


def test_one_bad_stack_costs_only_itself(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/compose.yml": "", "bad/compose.yml": "services: [", "bomb/compose.yml": "x: " + "[" * 999,
        "huge/compose.yml": b"#" * (MAX_FILE_BYTES + 1), "override/compose.yml": "", "override/compose.override.yml": "- x",
    }  # fmt: skip
    write(tmp_path, files)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/compose.yml").symlink_to("/etc/passwd")
    stacks = found(tmp_path, {}, {"pi5": ["*"]})
    assert errors(stacks) == {
        "pi5/bad": "bad_yaml", "pi5/bomb": "too_large", "pi5/huge": "too_large",
        "pi5/out": "outside_repo", "pi5/override": "bad_yaml",
    }  # fmt: skip
    assert all(one.error.hint for one in stacks.broken)
    assert set(shown(stacks)) == {"pi5/a"}


def test_submodules(tmp_path: Path) -> None:
    other = repo(tmp_path / "other", {"compose.yml": ""})
    ops = repo(tmp_path / "ops", {"pi5/a/compose.yml": ""})
    git(ops, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "pi5/sub")
    commit(ops, {})
    for entry in ("pi5/*", "pi5/sub"):
        stacks = find_stacks(open_repo(ops), [HostLayout("pi5", (entry,))])
        assert errors(stacks) == {"pi5/sub": "no_compose_file"}
        assert "submodule" in stacks.broken[0].error.message
    assert errors(find_stacks(open_repo(ops), [HostLayout("pi5", ("pi5/*",), exclude=("pi5/sub",))])) == {}


def test_a_shared_stack_that_hosts_link_to(tmp_path: Path) -> None:
    write(tmp_path, {"shared/agent/compose.yml": "", "pi5/a/compose.yml": ""})
    for host in ("pi5", "nas"):
        (tmp_path / host).mkdir(exist_ok=True)
        (tmp_path / host / "agent").symlink_to("../shared/agent")
    stacks = found(tmp_path, {}, {"pi5": ["pi5/*"], "nas": ["nas/*"]})
    assert set(shown(stacks)) == {"nas/agent", "pi5/a", "pi5/agent"}
    assert {one.project.name for one in stacks.found if one.stack.name == "agent"} == {"agent"}


def test_names_are_told_apart(tmp_path: Path) -> None:
    files = {"a/web/compose.yml": "", "b/web/compose.yml": f"name: web2\n{BASE}"}
    assert set(shown(found(tmp_path, files, {"pi5": ["a/*", "b/*"]}))) == {"pi5/web", "pi5/b/web"}


def test_two_stacks_with_one_project_on_one_host(tmp_path: Path) -> None:
    files = {"a/web/compose.yml": "", "b/web/compose.yml": "", "c/other/compose.yml": ""}
    stacks = found(tmp_path, files, {"pi5": ["**"], "nas": ["a/*"]})
    assert errors(stacks) == {"pi5/a/web": "duplicate_project", "pi5/b/web": "duplicate_project"}
    assert "b/web/compose.yml" in stacks.broken[0].error.message
    assert "per_stack: {a/web: {project" in (stacks.broken[0].error.hint or "")
    assert set(shown(stacks)) == {"pi5/c/other", "nas/web"}
    own = HostLayout("pi5", ("**",), per_stack={"b/web": StackValues(project="web-b")})
    assert errors(find_stacks(open_folder(tmp_path), [own])) == {}


# -- the same project on two hosts ----------------------------------------------------------------------------------------

SEED = {
    "proxmox/media/docker-compose.yml": "",
    "pi5/mealie/docker-compose.yml": service("mealie"),
    "pi5/infra/docker-compose.yml": service("pihole"),
    "proxmox/pi5-stacks/mealie/docker-compose.yml": service("mealie"),
    "proxmox/pi5-stacks/infra/docker-compose.yml": service("pihole"),
}
MIRRORED = {"proxmox/pi5-stacks/mealie/docker-compose.yml", "proxmox/pi5-stacks/infra/docker-compose.yml"}


@pytest.mark.parametrize(
    "entries", [["proxmox/*"], ["proxmox/**"], ["proxmox/*", "proxmox/pi5-stacks/*"], ["proxmox/*", "proxmox/*/*"]]
)
def test_a_mirror_is_noticed(tmp_path: Path, entries: list[str]) -> None:
    stacks = found(tmp_path, SEED, {"proxmox": entries, "pi5": ["pi5/*"]})
    assert set(shown(stacks)) == {"proxmox/media", "pi5/mealie", "pi5/infra"}
    assert aside(stacks) == dict.fromkeys(MIRRORED, "mirror")
    assert stacks.broken == ()


def test_a_mirror_that_lags_behind(tmp_path: Path) -> None:
    files = {**SEED, "proxmox/pi5-stacks/mealie/docker-compose.yml": service("mealie", image="older")}
    stacks = found(tmp_path, files, {"proxmox": ["proxmox/**"], "pi5": ["pi5/*"]})
    assert aside(stacks) == dict.fromkeys(MIRRORED, "mirror")


def test_what_the_config_spells_out_is_no_mirror_unless_it_is_the_very_same(tmp_path: Path) -> None:
    files = {**SEED, "proxmox/pi5-stacks/mealie/docker-compose.yml": service("mealie", image="own")}
    stacks = found(tmp_path, files, {"proxmox": ["proxmox/pi5-stacks/*"], "pi5": ["pi5/*"]})
    assert set(shown(stacks)) == {"proxmox/mealie", "pi5/mealie", "pi5/infra"}
    assert aside(stacks) == {
        "proxmox/pi5-stacks/infra/docker-compose.yml": "mirror",
        "proxmox/media/docker-compose.yml": "excluded",  # no entry fits it
    }


def test_a_folder_with_the_name_of_a_host_that_has_no_such_project(tmp_path: Path) -> None:
    files = {**SEED, "proxmox/pi5-stacks/only-here/compose.yml": ""}
    stacks = found(tmp_path, files, {"proxmox": ["proxmox/**"], "pi5": ["pi5/*"]})
    assert "proxmox/pi5-stacks/only-here" in shown(stacks)


def test_the_same_agent_on_both_hosts_is_no_mirror(tmp_path: Path) -> None:
    files = {"proxmox/apps/node-exporter/compose.yml": service("node"), "pi5/node-exporter/compose.yml": service("node")}
    stacks = found(tmp_path, files, {"proxmox": ["proxmox/**"], "pi5": ["pi5/*"]})
    assert set(shown(stacks)) == {"proxmox/apps/node-exporter", "pi5/node-exporter"}
    assert aside(stacks) == {}
    assert [{str(one), str(other)} for one, other in stacks.twins] == [{"pi5/node-exporter", "proxmox/apps/node-exporter"}]


def test_one_folder_for_two_hosts_is_no_mirror(tmp_path: Path) -> None:
    stacks = found(tmp_path, {"common/agent/compose.yml": ""}, {"a": ["common/*"], "b": ["common/*"]})
    assert set(shown(stacks)) == {"a/agent", "b/agent"}
    assert stacks.twins == ()


def test_a_glob_too_wide_does_not_take_another_hosts_stacks(tmp_path: Path) -> None:
    stacks = found(
        tmp_path, {"pi5/mealie/compose.yml": "", "proxmox/media/compose.yml": ""}, {"proxmox": ["**"], "pi5": ["pi5/*"]}
    )
    assert set(shown(stacks)) == {"proxmox/proxmox/media", "pi5/mealie"}


def test_a_folder_called_mirror(tmp_path: Path) -> None:
    files = {"nas/mirror/mealie/compose.yml": service("mealie"), "pi5/mealie/compose.yml": service("mealie")}
    stacks = found(tmp_path, files, {"nas": ["nas/**"], "pi5": ["pi5/*"]})
    assert aside(stacks) == {"nas/mirror/mealie/compose.yml": "mirror"}


# -- whatever the tree ----------------------------------------------------------------------------------------------------

SEGMENTS = st.sampled_from(["a", "b", "pi5", "old", "x.y"])
NAMES = st.sampled_from(
    ["compose.yml", "docker-compose.yaml", "compose.override.yml", "docker-compose-pi5.yml", "x.yml", "README", ".env"]
)
TREES = st.sets(
    st.tuples(st.lists(SEGMENTS, max_size=3), NAMES).map(lambda pair: "/".join([*pair[0], pair[1]])), min_size=1, max_size=12
)
ENTRIES = st.sampled_from(["*", "**", "*/*", "pi5/*", "a", "*.yml", "**/compose.yml", "* +? x.yml", "*/compose.yml + x.yml", "."])


@given(TREES, st.lists(ENTRIES, min_size=1, max_size=3, unique=True))
def test_names_are_unique_and_files_are_there(paths: set[str], entries: list[str]) -> None:
    made, idle = claims(HostLayout("pi5", tuple(entries)), Tree.of(paths), ["pi5", "nas"])
    assert len({claim.name for claim in made}) == len(made)
    assert all(claim.name for claim in made)
    assert {path for claim in made for path in claim.files} <= paths
    assert len({(claim.folder, claim.files) for claim in made}) == len(made)
    assert set(idle) <= set(entries)


@given(st.text())
def test_every_text_is_an_entry(text: str) -> None:
    read_entry(text)


@given(st.lists(st.sampled_from(["a.yml", "b/c.yml", "x y.yml", "d+e.yml"]), min_size=1, max_size=4), st.data())
def test_entries_of_several_files(paths: list[str], data: st.DataObject) -> None:
    marks = [data.draw(st.sampled_from([" + ", " +? ", "  +  "])) for _ in paths[1:]]
    entry = read_entry(paths[0] + "".join(mark + path for mark, path in zip(marks, paths[1:], strict=True)))
    assert entry.glob.text == paths[0]
    assert [part.path for part in entry.parts] == paths[1:]
    assert [part.optional for part in entry.parts] == ["?" in mark for mark in marks]


def test_no_compose_file_goes_unmentioned(tmp_path: Path) -> None:
    """What no entry fits is told with the others, in hidden folders, too: it may be the deployer's own stack."""
    files = {"pi5/web/compose.yml": "", ".doco-cd/docker-compose.yml": "", "loose/compose.yml": "", "pi5/.kept/compose.yaml": ""}
    stacks = found(tmp_path, files, {"pi5": ["pi5/**"]})
    assert set(shown(stacks)) == {"pi5/web"}
    left = {".doco-cd/docker-compose.yml", "loose/compose.yml", "pi5/.kept/compose.yaml"}
    assert aside(stacks) == dict.fromkeys(left, "excluded")
    assert set(stacks.unclaimed) == left


def test_compose_files_under_other_names_are_told_by_what_is_in_them(tmp_path: Path) -> None:
    overlay = "services: {web: {ports: ['80:80']}}\n"
    files = {
        "cloud/compose.yml": "",
        "cloud/office.yml": service("office"),
        "cloud/external-proxy/web.yml": overlay,
        "loose/app.yml": service("app"),
        "cloud/config/home.yaml": "services:\n- name: a\n",
        "k8s/web.yaml": "kind: Service\nspec: {a: b}\n",
    }
    stacks = found(tmp_path, files, {"pi5": ["**"]})
    assert set(shown(stacks)) == {"pi5/cloud"}
    expected = {"cloud/office.yml": "fragment", "cloud/external-proxy/web.yml": "fragment", "loose/app.yml": "excluded"}
    assert aside(stacks) == expected
    assert stacks.unclaimed == ("loose/app.yml",)
