"""The project's name, held against what real Compose says of the same folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.compose import Compose
from lab.errors import LabError

from anchorwatch.desired.files import Files
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.project_name import compose_files, compose_settings, normalised, project_name
from anchorwatch.desired.stacks import find_stacks
from anchorwatch.model.settings import HostLayout, StackValues
from tests.desired.trees import write

BODY = "services: {a: {image: x}}\n"
CASES: dict[str, dict[str, str]] = {
    "folder": {"media/compose.yml": BODY},
    "odd folder": {"My.App_v1 (x)/compose.yml": BODY},
    "folder that begins oddly": {"_-.x_y/compose.yml": BODY},
    "name": {"media/compose.yml": f"name: tele\n{BODY}"},
    "name in capitals": {"media/compose.yml": f"name: My.App\n{BODY}"},
    "name of the last file": {"media/compose.yml": f"name: one\n{BODY}", "media/compose.override.yml": "name: two\n"},
    "name of the first file": {"media/compose.yml": f"name: one\n{BODY}", "media/compose.override.yml": "services: {a: {}}\n"},
    "env file": {"media/compose.yml": f"name: one\n{BODY}", "media/.env": "COMPOSE_PROJECT_NAME=envy\n"},
    "env file in quotes": {"media/compose.yml": BODY, "media/.env": '# x\nexport COMPOSE_PROJECT_NAME="envy" # y\n'},
    "COMPOSE_FILE": {
        "media/base.yml": BODY,
        "media/more.yml": "name: more\nservices: {a: {}}\n",
        "media/.env": "COMPOSE_FILE=base.yml:more.yml\n",
    },
    "COMPOSE_FILE with its separator": {
        "media/base.yml": f"name: base\n{BODY}",
        "media/more.yml": "services: {b: {image: y}}\n",
        "media/.env": "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=base.yml,more.yml\n",
    },
    "COMPOSE_FILE in another folder": {"media/sub/base.yml": BODY, "media/.env": "COMPOSE_FILE=sub/base.yml\n"},
    "two env files": {
        "media/sub/base.yml": BODY,
        "media/.env": "COMPOSE_FILE=sub/base.yml\nCOMPOSE_PROJECT_NAME=outer\n",
        "media/sub/.env": "COMPOSE_PROJECT_NAME=inner\n",
    },
    "the env file of the other folder": {
        "media/sub/base.yml": BODY,
        "media/.env": "COMPOSE_FILE=sub/base.yml\n",
        "media/sub/.env": "COMPOSE_PROJECT_NAME=inner\n",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_as_real_compose_has_it(case: str, tmp_path: Path, newest_compose: Compose) -> None:
    write(tmp_path, CASES[case])
    (folder,) = (place for place in tmp_path.iterdir() if place.is_dir())
    expected = newest_compose.config(folder)
    (found,) = find_stacks(open_folder(tmp_path), [HostLayout("pi5", ("*",))]).found
    assert found.project.name == expected["name"]
    assert found.services == set(expected["services"])


@pytest.mark.parametrize("name", ["Envy", "_x", "a b"])
def test_a_name_that_compose_refuses_is_left_to_it(name: str, tmp_path: Path, newest_compose: Compose) -> None:
    write(tmp_path, {"media/compose.yml": BODY, "media/.env": f"COMPOSE_PROJECT_NAME={name}\n"})
    with pytest.raises(LabError):
        newest_compose.config(tmp_path / "media")
    (found,) = find_stacks(open_folder(tmp_path), [HostLayout("pi5", ("*",))]).found
    assert found.project.name is None


def test_a_variable_in_the_name_is_left_to_compose() -> None:
    assert project_name(folder_name="media", names=["${NAME:-x}"]).name is None
    assert project_name(folder_name="media", names=["${NAME:-x}", "plain"]).name == "plain"
    assert project_name(folder_name="media", environment={"COMPOSE_PROJECT_NAME": "$X"}).name is None


def test_the_deployers_own_name_and_the_configs_environment(tmp_path: Path) -> None:
    write(tmp_path, {"media/compose.yml": f"name: one\n{BODY}", "dns/compose.yml": BODY})
    layout = HostLayout(
        "pi5",
        ("*",),
        values=StackValues(env={"COMPOSE_PROJECT_NAME": "from-host"}),
        per_stack={"media": StackValues(project="own")},
    )
    found = {one.stack.name: one.project for one in find_stacks(open_folder(tmp_path), [layout]).found}
    assert (found["media"].name, found["media"].source) == ("own", "deployer")
    assert (found["dns"].name, found["dns"].source) == ("from-host", "environment")


def test_the_topmost_folder(tmp_path: Path) -> None:
    write(tmp_path / "My Lab", {"compose.yml": BODY})
    files: Files = open_folder(tmp_path / "My Lab")
    assert find_stacks(files, [HostLayout("pi5", (".",))]).found[0].project.name == "mylab"
    assert find_stacks(files, [HostLayout("pi5", (".",), root="/opt/stacks/")]).found[0].project.name == "stacks"


def test_names_without_a_letter() -> None:
    assert normalised("日本") == ""
    assert project_name(folder_name="日本").name is None


def test_settings_of_env_files() -> None:
    assert compose_settings(b"\xef\xbb\xbfCOMPOSE_FILE=a\r\nOTHER=x\r\nCOMPOSE_PROFILES='b'\r\n") == {
        "COMPOSE_FILE": "a", "COMPOSE_PROFILES": "b",
    }  # fmt: skip
    assert compose_settings(b'COMPOSE_FILE="never closed\n') == {}
    assert compose_files({"COMPOSE_FILE": "${X}:b"}) is None
    assert compose_files({}) is None
