"""`repo`: where the repo is, how to get at it, and how news from it is learned of."""

from __future__ import annotations

from typing import Annotated

from anchorwatch.config.sections.fields import LocalPath, LongerThanNothing, RepoUrl, SecretText, Section, Text, setting, word
from anchorwatch.model.settings import RepoSource
from anchorwatch.model.values import Secret

PROVIDERS = ("github", "gitea", "forgejo", "gitlab")


class WebhookSection(Section):
    """Answers `POST /hooks/git` of the forge by fetching at once."""

    provider: Annotated[str, *word(PROVIDERS, "forge we know")] = setting(
        meaning="Whose webhook it is: `github`, `gitea`, `forgejo` or `gitlab`. It decides how the sender is checked.",
        example="forgejo",
    )
    secret: SecretText = setting(
        meaning="The secret that the forge signs with (GitLab: the signing token, `whsec_…`, or else the secret token). "
        "Without the right one nothing is fetched.",
        example="/run/secrets/webhook",
    )


class RepoSection(Section):
    """The Git repository that the stacks are in. Not needed where `anchorwatch check` is given a folder."""

    path: LocalPath | None = setting(
        None,
        meaning="A clone on this machine. It is read at a commit; the files in its work tree do not matter.",
        example="/srv/homelab-ops",
    )
    url: RepoUrl | None = setting(
        None,
        meaning="Instead of `path`: where to fetch it from, over https, http, ssh or file, or as `user@host:path`. "
        "We keep a mirror of our own beside the database.",
        example="https://git.example/homelab-ops.git",
    )
    branch: Text | None = setting(None, meaning="The branch that says what should run. Without it: HEAD.", example="main")
    poll: LongerThanNothing = setting("60s", meaning="How often to look for new commits, give or take a little.", example="5m")
    webhook: WebhookSection | None = setting(None, meaning="Lets the forge tell us of a push, so that nobody waits for `poll`.")
    token: SecretText | None = setting(
        None,
        meaning="An access token for `url` over https. It needs no right but to read.",
        example="/run/secrets/git-token",
    )
    user: Text | None = setting(None, meaning="The user for `url` over https, where the forge wants one.", example="anchorwatch")
    password: SecretText | None = setting(None, meaning="The password of `user`.", example="/run/secrets/git-password")
    ssh_key: LocalPath | None = setting(
        None,
        meaning="The private key for `url` over ssh. Without it: what ssh itself would use.",
        example="/run/secrets/deploy_key",
    )
    known_hosts: LocalPath | None = setting(
        None,
        meaning="The file with the forge's host key, for ssh. Without it: ssh's own files.",
        example="~/.ssh/known_hosts",
    )
    ca: LocalPath | None = setting(
        None,
        meaning="A file with the certificate authority of the forge, where it has one of its own.",
        example="/etc/ssl/homelab-ca.pem",
    )

    def source(self) -> RepoSource:
        """The frozen value."""
        return RepoSource(
            path=self.path,
            url=self.url,
            branch=self.branch,
            user=self.user,
            password=_opened(self.password),
            token=_opened(self.token),
            ssh_key=self.ssh_key,
            known_hosts=self.known_hosts,
            ca=self.ca,
        )


def _opened(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
