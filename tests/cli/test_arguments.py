"""The command line of `check`: what Typer reads and what the short way past it reads are the same."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.cli import arguments
from anchorwatch.cli.arguments import CheckArguments, plain_check
from anchorwatch.cli.verbs import VERBS, declared
from anchorwatch.errors import UsageError
from anchorwatch.model.findings import Kind, Severity

CHECK = declared(["check"])


def through_typer(words: list[str]) -> CheckArguments | None:
    """What Typer reads; None where it refuses or shows its help."""
    try:
        result = CHECK(args=["check", *words], prog_name="anchorwatch", standalone_mode=False)
    except typer.TyperException:
        return None
    return result if isinstance(result, CheckArguments) else None


VALUES = {
    "--config": ["a.yml", "b c.yml", "", "x=y"],
    "--host": ["pi5", "proxmox", "", "--"],
    "--stack": ["pi5/mealie", "nonsense", "-x"],
    "--kind": ["missing", "unmanaged", "changed", "Missing", "gone"],
    "--severity": ["info", "warning", "critical", "INFO", "high"],
    "--format": ["text", "json", "html", "markdown", "junit", "csv"],
    "--exit-code": ["count", "any", "all"],
}
options = st.one_of(
    st.sampled_from(
        [["--worktree"], ["--no-color"], ["repo"], ["/a/b"], [""], ["--"], ["-x"], ["--nosuch"], ["--worktree=1"], ["-"]]
    ),
    st.sampled_from(list(VALUES)).flatmap(
        lambda name: st.sampled_from(VALUES[name]).flatmap(
            lambda value: st.sampled_from([[name, value], [f"{name}={value}"], [name]])
        )
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(options, max_size=4).map(lambda words: [word for group in words for word in group]))
def test_the_short_way_reads_what_typer_reads_or_leaves_it_to_typer(words: list[str]) -> None:
    plain = plain_check(words)
    if plain is not None:
        assert plain == through_typer(words)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["."],
        ["--worktree", "--no-color", "repo"],
        *([name, value] for name, values in VALUES.items() for value in values[:2]),
        *([f"{name}={value}"] for name, values in VALUES.items() for value in values[:2]),
    ],
)
def test_a_plain_command_line_takes_the_short_way(words: list[str]) -> None:
    assert plain_check(words) is not None


def test_the_short_way_knows_every_option_of_the_verb() -> None:
    command = typer.main.get_command(CHECK).commands["check"]  # type: ignore[attr-defined]  # Typer's own class of groups is not public
    declared = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    assert declared == {*arguments._ONE, *arguments._MANY, *arguments._FLAGS}


def test_what_is_asked_for() -> None:
    read = plain_check(
        [
            "repo",
            "--host",
            "pi5",
            "--host=proxmox",
            "--stack",
            "pi5/a/b",
            "--kind",
            "missing",
            "--severity",
            "warning",
            "--worktree",
        ]
    )
    assert read is not None
    options = read.options()
    assert str(options.repo) == "repo"
    assert options.worktree
    assert options.filters.hosts == ("pi5", "proxmox")
    assert options.filters.stacks == (("pi5", "a/b"),)
    assert options.filters.kinds == (Kind.MISSING,)
    assert options.filters.severity is Severity.WARNING


@pytest.mark.parametrize("name", ["mealie", "/mealie", "pi5/", "", "/"])
def test_a_stack_is_named_with_its_host(name: str) -> None:
    with pytest.raises(UsageError, match="HOST/STACK"):
        CheckArguments(stacks=(name,)).options()


def test_a_stack_on_a_host_that_is_not_asked_for_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="none of the hosts"):
        CheckArguments(hosts=("proxmox",), stacks=("pi5/mealie",)).options()


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_declared_by_the_module_of_its_name(verb: str) -> None:
    command = typer.main.get_command(declared([verb]))
    assert set(command.commands) == {verb}  # type: ignore[attr-defined]  # Typer's own class of groups is not public
