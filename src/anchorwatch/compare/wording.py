"""A sentence for a difference, and its two values, ready to be shown: no secret passes this door."""

from __future__ import annotations

from collections.abc import Mapping

from anchorwatch.compare.difference import Difference
from anchorwatch.model.secrecy import guarded
from anchorwatch.model.values import Json, Secret

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
    name = noun(path)
    if have is None:
        return f"{name} is not set, Git says {want}"
    if want is None:
        return f"{name} is {have}, Git does not set it"
    return f"{name} is {have}, Git says {want}"


def both_shown(found: Difference) -> tuple[str | None, str | None]:
    """Wanted and observed value in Compose's notation.

    What Git shows in clear text is shown, and then what stands beside it on the host, unless that looks like a secret itself;
    everything else that may be a secret is a fingerprint.
    """
    want, have = found.want, found.have
    return _cut(found.shown(want)), _cut(found.shown(_opened(have, want)))


def _opened(have: Json, want: Json) -> Json:
    """`have` in clear text, as far as the wanted value beside it is in clear text."""
    if isinstance(have, Secret):
        return guarded("", have.reveal()) if isinstance(want, str) else have
    if isinstance(have, list | tuple) and isinstance(want, list | tuple) and all(isinstance(one, str) for one in want):
        return [_opened(one, "") for one in have]
    return have


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text)} characters)"
