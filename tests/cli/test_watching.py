"""A check on a terminal: hosts as they are done, a line for what is waited for, colour only where it is wanted."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from anchorwatch.cli.screen import Screen
from anchorwatch.cli.watching import Watching
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.options import Filters
from anchorwatch.reports.lines import Line, plain
from anchorwatch.reports.text import drift_lines
from tests.cli.program import OnTerminal
from tests.reports.hostile import NASTY
from tests.reports.samples import EVERYTHING

GOLDEN = (Path(__file__).parent.parent / "reports" / "golden" / "everything.txt").read_text(encoding="utf-8")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def watched(*words: str, **env: str) -> OnTerminal:
    return OnTerminal([sys.executable, "-m", "tests.cli.watched", *words], env)


def left_over(seen: str) -> str:
    """What is to be read in the end, where lines were erased after `\\r`, or after going up one line."""
    seen = re.sub(r"[^\n]*\n(\x1b\[\?25h)?\r?\x1b\[1A\x1b\[2K", "", seen.replace("\r\n", "\n"))
    return "\n".join(line.split("\r")[-1].rstrip() for line in bare(seen).split("\n"))


def bare(text: str) -> str:
    return ESCAPE.sub("", text).replace("\r\n", "\n")


def test_a_host_is_shown_while_the_next_is_waited_for() -> None:
    with watched() as terminal:
        terminal.wait_for("asking proxmox, pi5")
        terminal.enter()
        terminal.wait_for("media")
        terminal.wait_for("asking pi5")
        assert "cannot be asked" not in terminal.seen
        terminal.enter()
        terminal.wait_for("cannot be asked")
        assert "could not look at" not in terminal.seen
        terminal.enter()
        assert terminal.wait() == 5
        assert "\x1b[" in terminal.seen


def test_what_stays_on_the_terminal_is_what_a_file_would_get() -> None:
    with watched(COLUMNS="200") as terminal:
        terminal.wait_for("asking proxmox, pi5")
        terminal.enter(3)
        terminal.wait()
        assert left_over(terminal.seen) == GOLDEN


@pytest.mark.parametrize("words", [(), ("--no-color",)])
def test_on_a_narrow_terminal_lines_are_folded_between_words_and_commands_stay_whole(words: tuple[str, ...]) -> None:
    with watched(*words, COLUMNS="60") as terminal:
        terminal.enter(3)
        terminal.wait()
        seen = left_over(terminal.seen)
    commands = [line for line in GOLDEN.splitlines() if line.lstrip().startswith("docker ")]
    assert commands
    assert [line for line in seen.splitlines() if len(line) > 60] == [line for line in commands if len(line) > 60]
    assert seen.split() == GOLDEN.split(), "nothing is lost, and no word is cut"


@pytest.mark.parametrize(("words", "env"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})])
def test_without_colour_there_is_no_escape_and_hosts_are_shown_as_they_are_done_all_the_same(
    words: list[str], env: dict[str, str]
) -> None:
    with watched(*words, COLUMNS="200", **env) as terminal:
        terminal.enter()
        terminal.wait_for("not everything may be asked")
        assert "cannot be asked" not in terminal.seen
        terminal.enter(2)
        assert terminal.wait() == 5
        assert "\x1b" not in terminal.seen
        assert bare(terminal.seen) == GOLDEN


def test_an_empty_no_color_is_none() -> None:
    with watched(NO_COLOR="") as terminal:
        terminal.enter(3)
        terminal.wait()
        assert "\x1b[" in terminal.seen


def test_json_on_a_terminal_is_json_alone() -> None:
    with watched("--format", "json") as terminal:
        terminal.enter(3)
        assert terminal.wait() == 5
        assert json.loads(terminal.seen)["version"] == 1
        assert "\x1b" not in terminal.seen


def test_ctrl_c_ends_it_with_130_and_gives_the_cursor_back() -> None:
    with watched() as terminal:
        terminal.wait_for("asking proxmox, pi5")
        terminal.wait_for("\x1b[?25l")
        terminal.interrupt()
        terminal.wait_for("\x1b[?25h")
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.seen


class Notebook:
    """A surface that keeps what it is shown."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.waiting: list[str] = []

    def show(self, lines: Iterable[Line]) -> None:
        self.pages.append(plain(lines))

    def wait_for(self, what: str) -> None:
        self.waiting.append(what)


def test_a_host_that_was_never_reported_done_is_shown_at_the_end_and_none_twice() -> None:
    notebook = Notebook()
    watching = Watching(notebook, Filters())
    proxmox, _ = EVERYTHING.hosts
    watching.host_started("proxmox")
    watching.host_done(proxmox, EVERYTHING.stacks, EVERYTHING.findings)
    watching.finish(EVERYTHING)
    assert "".join(notebook.pages) == GOLDEN


def test_the_waiting_line_counts_stacks_and_goes_away() -> None:
    notebook = Notebook()
    watching = Watching(notebook, Filters())
    proxmox = EVERYTHING.hosts[0]
    watching.host_started("proxmox")
    watching.host_started("pi5\x1b[2J")
    watching.stack_done("proxmox", "dns")
    watching.stack_done("proxmox", "media")
    watching.host_done(proxmox, (), ())
    watching.finish(EVERYTHING)
    assert notebook.waiting == [
        "asking proxmox",
        "asking proxmox, pi5\\x1b[2J",
        "asking proxmox (1 stack), pi5\\x1b[2J",
        "asking proxmox (2 stacks), pi5\\x1b[2J",
        "asking pi5\\x1b[2J",
        "",
    ]


def test_a_watched_host_shows_only_the_drift_that_is_asked_for() -> None:
    notebook = Notebook()
    watching = Watching(notebook, Filters(stacks=(("proxmox", "dns"),)))
    watching.host_done(EVERYTHING.hosts[0], EVERYTHING.stacks[:1], EVERYTHING.findings)
    assert "drift" not in notebook.pages[0]


@pytest.mark.parametrize("text", NASTY)
def test_in_colour_a_hostile_text_is_the_same_as_in_a_file(text: str) -> None:
    paper = io.StringIO()
    lines = list(drift_lines((Finding("pi5", Kind.CHANGED, f"it is {text}", service=text, path="image", fix=f"x {text}"),)))
    with Screen(Console(file=paper, force_terminal=True, color_system="truecolor", width=40)) as screen:
        screen.show(lines)
    shown = [line.rstrip() for line in bare(paper.getvalue()).splitlines()]
    assert shown == plain(lines).splitlines()


def test_the_waiting_line_is_cut_to_the_terminal_and_takes_no_markup() -> None:
    paper = io.StringIO()
    with Screen(Console(file=paper, force_terminal=True, width=30)) as screen:
        screen.wait_for("asking [red]pi5[/red], and many more hosts than fit")
    first = bare(paper.getvalue()).split("\n")[0]
    assert "asking [red]pi5[/red], an" in first
    assert "fit" not in paper.getvalue()
