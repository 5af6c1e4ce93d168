"""Whatever stands in a name or a value, no format breaks, and nothing reaches a terminal or a page that acts there."""

from __future__ import annotations

import json
import unicodedata
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.report import CheckReport
from anchorwatch.reports import Format, render
from anchorwatch.reports.clean import LONGEST, clean, encodable, paragraphs, shorten
from anchorwatch.reports.markdown import code
from tests.contract import faults
from tests.reports.hostile import reports, texts
from tests.reports.samples import CLEAN
from tests.reports.test_formats import Page

ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of characters that are not to be seen as themselves."""


def active(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in ACTIVE} - {"\n"}


@settings(max_examples=40, deadline=None)
@given(reports(), st.sampled_from(Format))
def test_no_format_lets_an_active_character_through_or_cannot_be_encoded(report: CheckReport, wanted: Format) -> None:
    written = render(report, wanted)
    assert active(written) == set()
    written.encode("utf-8")
    assert written.endswith("\n")


@settings(max_examples=40, deadline=None)
@given(reports())
def test_json_stays_the_contracts(report: CheckReport) -> None:
    document = json.loads(render(report, Format.JSON))
    assert faults(document, "check") == []
    assert [drift["message"] for drift in document["drift"]] == [encodable(finding.message) for finding in report.findings]
    json.dumps(document, ensure_ascii=False).encode("utf-8")


@settings(max_examples=40, deadline=None)
@given(reports())
def test_html_keeps_its_tags(report: CheckReport) -> None:
    page = Page(render(report, Format.HTML))
    assert page.open == []
    assert page.loads == []
    assert "script" not in page.tags


@settings(max_examples=40, deadline=None)
@given(reports())
def test_junit_stays_xml_and_counts_right(report: CheckReport) -> None:
    root = ElementTree.fromstring(render(report, Format.JUNIT))
    for element in (root, *root.iter("testsuite")):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(sum(case.find("failure") is not None for case in cases))
        assert element.get("errors") == str(sum(case.find("error") is not None for case in cases))
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=3, max_size=3))
def test_a_table_in_markdown_keeps_its_cells_and_nothing_in_them_is_markup(values: list[str]) -> None:
    service, desired, observed = values
    finding = Finding(
        host="pi5", kind=Kind.CHANGED, message="m", stack="s", service=service, path="p", desired=desired, observed=observed
    )
    written = render(CheckReport(CLEAN.checked_at, None, findings=(finding,)), Format.MARKDOWN)
    tokens = MarkdownIt("commonmark").enable("table").parse(written)
    cells = [token for before, token in pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 5
    for cell, text in zip(cells[3:], (desired, observed), strict=True):
        children = cell.children or []
        assert [child.type for child in children] == (["code_inline"] if text else ["text"])
        if text.strip():
            assert children[0].content.strip() == shorten(text).strip()


@settings(deadline=None)
@given(texts)
def test_a_code_span_holds_whatever_is_in_it(text: str) -> None:
    (_, inline, _) = MarkdownIt("commonmark").parse(f"a {code(text + '.')} b")
    assert [(child.type, child.content) for child in inline.children or []] == [
        ("text", "a "),
        ("code_inline", shorten(text + ".")),
        ("text", " b"),
    ]


@settings(deadline=None)
@given(st.text())
def test_clean_hides_nothing_and_is_clean_at_once(text: str) -> None:
    assert active(clean(text)) == set()
    assert "\n" not in clean(text)
    assert clean(clean(text)) == clean(text)
    assert (clean(text) == text) == text.isprintable()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202e", "\\u202e"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Ünïcödé ✓ 容器 🐳", "Ünïcödé ✓ 容器 🐳"),
    ],
)
def test_what_is_hidden_becomes_visible(text: str, seen: str) -> None:
    assert clean(text) == seen


def test_a_value_of_a_megabyte_is_cut_and_that_is_said() -> None:
    for wanted in (Format.TEXT, Format.HTML, Format.MARKDOWN, Format.JUNIT):
        report = CheckReport(
            CLEAN.checked_at,
            None,
            CLEAN.hosts,
            CLEAN.stacks,
            (),
            (Finding("pi5", Kind.CHANGED, "y" * 2**20, stack="mealie", service="z" * 2**20, desired="x" * 2**20),),
        )
        written = render(report, wanted)
        assert len(written) < 20_000
        assert "… (1,048,576 characters)" in written


def test_short_texts_are_not_cut() -> None:
    assert shorten("x" * LONGEST) == "x" * LONGEST


def test_the_lines_of_an_error_stay_lines() -> None:
    assert paragraphs("one\n\n  two \x1b[2J\n") == ["one", "  two \\x1b[2J"]
