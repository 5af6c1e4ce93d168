"""The one place that builds and wires things: config, hosts, repo, Compose, and the pass over all of them.

Order matters for speed: logging in over ssh takes as long as everything else together, so connections begin as soon as
addresses are known, before the config is judged and before anything heavy is imported.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch import clock
from anchorwatch.config import read_draft
from anchorwatch.errors import HostError, UsageError
from anchorwatch.observed import EngineConnection, connect, current_address

if TYPE_CHECKING:
    from anchorwatch.config.config import Config
    from anchorwatch.desired.files import Files
    from anchorwatch.model.address import HostAddress
    from anchorwatch.model.desired import DesiredState
    from anchorwatch.model.options import CheckOptions, Filters
    from anchorwatch.model.report import CheckReport, Progress, SideBySide
    from anchorwatch.model.settings import HostLayout

_LEAST_KEY = 16
"""Bytes below which a key is no key."""


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
        return check_fleet(hosts, world.read_desired, options.filters, progress or Silence(), clock.now())


def stacks(options: CheckOptions) -> DesiredState:
    """What Git says, without asking any host."""
    draft = read_draft(options.config, os.environ)
    config = draft.config()
    reader = _Reader(config, options, _addresses(config))
    return reader.read(None)


def diff(options: CheckOptions, unreachable: Callable[[str, HostError], None]) -> tuple[SideBySide, ...]:
    """Git and the hosts side by side, stack by stack. `unreachable` is told of a host that cannot be asked, by its name."""
    from anchorwatch.compare import compare_host
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
                unreachable(address.name, error)
                continue
            projects = [project for project in desired.projects if project.stack.host == address.name]
            broken = [one for one in desired.broken if one.stack.host == address.name]
            result = compare_host(projects, broken, snapshot, world.config.policy(address.name))
            for project, comparison in zip(projects, result.stacks, strict=True):
                if options.filters.wants_stack(address.name, project.stack.name):
                    found.extend(side_by_side(project, comparison))
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
    layouts = guess(files, platform.node(), contexts)
    machine = Machine(platform.node(), contexts, current_address(os.environ).docker)
    return propose(source, layouts, find_stacks(files, layouts.layouts), machine)


@dataclass(frozen=True, slots=True)
class _World:
    """What a pass needs: hosts that are already being connected to, and the way to the desired state."""

    config: Config
    addresses: Sequence[HostAddress]
    connections: Mapping[str, EngineConnection]
    read_desired: Callable[[], DesiredState]


def _open(options: CheckOptions, stack: ExitStack) -> _World:
    draft = read_draft(options.config, os.environ)
    connections = _connect(draft.addresses(), options.filters, stack)
    config = draft.config()
    addresses = _addresses(config)
    _use_key(config)
    unknown = [name for name in _named_hosts(options.filters) if name not in {address.name for address in addresses}]
    if unknown and config.hosts:
        known = ", ".join(address.name for address in addresses)
        raise UsageError(f"there is no host named {unknown[0]!r}", hint=f"the config has: {known}")
    for address in addresses:
        if address.name not in connections:
            connections.update(_connect([address], options.filters, stack))
    reader = _Reader(config, options, addresses)
    wanted = [address.name for address in addresses if options.filters.wants_host(address.name)]

    def read_desired() -> DesiredState:
        desired = reader.read(wanted)
        _known_stacks(options.filters, desired)
        return desired

    return _World(config, addresses, connections, read_desired)


def _use_key(config: Config) -> None:
    """Fingerprints that stay the same from run to run, where a key for them was made (the always-on service makes it)."""
    from anchorwatch.model.values import use_fingerprint_key

    try:
        key = Path(config.secrets_key).read_bytes()
    except OSError:
        return
    if len(key) >= _LEAST_KEY:
        use_fingerprint_key(key)


def _connect(addresses: Sequence[HostAddress], filters: Filters, stack: ExitStack) -> dict[str, EngineConnection]:
    """Begins to connect to each host that is wanted; `stack` closes it."""
    return {address.name: stack.enter_context(connect(address)) for address in addresses if filters.wants_host(address.name)}


def _addresses(config: Config) -> tuple[HostAddress, ...]:
    """The hosts of the config; without any, this machine's current Docker context."""
    if config.hosts:
        return config.addresses()
    from anchorwatch.desired.guess import short

    return (current_address(os.environ, short(platform.node())),)


def _named_hosts(filters: Filters) -> tuple[str, ...]:
    return (*filters.hosts, *(host for host, _ in filters.stacks))


def _known_stacks(filters: Filters, desired: DesiredState) -> None:
    stacks = [project.stack for project in desired.projects] + [broken.stack for broken in desired.broken]
    known = {(stack.host, stack.name) for stack in stacks}
    for host, name in filters.stacks:
        if (host, name) not in known:
            near = ", ".join(sorted(f"{host}/{other}" for one, other in known if one == host)) or "none"
            raise UsageError(f"there is no stack {host}/{name} in the repo", hint=f"stacks of {host}: {near}")


class _Reader:
    """Reads the desired state as config and command line ask for it."""

    def __init__(self, config: Config, options: CheckOptions, addresses: Sequence[HostAddress]) -> None:
        self._config = config
        self._options = options
        self._addresses = addresses

    def read(self, hosts: Sequence[str] | None) -> DesiredState:
        """The stacks of `hosts`, None for all."""
        from anchorwatch.desired.cache import Cache, cache_folder
        from anchorwatch.desired.compose import find_compose
        from anchorwatch.desired.state import read_state

        folder = cache_folder(os.environ)
        compose = find_compose(self._config.compose, folder)
        files = self._open_files()
        return read_state(
            files,
            self._layouts(files, hosts),
            self._config.declared_elsewhere,
            compose=compose,
            cache=Cache(folder),
            hosts=hosts,
            addresses={address.name: address for address in self._addresses},
        )

    def _open_files(self) -> Files:
        from anchorwatch.desired.source import open_files
        from anchorwatch.model.settings import RepoSource

        source = self._config.repo
        if self._options.repo is not None:
            source = RepoSource(path=str(self._options.repo), branch=source.branch if source.path is not None else None)
        elif source.path is None and source.url is None:
            source = replace(source, path=".")
        return open_files(source, worktree=self._options.worktree, state=Path(self._config.secrets_key).parent)

    def _layouts(self, files: Files, hosts: Sequence[str] | None) -> Sequence[HostLayout]:
        """The config's; without one, what the repo's own layout says (contract).

        Raises `UsageError` where hosts are to be asked, the layout names several, and this machine is none of them.
        """
        config = self._config
        if config.hosts:
            if not config.deployers:
                return config.layouts()
            from anchorwatch.desired.deployers import with_deployers

            return with_deployers(files, config.layouts(), config.deployers).layouts
        from anchorwatch.desired.guess import guess
        from anchorwatch.observed.contexts import known_contexts

        found = guess(files, platform.node(), known_contexts(os.environ))
        mine = found.mine(platform.node())
        if hosts is None:
            return found.layouts if mine is None or found.by != "one" else [mine]
        if mine is None:
            names = ", ".join(layout.name for layout in found.layouts)
            raise UsageError(
                f"the repo's layout names the hosts {names}, and this machine is none of them",
                hint="`anchorwatch init` writes a config that says where each of them is",
            )
        others = [layout for layout in found.layouts if layout.name != mine.name and found.by != "one"]
        return [replace(mine, name=self._addresses[0].name), *others]
