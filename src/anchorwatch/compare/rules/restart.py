"""The restart policy: `restart`, or `deploy.restart_policy`, which wins (compose `pkg/compose/create.go`, `getRestartPolicy`)."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import JsonObject, opened

_CONDITIONS = {"none": "no", "any": "always", "no": "no", "always": "always"}
SPOKEN = {"no": "none", "always": "any"}
"""A policy as `deploy.restart_policy.condition` calls it."""


def wanted_policy(wanted: JsonObject) -> tuple[str, int]:
    """The policy's name and its number of retries, as the engine gets them."""
    deploy = (wanted.get("deploy") or {}).get("restart_policy")
    if deploy is not None:
        condition = opened(deploy.get("condition")) or "no"
        return _CONDITIONS.get(condition, condition), int(deploy.get("max_attempts") or 0)
    name, _, retries = str(opened(wanted.get("restart")) or "no").partition(":")
    return name, int(retries or 0)


def _differences(pair: Pair) -> Iterator[Difference]:
    name, retries = wanted_policy(pair.wanted)
    policy = pair.host_config.get("RestartPolicy") or {}
    seen, seen_retries = policy.get("Name") or "no", int(policy.get("MaximumRetryCount") or 0)
    if (pair.wanted.get("deploy") or {}).get("restart_policy") is not None:
        if name != seen:
            yield Difference("deploy.restart_policy.condition", SPOKEN.get(name, name), SPOKEN.get(seen, seen))
        else:
            yield from differ("deploy.restart_policy.max_attempts", retries, seen_retries)
    elif (name, retries) != (seen, seen_retries):
        said = _joined(name, retries) if pair.wanted.get("restart") else None
        yield Difference("restart", said, _joined(seen, seen_retries))


def _joined(name: str, retries: int) -> str:
    return f"{name}:{retries}" if retries else name


RULE = Rule(
    name="restart",
    keys={
        "restart": ".HostConfig.RestartPolicy",
        "deploy.restart_policy.condition": ".HostConfig.RestartPolicy.Name",
        "deploy.restart_policy.max_attempts": ".HostConfig.RestartPolicy.MaximumRetryCount",
    },
    differences=_differences,
)
