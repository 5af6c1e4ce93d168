"""A letter as the HTML of a mail: one column, one card a thing, a coloured bar for how bad it is. Pure but for its template file.

Everything is escaped by Jinja2's autoescape; nothing is loaded from anywhere; without its style sheet, or in the dark, it is
still readable. Its text, without the tags, reads in the same order, because Apprise makes the mail's plain part of it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from anchorwatch.notify.letter import Letter


def write(letter: Letter) -> str:
    """The whole page, with no blanks between its tags, of which Apprise would make empty lines in the plain part."""
    return _BETWEEN_TAGS.sub("><", _template().render(letter=letter))


_BETWEEN_TAGS = re.compile(r">\s+<")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _commands
    return environment.get_template("mail.html.j2")


def _commands(text: str) -> Markup:
    """A sentence in which a command stands between backticks."""
    return Markup(re.sub("`([^`]*)`", r"<b>\1</b>", str(escape(text))))  # noqa: S704 - escaped in the same line
