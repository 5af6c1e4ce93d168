"""What a container may do: privileges, capabilities, security options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json

_ELSEWHERE = "(a profile)"


def _differences(pair: Pair) -> Iterator[Difference]:
    yield from differ("privileged", bool(pair.wanted.get("privileged")), bool(pair.host_config.get("Privileged")))
    want, have = bool(pair.wanted.get("read_only")), bool(pair.host_config.get("ReadonlyRootfs"))
    yield from differ("read_only", want, have)
    for key, member in (("cap_add", "CapAdd"), ("cap_drop", "CapDrop")):
        yield from differ(key, _capabilities(pair.opened(key)), _capabilities(pair.host_config.get(member)), _without_prefix)
    yield from differ("userns_mode", pair.opened("userns_mode") or None, pair.host_config.get("UsernsMode") or None)
    yield from _options(pair)


def _capabilities(names: Iterable[str] | None) -> frozenset[str]:
    """As the newest client spells them: upper case, with `CAP_`."""
    upper = (name.upper() for name in names or ())
    return frozenset(name if name == "ALL" or name.startswith("CAP_") else "CAP_" + name for name in upper)


def _without_prefix(names: Json) -> str | None:
    return ", ".join(sorted(name.removeprefix("CAP_") for name in names)) or None


def _options(pair: Pair) -> Iterator[Difference]:
    wanted = [str(option) for option in pair.opened("security_opt") or ()]
    seen = [str(option) for option in pair.host_config.get("SecurityOpt") or ()]
    unconfined = [option for option in wanted if option.replace(":", "=") == "systempaths=unconfined"]
    want = [_profile(option, pair.project.profiles) for option in wanted if option not in unconfined]
    have = [_profile(option, {}) for option in seen]
    if not any(option.startswith("label=") for option in want):
        added = _added_labels(pair)
        have = [option for option in have if not option.startswith(added)]
    if len(have) != len(want) or not all(map(_agree, want, have)):
        yield Difference("security_opt", wanted or None, seen or None)
        return
    privileged = bool(pair.host_config.get("Privileged"))
    open_paths = pair.host_config.get("MaskedPaths") == [] and pair.host_config.get("ReadonlyPaths") == []
    if not privileged and open_paths != bool(unconfined) and "MaskedPaths" in pair.host_config:
        shown = [*have, "systempaths=unconfined"] if open_paths else have
        yield Difference("security_opt", wanted or None, shown or None)


def _added_labels(pair: Pair) -> tuple[str, ...]:
    """What the engine appends where labels cannot hold (moby `daemon/create_unix.go`, `generateSecurityOpt`).

    `label=disable` for a privileged container or one in the host's ipc or pid namespace; the labels of the other container,
    under SELinux, for one that joins its namespace.
    """
    modes = (str(pair.host_config.get("IpcMode") or ""), str(pair.host_config.get("PidMode") or ""))
    if any(mode.startswith("container:") for mode in modes):
        return ("label=",)
    return ("label=disable",) if pair.host_config.get("Privileged") or "host" in modes else ()


def _profile(option: str, profiles: Mapping[str, str]) -> str:
    """A seccomp profile arrives as the content of its file: compared as JSON where the file lies in the repo."""
    for prefix in ("seccomp=", "seccomp:"):
        if option.startswith(prefix):
            value = option.removeprefix(prefix)
            if value in {"unconfined", "builtin", ""}:
                return option
            return "seccomp=" + _canonical(profiles.get(value, value))
    return option


def _canonical(profile: str) -> str:
    """A profile without its layout; one that is no JSON is a path that we cannot read, or nonsense."""
    try:
        return json.dumps(json.loads(profile), sort_keys=True)
    except ValueError:
        return _ELSEWHERE


def _agree(want: str, have: str) -> bool:
    """Whether they are the same option; a profile from a file outside the repo may have any content."""
    return want == have or (want == "seccomp=" + _ELSEWHERE and have.startswith("seccomp={"))


RULE = Rule(
    name="security",
    keys={
        "privileged": ".HostConfig.Privileged",
        "read_only": ".HostConfig.ReadonlyRootfs",
        "cap_add": ".HostConfig.CapAdd",
        "cap_drop": ".HostConfig.CapDrop",
        "security_opt": ".HostConfig.SecurityOpt (a seccomp profile by content, if it lies in the repo), MaskedPaths",
        "userns_mode": ".HostConfig.UsernsMode",
    },
    differences=_differences,
)
