"""Everything that anchorwatch raises on purpose.

AnchorwatchError                 what happened, and what to do next (`hint`)
├── UsageError                   the command line asks for something that cannot be
├── ConfigError                  every mistake of a config file at once
├── RepoError                    the repository cannot be read: nothing can be judged
│   ├── NotARepo                 no folder there, or Git refuses to open it
│   ├── RevisionNotFound         the branch or commit does not exist
│   └── GitFailed                git failed, or did not answer within its deadline
│       └── GitAuthError         a token, key or host key is not accepted
├── ComposeError                 no `docker compose`, or one that is too old: nothing can be resolved
├── StackError                   one stack cannot be resolved (the others can)
├── HostError                    one host cannot be asked (the others can)
│   ├── HostRefused              nobody listens there, or the address cannot be reached
│   ├── HostTimeout              no answer within the deadline
│   ├── HostAuthError            a key, certificate or host key is not accepted
│   ├── HostForbidden            a proxy does not permit a request that nothing can be judged without
│   ├── HostBadAnswer            something answers there, and it is not a Docker Engine we understand
│   └── HostSwapped              another engine answers there than the one that the host's history belongs to
├── ListenError                  the service cannot listen where it is to be asked
├── ControlError                 the running service could not be asked to do something
│   └── NoService                there is none
├── ServiceFailed                a part of the service died or hangs
└── StoreError                   the state database cannot be used
    ├── StoreCancelled           nobody waits any more for what was being read
    ├── StoreInUse               another anchorwatch holds it
    ├── StoreFull                there is no room left for it
    ├── StoreDamaged             what is there is no sound database
    ├── StoreLost                a database was there, and is not any more: emptied, deleted or replaced
    ├── StoreOlder               it has to be upgraded before it can be read
    └── StoreNewer               a newer anchorwatch made it

`kind` is the word that the JSON of the contract shows as `class`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class AnchorwatchError(Exception):
    """What happened and where (`message`), and what to do next (`hint`)."""

    kind = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AnchorwatchError):
    """The command line asks for something that cannot be."""

    kind = "usage"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a config file. `line` counts from 1; None where the value came from the environment."""

    file: str
    line: int | None
    key: str
    problem: str
    instead: str | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        tail = f" ({self.instead})" if self.instead else ""
        return f"{where}: {self.key}: {self.problem}{tail}" if self.key else f"{where}: {self.problem}{tail}"


class ConfigError(AnchorwatchError):
    """Every mistake of a config file at once, so that nobody mends them one run at a time."""

    kind = "config"

    def __init__(self, mistakes: Sequence[Mistake], *, hint: str | None = None) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes), hint=hint)
        self.mistakes = tuple(mistakes)


class RepoError(AnchorwatchError):
    """The repository cannot be read, so nothing can be judged."""

    kind = "repo"


class NotARepo(RepoError):
    """There is no folder there, or Git refuses to open it."""

    kind = "not_a_repo"


class RevisionNotFound(RepoError):
    """The branch or commit does not exist in the repository."""

    kind = "no_revision"


class GitFailed(RepoError):
    """git failed, or did not answer within its deadline."""

    kind = "git"


class GitAuthError(GitFailed):
    """The forge does not let us in, or is not who it should be: trying again soon helps nobody."""

    kind = "git_auth"


class ComposeError(AnchorwatchError):
    """There is no `docker compose`, or one that is too old to resolve stacks with."""

    kind = "compose"


class StackError(AnchorwatchError):
    """One stack cannot be resolved. `kind` is one of the contract's error classes of a stack."""

    KINDS = frozenset(
        {
            "bad_yaml",
            "bad_schema",
            "encrypted",
            "missing_include",
            "outside_repo",
            "remote_include",
            "too_large",
            "duplicate_project",
            "no_compose_file",
            "resolver",
        }
    )

    def __init__(self, kind: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        if kind not in self.KINDS:
            raise ValueError(f"{kind!r} is no class of stack error")
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        """By what it says: stacks that are broken in the same way are the same."""
        if not isinstance(other, StackError):
            return NotImplemented
        return (self.kind, self.message, self.hint) == (other.kind, other.message, other.hint)

    def __hash__(self) -> int:
        return hash((self.kind, self.message))


class HostError(AnchorwatchError):
    """One host cannot be asked; what is known of the others stands."""

    kind = "host"


class HostRefused(HostError):
    """Nobody listens at the address, or it cannot be reached."""

    kind = "refused"


class HostTimeout(HostError):
    """No answer within the deadline."""

    kind = "timeout"


class HostAuthError(HostError):
    """A key, a certificate or a host key is not accepted."""

    kind = "auth"


class HostForbidden(HostError):
    """A proxy in front of the engine does not permit a request that nothing can be judged without."""

    kind = "forbidden"


class HostBadAnswer(HostError):
    """Something answers there, and it is not a Docker Engine that we understand."""

    kind = "bad_answer"


class HostSwapped(HostError):
    """Another engine answers at the address than the one that the host's history belongs to."""

    kind = "other_engine"

    def __init__(self, message: str, engine_id: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.engine_id = engine_id


class ListenError(AnchorwatchError):
    """The service cannot listen at the address, or on the socket, where it is to be asked."""

    kind = "listen"


class ControlError(AnchorwatchError):
    """The running service could not be asked to do something, or did not say what came of it."""

    kind = "control"


class NoService(ControlError):
    """No service listens."""

    kind = "no_service"


class ServiceFailed(AnchorwatchError):
    """A part of the service died or hangs: it ends, so that whatever supervises it starts it anew."""

    kind = "service"


class StoreError(AnchorwatchError):
    """The state database cannot be used."""

    kind = "store"


class StoreCancelled(StoreError):
    """What was being read is not wanted any more: whoever asked has gone, or pressed Ctrl-C."""

    kind = "store_cancelled"


class StoreInUse(StoreError):
    """Another anchorwatch holds the database."""

    kind = "store_in_use"


class StoreFull(StoreError):
    """There is no room left. Nothing is broken: what was being written was undone, and works again once there is room."""

    kind = "store_full"


class StoreDamaged(StoreError):
    """What is there is no sound database."""

    kind = "store_damaged"


class StoreLost(StoreError):
    """A database was there, and is not any more: it was emptied, deleted or replaced by another one."""

    kind = "store_lost"


class StoreOlder(StoreError):
    """An older anchorwatch made the database, and it has to be upgraded before it can be read."""

    kind = "store_older"


class StoreNewer(StoreError):
    """A newer anchorwatch made the database; this one would not understand it."""

    kind = "store_newer"
