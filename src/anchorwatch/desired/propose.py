"""The config that `init` writes: what the repo's layout and this machine suggest, as YAML with comments for a person.

Pure: the layouts, the stacks found with them and the facts about the machine go in, text comes out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from anchorwatch.desired.guess import Guess, short
from anchorwatch.desired.stacks import Stacks
from anchorwatch.model.settings import Deployer, HostLayout, RepoSource

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@:+-]*\Z")
_NO_STRING = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Machine:
    """What `init` finds out of the machine that it runs on."""

    hostname: str
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Docker contexts: name -> address of the engine."""
    docker_host: str | None = None
    """DOCKER_HOST, or the address of the current context."""


def propose(source: RepoSource, guess: Guess, stacks: Stacks, machine: Machine) -> str:
    """A config for the repo, with a comment for everything that has to be looked at."""
    lines = ["# anchorwatch: what is declared in Git, and where it runs. Every key is explained in docs/config.md.", ""]
    lines += ["repo:", f"  {'url' if source.url else 'path'}: {_text(source.url or source.path or '.')}"]
    if source.branch:
        lines.append(f"  branch: {_text(source.branch)}")
    else:
        lines.append("  # branch: main              # without it: HEAD")
    if source.url:
        lines.append("  # token_file: /run/secrets/git-token      # for a private repository; or ssh_key: and known_hosts:")
    lines += ["", "hosts:"]
    advice = [
        '    # env_files: ["/srv/secrets/host.env"]  # values that are not in Git; for one stack: per_stack: {NAME: …}',
        "    # root: /opt/stacks                      # where the repo's folder lies on that host, for relative binds",
    ]
    layouts = guess.bare or guess.layouts
    if guess.by == "one":
        layouts = (_named(layouts[0], machine),)
    for layout in layouts:
        lines += _host(layout, stacks, machine, alone=len(layouts) == 1) + (advice if layout is layouts[0] else [])
    lines += _maps(guess)
    lines += _listed("Compose files that no host claims; add the entry that fits them, or leave them:", stacks.unclaimed)
    mirrors = [one.path for one in stacks.not_stacks if one.because == "mirror"]
    lines += _listed("Copies of another host's stacks (mirrors); each is checked where it runs:", mirrors)
    lines += _listed(
        "Stacks that cannot be judged yet (`anchorwatch stacks` says why):",
        [f"{one.stack}: {one.error.message}" for one in stacks.broken],
    )
    lines += [
        "",
        "# In the repo, but no container: an LXC, a VM.",
        "# declared_elsewhere:",
        '#   - {stack: proxmox/nginx-proxy-manager, because: "runs as an LXC"}',
    ]
    return "\n".join(lines) + "\n"


def _named(layout: HostLayout, machine: Machine) -> HostLayout:
    return HostLayout(short(machine.hostname), layout.stacks, layout.exclude)


def _host(layout: HostLayout, stacks: Stacks, machine: Machine, *, alone: bool) -> list[str]:
    address, comment = _address(layout.name, machine, alone=alone)
    found = [one.stack.name for one in stacks.found if one.stack.host == layout.name]
    shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    lines = [
        f"  {_text(layout.name)}:",
        f"    docker: {_text(address)}" + (f"  # {comment}" if comment else ""),
        (
            f"    stacks: [{', '.join(json.dumps(entry, ensure_ascii=False) for entry in layout.stacks)}]"
            if layout.stacks
            else "    # stacks: as the map below says; what is written here is added to it."
        )
        + (f"  # {_comment(shown)}" if shown else "  # nothing found yet"),
    ]
    if layout.exclude:
        lines.append(f"    exclude: [{', '.join(json.dumps(entry, ensure_ascii=False) for entry in layout.exclude)}]")
    return lines


def _address(name: str, machine: Machine, *, alone: bool) -> tuple[str, str]:
    for context in machine.contexts:
        if context.lower() == name.lower():
            return f"context:{context}", ""
    for context, address in machine.contexts.items():
        if address.startswith("ssh://") and (urlsplit(address).hostname or "").lower() == name.lower():
            return address, f"from the Docker context {context}"
    if alone or name.lower() == short(machine.hostname).lower():
        return machine.docker_host or "unix:///var/run/docker.sock", "this machine"
    return f"ssh://{name.lower()}", "a guess: correct user and name (ssh://user@host, tcp://, or context:NAME)"


def _maps(guess: Guess) -> list[str]:
    lines = []
    if guess.deployers:
        lines += [
            "",
            "# The map of the stacks that the repo has already; names, folders and variables come from it.",
            "deployers:",
        ]
        lines += [f"  - {_deployer(one)}" for one in guess.deployers]
    if guess.unused:
        lines += [
            "",
            "# A map of the stacks is in the repo already, but does not say for which host (`host: NAME`), or cannot be read.",
        ]
        lines += ["# deployers:", *(f"#   - {_deployer(one)}" for one in guess.unused)]
    return lines


def _deployer(one: Deployer) -> str:
    host = "" if one.host is None else f", host: {_text(one.host)}"
    return f"{{{one.reader}: {json.dumps(one.path, ensure_ascii=False)}{host}}}"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    more = [f"#   … and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return ["", f"# {title}", *(f"#   {_comment(item)}" for item in items[:_SHOWN]), *more]


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _text(value: str) -> str:
    return value if _PLAIN.match(value) and value.lower() not in _NO_STRING and not value.isdigit() else json.dumps(value)
