"""How unknown values show: by the path that a user would name, with the variable, and as precisely as can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.errors import StackError
from anchorwatch.model.desired import DesiredService
from anchorwatch.model.values import Secret, Template, Unknown
from tests.desired.resolving import one_file, resolved, written


@pytest.fixture
def program(newest_compose: Compose) -> Path:
    return newest_compose.program


def service(repo: Path, program: Path, keys: str, **values: str) -> DesiredService:
    return one_file(repo, f"services:\n  web:\n    image: i\n    {keys}\n", program, values).services["web"]


def paths(found: DesiredService) -> list[str]:
    return sorted(entry.path for entry in found.unknown)


def test_what_surrounds_a_variable_still_counts(tmp_path: Path, program: Path) -> None:
    web = service(tmp_path, program, "environment: {URL: 'postgres://app:${PW}@db/app'}")
    url = web.config["environment"]["URL"]
    assert isinstance(url, Template)
    assert url.variables == ("PW",)
    assert url.fits("postgres://app:anything@db/app")
    assert not url.fits("postgres://app:anything@other/app")
    assert paths(web) == ["environment.URL"]
    assert web.unknown[0].because.startswith("PW is set nowhere")
    assert "web/.env" in web.unknown[0].because


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("mem_limit: ${X}", ["mem_limit"]),
        ("mem_limit: ${X}m", ["mem_limit"]),
        ("deploy: {resources: {limits: {memory: '${X}'}}}", ["deploy.resources.limits.memory"]),
        ("ports: ['${X}:8080']", ["ports.8080/tcp"]),
        ("ports: ['127.0.0.1:${X}:53/udp']", ["ports.53/udp"]),
        ("ports: ['${X}:${X}']", ["ports.*"]),
        ("ports: ['${X}']", ["ports.*"]),
        ("volumes: ['${X}/data:/data']", ["volumes./data"]),
        ("volumes: ['${X}:/data/']", ["volumes./data"]),
        ("volumes: ['./a:/data:${X}']", ["volumes./data"]),
        ("volumes: ['./a:/data/${X}']", ["volumes.*"]),
        ("environment: ['${X}=1']", ["environment.*"]),
        ("environment: ['A_${X}=1']", ["environment.A_*"]),
        ("environment: [X]", ["environment.X"]),
        ("environment: {X: }", ["environment.X"]),
        ("labels: ['traefik.http.routers.${X}.rule=a']", ["labels.traefik.http.routers.*.rule"]),
        ("privileged: ${X}", ["privileged"]),
        ("restart: ${X}", ["restart"]),
        ("command: run ${X}", ["command"]),
        ("command: ['run', '${X}']", ["command"]),
        ("healthcheck: {test: x, interval: '${X}'}", ["healthcheck.interval"]),
        ("network_mode: 'service:${X}'", ["depends_on", "network_mode", "networks"]),
        ("depends_on: ['${X}']", ["depends_on"]),
        ("environment: {A: '${X:-default}'}", []),
        ("environment: {A: '${X:+more}'}", []),
        ("environment: {A: '${X}', B: '${X:-default}', C: '${X:+more}'}", ["environment.A", "environment.B", "environment.C"]),
        ("environment: {A: '${X:-${Y}}'}", ["environment.A"]),
        ("environment: {A: '$${X}'}", []),
        ("environment: {A: '${PWD:-/x}'}", ["environment.A"]),
        ("container_name: '${COMPOSE_PROJECT_NAME}-web'", []),
        ("env_file: missing.env", ["environment.*"]),
        ("env_file: {path: missing.env, required: false}".replace("{", "[{").replace("}", "}]"), ["environment.*"]),
        ("env_file: /opt/secrets/app.env", ["environment.*"]),
        ("env_file: ${X}.env", ["environment.*"]),
    ],
)
def test_unknown_paths(keys: str, expected: list[str], tmp_path: Path, program: Path) -> None:
    assert paths(service(tmp_path, program, keys)) == expected


@pytest.mark.parametrize(
    "keys", ["mem_limit: ${X}", "privileged: ${X}", "command: run ${X}", "ports: ['${X}:${X}']", "scale: '${X}'"]
)
def test_what_is_made_up_is_never_shown(keys: str, tmp_path: Path, program: Path) -> None:
    web = service(tmp_path, program, keys)
    assert not web.config.get(keys.partition(":")[0])


def test_a_split_command_of_which_a_word_is_unknown_is_left_out_and_a_quoted_one_is_not(tmp_path: Path, program: Path) -> None:
    assert "command" not in service(tmp_path, program, "command: run ${X}").config
    command = service(tmp_path, program, "command: sh -c 'run ${X}'").config["command"]
    assert command[:2] == ["sh", "-c"]
    assert command[2] == Template(("run ", Unknown("X")))


def test_a_missing_env_file_leaves_the_files_own_keys_judged(tmp_path: Path, program: Path) -> None:
    web = service(tmp_path, program, "env_file: [missing.env]\n    environment: {OWN: '1'}")
    assert web.config["environment"] == {"OWN": "1"}
    assert web.unknown[0].because == "web/missing.env is not in the repo"


def test_an_env_file_is_read_with_its_variables(tmp_path: Path, program: Path) -> None:
    written(tmp_path, {"web/a.env": "A=1\nB=${A}-${NOWHERE}\nC='${NOT}'\nPASSED\nD=${E:-e}\n"})
    web = service(tmp_path, program, "env_file: a.env")
    environment = web.config["environment"]
    assert {name: environment[name] for name in "ACD"} == {"A": Secret("1"), "C": Secret("${NOT}"), "D": Secret("e")}
    assert environment["B"] == Template((Secret("1-"), Unknown("NOWHERE")))
    assert paths(web) == ["environment.B", "environment.PASSED"]


def test_a_default_and_the_dotenv_of_the_repo_are_what_git_says(tmp_path: Path, program: Path) -> None:
    written(tmp_path, {"web/.env": "TAG=1.2\nHANGS=${ELSEWHERE}\nBOTH=${TAG}-b\n"})
    web = service(tmp_path, program, "environment: {A: '${TAG}', B: '${BOTH}', C: '${HANGS}', D: '${N:-${TAG}}'}")
    assert web.config["environment"]["A"] == "1.2"
    assert web.config["environment"]["B"] == "1.2-b"
    assert web.config["environment"]["D"] == "1.2"
    assert paths(web) == ["environment.C"]


def test_a_network_whose_name_is_unknown_makes_no_network_of_the_service_certain(tmp_path: Path, program: Path) -> None:
    text = "services: {web: {image: i, networks: [front]}}\nnetworks: {front: {external: true, name: '${NET}'}}\n"
    project = one_file(tmp_path, text, program)
    assert [entry.path for entry in project.unknown] == ["networks.front.name"]
    assert paths(project.services["web"]) == ["networks.*", "networks.front"]


def test_a_key_that_compose_does_not_accept_costs_itself_only(tmp_path: Path, program: Path) -> None:
    # Two mounts at one place, which this Compose refuses.
    web = service(tmp_path, program, "volumes: ['${X}:/a']\n    tmpfs: /a\n    mem_limit: 5m")
    assert paths(web) == ["volumes"]
    assert web.config["mem_limit"] == "5242880"


def test_marks_reach_those_who_extend(tmp_path: Path, program: Path) -> None:
    written(tmp_path, {"common/base.yml": "services: {base: {image: b, privileged: '${X}', mem_limit: '${Y}'}}"})
    text = "services:\n  one: {extends: {file: ../common/base.yml, service: base}}\n  two: {extends: one}\n"
    project = one_file(tmp_path, text, program)
    for one in ("one", "two"):
        assert paths(project.services[one]) == ["mem_limit", "privileged"]


def test_paths_are_told_from_the_projects_folder(tmp_path: Path, program: Path) -> None:
    volumes = service(
        tmp_path, program, "volumes: ['./a:/a', '../b:/b', '../../../c:/c', '~/d:/d', '${HOME}/e:/e', '/f/:/f', '.:/g']"
    ).config["volumes"]
    assert [volume["source"] for volume in volumes] == [
        "\0project\0/a",
        "\0project\0/../b",
        "\0project\0/../../../c",
        "\0home\0/d",
        "\0home\0/e",
        "/f/",
        "\0project\0",
    ]


def test_services_of_other_profiles_are_known_and_not_enabled(tmp_path: Path, program: Path) -> None:
    text = "services: {a: {image: a}, b: {image: b, profiles: [x]}, c: {image: c, profiles: [y]}}"
    written(tmp_path, {"web/.env": "COMPOSE_PROFILES=y,z\n"})
    project = one_file(tmp_path, text, program)
    assert {name: one.enabled for name, one in project.services.items()} == {"a": True, "b": False, "c": True}


def test_the_projects_name_is_composes(tmp_path: Path, program: Path) -> None:
    text = "services: {a: {image: a}}\n"
    assert one_file(tmp_path, text, program).name == "web"
    assert one_file(tmp_path, "name: other\n" + text, program).name == "other"
    written(tmp_path, {"My.App_v1/compose.yml": text})
    assert resolved(tmp_path, ["My.App_v1/compose.yml"], program).name == "myapp_v1"
    written(tmp_path, {"web/.env": "COMPOSE_PROJECT_NAME=told\n"})
    assert one_file(tmp_path, "name: other\n" + text, program).name == "told"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("services: [\n", "bad_yaml", "web/compose.yaml"),
        ("services: {web: {image: i, colour: red}}", "bad_schema", "colour"),
        ("services: {web: {image: i, networks: [nope]}}", "bad_schema", "undefined network nope"),
        ("include: [nope.yml]\n", "missing_include", "web/nope.yml, which is not in the repo"),
        ("include: ['${X}/a.yml']\n", "missing_include", "X is set nowhere"),
        ("services: {web: {extends: {file: nope.yml, service: a}}}", "missing_include", "web/nope.yml"),
    ],
)
def test_what_is_broken_says_what_and_where(text: str, kind: str, words: str, tmp_path: Path, program: Path) -> None:
    with pytest.raises(StackError) as raised:
        one_file(tmp_path, text, program)
    assert raised.value.kind == kind
    assert words in raised.value.message
    assert raised.value.hint
    assert "/tmp" not in raised.value.message


def test_a_file_of_the_format_before_services_is_told_what_it_lacks(tmp_path: Path, program: Path) -> None:
    """And in the same words each time, though Compose lists the keys in another order at each run."""
    text = "".join(f"{name}: {{image: i}}\n" for name in ("web", "db", "cache", "queue", "proxy", "mail"))
    said = set()
    for _ in range(4):
        with pytest.raises(StackError) as raised:
            one_file(tmp_path, text, program)
        assert raised.value.kind == "bad_schema"
        assert "`services:`" in (raised.value.hint or "")
        said.add(raised.value.message)
    assert len(said) == 1
    assert "'cache', 'db', 'mail', 'proxy', 'queue', 'web'" in said.pop()


def test_where_a_value_was_looked_for(tmp_path: Path, program: Path) -> None:
    """Whether the `.env` does not set it, or is not there at all: mostly because Git ignores it."""
    text = "services: {web: {image: i, environment: {PW: '${PW}'}}}\n"
    (missing,) = one_file(tmp_path / "a", text, program).services["web"].unknown
    assert missing.because == "PW is set nowhere (looked for in web/.env, which is not in the repo)"
    written(tmp_path / "b", {"web/.env": "OTHER=1\n"})
    (unset,) = one_file(tmp_path / "b", text, program).services["web"].unknown
    assert unset.because == "PW is set nowhere (not in web/.env)"


@pytest.mark.parametrize(
    ("name", "fitting", "others"),
    [
        ("${ENV}-Media", ["prod-media", "media"], ["books", "media-x"]),  # Compose takes small letters, and no `-` at the head
        ("media-${ENV}", ["media-prod", "media-"], ["media", "books"]),
        ("${A}-${B}_x", ["x", "1-_x", "1-2_x"], ["1-2"]),
    ],
)
def test_what_surrounds_a_variable_in_the_projects_name(
    tmp_path: Path, program: Path, name: str, fitting: list[str], others: list[str]
) -> None:
    project = one_file(tmp_path, f"name: '{name}'\nservices: {{web: {{image: i}}}}\n", program)
    assert project.called is not None
    assert [entry.path for entry in project.unknown] == ["name"]
    assert all(map(project.called.fits, fitting))
    assert not any(map(project.called.fits, others))


def test_a_variable_in_a_name_that_does_not_count(tmp_path: Path, program: Path) -> None:
    """The deployer gives another, or a later file does."""
    text = "name: '${X}-a'\nservices: {web: {image: i}}\n"
    given = one_file(tmp_path, text, program, {"COMPOSE_PROJECT_NAME": "given"})
    written(tmp_path, {"web/more.yaml": "name: last\n"})
    last = resolved(tmp_path, ["web/compose.yaml", "web/more.yaml"], program)
    assert [(one.name, one.unknown, one.called) for one in (given, last)] == [("given", (), None), ("last", (), None)]
