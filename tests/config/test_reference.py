"""What ships with the code and is made from it: the schema, the reference, the example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from anchorwatch.config import json_schema, load
from anchorwatch.config.reference import with_reference
from anchorwatch.config.sections.keys import flow
from tests.config.reading import mistakes, read
from tests.config.test_values import CONTRACT

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "config.md"
EXAMPLE = ROOT / "examples" / "anchorwatch.yml"


def test_the_schema_that_ships_is_current() -> None:
    shipped = Path(json_schema.__file__).with_name(json_schema.FILE)
    assert shipped.read_text(encoding="utf-8") == json_schema.text(), "run python -m anchorwatch.config.json_schema"


def test_the_reference_is_current() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert page == with_reference(page), "run python -m anchorwatch.config.reference docs/config.md"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks"):
        with_reference("# The config file\n")


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL))
def test_the_examples_in_the_docs_load(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, _with_secrets(text, tmp_path)) == []
    assert _schema_says(text) == []


def test_the_example_loads_as_it_is() -> None:
    config = load(EXAMPLE, {"HOME": "/root"})
    assert [(host.name, host.docker) for host in config.addresses()] == [
        ("proxmox", "unix:///var/run/docker.sock"),
        ("pi5", "ssh://admin@pi5"),
    ]
    assert _schema_says(EXAMPLE.read_text(encoding="utf-8")) == []


def test_the_example_loads_with_every_setting_taken_in(tmp_path: Path) -> None:
    text = _taken_in(EXAMPLE.read_text(encoding="utf-8"))
    assert mistakes(tmp_path, _with_secrets(text, tmp_path)) == []
    assert _schema_says(text) == []
    config = read(tmp_path, _with_secrets(text, tmp_path))
    assert list(config.hosts) == ["proxmox", "pi5", "nas"]
    assert [one.name for one in config.service().destinations] == ["chat", "mail"]


def test_the_example_names_every_key() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    schema = json_schema.schema()
    keys = {key for section in (schema, *schema["$defs"].values()) for key in section["properties"]}
    assert {key for key in keys if not re.search(rf"\b{key}(_file)?:", text)} == set()


def test_what_the_example_calls_a_default_is_one() -> None:
    """The settings that are out of use, but for those that have no default."""
    text = _taken_in(EXAMPLE.read_text(encoding="utf-8"))
    tree = yaml.load(text, Loader=yaml.BaseLoader)
    properties = json_schema.schema()["$defs"]
    for section in ("Watch", "History"):
        assert tree[section.lower()] == {key: value["default"] for key, value in properties[section]["properties"].items()}
    assert tree["repo"]["poll"] == properties["Repo"]["properties"]["poll"]["default"]
    for key in ("unmanaged", "timeout", "deadline"):
        assert tree["hosts"]["pi5"][key] == properties["Host"]["properties"][key]["default"]


def test_the_contracts_file_fits_the_schema() -> None:
    assert _schema_says(CONTRACT % {"secrets": "/run/secrets"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "repos: {}",
        "repo: {pth: x}",
        "hosts: {a: {stacks: [a]}}",
        "hosts: {a: {docker: 'http://x', stacks: [a]}}",
        "hosts: {a: {docker: 'ssh://x', stacks: a}}",
        "hosts: {a: {docker: 'ssh://x', stacks: [/a]}}",
        "hosts: {a/b: {docker: 'ssh://x', stacks: [a]}}",
        "hosts: {a: {docker: 'ssh://x', unmanaged: maybe}}",
        "watch: {grace: 30}",
        "watch: {grace: soon}",
        "history: {max_size: 2G}",
        "severity: [{path: x, is: dreadful}]",
        "notify: {destinations: [{name: a}]}",
        "hosts: {a: {docker: 'ssh://x', host_env_file_file: x}}",
    ],
)
def test_an_editor_is_told_of_mistakes_that_a_schema_can_see(tmp_path: Path, text: str) -> None:
    assert _schema_says(text) != []
    assert mistakes(tmp_path, text) != []


def test_values_of_every_spelling_that_yaml_types_fit_the_schema() -> None:
    tree = {"hosts": {"a": {"docker": "ssh://x", "stacks": ["a"], "unmanaged": True, "env": {"A": 1, "B": False, "C": 1.5}}}}
    assert list(_validator().iter_errors(tree)) == []


def test_reading_loads_nothing_heavy(tmp_path: Path) -> None:
    """Neither does a config that says nothing: a check without one is not to pay for pydantic."""
    (tmp_path / "full.yml").write_text("hosts: {a: {docker: 'ssh://a', stacks: [a]}}\n")
    program = (
        "import sys; from pathlib import Path; from anchorwatch.config import load, read_draft\n"
        "load(None, {'ANCHORWATCH_CONFIG': ''}); print('yaml' in sys.modules)\n"
        "print(len(read_draft(Path('full.yml'), {}).addresses()))\n"
        "print(sorted({'pydantic', 'pydantic_core', 'pydantic_settings', 'asyncio', 'difflib'} & set(sys.modules)))\n"
        "load(Path('full.yml'), {}); print('pydantic' in sys.modules, 'pydantic_settings' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["False", "1", "[]", "True False"]


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), ("a/*", '"a/*"'), (["a", "b*"], '[a, "b*"]'), ({"A": "b: c"}, '{A: "b: c"}'), ("1h", "1h")]
)
def test_an_example_is_written_as_yaml_reads_it(value: Any, text: str) -> None:
    assert flow(value) == text
    assert yaml.safe_load(text) == value


def _taken_in(text: str) -> str:
    """`text` with every setting that is out of use taken into use: `#key:`, not `# a remark`."""
    return re.sub(r"(?m)^( *)#(?=[^ #\n])", r"\1", text)


def _with_secrets(text: str, folder: Path) -> str:
    """`text` with its files of secrets in `folder`, where they are made."""
    for name in re.findall(r"_file: */run/secrets/([\w-]+)", text):
        (folder / name).write_text("https://secret\n")
    return re.sub(r"(_file: *)/run/secrets/", rf"\1{folder}/", text)


def _validator() -> Any:
    schema = json_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _schema_says(text: str) -> list[str]:
    tree = yaml.load(text, Loader=yaml.BaseLoader)
    if "<<" in text:
        tree = yaml.safe_load(text)
    return [error.message for error in _validator().iter_errors(tree)]
