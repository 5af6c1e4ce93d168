"""Values from outside Git: their order, their secrecy, and that nothing of them is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired.cache import Cache
from anchorwatch.desired.outside import Outside, outside_values, sops
from anchorwatch.errors import StackError
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.settings import HostLayout, StackValues
from anchorwatch.model.values import Secret, Template, plain
from tests.desired.resolving import counting, one_file, resolved, written

CANARY = "c4n4ry-v4lue"


@pytest.fixture
def program(newest_compose: Compose) -> Path:
    return newest_compose.program


def test_the_order_is_composes(tmp_path: Path) -> None:
    written(
        tmp_path,
        {"host.env": "A=hostfile\nB=hostfile\nC=hostfile\nD=hostfile\nE=${D}!\n", "one.env": "B=stackfile\nC=stackfile\n"},
    )
    host = StackValues(env={"C": "hostenv"}, env_files=(str(tmp_path / "host.env"),), pass_environment=("D", "UNSET"))
    stack = StackValues(env_files=(str(tmp_path / "*.env"),))
    layout = HostLayout("h", ("*",), values=host, per_stack={"web": stack})
    (tmp_path / "host.env").rename(tmp_path / "host.txt")
    layout = HostLayout(
        "h", ("*",), values=StackValues(host.env, (str(tmp_path / "host.txt"),), host.pass_environment), per_stack={"web": stack}
    )
    found = outside_values(layout, "web", {"D": "ours", "F": "not passed"})
    assert found.values == {"A": "hostfile", "B": "stackfile", "C": "hostenv", "D": "ours", "E": "hostfile!"}
    assert outside_values(layout, "other", {}).values["B"] == "hostfile"


def test_a_file_that_cannot_be_read_is_told_and_costs_nothing_else(tmp_path: Path, program: Path) -> None:
    layout = HostLayout("h", ("*",), values=StackValues(env={"A": "1"}, env_files=(str(tmp_path / "gone.env"),)))
    outside = outside_values(layout, "web", {})
    written(tmp_path, {"web/compose.yaml": "services: {web: {image: i, environment: {A: '${A}', B: '${B}'}}}"})
    project = resolved(tmp_path, ["web/compose.yaml"], program, outside=outside)
    assert project.services["web"].config["environment"]["A"] == Secret("1")
    assert f"{tmp_path}/gone.env cannot be read" in project.services["web"].unknown[0].because


def test_an_env_file_on_the_host_comes_below_everything_from_the_watcher() -> None:
    layout = HostLayout("h", ("*",), values=StackValues(env={"A": "config"}, host_env_file="/opt/stack/.env"))
    read = {"/opt/stack/.env": "A=host\nB=host\n"}.get
    assert outside_values(layout, "web", {}, read).values == {"A": "config", "B": "host"}
    assert outside_values(layout, "web", {}).problems == ("/opt/stack/.env cannot be read",)


def test_pieces_from_outside_are_secret_and_the_rest_is_git(tmp_path: Path, program: Path) -> None:
    text = """
services:
  web:
    image: app:${TAG}
    command: ["--url=${URL}", "--fixed"]
    ports: ["${PORT}:80"]
    mem_limit: ${MEM}
    restart: ${RESTART}
    environment: {DB: "pg://app:${PW}@db", PLAIN: "1", PASSED: }
    volumes: ["${DIR}/data:/data"]
"""
    values = {
        "TAG": "1.2",
        "URL": CANARY,
        "PORT": "8080",
        "MEM": "512m",
        "RESTART": "always",
        "PW": CANARY,
        "PASSED": CANARY,
        "DIR": "/srv",
    }
    web = one_file(tmp_path, text, program, values).services["web"]
    assert web.unknown == ()
    assert web.config["image"] == Template(("app:", Secret("1.2")))
    assert web.config["command"] == [Template(("--url=", Secret(CANARY))), "--fixed"]
    assert web.config["environment"]["DB"] == Template(("pg://app:", Secret(CANARY), "@db"))
    assert web.config["environment"]["PASSED"] == Secret(CANARY)
    assert web.config["environment"]["PLAIN"] == "1"
    assert web.config["ports"][0]["published"] == "8080"
    assert web.config["mem_limit"] == "536870912"
    assert web.config["restart"] == "always"
    assert plain(web.config["volumes"][0]["source"]) == "/srv/data"
    assert CANARY not in repr(web)


@pytest.mark.parametrize(
    "values",
    [
        {"PW": CANARY, "DIR": "/abs"},
        {"PW": CANARY, "DIR": "./relative", "MEM": "5m"},
        {"PW": f"{CANARY} $x ${{y}} ' \" \\ :", "DIR": "/a"},
    ],
)
def test_nothing_from_outside_is_kept_and_a_warm_answer_is_the_same(
    values: dict[str, str], tmp_path: Path, program: Path
) -> None:
    wrapper, told = counting(tmp_path / "bin", program)
    keys = "mem_limit: '${MEM:-1m}', environment: {A: 'x-${PW}'}, volumes: ['${DIR}/a:/a'], env_file: given.env"
    text = f"services: {{web: {{image: i, {keys}}}}}"
    written(tmp_path / "repo", {"web/compose.yaml": text})

    def asked(cache: Cache) -> DesiredProject:
        outside = Outside(dict(values), files={"/elsewhere/given.env": f"FROM_FILE={CANARY}\n"})
        return resolved(tmp_path / "repo", ["web/compose.yaml"], wrapper, outside=outside, cache=cache)

    first = asked(Cache(tmp_path / "cache"))
    assert first.services["web"].config["environment"]["FROM_FILE"] == Secret(CANARY)
    assert plain(first.services["web"].config["environment"]["A"]) == f"x-{values['PW']}"
    cold = told()
    again = asked(Cache(tmp_path / "cache"))
    assert again == first
    asked_again = told() - cold
    assert asked_again == (0 if values["DIR"].startswith("/") else 1), "only what cannot be put in afterwards is asked for again"
    for file in (tmp_path / "cache").iterdir():
        assert CANARY.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_a_changed_value_is_asked_for_anew(tmp_path: Path, program: Path) -> None:
    written(tmp_path, {"repo/web/compose.yaml": "services: {web: {image: i, environment: {A: '${PW}'}}}"})
    seen = []
    for value in ("one", "two", "two"):
        project = resolved(
            tmp_path / "repo",
            ["web/compose.yaml"],
            program,
            values={"PW": value, "UNUSED": value},
            cache=Cache(tmp_path / "cache"),
        )
        seen.append(plain(project.services["web"].config["environment"]["A"]))
    assert seen == ["one", "two", "two"]


def test_a_value_that_compose_refuses_is_not_in_the_message(tmp_path: Path, program: Path) -> None:
    with pytest.raises(StackError) as raised:
        one_file(tmp_path, "services: {web: {image: i, mem_limit: '${M}'}}", program, {"M": CANARY})
    assert raised.value.kind == "bad_schema"
    assert "mem_limit" in raised.value.message
    assert CANARY not in raised.value.message


def test_files_that_sops_encrypted_tell_their_names_and_with_sops_their_values(tmp_path: Path, program: Path) -> None:
    encrypted = "TOKEN=ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]\nsops_version=3.9.0\nsops_mac=ENC[AES256_GCM,data:z]\n"
    written(tmp_path, {"web/compose.yaml": "services: {web: {image: i, env_file: s.env}}", "web/s.env": encrypted})
    web = resolved(tmp_path, ["web/compose.yaml"], program).services["web"]
    assert [entry.path for entry in web.unknown] == ["environment.TOKEN"]
    assert "encrypted in web/s.env" in web.unknown[0].because
    assert set(web.config["environment"]) == {"TOKEN"}
    # A stand-in for the sops program: what real keys would be needed for is not this test's matter.
    fake = tmp_path / "sops"
    fake.write_text(f'#!/bin/sh\n[ "$1" = --decrypt ] || exit 2\ncat >/dev/null\necho TOKEN={CANARY}\n')
    fake.chmod(0o755)
    opened = Outside(decrypt=sops(str(fake)))
    web = resolved(tmp_path, ["web/compose.yaml"], program, outside=opened, cache=Cache(tmp_path / "cache")).services["web"]
    assert web.config["environment"] == {"TOKEN": Secret(CANARY)}
    assert web.unknown == ()
    assert all(CANARY.encode() not in file.read_bytes() for file in (tmp_path / "cache").iterdir())


def test_a_variable_whose_name_says_secret_hides_its_value_wherever_it_is_used(tmp_path: Path, program: Path) -> None:
    text = """
services:
  web:
    image: app:1
    environment: {GREETING: "${DB_PASS}", URL: "db/${DB_PASS}/x", PLAIN: "${COLOUR}", OTHER: "${API_TOKEN:-d3f4ult-c4n4ry}"}
    labels: {"app.note": "uses ${DB_PASS}", "app.on": "${BASIC_AUTH:-true}", "app.seven": "${PIN_SECRET}"}
    command: ["serve", "--with", "${DB_PASS}"]
    healthcheck: {test: ["CMD", "check", "${DB_PASS}"]}
    hostname: "h-${DB_PASS}"
    restart: "${RESTART_SECRET:-always}"
volumes:
  data: {driver_opts: {o: "addr=${DB_PASS}"}}
"""
    written(tmp_path, {"web/compose.yaml": text, "web/.env": f"DB_PASS={CANARY}\nCOLOUR=blue-green\nPIN_SECRET=7\n"})
    project = resolved(tmp_path, ["web/compose.yaml"], program)
    web = project.services["web"].config
    assert CANARY not in str(project)
    assert "d3f4ult-c4n4ry" not in str(project)
    assert web["environment"]["URL"] == Template(("db/", Secret(CANARY), "/x"))
    assert plain(web["environment"]["GREETING"]) == CANARY
    assert web["environment"]["PLAIN"] == "blue-green"
    assert (web["labels"]["app.on"], web["labels"]["app.seven"], web["restart"]) == ("true", "7", "always")
    assert not any(isinstance(web["labels"][name], Secret) for name in ("app.on", "app.seven")), "no secret is as short as that"


def test_what_git_shows_is_shown_unless_it_looks_like_a_secret(tmp_path: Path, program: Path) -> None:
    text = """
services:
  web:
    image: secret:1.0
    user: "root:token"
    environment: {TZ: UTC, DB_PASSWORD: hunter2, URL: "redis://:pw@h:1/0", POSTGRES_PASSWORD_FILE: /run/secrets/x}
    labels: {traefik.http.middlewares.a.basicauth.users: "u:x"}
    command: [serve, --password, hunter2, --token=abc, --port=80]
"""
    config = one_file(tmp_path, text, program).services["web"].config
    assert config["image"] == "secret:1.0"
    assert config["user"] == "root:token"
    assert config["environment"]["TZ"] == "UTC"
    assert config["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/x"
    assert config["environment"]["DB_PASSWORD"] == Secret("hunter2")
    assert config["environment"]["URL"] == Template(("redis://:", Secret("pw"), "@h:1/0"))
    assert config["command"] == ["serve", "--password", Secret("hunter2"), Template(("--token=", Secret("abc"))), "--port=80"]
    assert "hunter2" not in repr(config)
    assert "u:x" not in repr(config)


def test_options_of_mounts_and_networks_and_the_text_of_configs_are_guarded(tmp_path: Path, program: Path) -> None:
    text = """
services:
  web:
    image: i
    networks: {front: {driver_opts: {com.example.token: c4n4ry}}}
    volumes: [{type: volume, source: data, target: /d, volume: {labels: {backup.password: c4n4ry}}}]
    post_start: [{command: [sh, -c, app --token c4n4ry]}]
    configs: [conf]
networks: {front: {}}
volumes: {data: {driver_opts: {type: cifs, device: //nas/d, o: "username=u,password=c4n4ry,,c4n4ry,vers=3.0"}}}
configs: {conf: {content: "any_syntax c4n4ry"}}
"""
    project = one_file(tmp_path, text, program)
    assert "c4n4ry" not in repr(project)
    options = project.volumes["data"]["driver_opts"]
    assert str(options["o"]).startswith("username=u,password=•••• (")
    assert str(options["o"]).endswith("),vers=3.0")
    assert options["device"] == "//nas/d"
    assert plain(project.configs["conf"]["content"]) == "any_syntax c4n4ry"


@pytest.mark.parametrize(
    ("keys", "env_file", "told"),
    [
        ('environment: {DB_PASSWORD: "c4n4ry${"}', "", "invalid interpolation format for services.a.environment.DB_PASSWORD"),
        ('environment: {A: "x${\\nc4n4ry"}', "", "invalid interpolation format for services.a.environment.A"),
        ("env_file: in.env", "A=c4n4ry${\n", "Invalid template"),
        ("env_file: in.env", 'A=1\nPASSWORD="c4n4ry\nB=1\n', "unterminated quoted value"),
        ("env_file: in.env", "KEY=-----BEGIN PRIVATE KEY-----\nMIIE+c4n4ry/x\n", "line 2: unexpected character"),
        ('extends: {file: "https://x:c4n4ry@git.example/x.yml", service: b}', "", "comes over the network"),
    ],
)
def test_an_error_names_the_place_and_repeats_no_value(
    keys: str, env_file: str, told: str, tmp_path: Path, oldest_compose: Compose, newest_compose: Compose
) -> None:
    written(tmp_path, {"web/compose.yaml": f"services: {{a: {{image: i, {keys}}}}}", "web/in.env": env_file})
    for compose in (oldest_compose, newest_compose):
        with pytest.raises(StackError) as caught:
            resolved(tmp_path, ["web/compose.yaml"], compose.program)
        assert told in caught.value.message
        assert "c4n4ry" not in f"{caught.value.message} {caught.value.hint}"
