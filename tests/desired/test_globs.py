"""Globs over paths, held against bash (globstar) over real folders."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.desired.globs import glob

FITS = [
    ("proxmox/*", "proxmox/media", True),
    ("proxmox/*", "proxmox/a/b", False),
    ("proxmox/*", "proxmox", False),
    ("proxmox/**", "proxmox/a/b", True),
    ("proxmox/**", "proxmox", True),
    ("proxmox", "proxmox", True),
    ("./proxmox/media/", "proxmox/media", True),
    ("**", "", True),
    (".", "", True),
    ("*", "", False),
    ("**/compose.yml", "compose.yml", True),
    ("**/compose.yml", "a/b/compose.yml", True),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("docker-compose-pi?.yml", "docker-compose-pi5.yml", True),
    ("[ab]x", "bx", True),
    ("[!ab]x", "bx", False),
    ("[a-c]x", "bx", True),
    ("[c-a]x", "bx", False),
    ("a[", "a[", True),
    ("[[]x", "[x", True),
    ("a+(b).yml", "a+(b).yml", True),
    ("*", ".github", False),
    ("**", "a/.github/b", False),
    (".github/*", ".github/x", True),
    ("*", "zwei Wörter", True),
    ("a\nb", "a\nb", True),
    ("*", "a\nb", True),
]


@pytest.mark.parametrize(("text", "path", "fits"), FITS)
def test_what_fits(text: str, path: str, fits: bool) -> None:
    assert glob(text).matches(path) is fits


@pytest.mark.parametrize(
    ("text", "path", "rest"),
    [
        ("proxmox/*", "proxmox/media", "media"),
        ("proxmox/media", "proxmox/media", ""),
        ("proxmox/**", "proxmox/apps/media", "apps/media"),
        ("hosts/pi5/stacks/*", "hosts/pi5/stacks/dns", "dns"),
        ("*", "media", "media"),
        ("**", "apps/media", "apps/media"),
        ("pi*/x", "pi5/x", "pi5/x"),
        ("proxmox/*", "proxmoxes/media", "proxmoxes/media"),
    ],
)
def test_what_is_left_of_a_path(text: str, path: str, rest: str) -> None:
    assert glob(text).rest(path) == rest


def test_folders_above_count_for_covering() -> None:
    assert glob("proxmox/pi5-stacks").covers("proxmox/pi5-stacks/mealie/compose.yml")
    assert glob("**/old").covers("a/old/b")
    assert not glob("proxmox/pi5").covers("proxmox/pi5-stacks/mealie")
    assert glob(".").covers("anything")


SEGMENT = st.text(st.sampled_from(["a", "b", ".", "-"]), min_size=1, max_size=3).filter(lambda text: text.strip("."))
PATTERN = st.one_of(
    st.just("**"),
    st.text(st.sampled_from(["a", "b", ".", "*", "?", "-"]), min_size=1, max_size=3).filter(
        lambda text: text.strip(".") and text != "**"
    ),
    st.sampled_from(["[ab]", "[!a]", "[a-b]*", "*[.]a"]),
).filter(lambda text: "***" not in text)


@settings(max_examples=60, deadline=None)
@given(
    paths=st.sets(st.lists(SEGMENT, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8),
    text=st.lists(PATTERN, min_size=1, max_size=3).map("/".join),
)
def test_the_same_as_bash(paths: set[str], text: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        for path in paths:
            (Path(made) / path).mkdir(parents=True, exist_ok=True)
        script = """shopt -s globstar nullglob; cd -- "$1" || exit 1
        IFS=; for one in $2; do [ -e "$one" ] && printf '%s\\0' "$one"; done; :"""
        done = subprocess.run(["bash", "-c", script, "bash", made, text], env={"LC_ALL": "C"}, check=True, capture_output=True)
        expected = {one.strip("/") for one in done.stdout.decode().split("\0") if one}
        everything = {str(place.relative_to(made)) for place in Path(made).rglob("*")}
        assert {path for path in everything if glob(text).matches(path)} == expected


@given(st.text())
def test_every_text_is_a_glob(text: str) -> None:
    glob(text).matches("a/b")
