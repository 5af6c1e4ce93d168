"""Templates of one's own: what they can use, and that a bad one costs neither a message nor the service."""

from __future__ import annotations

import re
import time
from datetime import UTC
from pathlib import Path

import pytest

from anchorwatch.model.messages import Message
from anchorwatch.notify.render import render
from anchorwatch.notify.samples import bundles
from anchorwatch.notify.templates import FORMS, VARIABLES, Templates, read, variables
from anchorwatch.notify.words import Tongue, compose

HERE = Tongue("https://watch.example", UTC)
DOCS = Path(__file__).parents[2] / "docs" / "messages.md"


def folder(place: Path, **texts: str) -> Path:
    for form, text in texts.items():
        (place / f"{form}.j2").write_text(text)
    return place


def told(templates: Templates, name: str = "a drift") -> Message:
    return render(bundles()[name], HERE, templates)


def test_a_template_writes_its_form_and_the_others_stay(tmp_path: Path) -> None:
    title = "{{ severity | upper }} {{ title }}"
    text = "{% for item in items %}{{ item.drift.path if item.drift }}: {{ item.reason }}\n{% endfor %}"
    templates, mistakes = read(folder(tmp_path, title=title, text=text))

    assert mistakes == ()
    message, default = told(templates), render(bundles()["a drift"], HERE)
    assert message.title == "WARNING pi5/mealie mealie: memory limit is 1 GiB, Git says 512 MiB"
    assert message.text == "mem_limit: grace over"
    assert (message.markdown, message.html) == (default.markdown, default.html)


def test_what_comes_from_outside_is_escaped_for_the_form(tmp_path: Path) -> None:
    made = folder(
        tmp_path,
        html="<p>{{ '<b>' }}</p>{{ text }}",
        markdown="{{ '*b*' }} {{ '*c*' | code }} {{ text }}",
        text="{{ 'a\x1b[31m' }}",
        title="{{ 'two\nlines' }}",
    )
    templates, mistakes = read(made)

    assert mistakes == ()
    message, default = told(templates), render(bundles()["a drift"], HERE)
    assert message.html == f"<p>&lt;b&gt;</p>{default.html}"
    assert message.markdown == f"\\*b\\* `*c*` {default.markdown}"
    assert message.text == "a\\x1b[31m"
    assert message.title == "two lines"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("fine\n{% for x in items %}\n{% endfr %}", 3, "unknown tag 'endfr'"),
        ("fine\n{{ nothing }}", 2, "'nothing' is undefined"),
        ("{{ items[0].drift.path }}", 1, "has no element 0"),
        ("{% for x in range(10) %}{% endfor %}", 1, "'range' is undefined"),
        ("{{ 'x' * 1000000000 }}", 1, "small numbers"),
        ("{{ ().__class__.__bases__ }}", 1, "unsafe"),
        ("{% for a in text %}{{ text * 2 }}{% endfor %}", 1, "small numbers"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 1, "recursion"),
        ("{% for a in text %}{{ text }}{{ text }}{{ text }}{{ text }}{{ text }}{{ text }}{% endfor %}", None, "more than"),
        ("{% include '/etc/passwd' %}", 1, "/etc/passwd"),
        ("{% include '../secret.j2' %}", 1, "../secret.j2"),
    ],
)
def test_a_bad_template_is_named_with_file_and_line_and_left_out(
    tmp_path: Path, text: str, line: int | None, problem: str
) -> None:
    templates, (mistake,) = read(folder(tmp_path, text=text))

    assert (mistake.file, mistake.line) == (str(tmp_path / "text.j2"), line)
    assert problem in mistake.problem
    assert told(templates) == render(bundles()["a drift"], HERE)


def test_a_template_that_loops_and_loops_is_ended(tmp_path: Path) -> None:
    letters = "".join(f"{{% for {name} in text %}}" for name in "abcdef")
    begun = time.monotonic()

    _, (mistake,) = read(folder(tmp_path, text=f"{letters}{{% if text.x is defined %}}{{% endif %}}{'{% endfor %}' * 6}"))

    assert "takes longer" in mistake.problem
    assert time.monotonic() - begun < 10


def test_one_that_fails_later_gives_way_to_the_default_which_says_so(tmp_path: Path) -> None:
    """On something that no sample has."""
    templates, mistakes = read(folder(tmp_path, text="a\n{{ 1 // (items | length - 2) if occasion == 'flapping' }}"))
    assert mistakes == ()
    flapping = bundles()["flapping"]
    twice = type(flapping)("id", "chat", "", flapping.occasion, flapping.at, flapping.items * 2)

    message, default = render(twice, HERE, templates), render(twice, HERE)

    assert message.text.startswith(default.text)
    assert f"(The template {tmp_path}/text.j2:2: " in message.text


def test_a_file_of_another_name_and_no_folder_are_mistakes(tmp_path: Path) -> None:
    (tmp_path / "titel.j2").write_text("x")
    assert [(each.file, each.problem) for each in read(tmp_path)[1]] == [(str(tmp_path / "titel.j2"), "is not read")]
    assert read(tmp_path / "gone")[1][0].problem == "is no folder"


def test_every_variable_is_there_and_documented() -> None:
    bundle = bundles()["a drift"]
    message, letter = render(bundle, HERE), compose(bundle, HERE)
    for form in FORMS.values():
        assert variables(form, message, letter).keys() == VARIABLES.keys()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCS.read_text(), re.MULTILINE))
    assert rows == dict(VARIABLES)


def test_the_docs_show_every_message_as_it_is() -> None:
    """Made anew by `python -m bench.screenshots`."""
    from bench.screenshots import examples

    assert examples() in DOCS.read_text()
