"""The whole config file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from anchorwatch.config.config import Config
from anchorwatch.config.sections.fields import DatabaseUrl, HostName, LocalPath, NameGlob, Program, Section, setting
from anchorwatch.config.sections.hosts import DeployerSection, ElsewhereSection, HostSection, PerStackSection
from anchorwatch.config.sections.notify import NotifySection
from anchorwatch.config.sections.repo import RepoSection
from anchorwatch.config.sections.rules import IgnoreSection, SeveritySection
from anchorwatch.config.sections.service import HistorySection, WatchSection
from anchorwatch.model.settings import DeclaredElsewhere, RepoSource

if TYPE_CHECKING:
    from anchorwatch.model.service import Patience, ServiceSettings


class FileSection(Section):
    """The keys at the top. A key that begins with `x-` is a place for YAML anchors, and means nothing."""

    repo: RepoSection | None = setting(None, meaning="The Git repository.")
    hosts: dict[HostName, HostSection] = setting(
        {},
        meaning="The Docker Engines, by name. Without any: the one that `docker` itself would ask here.",
    )
    deployers: list[DeployerSection] = setting([], meaning="Maps of stacks and hosts that the repo has for another program.")
    declared_elsewhere: list[ElsewhereSection] = setting([], meaning="Stacks that run, but not as containers.")
    ignore: list[IgnoreSection] = setting([], meaning="Findings that are nobody's concern.")
    severity: list[SeveritySection] = setting([], meaning="Other severities than the built-in ones.")
    long_running: list[NameGlob] = setting(
        [],
        meaning="Globs over `stack/service` or container names. These are to run: exited is drift, whatever the exit code.",
        example=["media/*"],
    )
    one_shot: list[NameGlob] = setting(
        [],
        meaning="Globs likewise. These are to finish: exited with 0 is no drift, whatever the restart policy.",
        example=["*/migrate"],
    )
    watch: WatchSection | None = setting(None, meaning="The always-on service.")
    history: HistorySection | None = setting(None, meaning="What is kept of the past.")
    notify: NotifySection | None = setting(None, meaning="Messages.")
    database: DatabaseUrl | None = setting(
        None,
        meaning="The state database: SQLite or PostgreSQL, as an SQLAlchemy URL. Without it: `anchorwatch.db` in the state "
        "folder, which is `/var/lib/anchorwatch` for root and `$XDG_STATE_HOME/anchorwatch` for anybody else.",
        example="postgresql+psycopg://anchorwatch@db/anchorwatch",
    )
    secrets_key: LocalPath | None = setting(
        None,
        meaning="The key that fingerprints of secrets are made with; made at the first start, for its owner's eyes only. "
        "Without it: `secrets.key` in the state folder.",
        example="/etc/anchorwatch/secrets.key",
    )
    compose: Program | None = setting(
        None,
        meaning="The Compose program; a name without a slash is looked for on the `PATH`. Without it: the plugin of the `docker` "
        "command, or `docker-compose`.",
        example="/usr/libexec/docker/cli-plugins/docker-compose",
    )

    def config(self, default: Config) -> Config:
        """The frozen values; `default` where the file says nothing."""
        return replace(
            default,
            database=self.database or default.database,
            secrets_key=self.secrets_key or default.secrets_key,
            repo=self.repo.source() if self.repo else RepoSource(),
            hosts={name: host.settings(name) for name, host in self.hosts.items()},
            deployers=tuple(deployer.deployer() for deployer in self.deployers),
            declared_elsewhere=tuple(DeclaredElsewhere(one.stack, one.because or "") for one in self.declared_elsewhere),
            ignore=tuple(rule.rule() for rule in self.ignore),
            severity=tuple(rule.rule() for rule in self.severity),
            long_running=tuple(self.long_running),
            one_shot=tuple(self.one_shot),
            compose=self.compose,
            service=self.service,
        )

    def service(self) -> ServiceSettings:
        """The frozen values for the always-on half."""
        from anchorwatch.model.service import HistorySettings, ServiceSettings, WatchSettings, Webhook

        repo, watch, history = self.repo or RepoSection(), self.watch or WatchSection(), self.history or HistorySection()
        notify = self.notify or NotifySection()
        return ServiceSettings(
            poll=repo.poll,
            webhook=Webhook(repo.webhook.provider, repo.webhook.secret) if repo.webhook else None,
            watch=WatchSettings(settle=watch.settle, resync=watch.resync, listen=watch.listen),
            grace=self._patience(watch.grace, lambda section: section.grace),
            rollout=self._patience(watch.rollout, lambda section: section.rollout),
            history=HistorySettings(keep=history.keep, max_size=history.max_size),
            destinations=tuple(one.destination() for one in notify.destinations),
            base_url=notify.base_url,
            templates=notify.templates,
            heartbeat=notify.heartbeat,
        )

    def _patience(self, everywhere: float, own: Callable[[HostSection | PerStackSection], float | None]) -> Patience:
        from anchorwatch.model.service import Patience

        by_host = {name: own(host) for name, host in self.hosts.items()}
        by_stack = {(name, stack): own(one) for name, host in self.hosts.items() for stack, one in host.per_stack.items()}
        return Patience(
            everywhere,
            {name: seconds for name, seconds in by_host.items() if seconds is not None},
            {key: seconds for key, seconds in by_stack.items() if seconds is not None},
        )
