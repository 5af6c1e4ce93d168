"""The command line of `check` as a value, and the short way to it.

`plain_check` reads only what is plainly right, and Typer everything else; a test holds that both read the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorwatch.errors import UsageError
from anchorwatch.model.findings import Kind, Severity
from anchorwatch.model.options import CheckOptions, Filters
from anchorwatch.reports import Format


@dataclass(frozen=True, slots=True)
class CheckArguments:
    """What was typed after `check`, as it was typed."""

    repo: str | None = None
    config: str | None = None
    hosts: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: str = "info"
    worktree: bool = False
    format: str = "text"
    exit_code: str = "count"
    no_color: bool = False

    def options(self) -> CheckOptions:
        """What is asked for. Raises `UsageError` where a stack is not named as HOST/STACK, or no stack can be meant."""
        filters = Filters(
            hosts=self.hosts,
            stacks=tuple(host_and_stack(name) for name in self.stacks),
            kinds=tuple(Kind(kind) for kind in self.kinds),
            severity=Severity[self.severity.upper()],
        )
        for host, stack in filters.stacks:
            if not filters.wants_host(host):
                raise UsageError(f"--stack {host}/{stack} is on none of the hosts that --host names", hint="leave --host out")
        return CheckOptions(repo=path(self.repo), config=path(self.config), worktree=self.worktree, filters=filters)


def filters_of(hosts: Sequence[str] | None, stacks: Sequence[str] | None, kinds: Sequence[Kind] | None, severity: str) -> Filters:
    """What was typed after the options that verbs share. Raises `UsageError`, as `CheckArguments.options` does."""
    given = CheckArguments(hosts=tuple(hosts or ()), stacks=tuple(stacks or ()), kinds=tuple(kinds or ()), severity=severity)
    return given.options().filters


def host_and_stack(name: str) -> tuple[str, str]:
    """HOST/STACK in its two parts, split at the first slash. Raises `UsageError`."""
    host, slash, stack = name.partition("/")
    if not (host and slash and stack):
        raise UsageError(f"{name!r} is not HOST/STACK, like pi5/mealie", hint="`anchorwatch stacks` lists them all")
    return host, stack


def path(text: str | None) -> Path | None:
    """The path that was typed, if one was."""
    return None if text is None else Path(text)


_ONE = {"--config": "config", "--severity": "severity", "--format": "format", "--exit-code": "exit_code"}
_MANY = {"--host": "hosts", "--stack": "stacks", "--kind": "kinds"}
_FLAGS = {"--worktree": "worktree", "--no-color": "no_color"}

CHOICES: dict[str, Iterable[str]] = {
    "kinds": tuple(Kind),
    "severity": tuple(str(severity) for severity in Severity),
    "format": tuple(Format),
    "exit_code": ("count", "any"),
}


def plain_check(words: Sequence[str]) -> CheckArguments | None:
    """The command line after `check`, or None where it is not plainly right: that is for Typer to read, and to explain."""
    read: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    flags: dict[str, bool] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            flags[_FLAGS[word]] = True
        elif name in _ONE or name in _MANY:
            if not equals:
                value = next(rest, "-")
            field = _ONE.get(name) or _MANY[name]
            if value.startswith("-") or value not in CHOICES.get(field, (value,)):
                return None
            if name in _ONE:
                read[field] = value
            else:
                lists.setdefault(field, []).append(value)
        elif word.startswith("-") or "repo" in read:
            return None
        else:
            read["repo"] = word
    return CheckArguments(
        repo=read.get("repo"),
        config=read.get("config"),
        hosts=tuple(lists.get("hosts", ())),
        stacks=tuple(lists.get("stacks", ())),
        kinds=tuple(lists.get("kinds", ())),
        severity=read.get("severity", "info"),
        worktree=flags.get("worktree", False),
        format=read.get("format", "text"),
        exit_code=read.get("exit_code", "count"),
        no_color=flags.get("no_color", False),
    )
