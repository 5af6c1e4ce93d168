"""How bad a difference is, by what it lets loose: the blast radius, not the size of the change."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from anchorwatch.compare.difference import Difference
from anchorwatch.model.findings import Severity
from anchorwatch.model.settings import SeverityRule
from anchorwatch.model.values import Secret, Template

_INFO = (
    "labels",
    "label_file",
    "annotations",
    "environment.TZ",
    "logging",
    "stop_grace_period",
    "networks.*.labels*",
    "volumes.*.labels*",
)
_ENGINE_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")
_EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 - this is what we warn of


def severity(found: Difference, overrides: Sequence[SeverityRule] = ()) -> Severity:
    """The severity of a difference; the last override whose glob fits its path wins."""
    for rule in reversed(overrides):
        if fnmatchcase(found.path, rule.path):
            return rule.severity
    key = found.path.partition(".")[0]
    if _critical(key, found):
        return Severity.CRITICAL
    if any(found.path == path or found.path.startswith(path + ".") or fnmatchcase(found.path, path) for path in _INFO):
        return Severity.INFO
    return Severity.WARNING


def _critical(key: str, found: Difference) -> bool:
    have = found.shown(found.have) or ""
    want = found.shown(found.want) or ""
    match key:
        case "privileged":
            return found.have is True
        case "network_mode" | "pid":
            return have == "host"
        case "cap_add":
            return bool(set(have.split(", ")) - set(want.split(", ")) - {""})
        case "volumes" | "use_api_socket":
            return any(name in have for name in _ENGINE_SOCKETS)
        case "ports":
            return bool(_open_to_the_world(have) - _open_to_the_world(want))
        case "image":
            opaque = isinstance(found.want, Secret | Template)
            return not opaque and bool(want and have) and repository(want) != repository(have)
        case _:
            return False


def _open_to_the_world(bindings: str) -> set[str]:
    """Those bindings that any address may reach; nothing published opens nothing."""
    opened = set()
    for binding in bindings.split(", "):
        host, _, _ = binding.rpartition(":")  # without the container's port
        address, _, _ = host.rpartition(":")  # without the host's
        if binding and address in _EVERYWHERE:
            opened.add(binding)
    return opened


def repository(reference: str) -> str:
    """An image reference without tag and digest."""
    name = reference.partition("@")[0]
    path, slash, last = name.rpartition("/")
    repo = path + slash + last.partition(":")[0]
    for prefix in ("docker.io/library/", "docker.io/", "library/"):
        repo = repo.removeprefix(prefix)
    return repo
