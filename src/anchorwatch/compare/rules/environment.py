"""Environment variables: Git's over the image's.

Compose adds the proxy variables of the deploying user's `~/.docker/config.json`; they stand neither in the file nor in the config
hash, so an additional variable of such a name is never drift (docker/cli `cli/config/configfile`, `ParseProxyConfig`).

An engine writes every variable of the image into the container's configuration (moby `daemon/commit.go`, `merge`). So one that
has none at all was not shown as it is: there are proxies that take `Env` out of answers (docker-proxy-filter's `SCRUB_ENVS`).
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.rules.inheritance import inherited_names
from anchorwatch.compare.rules.mounts import has_api_socket

_PROXY = {name for key in ("http", "https", "ftp", "no", "all") for name in (f"{key}_proxy", f"{key}_proxy".upper())}
_TAKEN_OUT = "its environment is not shown, not even what the image sets: does a proxy take it out?"


def _differences(pair: Pair) -> Iterator[Difference]:
    want = pair.wanted.get("environment") or {}

    def added(name: str) -> bool:
        if name in _PROXY:
            return True
        if pair.wanted.get("models") and name.endswith(("_MODEL", "_URL")):
            return True
        return name == "DOCKER_CONFIG" and has_api_socket(pair)  # which `use_api_socket` stands for

    have = pair.container.environment
    inherited = pair.inherited.get("Env") or {}
    if inherited and not have:
        yield Difference("environment", want, None, unjudged=_TAKEN_OUT)
        return
    yield from inherited_names(pair, "environment", want, have, inherited, added)


RULE = Rule(
    name="environment",
    keys={
        "environment": ".Config.Env over the image's",
        "env_file": "as part of `environment`",
        "models": ".Config.Env: variables that the model's name explains",
    },
    differences=_differences,
)
