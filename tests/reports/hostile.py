"""Names and values as an enemy would choose them, and whole reports made of them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from anchorwatch.model.desired import NotStack, UnknownValue
from anchorwatch.model.findings import Finding, Kind, Note, Severity
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, HostStatus, StackReport, StackStatus

NASTY = (
    "\x1b[2J\x1b[31mred",
    "a\nb\r\nc\td",
    "bell\x07nul\x00del\x7fcsi\x9b31m",
    "\u202egnp.exe\u2066x\u200b\ufeff",
    "line\u2028separator\u2029",
    "non-UTF-8 \udcff\udc80 and a half pair \ud800",
    "\ufffe\uffff\U000e0041",
    "[red]markup[/red] [link=x]",
    "<script>alert(1)</script>&amp;\"'>",
    "a | b `c` ``d`` ``` \\| \\",
    "@everyone #1 https://evil.example <!-- --> </details>",
    "]]> <![CDATA[ {{ 7*7 }} {% raw %}",
    "x" * 2_000,
    "",
    " ",
    "Ünïcödé ✓ 容器 🐳",
)

texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=40), st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=8)
)
maybe = st.none() | texts
revisions = st.none() | st.text("0123456789abcdef", min_size=40, max_size=40)

errors = st.none() | st.builds(ErrorInfo, st.sampled_from(["resolver", "bad_yaml"]), texts.filter(bool), maybe)
unknowns = st.lists(st.builds(UnknownValue, maybe, texts, texts), max_size=2).map(tuple)
notes = st.lists(st.builds(Note, maybe, maybe, texts), max_size=2).map(tuple)


def reports() -> st.SearchStrategy[CheckReport]:
    """Reports of two hosts with stacks, findings, errors, notes: every text in them is hostile."""
    return st.tuples(texts, texts).flatmap(_reports)


def _reports(names: tuple[str, str]) -> st.SearchStrategy[CheckReport]:
    host = st.sampled_from(names)
    hosts = st.tuples(
        *(
            st.builds(HostReport, st.just(name), texts, st.sampled_from(HostStatus), errors, maybe, st.integers(0, 99))
            for name in names
        )
    )
    stacks = st.lists(
        st.builds(
            StackReport,
            host,
            texts,
            texts,
            maybe,
            revisions,
            st.sampled_from(StackStatus),
            errors,
            unknowns,
            notes,
            st.lists(texts, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple)
    findings = st.lists(
        st.builds(
            Finding,
            host=host,
            kind=st.sampled_from(Kind),
            message=texts.filter(bool),
            severity=st.sampled_from(Severity),
            stack=maybe,
            project=maybe,
            service=maybe,
            container=maybe,
            number=st.integers(1, 3),
            path=maybe,
            desired=maybe,
            observed=maybe,
            fix=maybe,
        ),
        max_size=3,
    ).map(tuple)
    not_stacks = st.lists(st.builds(NotStack, texts, st.just("fragment")), max_size=8).map(tuple)
    return st.builds(
        CheckReport,
        st.just(datetime(2026, 11, 22, 22, 40, tzinfo=UTC)),
        revisions,
        hosts,
        stacks,
        not_stacks,
        findings,
        st.integers(0, 3),
        st.integers(0, 3),
    )
