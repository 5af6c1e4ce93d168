"""The one place that builds and wires things: config, hosts, repo, Compose, and the pass over all of them.

Order matters for speed: logging in over ssh takes as long as everything else together, so connections begin as soon as
addresses are known, before the config is judged and before anything heavy is imported.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.app import secrets_key
from anchorwatch.config import read_draft
from anchorwatch.errors import AnchorwatchError, HostError, UsageError
from anchorwatch.observed import EngineConnection, connect, current_address

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.desired.past import Past
    from anchorwatch.desired.reader import DesiredReader
    from anchorwatch.model.address import HostAddress
    from anchorwatch.model.desired import DesiredState
    from anchorwatch.model.options import CheckOptions, Filters
    from anchorwatch.model.report import CheckReport, Progress, SideBySide


def check(options: CheckOptions, progress: Progress | None = None) -> CheckReport:
    """One pass over every host that is asked for."""
    with ExitStack() as stack:
        world = _open(options, stack)
        from anchorwatch.check import Host, check_fleet
        from anchorwatch.model.report import Silence

        hosts = [
            Host(address, world.config.policy(address.name), world.connections[address.name])
            for address in world.addresses
            if options.filters.wants_host(address.name)
        ]
        return check_fleet(hosts, world.read_desired, options.filters, progress or Silence(), clock.now(), world.past)


def stacks(options: CheckOptions) -> DesiredState:
    """What Git says, without asking any host."""
    draft = read_draft(options.config, os.environ)
    config = draft.config()
    return reader(config, options, addresses_of(config), None).read()


def diff(options: CheckOptions, blind: Callable[[str, AnchorwatchError], None]) -> tuple[SideBySide, ...]:
    """Git and the hosts side by side, stack by stack. `blind` is told of what nothing can be said of, by its name: a host that
    cannot be asked, a stack that cannot be read."""
    from anchorwatch.check.made_from import compared
    from anchorwatch.compare.side_by_side import side_by_side

    found: list[SideBySide] = []
    with ExitStack() as stack:
        world = _open(options, stack)
        desired = world.read_desired()
        _known_stacks(options.filters, desired)
        for address in world.addresses:
            if not options.filters.wants_host(address.name):
                continue
            try:
                snapshot = world.connections[address.name].snapshot()
            except HostError as error:
                blind(address.name, error)
                continue
            projects = [project for project in desired.projects if project.stack.host == address.name]
            broken = [one for one in desired.broken if one.stack.host == address.name]
            policy = world.config.policy(address.name).with_rules(desired.ignore)
            result = compared(projects, broken, snapshot, policy, world.past)
            for project, comparison in zip(projects, result.stacks, strict=True):
                if options.filters.wants_stack(address.name, project.stack.name):
                    found.extend(side_by_side(project, comparison))
            for one in broken:
                if options.filters.wants_stack(address.name, one.stack.name):
                    blind(str(one.stack), one.error)
    return tuple(found)


def init(repo: Path | None) -> str:
    """A commented config for this machine and `repo`."""
    from anchorwatch.desired.guess import guess
    from anchorwatch.desired.propose import Machine, propose
    from anchorwatch.desired.source import open_files
    from anchorwatch.desired.stacks import find_stacks
    from anchorwatch.model.settings import RepoSource
    from anchorwatch.observed.contexts import known_contexts

    source = RepoSource(path=str((repo or Path()).resolve()))
    files = open_files(source, state=Path())
    contexts = known_contexts(os.environ)
    layouts = guess(files, socket.gethostname(), contexts)
    machine = Machine(socket.gethostname(), contexts, current_address(os.environ).docker)
    return propose(source, layouts, find_stacks(files, layouts.layouts), machine)


@dataclass(frozen=True, slots=True)
class _World:
    """What a pass needs: hosts that are already being connected to, and the way to the desired state."""

    config: Config
    addresses: Sequence[HostAddress]
    connections: Mapping[str, EngineConnection]
    read_desired: Callable[[], DesiredState]
    past: Callable[[], Past]
    """Of the repo that `read_desired` reads."""


def _open(options: CheckOptions, stack: ExitStack) -> _World:
    draft = read_draft(options.config, os.environ)
    connections = _connect(draft.addresses(), options.filters, stack)
    config = draft.config()
    addresses = addresses_of(config)
    secrets_key.use(Path(config.secrets_key))
    unknown = [name for name in _named_hosts(options.filters) if name not in {address.name for address in addresses}]
    if unknown and config.hosts:
        known = ", ".join(address.name for address in addresses)
        raise UsageError(f"there is no host named {unknown[0]!r}", hint=f"the config has: {known}")
    for address in addresses:
        if address.name not in connections:
            connections.update(_connect([address], options.filters, stack))
    wanted = [address.name for address in addresses if options.filters.wants_host(address.name)]

    @cache
    def reads() -> DesiredReader:
        return reader(config, options, addresses, wanted)

    def read_desired() -> DesiredState:
        desired = reads().read()
        _known_stacks(options.filters, desired)
        return desired

    @cache
    def past() -> Past:
        from anchorwatch.desired.past import Past

        return Past(reads())

    return _World(config, addresses, connections, read_desired, past)


def _connect(addresses: Sequence[HostAddress], filters: Filters, stack: ExitStack) -> dict[str, EngineConnection]:
    """Begins to connect to each host that is wanted; `stack` closes it."""
    return {address.name: stack.enter_context(connect(address)) for address in addresses if filters.wants_host(address.name)}


def addresses_of(config: Config) -> tuple[HostAddress, ...]:
    """The hosts of the config; without any, this machine's current Docker context."""
    if config.hosts:
        return config.addresses()
    from anchorwatch.desired.guess import short

    return (current_address(os.environ, short(socket.gethostname())),)


def _named_hosts(filters: Filters) -> tuple[str, ...]:
    return (*filters.hosts, *(host for host, _ in filters.stacks))


def _known_stacks(filters: Filters, desired: DesiredState) -> None:
    stacks = [project.stack for project in desired.projects] + [broken.stack for broken in desired.broken]
    known = {(stack.host, stack.name) for stack in stacks}
    for host, name in filters.stacks:
        if (host, name) not in known:
            near = ", ".join(sorted(f"{host}/{other}" for one, other in known if one == host)) or "none"
            raise UsageError(f"there is no stack {host}/{name} in the repo", hint=f"stacks of {host}: {near}")


def reader(config: Config, options: CheckOptions, addresses: Sequence[HostAddress], hosts: Sequence[str] | None) -> DesiredReader:
    """The way to the desired state of `hosts` (None: of all, none of which is asked), as config and command line want it."""
    from anchorwatch.desired.reader import DesiredReader, Sources
    from anchorwatch.model.settings import RepoSource
    from anchorwatch.observed.contexts import known_contexts

    repo = config.repo
    if options.repo is not None:
        repo = RepoSource(path=str(options.repo), branch=repo.branch if repo.path is not None else None)
    elif repo.path is None and repo.url is None:
        repo = replace(repo, path=".")
    return DesiredReader(
        Sources(
            repo=repo,
            state=Path(config.secrets_key).parent,
            hostname=socket.gethostname(),
            layouts=config.layouts(),
            addresses=tuple(addresses),
            deployers=config.deployers,
            declared_elsewhere=config.declared_elsewhere,
            compose=config.compose,
            worktree=options.worktree,
            hosts=None if hosts is None else frozenset(hosts),
            contexts=lambda: known_contexts(os.environ),
        )
    )
