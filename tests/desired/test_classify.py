"""What a file is, by its content."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.desired.classify import is_compose, read_compose_file

STACKS = {
    "image": "services: {a: {image: x}}",
    "build": "services: {a: {build: .}}",
    "extends": "services: {a: {extends: {file: ../common.yml, service: b}}}",
    "include": "include: [a.yml]",
    "one complete of two": "services: {a: {image: x}, b: {labels: {c: d}}}",
    "tags": "services: {a: {image: x, ports: !reset []}}",
    "first format": "web: {image: nginx}\ndb: {image: postgres}",
    "go templates": "services: {a: {image: x, labels: {n: '{{.Name}}', m: '{{ .ID }}'}, logging: {options: {tag: '{{.Name}}'}}}}",
    "dashboard": "services: {a: {image: x, labels: {homepage.key: '{{HOMEPAGE_VAR_KEY}}'}}}",
    "ytt-like comment": "#@ see the wiki\nservices: {a: {image: x}}",
    "sops as a name": "services: {sops: {image: x}}",
}
FRAGMENTS = {
    "no image": "services: {a: {labels: {b: c}}}",
    "only networks": "networks: {n: {}}",
    "only extensions": "x-a: &a {b: c}",
    "empty": "",
    "commented out": "# services:\n#   a: {image: x}\n",
    "services without one": "services:\n",
}
TEMPLATES = {
    "jinja": "services:\n  a:\n    image: {{ image }}\n",
    "jinja in quotes": "services: {a: {image: '{{ image }}:{{ version | default(1) }}'}}",
    "jinja block": "services:\n{% for one in all %}\n  {{ one }}: {image: x}\n{% endfor %}\n",
    "ytt": "#@ load('@ytt:data', 'data')\nservices:\n  a:\n    image: #@ data.values.image\n",
    "ytt value": "services:\n  a:\n    image: #@ 'x:' + version()\n",
}
OTHERS = {
    "kubernetes": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
    "home assistant": "homeassistant: {name: Home}\nautomation: !include automations.yaml\n",
    "helm": "app: {image: {repository: x}}\nreplicas: 2\n",
}
ENCRYPTED = {
    "SOPS": b"services:\n  a:\n    image: ENC[AES256_GCM,data:x,iv:y]\nsops:\n  mac: ENC[AES256_GCM,data:x]\n  version: 3.8.1\n",
    "git-crypt": b"\x00GITCRYPT\x00\x01\x02\x03",
    "ansible-vault": b"$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    "age": b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
}


@pytest.mark.parametrize("name", STACKS)
def test_stacks(name: str) -> None:
    assert read_compose_file("a/compose.yml", STACKS[name].encode()).kind == "stack"


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments(name: str) -> None:
    assert read_compose_file("a/compose.yml", FRAGMENTS[name].encode()).kind == "fragment"


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(name: str) -> None:
    assert read_compose_file("a/compose.yml", TEMPLATES[name].encode()).kind == "template"


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    file = read_compose_file("a/values.yml", OTHERS[name].encode())
    assert file.kind == "other"
    assert not is_compose(file)


@pytest.mark.parametrize("how", ENCRYPTED)
def test_encrypted(how: str) -> None:
    file = read_compose_file("a/compose.yml", ENCRYPTED[how])
    assert file.kind == "encrypted"
    assert file.error is not None
    assert file.error.kind == "encrypted"
    assert how in file.error.message
    assert file.error.hint


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"services: [", "bad_yaml"), (b"- a\n- b\n", "bad_yaml"), (b"a: " + b"[" * 99, "too_large"),
     (b"services: {a: {labels: {x: '{{.Name}}'}}\n", "bad_yaml")],
)  # fmt: skip
def test_broken(content: bytes, kind: str) -> None:
    file = read_compose_file("a/compose.yml", content)
    assert file.kind == "broken"
    assert file.error is not None
    assert file.error.kind == kind


def test_what_it_includes_and_extends() -> None:
    file = read_compose_file(
        "pi5/web/compose.yml",
        b"""
name: ${X}
include:
  - ../db/compose.yml
  - path: [a.yml, ./sub/b.yml]
  - oci://example.org/x
  - https://example.org/x.git
  - /srv/outside.yml
  - ../../../above.yml
  - ${WHERE}/c.yml
services:
  a: {extends: {file: ../../common/labels.yml, service: l}}
  b: {extends: {service: a}}
  c: {extends: a}
""",
    )
    assert file.included == ("pi5/db/compose.yml", "pi5/web/a.yml", "pi5/web/sub/b.yml")
    assert file.extended == ("common/labels.yml",)
    assert file.name == "${X}"
    assert file.services == {"a", "b", "c"}


@given(st.binary(max_size=200))
def test_no_content_raises(content: bytes) -> None:
    read_compose_file("a/compose.yml", content)


KEYS = st.sampled_from(["services", "include", "name", "image", "extends", "file", "path", "sops", "a", "ports"])
JUNK = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=4)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JUNK, max_size=4))
def test_no_shape_raises(top: dict[str, object]) -> None:
    read_compose_file("a/compose.yml", yaml.safe_dump(top).encode())
