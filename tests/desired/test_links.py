"""Symlinks followed by their text alone, held against what the kernel makes of the same links."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.desired.files import Entry
from anchorwatch.desired.folder import open_folder
from anchorwatch.desired.links import follow


def followed(files: list[str], links: dict[str, str]) -> dict[str, str | None]:
    """Path -> where it leads, None for a file itself and for a link that is not followed the text behind `->`."""
    entries = {path: Entry("file", id=path) for path in files} | {path: Entry("symlink") for path in links}
    result = follow(entries, links)
    return {path: entry.real if entry.kind == "file" else f"->{entry.real}" for path, entry in result.items()}


def test_files_and_folders_within() -> None:
    assert followed(["shared/.env", "pi5/a/compose.yml"], {"pi5/a/.env": "../../shared/.env"}) == {
        "pi5/a/.env": "shared/.env", "pi5/a/compose.yml": None, "shared/.env": None,
    }  # fmt: skip
    assert followed(["shared/x/compose.yml", "shared/x/f/g"], {"pi5/x": "../shared/x"}) == {
        "pi5/x/compose.yml": "shared/x/compose.yml", "pi5/x/f/g": "shared/x/f/g",
        "shared/x/compose.yml": None, "shared/x/f/g": None,
    }  # fmt: skip


def test_links_through_links() -> None:
    assert followed(["a/f"], {"b": "a", "c": "b", "d": "c/f"}) == {"a/f": None, "b/f": "a/f", "c/f": "a/f", "d": "a/f"}
    assert followed(["a/f"], {"a/g": "f", "b": "a"}) == {"a/f": None, "a/g": "a/f", "b/f": "a/f", "b/g": "a/f"}


def test_what_is_not_followed() -> None:
    for text in (
        "/etc/passwd",
        "../x",
        "../../x",
        "a/../../x",
        "nowhere",
        "nowhere/../x",
        "x/../x",
        "",
        "self",
        "/",
        ".",
        "..",
        "loop",
    ):
        assert followed(["x", "folder/y"], {"self": text, "loop": "loop"})["self"] == f"->{text}", text


def test_a_folder_that_holds_the_link_itself_is_not_entered() -> None:
    assert followed(["a/b/f"], {"a/b/up": "..", "a/top": ".."}) == {"a/b/f": None, "a/b/up": "->..", "a/top": "->.."}


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)


@settings(max_examples=100, deadline=None)
@given(files=st.sets(PATHS, max_size=4), links=st.dictionaries(PATHS, TEXTS, max_size=4))
def test_every_file_that_we_reach_the_kernel_reaches_too(files: set[str], links: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(made) / "repo"
        top.mkdir()
        for path in sorted(files):
            place = top / path
            if not any((top / above).exists() and not (top / above).is_dir() for above in above_of(path)) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(path)
        for path, text in sorted(links.items()):
            place = top / path
            if (
                place.parent.is_dir()
                and not place.parent.is_symlink()
                and not os.path.lexists(place)
                and is_within(top, place.parent)
            ):
                place.symlink_to(text)
        found = open_folder(top)
        contents = found.read(found.paths())
        for path, entry in found.paths().items():
            reached = what_the_kernel_reads(top, path)
            assert contents.get(path) == reached, path
            assert (entry.kind == "file") == (reached is not None)


def what_the_kernel_reads(top: Path, path: str) -> bytes | None:
    """The content behind a path, when it is a file within the tree."""
    try:
        content = (top / path).read_bytes()
    except OSError:
        return None
    return content if is_within(top, top / path) else None


def above_of(path: str) -> list[str]:
    segments = path.split("/")
    return ["/".join(segments[:at]) for at in range(1, len(segments))]


def is_within(top: Path, place: Path) -> bool:
    return place.resolve().is_relative_to(top.resolve())
