"""The report of `check` as one self-contained page: no script, nothing loaded, readable on a phone and on paper."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from anchorwatch.model.report import CheckReport
from anchorwatch.model.times import timestamp
from anchorwatch.reports.clean import clean, paragraphs, shorten
from anchorwatch.reports.lines import count, place, plain
from anchorwatch.reports.text import blind_spots, summary_lines


def write(report: CheckReport) -> str:
    """The whole page."""
    return page(
        "check.html.j2",
        report=report,
        checked_at=timestamp(report.checked_at),
        sum=plain(summary_lines(report)).splitlines()[0],
        blind_spots=list(blind_spots(report)),
        count=count,
        place=place,
    )


def page(template: str, **values: object) -> str:
    """A page of `templates/`. Autoescape is on, and everything that is put in is made clean."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_clean,
    )
    templates.filters["paragraphs"] = paragraphs
    templates.filters["shorten"] = shorten
    return templates.get_template(template).render(**values)


def _clean(value: object) -> object:
    # what a macro of the template made is escaped and clean already
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
