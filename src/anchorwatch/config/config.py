"""The config, judged: plain frozen values, whatever it was read from.

With no file and nothing in the environment it is `Config.default`, for which nothing heavy is loaded. What only the always-on
half needs is made when it asks for it (`service`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorwatch.config.places import state_folder
from anchorwatch.model.address import HostAddress
from anchorwatch.model.settings import (
    DeclaredElsewhere,
    Deployer,
    HostLayout,
    HostSettings,
    IgnoreRule,
    Policy,
    RepoSource,
    SeverityRule,
)
from anchorwatch.model.values import Secret

if TYPE_CHECKING:
    from anchorwatch.model.service import ServiceSettings


def _service_defaults() -> ServiceSettings:
    from anchorwatch.model.service import ServiceSettings

    return ServiceSettings()


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be configured. Paths are absolute."""

    database: Secret
    """An SQLAlchemy URL; a secret, because it may hold a password."""
    secrets_key: str
    """The file with the key that fingerprints are made with; it need not exist yet."""
    file: str | None = None
    """The config file; None where there is none."""
    repo: RepoSource = field(default_factory=RepoSource)
    hosts: Mapping[str, HostSettings] = field(default_factory=dict)
    """By name, in the order of the file. Empty: the caller takes the current Docker context."""
    deployers: tuple[Deployer, ...] = ()
    declared_elsewhere: tuple[DeclaredElsewhere, ...] = ()
    ignore: tuple[IgnoreRule, ...] = ()
    severity: tuple[SeverityRule, ...] = ()
    long_running: tuple[str, ...] = ()
    one_shot: tuple[str, ...] = ()
    compose: str | None = None
    """The Compose program: an absolute path, or a name on the PATH; None looks for it where it usually lies."""
    service: Callable[[], ServiceSettings] = field(default=_service_defaults, compare=False, repr=False)
    """Makes what only the always-on half needs to know."""

    @classmethod
    def default(cls, environ: Mapping[str, str] = os.environ, *, file: str | None = None) -> Config:
        """What holds where nothing is configured: no host, no repo, database and key in the state folder."""
        state = state_folder(environ, root=os.geteuid() == 0)
        return cls(
            database=Secret(f"sqlite:///{state}/anchorwatch.db"),
            secrets_key=f"{state}/secrets.key",
            file=file,
        )

    def addresses(self) -> tuple[HostAddress, ...]:
        """Where the engines answer, in the order of the file."""
        return tuple(host.address for host in self.hosts.values())

    def layouts(self) -> tuple[HostLayout, ...]:
        """Which stacks are meant for which host, in the order of the file."""
        return tuple(host.layout for host in self.hosts.values())

    def policy(self, host: str) -> Policy:
        """What a comparison needs to know for the host of that name; a host that is not configured has the defaults."""
        own = self.hosts.get(host)
        return Policy(
            root=own.layout.root if own else None,
            unmanaged=own.unmanaged if own else True,
            ignore=self.ignore,
            severity=self.severity,
            long_running=self.long_running,
            one_shot=self.one_shot,
        )
