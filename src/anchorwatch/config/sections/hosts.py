"""`hosts`: which engines to ask, which stacks are meant for each, and what is known of them outside Git."""

from __future__ import annotations

from anchorwatch.config.sections.fields import (
    DockerAddress,
    Duration,
    LocalPath,
    LongerThanNothing,
    ProjectName,
    RemotePath,
    RepoGlob,
    Section,
    Switch,
    Text,
    VariableName,
    VariableValue,
    setting,
)
from anchorwatch.model.address import HostAddress, SshOptions, TlsOptions
from anchorwatch.model.settings import Deployer, HostLayout, HostSettings, StackValues


class SshSection(Section):
    """How to log in to an `ssh://` host. What is not said here is as in the user's own `~/.ssh/config`."""

    key: LocalPath | None = setting(None, meaning="The private key to log in with.", example="/run/secrets/id_ed25519")
    known_hosts: LocalPath | None = setting(
        None, meaning="The file with the host's key; no other is trusted then.", example="/etc/anchorwatch/known_hosts"
    )


class TlsSection(Section):
    """The certificates for a `tcp://` host; `tls: {}` speaks TLS with the system's own authorities."""

    ca: LocalPath | None = setting(
        None, meaning="The authority that the engine's certificate is signed by.", example="/certs/ca.pem"
    )
    cert: LocalPath | None = setting(None, meaning="Our certificate, where the engine asks for one.", example="/certs/cert.pem")
    key: LocalPath | None = setting(None, meaning="The private key of `cert`.", example="/certs/key.pem")


class ValuesSection(Section):
    """Values that are not in Git; later ones win: `env_files` in their order, then `env`."""

    env: dict[VariableName, VariableValue] = setting({}, meaning="Variables and their values.", example={"TZ": "Europe/Berlin"})
    env_files: list[LocalPath] = setting(
        [], meaning="Env files on this machine; globs are allowed.", example=["/srv/secrets/pi5.env"]
    )
    pass_environment: list[VariableName] = setting(
        [], meaning="Variables of anchorwatch's own environment that may be used. No other is.", example=["DOMAIN"]
    )
    host_env_file: Text | None = setting(
        None,
        meaning="An env file on the host itself, read over ssh (so the host needs an `ssh://` address).",
        example="/opt/stacks/.env",
    )


class PerStackSection(ValuesSection):
    """What is different for one stack. Values are added to those of the host, and win over them."""

    project: ProjectName | None = setting(
        None,
        meaning="The name of the Compose project, where whoever deploys gives it another than Compose would.",
        example="mealie-prod",
    )
    grace: Duration | None = setting(None, meaning="As `watch.grace`, for this stack.", example="5m")
    rollout: Duration | None = setting(None, meaning="As `watch.rollout`, for this stack.", example="1h")


class HostSection(ValuesSection):
    """One Docker Engine, under the name that reports call it by."""

    docker: DockerAddress = setting(
        meaning="Where the engine answers: `unix:///path`, `ssh://user@host`, `tcp://host:port` or `context:NAME`.",
        example="ssh://admin@pi5",
    )
    ssh: SshSection | None = setting(None, meaning="How to log in over ssh.")
    tls: TlsSection | None = setting(None, meaning="The certificates for `tcp://`.")
    stacks: list[RepoGlob] = setting(
        [],
        meaning="Folders or Compose files of the repo that belong to this host. `*` stays within a folder's name, `**` crosses. "
        "Required, unless `deployers` says where stacks go.",
        example=["pi5/*"],
    )
    exclude: list[RepoGlob] = setting([], meaning="Of these, what is not meant for this host.", example=["pi5/archive"])
    root: RemotePath | None = setting(
        None,
        meaning="Where the repo's folder lies on this host, for relative binds. Without it: what the containers' labels say.",
        example="/opt/stacks",
    )
    per_stack: dict[Text, PerStackSection] = setting({}, meaning="What is different for single stacks, by the stack's name.")
    unmanaged: Switch = setting(
        "on", meaning="`off`: containers that are declared nowhere are nobody's business on this host.", example="off"
    )
    grace: Duration | None = setting(None, meaning="As `watch.grace`, for this host.", example="1m")
    rollout: Duration | None = setting(None, meaning="As `watch.rollout`, for this host.", example="30m")
    timeout: LongerThanNothing = setting("10s", meaning="How long one answer of the engine may take.", example="20s")
    deadline: LongerThanNothing = setting("60s", meaning="How long reading everything from the host may take.", example="2m")

    def settings(self, name: str) -> HostSettings:
        """The frozen value of the host called `name`."""
        return HostSettings(
            address=HostAddress(
                name=name,
                docker=self.docker,
                ssh=SshOptions() if self.ssh is None else SshOptions(self.ssh.key, self.ssh.known_hosts),
                tls=None if self.tls is None else TlsOptions(self.tls.ca, self.tls.cert, self.tls.key),
                timeout=self.timeout,
                deadline=self.deadline,
            ),
            layout=HostLayout(
                name=name,
                stacks=tuple(self.stacks),
                exclude=tuple(self.exclude),
                root=self.root,
                values=_values(self),
                per_stack={stack: _values(own, own.project) for stack, own in self.per_stack.items()},
            ),
            unmanaged=self.unmanaged,
        )


class DeployerSection(Section):
    """A map of stacks and hosts that another program already has in the repo, so that nobody writes it twice."""

    komodo: RepoGlob | None = setting(
        None, meaning="Komodo's resource files (TOML): a glob over paths in the repo.", example="komodo/*.toml"
    )
    doco_cd: RepoGlob | None = setting(
        None, meaning="doco-cd's deployment file: a glob over paths in the repo.", example=".doco-cd.yml"
    )
    host: Text | None = setting(None, meaning="The host of stacks for which the map itself names none.", example="pi5")
    servers: dict[Text, Text] = setting(
        {},
        meaning="What the map calls a host, and what it is called here, where the two differ.",
        example={"server-prod": "proxmox"},
    )

    def deployer(self) -> Deployer:
        """The frozen value. One of the readers is given."""
        reader = "komodo" if self.komodo else "doco_cd"
        return Deployer(reader, self.komodo or self.doco_cd or "", self.host, self.servers)


class ElsewhereSection(Section):
    """A stack that is in the repo and runs, but not as containers on one of the hosts: an LXC, a VM."""

    stack: RepoGlob = setting(meaning="A glob over paths in the repo.", example="proxmox/nginx-proxy-manager")
    because: Text | None = setting(None, meaning="Where it runs instead, for whoever reads the report.", example="runs as an LXC")


def _values(section: ValuesSection, project: str | None = None) -> StackValues:
    return StackValues(
        env=section.env,
        env_files=tuple(section.env_files),
        pass_environment=tuple(section.pass_environment),
        host_env_file=section.host_env_file,
        project=project,
    )
