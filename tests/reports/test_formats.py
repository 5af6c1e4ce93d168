"""Each format, held against a text that was written by hand (the JSON from the contract)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from anchorwatch.model.report import CheckReport
from anchorwatch.reports import Format, render
from tests.contract import faults
from tests.reports.samples import CLEAN, CONTRACT, EVERYTHING

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


def with_keys_in_order(text: str) -> Any:
    """JSON as nested lists, so that the order of keys counts."""
    return json.loads(text, object_pairs_hook=list)


@pytest.mark.parametrize(("name", "report"), [("contract", CONTRACT), ("everything", EVERYTHING)])
def test_json_is_the_contracts_object_key_by_key(name: str, report: CheckReport) -> None:
    written = render(report, Format.JSON)
    for finding in report.findings:
        assert f'"id": "{finding.id}"' in written
    assert with_keys_in_order(re.sub(r'"id": "[0-9a-f]{12}"', '"id": "GIVEN"', written)) == with_keys_in_order(
        golden(f"{name}.json")
    )


@pytest.mark.parametrize("report", [CONTRACT, EVERYTHING, CLEAN])
def test_json_fits_the_schema_of_the_contract(report: CheckReport) -> None:
    assert faults(json.loads(render(report, Format.JSON)), "check") == []


@pytest.mark.parametrize("name", ["contract", "everything"])
def test_the_schema_of_the_contract_fits_what_was_written_by_hand(name: str) -> None:
    assert faults(json.loads(golden(f"{name}.json")), "check") == []


@pytest.mark.parametrize(("name", "report"), [("clean", CLEAN), ("contract", CONTRACT), ("everything", EVERYTHING)])
def test_text(name: str, report: CheckReport) -> None:
    assert render(report, Format.TEXT) == golden(f"{name}.txt")


def test_markdown() -> None:
    assert render(EVERYTHING, Format.MARKDOWN) == golden("everything.md")


def test_junit() -> None:
    assert render(EVERYTHING, Format.JUNIT) == golden("everything.xml")
    ElementTree.fromstring(golden("everything.xml"))


class Page(HTMLParser):
    """What a browser would see: the tags it opens and closes, the text, and everything it would load or run."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            f"{name}={value}" for name, value in attrs if name in {"src", "href", "srcset", "style"} or name.startswith("on")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_html_says_everything_that_the_text_says() -> None:
    text = Page(render(EVERYTHING, Format.HTML)).text
    for finding in EVERYTHING.findings:
        assert finding.message in text
        assert (finding.fix or "") in text
    assert "5 drifts · 14 containers · 4 stacks · 2 hosts · 2 ignored" in text
    assert "could not look at pi5 (1 stack), proxmox/broken".replace("could", "Could") in text
    assert "pi5 refuses the connection (port 22) → is sshd running there?" in text
    assert "plex environment.CLAIM not judged: CLAIM is set nowhere" in text
    assert "Git says Europe/Berlin Runs UTC" in text


def test_html_is_one_whole_file_that_loads_and_runs_nothing() -> None:
    written = render(EVERYTHING, Format.HTML)
    page = Page(written)
    assert page.open == []
    assert page.loads == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "url(" not in written
    assert "@import" not in written


def test_html_fits_a_phone_paper_and_the_dark() -> None:
    written = render(CLEAN, Format.HTML)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in written
    assert "@media print" in written
    assert "@media (prefers-color-scheme: dark)" in written


def test_html_shows_the_note_and_the_file_that_is_no_stack() -> None:
    text = Page(render(CONTRACT, Format.HTML)).text
    assert "mealie image : runs an older build of ghcr.io/mealie:v2 than the host has under that tag" in text
    assert "common/labels.yml fragment" in text
