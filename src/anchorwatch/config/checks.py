"""What is wrong between the keys of a config, where each of them for itself is well.

Pure, and over the tree as it was read: whether a destination's name is given twice can be said although its URL is wrong too.
What does not have the shape it should have is passed over here, because that is named elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from anchorwatch.config.document import Place, Tree

_MATCHERS = ("host", "stack", "service", "container", "image", "label", "project", "kind", "path")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something wrong at a place in the tree, with what to write instead."""

    place: Place
    problem: str
    instead: str | None = None


def checks(tree: dict[str, Tree], failed: Collection[Place] = ()) -> Iterator[Wrong]:
    """Everything that is wrong between keys. `failed` are places whose value could not be read, and is not missing."""
    yield from _repo(_mapping(tree.get("repo")))
    hosts = _mapping(tree.get("hosts"))
    for name, host in hosts.items():
        if isinstance(host, dict | None):
            yield from _host(("hosts", name), host or {}, bool(tree.get("deployers")), failed)
    for i, deployer in _items(tree, "deployers"):
        yield from _deployer(("deployers", i), deployer, hosts)
    for i, rule in _items(tree, "ignore"):
        if not any(_given(rule, key) for key in _MATCHERS):
            yield Wrong(("ignore", i), "says nothing of what to ignore", f"add one of {', '.join(_MATCHERS)}")
    yield from _destinations(_mapping(tree.get("notify")))


def _repo(repo: dict[str, Tree]) -> Iterator[Wrong]:
    for one, other in (("path", "url"), ("token", "password")):
        if _given(repo, one) and _given(repo, other):
            yield Wrong(("repo", other), f"is given beside {one}", "keep one of the two")


def _host(place: Place, host: dict[str, Tree], deployers: bool, failed: Collection[Place]) -> Iterator[Wrong]:
    docker, tls = host.get("docker"), host.get("tls")
    if not deployers and not host.get("stacks") and (*place, "stacks") not in failed:
        yield Wrong((*place, "stacks"), "is missing", 'write the folders that are meant for this host, like ["proxmox/*"]')
    if isinstance(docker, str):
        if tls is not None and docker.partition("://")[0] in ("unix", "ssh"):
            yield Wrong(
                (*place, "tls"), "does nothing for an address that is not tcp://", "take it out, or write docker: tcp://host:2376"
            )
        if _given(host, "ssh") and docker.partition("://")[0] in ("unix", "tcp"):
            yield Wrong(
                (*place, "ssh"), "does nothing for an address that is not ssh://", "take it out, or write docker: ssh://user@host"
            )
    if isinstance(tls, dict):
        for one, other in (("cert", "key"), ("key", "cert")):
            if _given(tls, one) and not _given(tls, other) and (*place, "tls", other) not in failed:
                yield Wrong((*place, "tls"), f"has a {one} and no {other}", f"add {other}: with its path")


def _deployer(place: Place, deployer: dict[str, Tree], hosts: dict[str, Tree]) -> Iterator[Wrong]:
    if _given(deployer, "komodo") == _given(deployer, "doco_cd"):
        yield Wrong(place, "has to name one map", 'write one of komodo: "komodo/*.toml" and doco_cd: ".doco-cd.yml"')
    named: dict[Place, Tree] = {("host",): deployer.get("host")}
    named |= {("servers", server): host for server, host in _mapping(deployer.get("servers")).items()}
    for below, host in named.items():
        if isinstance(host, str) and host not in hosts:
            yield Wrong(
                (*place, *below),
                "is no host of this config",
                f"write one of {', '.join(hosts)}" if hosts else "add it below hosts:",
            )


def _destinations(notify: dict[str, Tree]) -> Iterator[Wrong]:
    names = [(i, one.get("name")) for i, one in _items(notify, "destinations")]
    count = Counter(name for _, name in names if isinstance(name, str))
    seen: set[str] = set()
    for i, name in names:
        if isinstance(name, str) and count[name] > 1:
            if name in seen:
                yield Wrong(
                    ("notify", "destinations", i, "name"), "is the name of another destination too", "give each a name of its own"
                )
            seen.add(name)
    for i, one in _items(notify, "destinations"):
        for j, matcher in _items(one, "only"):
            if not any(_given(matcher, key) for key in _MATCHERS):
                keys = ", ".join(key for key in _MATCHERS if key not in ("image", "label"))
                yield Wrong(("notify", "destinations", i, "only", j), "says nothing of what is wanted", f"add one of {keys}")


def _mapping(tree: Tree) -> dict[str, Tree]:
    return tree if isinstance(tree, dict) else {}


def _items(tree: dict[str, Tree], key: str) -> Iterator[tuple[int, dict[str, Tree]]]:
    found = tree.get(key)
    for i, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield i, item


def _given(tree: dict[str, Tree], key: str) -> bool:
    return tree.get(key) is not None
