"""What the command line of a one-shot verb asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anchorwatch.model.findings import Finding, Kind, Severity


@dataclass(frozen=True, slots=True)
class Filters:
    """Which part of the world is asked for. An empty member asks for everything; members narrow each other."""

    hosts: tuple[str, ...] = ()
    stacks: tuple[tuple[str, str], ...] = ()
    """Pairs of host and stack."""
    kinds: tuple[Kind, ...] = ()
    severity: Severity = Severity.INFO
    """At least this."""

    def wants_host(self, host: str) -> bool:
        """Whether `host` is to be asked at all."""
        return (not self.hosts or host in self.hosts) and (not self.stacks or any(host == name for name, _ in self.stacks))

    def wants_stack(self, host: str, stack: str) -> bool:
        """Whether the stack is to be judged and shown."""
        return self.wants_host(host) and (not self.stacks or (host, stack) in self.stacks)

    def wants(self, finding: Finding) -> bool:
        """Whether the finding is to be shown. One that belongs to no stack is not, where stacks are asked for by name."""
        if finding.stack is None:
            in_place = self.wants_host(finding.host) and not self.stacks
        else:
            in_place = self.wants_stack(finding.host, finding.stack)
        return in_place and (not self.kinds or finding.kind in self.kinds) and finding.severity >= self.severity


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the command line of `check`, `stacks` or `diff` asks for."""

    repo: Path | None = None
    """REPO; None for the config's, and without one the current folder."""
    config: Path | None = None
    """`--config`; None for `$ANCHORWATCH_CONFIG`, else `./anchorwatch.yml`, else the defaults."""
    worktree: bool = False
    """Read the files as they lie there, not a commit."""
    filters: Filters = Filters()
