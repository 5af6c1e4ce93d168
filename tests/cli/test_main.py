"""The program as a shell sees it: exit codes, standard output and standard error, and what happens when things go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import anchorwatch
from tests.cli.program import ANCHORWATCH, DEADLINE, environment, run

VERBS = [["check"], ["stacks"], ["diff"], ["init"], ["config", "check"]]


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"anchorwatch {anchorwatch.__version__}\n", "")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["config", "--help"]])
def test_help_of_the_program(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example_and_the_common_options(verb: list[str]) -> None:
    done = run(*verb, "--help")
    assert done.returncode == 0
    assert f"  anchorwatch {' '.join(verb)}" in done.stdout.partition("Example")[2]
    assert "--config FILE" in done.stdout
    assert "--no-color" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nosuch"], 2),
        (["--nosuch"], 2),
        (["config"], 2),
        (["check", "--nosuch"], 102),
        (["check", "a", "b"], 102),
        (["check", "--severity", "high"], 102),
        (["check", "--kind"], 102),
        (["check", "--format", "csv"], 102),
        (["check", "--stack", "mealie"], 102),
        (["check", "--host", "proxmox", "--stack", "pi5/mealie"], 102),
        (["--nosuch", "check"], 102),
        (["stacks", "--nosuch"], 2),
        (["stacks", "a", "b"], 2),
        (["diff", "mealie"], 2),
        (["config", "check", "--format", "html"], 2),
    ],
)
def test_a_command_line_that_cannot_be_is_refused_with_a_hint_on_standard_error(words: list[str], code: int) -> None:
    done = run(*words)
    assert done.returncode == code
    assert done.stdout == ""
    first, hint = done.stderr.splitlines()
    assert first.startswith("anchorwatch: ")
    assert hint.startswith("hint: ")


def test_a_wrong_value_is_named_beside_the_right_ones() -> None:
    said = run("check", "--severity", "high").stderr.splitlines()[0]
    assert said == "anchorwatch: Invalid value for '--severity': 'high' is not one of 'info', 'warning', 'critical'."


MISTAKEN = "hosts: {pi5: {dokcer: x}}\n"


def test_a_bad_config_names_all_mistakes_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "anchorwatch.yml").write_text(MISTAKEN)
    done = run("config", "check", cwd=tmp_path)
    assert done.returncode == 1
    assert "anchorwatch.yml:1: hosts.pi5.dokcer: " in done.stdout
    assert done.stderr == ""


def test_a_good_config_is_said_to_be_good(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text("hosts: {pi5: {docker: 'ssh://admin@pi5', stacks: ['pi5/*']}}\n")
    done = run("config", "check", "--config", str(tmp_path / "good.yml"))
    assert (done.returncode, done.stdout) == (0, "✓ no mistake in the config\n")


def test_a_destination_of_which_apprise_makes_nothing_is_a_mistake_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "chat").write_text("slak://s3cret/t0ken\n")
    (tmp_path / "anchorwatch.yml").write_text(
        "notify:\n  destinations:\n    - {name: well, url: 'json://localhost/x'}\n    - {name: chat, url_file: chat}\n"
        "hosts: {pi5: {dokcer: x}}\n"
    )
    done = run("config", "check", cwd=tmp_path)
    assert done.returncode == 1
    first, *rest = done.stdout.splitlines()
    assert "anchorwatch.yml:4: notify.destinations[1].url_file: slak:// is no service that Apprise knows" in first
    assert any("anchorwatch.yml:5: hosts.pi5.dokcer: " in line for line in rest), "with every other mistake"
    assert "s3cret" not in done.stdout + done.stderr


def test_a_pipe_that_nobody_reads_is_quiet_and_keeps_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "anchorwatch.yml").write_text(MISTAKEN)
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*ANCHORWATCH, "config", "check"],
        stdout=writes,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
        timeout=DEADLINE,
        check=False,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code"), [(["config", "check"], 2), (["--version"], 2), (["check", "--config", "none.yml"], 102)]
)
def test_a_full_disk_is_not_a_report_that_was_made(words: list[str], code: int, unbuffered: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ANCHORWATCH, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(PYTHONUNBUFFERED=unbuffered),
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == code
    if words[0] != "check":
        assert done.stderr == "anchorwatch: standard output cannot be written: No space left on device\n"


def test_an_encoding_without_a_tick_gets_an_escape_and_no_crash(tmp_path: Path) -> None:
    done = run("config", "check", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "\\u2713 no mistake in the config\n")


SECRET = "hunter2"
BUG = f"""
import sys
from anchorwatch.cli import CHECK_FAILED, arguments, checking, guarded
def look(options, progress):
    raise ValueError({SECRET!r})
sys.exit(guarded(lambda: checking.run(arguments.CheckArguments(), look), failed=CHECK_FAILED) - CHECK_FAILED)
"""


def complained(program: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(**env), timeout=DEADLINE, check=True
    )
    assert done.stdout == ""
    return done.stderr


def test_a_bug_is_called_one_and_its_text_is_not_shown() -> None:
    shown = complained(BUG)
    assert "this is a bug in anchorwatch: ValueError at anchorwatch.cli.checking:" in shown
    assert "ANCHORWATCH_DEBUG=1" in shown
    assert SECRET not in shown
    assert "Traceback" not in shown


def test_who_asks_for_it_gets_the_traceback() -> None:
    shown = complained(BUG, ANCHORWATCH_DEBUG="1")
    assert "Traceback" in shown
    assert SECRET in shown


WANTING = """
import resource, sys, threading
from anchorwatch.cli import guarded
from anchorwatch.cli import output
def files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    kept = [open("/dev/null") for _ in range(20)]
def threads():
    resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
    for _ in range(1000):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
def memory():
    bytearray(2**60)
sys.exit(guarded(lambda: {what}(), failed=2) - 2)
"""


@pytest.mark.parametrize("what", ["files", "threads", "memory"])
def test_a_machine_that_has_run_out_of_something_is_no_bug(what: str) -> None:
    assert "gives no more memory, threads, processes or open files" in complained(WANTING.replace("{what}", what))


def test_an_error_says_what_happened_and_what_to_do_and_stays_harmless() -> None:
    shown = complained(
        "from anchorwatch.cli.output import complain\n"
        "from anchorwatch.errors import GitFailed\n"
        "complain(GitFailed('git failed:\\n\\x1b[31mfatal: x\\n', hint='try\\nagain'))\n"
    )
    assert shown == "anchorwatch: git failed:\n  \\x1b[31mfatal: x\nhint: try\n  again\n"


LIGHT = """
import sys
from anchorwatch.cli import arguments, checking
from tests.reports.samples import EVERYTHING
for wanted in ("text", "json"):
    checking.run(arguments.plain_check(["--format", wanted]), lambda options, progress: EVERYTHING)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"typer", "pydantic", "rich", "jinja2", "docker", "git", "yaml"}))
"""


def test_a_plain_check_into_a_file_loads_none_of_the_heavy_libraries_for_its_command_line_or_its_report() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, env=environment(), timeout=DEADLINE, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
