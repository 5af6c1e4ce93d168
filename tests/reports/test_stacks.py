"""What `stacks`, `diff` and `config check` show."""

from __future__ import annotations

import json

from hypothesis import given, settings

from anchorwatch.errors import Mistake, StackError
from anchorwatch.model.desired import (
    HOME_DIR,
    PROJECT_DIR,
    BrokenStack,
    DesiredProject,
    DesiredService,
    DesiredState,
    NotStack,
    Stack,
    UnknownValue,
)
from anchorwatch.model.numbers import Literal
from anchorwatch.model.report import SideBySide
from anchorwatch.model.values import Secret, Template, Unknown
from anchorwatch.reports.build import diff_document, mistakes_document, stacks_document
from anchorwatch.reports.diff import diff_lines
from anchorwatch.reports.json import dumps
from anchorwatch.reports.lines import plain
from anchorwatch.reports.mistakes import mistake_lines
from anchorwatch.reports.stacks import stacks_lines
from tests.contract import faults
from tests.reports.hostile import texts
from tests.reports.samples import REVISION

STATE = DesiredState(
    revision=REVISION,
    projects=(
        DesiredProject(
            stack=Stack("proxmox", "media", "proxmox/media", ("proxmox/media/compose.yml",)),
            name="media",
            revision=REVISION,
            services={
                "plex": DesiredService(
                    "plex",
                    {
                        "image": "plex:1.2",
                        "environment": {
                            "CLAIM": Secret("hunter2"),
                            "URL": Template(("http://", Unknown("HOST"), "/")),
                            "EMPTY": None,
                        },
                        "volumes": [
                            {"type": "bind", "source": PROJECT_DIR + "/data", "target": "/data"},
                            {"type": "bind", "source": PROJECT_DIR + "/../common/x", "target": "/x"},
                            {"type": "bind", "source": HOME_DIR + "/music", "target": "/music"},
                            {"type": "bind", "source": PROJECT_DIR, "target": "/all"},
                        ],
                        "cpus": Literal("0.50"),
                        "privileged": True,
                    },
                    unknown=(UnknownValue("plex", "environment.URL", "HOST is set nowhere"),),
                ),
                "debug": DesiredService("debug", {"image": "busybox"}, enabled=False),
            },
            unknown=(UnknownValue(None, "networks.back.driver", "DRIVER is set nowhere"),),
        ),
    ),
    broken=(
        BrokenStack(
            Stack("pi5", "mealie", "pi5/mealie", ("pi5/mealie/compose.yml",)),
            StackError("bad_yaml", "pi5/mealie/compose.yml, line 3: a tab", hint="indent with spaces"),
        ),
    ),
    not_stacks=(NotStack("common/labels.yml", "fragment"), NotStack("proxmox/npm", "declared_elsewhere")),
)


def test_the_text_says_which_host_each_stack_goes_to_and_what_is_unknown_and_why() -> None:
    assert (
        plain(stacks_lines(STATE))
        == """\
pi5
  ? mealie  bad_yaml  pi5/mealie/compose.yml
      pi5/mealie/compose.yml, line 3: a tab
      → indent with spaces

proxmox
  ✓ media  project media: plex, debug (inactive)  proxmox/media/compose.yml
      ? plex  environment.URL: HOST is set nowhere
      ?   networks.back.driver: DRIVER is set nowhere

Not stacks
  · common/labels.yml  fragment
  · proxmox/npm  declared_elsewhere

2 stacks · 2 hosts · 2 services · 2 keys cannot be judged · 1 stack cannot be resolved
"""
    )


def test_the_text_says_what_each_service_should_become() -> None:
    written = plain(stacks_lines(STATE, resolved=True))
    assert '        image: "plex:1.2"\n' in written
    assert '"source": "./data"' in written
    assert "hunter2" not in written


def test_json_is_the_contracts() -> None:
    for resolved in (False, True):
        assert faults(json.loads(dumps(stacks_document(STATE, resolved=resolved))), "stacks") == []
    assert json.loads(dumps(stacks_document(STATE))) == {
        "version": 1,
        "revision": REVISION,
        "not_stacks": [
            {"path": "common/labels.yml", "because": "fragment"},
            {"path": "proxmox/npm", "because": "declared_elsewhere"},
        ],
        "stacks": [
            {
                "host": "pi5",
                "stack": "mealie",
                "path": "pi5/mealie/compose.yml",
                "project": None,
                "revision": None,
                "status": "unknown",
                "error": {
                    "class": "bad_yaml",
                    "message": "pi5/mealie/compose.yml, line 3: a tab",
                    "hint": "indent with spaces",
                },
                "unknown": [],
                "notes": [],
                "services": [],
            },
            {
                "host": "proxmox",
                "stack": "media",
                "path": "proxmox/media/compose.yml",
                "project": "media",
                "revision": REVISION,
                "status": None,
                "error": None,
                "unknown": [
                    {"service": "plex", "path": "environment.URL", "because": "HOST is set nowhere"},
                    {"service": None, "path": "networks.back.driver", "because": "DRIVER is set nowhere"},
                ],
                "notes": [],
                "services": ["plex", "debug"],
            },
        ],
    }


def test_resolved_shows_the_container_that_each_service_should_become_and_no_secret() -> None:
    written = dumps(stacks_document(STATE, resolved=True))
    assert "hunter2" not in written
    plex = json.loads(written)["stacks"][1]["resolved"]["plex"]
    assert plex["environment"].pop("CLAIM").startswith("•••• (")
    assert plex == {
        "image": "plex:1.2",
        "environment": {"URL": "http://${HOST}/", "EMPTY": None},
        "volumes": [
            {"type": "bind", "source": "./data", "target": "/data"},
            {"type": "bind", "source": "../common/x", "target": "/x"},
            {"type": "bind", "source": "~/music", "target": "/music"},
            {"type": "bind", "source": ".", "target": "/all"},
        ],
        "cpus": 0.5,
        "privileged": True,
    }


def test_a_number_that_json_has_no_word_for_is_shown_as_it_was_spelled() -> None:
    service = DesiredService("s", {"cpus": Literal("1e999")})
    project = DesiredProject(Stack("h", "s", "s", ("s/compose.yml",)), "s", None, {"s": service})
    document = json.loads(dumps(stacks_document(DesiredState(None, (project,)), resolved=True)))
    assert document["stacks"][0]["resolved"]["s"] == {"cpus": "1e999"}


SIDES = (
    SideBySide("pi5/mealie: mealie", ("image: mealie:v2", "mem_limit: 512 MiB"), ("image: mealie:v2", "mem_limit: 1 GiB")),
    SideBySide("pi5/dns: pihole", ("image: pihole",), ("image: pihole",)),
)


def test_diff_is_a_unified_diff_from_git_to_the_host() -> None:
    assert (
        plain(diff_lines(SIDES))
        == """\
--- git   pi5/mealie: mealie
+++ host  pi5/mealie: mealie
@@ -1,2 +1,2 @@
 image: mealie:v2
-mem_limit: 512 MiB
+mem_limit: 1 GiB
"""
    )


def test_diff_in_json_leaves_out_what_agrees() -> None:
    assert diff_document(SIDES) == {
        "version": 1,
        "differences": [
            {
                "name": "pi5/mealie: mealie",
                "git": ["image: mealie:v2", "mem_limit: 512 MiB"],
                "host": ["image: mealie:v2", "mem_limit: 1 GiB"],
            }
        ],
    }


@settings(max_examples=40, deadline=None)
@given(texts, texts)
def test_a_hostile_value_in_a_diff_stays_on_its_line(git: str, host: str) -> None:
    lines = plain(diff_lines((SideBySide("x", (f"image: {git}",), (f"image: {host}",)),))).splitlines()
    assert len(lines) == (0 if git == host else 5)
    assert all(line.isprintable() for line in lines)


def test_values_that_differ_only_where_they_are_not_shown_differ() -> None:
    long, longer = ("x" * 2000 + end for end in "ab")
    written = plain(diff_lines((SideBySide("x", (long, "\\xff"), (longer, "\udcff")),)))
    assert [line[0] for line in written.splitlines()] == ["-", "+", "@", "-", "-", "+", "+"]


def test_mistakes() -> None:
    mistakes = (
        Mistake("anchorwatch.yml", 3, "hosts.pi5.dokcer", "there is no such key", "docker"),
        Mistake("ANCHORWATCH_REPO__POLL", None, "repo.poll", "'soon' is no duration"),
    )
    assert (
        plain(mistake_lines(mistakes))
        == """\
✗ anchorwatch.yml:3: hosts.pi5.dokcer: there is no such key (docker)
✗ ANCHORWATCH_REPO__POLL: repo.poll: 'soon' is no duration
2 mistakes
"""
    )
    assert plain(mistake_lines(())) == "✓ no mistake in the config\n"
    assert mistakes_document(mistakes[:1]) == {
        "version": 1,
        "mistakes": [
            {
                "file": "anchorwatch.yml",
                "line": 3,
                "key": "hosts.pi5.dokcer",
                "problem": "there is no such key",
                "instead": "docker",
            }
        ],
    }
