"""Templates of one's own for what messages say: Jinja2, sandboxed, tried at the start on a bundle of every sort.

A folder holds any of `title.j2`, `text.j2`, `markdown.j2` and `html.j2`; what is not there is as it would be without. A template
that fails never costs a message: the default takes its place, and the message says which line failed.

They are written by whoever runs the service, so the sandbox is there against accidents, with bounds on time and size.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from anchorwatch.errors import Mistake
from anchorwatch.model.clean import clean, encodable
from anchorwatch.model.messages import Message
from anchorwatch.notify import markdown, samples
from anchorwatch.notify.letter import Letter
from anchorwatch.notify.subject import LONGEST, cut

FORMS = {"title.j2": "title", "text.j2": "text", "markdown.j2": "markdown", "html.j2": "html"}
"""The names of the files, and what of the message each writes."""

VARIABLES: Mapping[str, str] = {
    "title": "The subject line as it would be without a template.",
    "text": "The whole message as it would be without a template: plain, in Markdown or in HTML, as the template's own form is.",
    "id": "The ID of the message; the same when it is sent again.",
    "destination": "The name of the destination, from the config.",
    "occasion": "`news`, `summary`, `digest`, `backlog`, `reminder`, `flapping` or `test`.",
    "at": "When the message was put together: ISO 8601, UTC.",
    "severity": "The worst in it: `info`, `warning` or `critical`.",
    "resolved": "Whether it is good news all through.",
    "repeat": "Whether it was handed over before, and is not known to have arrived.",
    "left_out": "How many more there were than fit in.",
    "lost": "How many earlier messages to this destination were given up.",
    "link": "`notify.base_url`; none where that is not set.",
    "items": "What happened, one by one: the objects that a webhook gets.",
    "groups": "The same as the default shows it, stack by stack: `name`, `entries`, `more`;"
    " an entry has `event`, `tone`, `name`, `sentence`, `rows` (each with `label` and `value`) and `fix`.",
    "lead": "Sentences before everything else.",
    "closing": "Sentences after everything else.",
}
"""What a template may use."""

_TIME = 2.0
"""Seconds for one template."""

_SIZE = 200_000
"""Characters that it may write."""


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of a folder that work."""

    by_form: Mapping[str, Template] = field(default_factory=dict)

    def applied(self, message: Message, letter: Letter) -> Message:
        """`message` with what the templates write in place of the default."""
        written: dict[str, str] = {}
        failed = []
        for form, template in self.by_form.items():
            try:
                written[form] = _write(template, form, message, letter)
            except _FAILURES as error:
                failed.append(f"{_where(error, template)}: {_what(error)}")
        if not written and not failed:
            return message
        note = "".join(f"\n\n(The template {clean(each)[:300]}. This is the text without it.)" for each in failed)
        title = " ".join(written.get("title", "").split()) or message.title
        return replace(
            message,
            title=cut(title, LONGEST),
            text=encodable(written.get("text", message.text) + note),
            markdown=encodable(written.get("markdown", message.markdown) + markdown.escape(note)),
            html=encodable(written.get("html", message.html) + str(Markup("<p>{}</p>").format(note) if note else "")),
            pieces=() if {"text", "markdown"} & written.keys() or note else message.pieces,
        )


def read(folder: Path) -> tuple[Templates, tuple[Mistake, ...]]:
    """The templates in `folder`, and a mistake for each that does not work: it is left out, and the default stands."""
    from anchorwatch.notify.render import render
    from anchorwatch.notify.words import Tongue, compose

    if not folder.is_dir():
        return Templates(), (Mistake(str(folder), None, "", "is no folder", "name the folder that holds the templates"),)
    found: dict[str, Template] = {}
    mistakes = []
    for path in sorted(folder.glob("*.j2")):
        form = FORMS.get(path.name)
        if form is None:
            mistakes.append(Mistake(str(path), None, "", "is not read", f"the names are {', '.join(FORMS)}"))
            continue
        template: Template | None = None
        try:
            template = _environment(folder, form).get_template(path.name)
            for bundle in samples.bundles().values():
                letter = compose(bundle, Tongue("https://watch.example"))
                _write(template, form, render(bundle, Tongue("https://watch.example")), letter)
            found[form] = template
        except _FAILURES as error:
            name, _, line = _where(error, template, path).rpartition(":")
            mistakes.append(Mistake(name, int(line) if line.isdigit() else None, "", _what(error)))
    return Templates(found), tuple(mistakes)


def variables(form: str, message: Message, letter: Letter) -> dict[str, Any]:
    """What a template may use, by name."""
    told = dict(message.fields)
    told.pop("version", None)
    default = message.title if form == "title" else getattr(message, form)
    safe = Markup(default) if form in {"markdown", "html"} else default  # noqa: S704 - written and escaped by ourselves
    return told | {
        "title": message.title,
        "text": safe,
        "groups": letter.groups,
        "lead": letter.lead,
        "closing": letter.closing,
    }


def _write(template: Template, form: str, message: Message, letter: Letter) -> str:
    environment = cast("_Bounded", template.environment)
    environment.begin()
    pieces, size = [], 0
    for piece in template.generate(variables(form, message, letter)):
        environment.still()
        size += len(piece)
        if size > _SIZE:
            raise SecurityError(f"writes more than {_SIZE:,} characters")
        pieces.append(piece)
    return "".join(pieces).strip()


class _Bounded(ImmutableSandboxedEnvironment):
    """A sandbox whose templates end in time: whatever they reach for or call looks at the clock."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.globals.clear()  # `range` above all: templates loop over what there is to tell
        self._clock = threading.local()

    def begin(self) -> None:
        """The time of this thread begins now."""
        self._clock.until = time.monotonic() + _TIME

    def still(self) -> None:
        """Raises `SecurityError` when it is over."""
        if time.monotonic() > getattr(self._clock, "until", float("inf")):
            raise SecurityError(f"takes longer than {_TIME:g} seconds")

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As ever, in time."""
        self.still()
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As ever, in time."""
        self.still()
        return super().getitem(obj, argument)

    def call(self, context: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
        """As ever, in time."""
        self.still()
        return super().call(context, function, *arguments, **named)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Numbers only: a text times a great number fills the memory."""
        if not all(isinstance(each, int | float) and abs(each) < 1e6 for each in (left, right)):
            raise SecurityError(f"{operator} is for small numbers only")
        return super().call_binop(context, operator, left, right)


def _environment(folder: Path, form: str) -> _Bounded:
    finalize: Callable[[Any], Any] = _escaped if form == "markdown" else _cleaned
    environment = _Bounded(
        loader=FileSystemLoader(folder),
        autoescape=form == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters["code"] = lambda text: Markup(markdown.code(clean(str(text))))  # noqa: S704 - a code span of CommonMark
    return environment


def _cleaned(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(clean(line) for line in value.split("\n"))


def _escaped(value: Any) -> Any:
    return markdown.escape(_cleaned(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


_FAILURES = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError, OSError)


def _where(error: Exception, template: Template | None, path: Path | None = None) -> str:
    """`text.j2:3`: the last line of the template that the error went through."""
    name = str(path or (template.filename if template is not None else "") or "")
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or name}:{error.lineno}"
    line: int | None = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{name}:{line}" if line is not None else f"{name}:"


def _what(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", None) or str(error) or type(error).__name__).split())[:200]
