"""Values from the environment: every key can be set, and wins over the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.config import load
from anchorwatch.config.environment import TOP_KEYS
from anchorwatch.config.json_schema import schema
from anchorwatch.model.values import Secret
from tests.config.reading import mistakes, read, variables

FILE = """
repo: {path: /file/repo, branch: file, token_file: /nowhere/at/all}
hosts:
  Nas-01:
    docker: ssh://file
    stacks: [file, second]
    env: {TZ: file, KEPT: file}
    per_stack: {mealie: {grace: 1m}}
notify:
  destinations:
    - {name: chat, url: "json://file"}
    - {name: Big Mail, url: "json://file"}
"""


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        FILE,
        REPO__PATH="/env/repo",
        REPO__TOKEN="env-token",
        HOSTS__NAS_01__DOCKER="ssh://env",
        HOSTS__NAS_01__STACKS='["env/*", "b"]',
        HOSTS__NAS_01__ENV__TZ="Europe/Berlin",
        HOSTS__NAS_01__ENV__a__B="[1]",
        HOSTS__NAS_01__ENV__POSTGRES_PASSWORD_FILE="/run/x",
        HOSTS__NAS_01__PER_STACK__MEALIE__GRACE="7m",
        HOSTS__NAS_01__PER_STACK__MEALIE__ENV__X_FILE="{",
        NOTIFY__DESTINATIONS__0__URL="json://zero",
        NOTIFY__DESTINATIONS__BIG_MAIL__URL="json://mail",
        HISTORY__KEEP="1d",
        COMPOSE="/env/compose",
    )

    assert (config.repo.path, config.repo.branch, config.repo.token) == ("/env/repo", "file", "env-token")
    assert list(config.hosts) == ["Nas-01"]
    host = config.hosts["Nas-01"]
    assert host.address.docker == "ssh://env"
    assert host.layout.stacks == ("env/*", "b")
    assert host.layout.values.env == {
        "TZ": "Europe/Berlin",
        "KEPT": "file",
        "a__B": "[1]",
        "POSTGRES_PASSWORD_FILE": "/run/x",
    }
    assert host.layout.per_stack["mealie"].env == {"X_FILE": "{"}
    service = config.service()
    assert service.grace.of("Nas-01", "mealie") == 420
    assert service.history.keep == 86_400
    assert [one.url for one in service.destinations] == [Secret("json://zero"), Secret("json://mail")]
    assert config.compose == "/env/compose"


def test_a_config_can_come_from_the_environment_alone(tmp_path: Path) -> None:
    ours = {
        "HOSTS__PI5__DOCKER": "ssh://pi5",
        "HOSTS__PI5__STACKS": '["pi5/*"]',
        "HOSTS__PI5__UNMANAGED": "off",
        "NOTIFY__DESTINATIONS__0__NAME": "chat",
        "NOTIFY__DESTINATIONS__0__URL": "json://h",
        "NOTIFY__DESTINATIONS__1__NAME": "mail",
        "NOTIFY__DESTINATIONS__1__URL": "json://i",
        "ONE_SHOT": '["*/migrate"]',
        "IGNORE": '[{"kind": "unmanaged", "host": "pi5"}]',
        "WATCH": '{"settle": "1s", "grace": "0"}',
        "WATCH__SETTLE": "2s",
        "REPO__BRANCH": "",
    }
    (tmp_path / "empty.yml").touch()
    config = load(tmp_path / "empty.yml", variables(ours))
    assert [(host.address.docker, host.layout.stacks, host.unmanaged) for host in config.hosts.values()] == [
        ("ssh://pi5", ("pi5/*",), False)
    ]
    assert config.one_shot == ("*/migrate",)
    assert config.ignore[0].host == "pi5"
    assert config.repo.branch is None
    service = config.service()
    assert [one.name for one in service.destinations] == ["chat", "mail"]
    assert (service.watch.settle, service.grace.everywhere) == (2, 0)


def test_a_file_named_by_the_environment_wins_over_a_value_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("from-file\n")
    config = read(tmp_path, "repo: {url: 'https://h/x', token: in-the-config}\n", REPO__TOKEN_FILE=str(tmp_path / "t"))
    assert config.repo.token == "from-file"


@pytest.mark.parametrize(
    ("name", "value", "key", "problem", "instead"),
    [
        ("REPO__PTH", "/x", "REPO__PTH", "no key here", "did you mean path?"),
        ("REPO_PATH", "/x", "REPO_PATH", "no key of the config", "ANCHORWATCH_REPO__PATH"),
        ("DATABSE", "/x", "DATABSE", "no key of the config", "ANCHORWATCH_DATABASE"),
        ("DATABASE_URL", "/x", "DATABASE_URL", "no key of the config", "ANCHORWATCH_DATABASE?"),
        ("NOTHING__KNOWN", "/x", "NOTHING", "no key here", "known here"),
        ("WATCH__SETTLE", "soon", "WATCH__SETTLE", "'soon' is no duration", "500ms"),
        ("HOSTS__A__STACKS", "a/*", "HOSTS__A__STACKS", "wants a list, and there is a text", '["pi5/*"]'),
        ("HOSTS__A__STACKS", '["/a"]', "HOSTS__A__STACKS__0", "'/a' is absolute", "inside the repo"),
        ("HOSTS__B__STACKS", '["a"]', "HOSTS__B__DOCKER", "is missing", "docker: ssh://"),
        ("REPO__TOKEN_FILE", "/none", "REPO__TOKEN_FILE", "cannot be read", "path"),
        ("REPO", "text", "REPO", "wants a mapping", "path:"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_variable(tmp_path: Path, name: str, value: str, key: str, problem: str, instead: str) -> None:
    found = mistakes(tmp_path, "hosts: {a: {docker: 'ssh://a', stacks: [a]}}\n", **{name: value})
    assert [(mistake.file, mistake.line, mistake.key) for mistake in found] == [("environment", None, f"ANCHORWATCH_{key}")]
    assert problem in found[0].problem
    assert instead in (found[0].instead or "")


def test_a_value_and_a_file_for_it_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("x")
    (found,) = mistakes(tmp_path, "", REPO__TOKEN="a", REPO__TOKEN_FILE=str(tmp_path / "t"))
    assert (found.key, found.problem) == ("ANCHORWATCH_REPO__TOKEN_FILE", "is given beside token")


@pytest.mark.parametrize(
    "name", ["PORT", "PORT_8899_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT", "ENV_TZ", "VERSION", "GIT_USER", "LAB", "CONFIG"]
)
def test_what_others_set_is_left_alone(tmp_path: Path, name: str) -> None:
    assert mistakes(tmp_path, "", **{name: "tcp://10.0.0.1:8899"}) == []


def test_the_keys_at_the_top_are_those_of_the_file() -> None:
    assert set(TOP_KEYS) == set(schema()["properties"])


def _keys(section: dict[str, Any], place: tuple[str, ...], whole: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """Every key that has an example, with a place that the environment can name, and that example."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in section["properties"].items():
        inner = value.get("items", value)
        if value.get("type") == "object":
            inner = value.get("additionalProperties") or next(iter(value["patternProperties"].values()))
        if "$ref" in inner:
            step = {"array": ("0",), "object": ("some",)}.get(value.get("type", ""), ())
            found += _keys(whole["$defs"][inner["$ref"].rpartition("/")[2]], (*place, key, *step), whole)
        elif value.get("examples"):
            found.append(((*place, key), value["examples"][0]))
    return found


@pytest.mark.parametrize(
    ("place", "example"), _keys(schema(), (), schema()), ids=lambda value: ".".join(value) if isinstance(value, tuple) else ""
)
def test_every_key_can_be_set_from_the_environment(tmp_path: Path, place: tuple[str, ...], example: Any) -> None:
    """The same mistakes, and where there are none the same config, as when it stands in the file."""
    if place[-1].endswith("_file") and place[-1] != "host_env_file":
        example = str(tmp_path / "secret")
        Path(example).write_text("json://secret")
    tree: Any = example
    for step in reversed(place):
        tree = [tree] if step == "0" else {step: tree}
    name = "__".join(place).upper()
    value = example if isinstance(example, str) else json.dumps(example)

    in_file = mistakes(tmp_path, json.dumps(tree))
    in_environment = mistakes(tmp_path, "", **{name: value})
    assert [(found.problem, found.instead) for found in in_file] == [(found.problem, found.instead) for found in in_environment]
    if not in_file:
        from_file, from_environment = read(tmp_path, json.dumps(tree)), read(tmp_path, "", **{name: value})
        assert from_file == from_environment
        assert from_file.service() == from_environment.service()
        assert from_file != read(tmp_path, "") or from_file.service() != read(tmp_path, "").service()
