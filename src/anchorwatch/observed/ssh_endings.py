"""From the exit code and the last words of `ssh … docker system dial-stdio` to a `HostError`.

The words of OpenSSH are those of its `sshconnect.c`, `sshconnect2.c` and `clientloop.c`, which are not translated; those of
the remote shell are, and known by its exit code 127; those of `docker` are in docker/cli.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from anchorwatch.errors import HostAuthError, HostBadAnswer, HostError, HostRefused, HostTimeout
from anchorwatch.model.address import SshOptions
from anchorwatch.observed import redaction
from anchorwatch.observed.places import Place


@dataclass(frozen=True, slots=True)
class _Target:
    """Whom `ssh` was asked to reach, in the words of hints."""

    host: str
    login: str
    """`user@host`."""
    options: str
    """Those that a command by hand needs too, to ask the same sshd with the same key; with a blank behind."""
    scan: str
    """The command that fetches the host's key."""
    key_file: str
    """The file that host keys are looked up in."""
    looked_up: str
    """The host's name in that file."""


def _target(place: Place, ssh: SshOptions) -> _Target:
    port = f"-p {place.port} " if place.port else ""
    key = f"-i {shlex.quote(ssh.key)} -o IdentitiesOnly=yes " if ssh.key else ""
    known = f"-o UserKnownHostsFile={shlex.quote(ssh.known_hosts)} " if ssh.known_hosts else ""
    return _Target(
        host=place.host,
        login=f"{place.user}@{place.host}" if place.user else place.host,
        options=f"{key}{known}{port}",
        scan=f"ssh-keyscan {port}{shlex.quote(place.host)}",
        key_file=ssh.known_hosts or "~/.ssh/known_hosts",
        looked_up=f"[{place.host}]:{place.port}" if place.port not in {None, 22} else place.host,
    )


@dataclass(frozen=True, slots=True)
class _Ending:
    """What words of ssh, or of what it started, mean. In texts, `{t}` is the target."""

    words: re.Pattern[str]
    error: type[HostError]
    message: str
    hint: str


def _ending(words: str, error: type[HostError], message: str, hint: str) -> _Ending:
    return _Ending(re.compile(words, re.IGNORECASE), error, message, hint)


# The first that fits counts, so what is special stands above what is general.
_ENDINGS = (
    _ending(
        "REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed",
        HostAuthError,
        "the host key of {t.host} has changed since it was first seen",
        "was the host set up anew? If so, compare its key, then `ssh-keygen -R '{t.looked_up}' -f {t.key_file}` "
        "and `{t.scan} >> {t.key_file}`; if not, somebody else may answer in its place",
    ),
    _ending(
        "host key is known|host key verification failed|authenticity of host|no matching host key",
        HostAuthError,
        "the host key of {t.host} is not known",
        "`{t.scan} >> {t.key_file}`, and compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host",
    ),
    _ending(
        "UNPROTECTED PRIVATE KEY|bad permissions",
        HostAuthError,
        "ssh does not use a private key that others may read",
        "`chmod 600` the key file",
    ),
    _ending(
        r"permission denied \(|too many authentication failures|no supported authentication|authentication failed",
        HostAuthError,
        "{t.login} does not accept the ssh key",
        "is its public half in ~/.ssh/authorized_keys there, and the user right? "
        "`ssh -o BatchMode=yes {t.options}{t.login} true` must work "
        "as the user that runs anchorwatch (a key with a passphrase needs an agent)",
    ),
    _ending(
        "could not resolve hostname|name or service not known",
        HostRefused,
        "ssh does not know the name {t.host}",
        "check its spelling, the DNS, and `Host` in ~/.ssh/config of the user that runs anchorwatch",
    ),
    _ending(
        "timed out|timeout,? server",
        HostTimeout,
        "ssh gave up waiting for {t.host}",
        "is the host up and reachable? `timeout` in the host's config gives it more time",
    ),
    _ending(
        "connection refused|no route to host|network is unreachable|host is down",
        HostRefused,
        "ssh cannot reach {t.host}",
        "is the host up, does sshd run there, and is the port right?",
    ),
    _ending(
        "permission denied while trying to connect|dial unix.*permission denied",
        HostAuthError,
        "{t.login} may not use the Docker Engine there",
        "add the user to the group `docker` on the host, or let the ssh key's `command=` reach a filtered socket",
    ),
    _ending(
        "cannot connect to the docker daemon|docker daemon is not running|failed to connect to the docker api|dial unix|dial tcp",
        HostRefused,
        "the Docker Engine of {t.host} does not run",
        "`systemctl status docker` on the host",
    ),
    _ending(
        "unknown command|is not a docker command|unknown flag|unknown shorthand",
        HostBadAnswer,
        "the `docker` program on {t.host} does not know `docker system dial-stdio`",
        "it is older than 18.09: install a newer docker CLI there",
    ),
    _ending(
        "connection (reset|closed)|closed by remote host|kex_exchange_identification|broken pipe|client_loop",
        HostRefused,
        "{t.host} broke the ssh connection off",
        "`journalctl -u ssh` on the host says why (MaxStartups? a firewall? permissions of its host keys?)",
    ),
)
_NOT_FOUND = 127
"""The exit code of a shell that does not find the program (POSIX `sh`)."""
_NO_PROGRAM = _ending(
    "not found",
    HostBadAnswer,
    "there is no `docker` program on {t.host} where {t.login} looks for it",
    "install the docker CLI there, or put it on the PATH of shells that are not interactive "
    "(`ssh {t.options}{t.login} which docker`)",
)


def failure(code: int, said: str, where: str, place: Place, ssh: SshOptions) -> HostError:
    """The error for an `ssh … docker system dial-stdio` that ended with `code` and `said` this."""
    target = _target(place, ssh)
    own_words = redaction.words(_last_lines(said))
    fitting = (ending for ending in _ENDINGS if ending.words.search(said))
    ending = _NO_PROGRAM if code == _NOT_FOUND else next(fitting, None)
    if ending is None:
        return HostRefused(
            f"{where}: ssh ended with code {code}{f': {own_words}' if own_words else ''}",
            hint=f"try `ssh {target.options}{target.login} docker version` as the user that runs anchorwatch",
        )
    message = f"{where}: {ending.message.format(t=target)}{f' ({own_words})' if own_words else ''}"
    return ending.error(message, hint=ending.hint.format(t=target))


def chatter(where: str, place: Place, ssh: SshOptions) -> HostBadAnswer:
    """The error for a login that says something before the engine does, or instead of it."""
    target = _target(place, ssh)
    return HostBadAnswer(
        f"{where}: something else than a Docker Engine speaks on the ssh connection",
        hint="does a login there print a greeting, from ~/.bashrc or the like? "
        f"`ssh {target.options}{target.login} true` must print nothing",
    )


def _last_lines(said: str, count: int = 3) -> str:
    lines = [line.strip() for line in said.splitlines() if re.search(r"\w", line)]
    return " / ".join(lines[-count:])
