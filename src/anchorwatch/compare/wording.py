"""A sentence for a difference, and its two values, ready to be shown: no secret passes this door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anchorwatch.compare.difference import Difference
from anchorwatch.model.secrecy import guarded, guarded_words
from anchorwatch.model.values import Json, Secret, Template, plain
from anchorwatch.model.wording import value

_LONGEST = 240

_NOUNS: Mapping[str, str] = {
    "cap_add": "added capabilities",
    "cap_drop": "dropped capabilities",
    "container_name": "container name",
    "cpus": "CPU limit",
    "deploy.resources.limits.cpus": "CPU limit",
    "deploy.resources.limits.memory": "memory limit",
    "deploy.resources.limits.pids": "limit of processes",
    "deploy.resources.reservations.memory": "memory reservation",
    "deploy.restart_policy.condition": "restart policy",
    "deploy.restart_policy.max_attempts": "number of restarts",
    "healthcheck": "health check",
    "healthcheck.test": "health check",
    "hostname": "host name",
    "mem_limit": "memory limit",
    "mem_reservation": "memory reservation",
    "memswap_limit": "limit of memory and swap",
    "network_mode": "network mode",
    "pids_limit": "limit of processes",
    "read_only": "read-only root file system",
    "restart": "restart policy",
    "scale": "number of containers",
    "shm_size": "size of /dev/shm",
    "stop_grace_period": "time to stop",
    "user": "user",
    "working_dir": "working folder",
}
_KINDS = {"environment": "variable", "labels": "label", "ports": "port", "volumes": "mount at", "networks": "network"}


def noun(path: str) -> str:
    """What people call the thing at a path."""
    if path in _NOUNS:
        return _NOUNS[path]
    key, _, rest = path.partition(".")
    if rest and key in _KINDS and not (key in {"volumes", "networks"} and "." in rest):
        return f"{_KINDS[key]} {rest}"
    return path


def sentence(path: str, want: str | None, have: str | None) -> str:
    """One sentence with both values."""
    if path.startswith("networks.") and path.count(".") == 1:
        network = path.partition(".")[2]
        if want is None:
            return f"is attached to network {network}, Git does not say so"
        if have is None:
            return f"is not attached to network {network}, Git says so"
    says = "Git does not set it" if want is None else f"Git says {value(want)}"
    return f"{noun(path)} is {value(have)}, {says}"


def both_shown(found: Difference, *, veiled: bool = False) -> tuple[str | None, str | None]:
    """Wanted and observed value in Compose's notation.

    What Git shows in clear text is shown, and then what stands beside it on the host, unless that looks like a secret itself
    or the key's name says so; everything else that may be a secret is a fingerprint. `veiled` hides both sides: the key
    hangs on values from outside Git.
    """
    if veiled:
        return _veil(found.shown(found.want)), _veil(found.shown(found.have))
    name = found.path.partition(".")[2] or found.path
    return _cut(found.shown(found.want)), _cut(found.shown(_opened(found.have, found.want, name)))


def _veil(text: str | None) -> str | None:
    return None if text is None else str(Secret(text))


def _opened(have: Json, want: Json, name: str) -> Json:
    """`have` in clear text, as far as the wanted value beside it is in clear text."""
    if isinstance(want, Template) and isinstance(have, str | Secret):
        by_form = want.known and str(guarded(name, want.reveal())) == str(want)
        return guarded(name, plain(have)) if by_form else want.veil(plain(have))
    if isinstance(want, Secret) and isinstance(have, str):
        return Secret(have)
    if isinstance(have, Secret):
        return guarded(name, have.reveal()) if isinstance(want, str) and want else have
    if isinstance(have, list | tuple) and isinstance(want, list | tuple):
        same_length = len(want) == len(have)
        if same_length and _by_form(want):
            return guarded_words([plain(one) for one in have])
        words = [one for one in want if isinstance(one, str)]
        return [
            plain(one) if one in words else _opened(one, wanted, "") if isinstance(wanted, Template) else one
            for one, wanted in zip(have, want if same_length else [None] * len(have), strict=True)
        ]
    return have


def _by_form(words: Sequence[Json]) -> bool:
    """Whether what is hidden of a command is hidden for its form alone: then that tells of the words beside it as well."""
    if not all(isinstance(one, str | Secret) or (isinstance(one, Template) and one.known) for one in words):
        return False
    told = guarded_words([plain(one) for one in words])
    return [str(one) for one in told] == [str(one) for one in words]  # as they are shown: a Secret equals its text


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text)} characters)"
