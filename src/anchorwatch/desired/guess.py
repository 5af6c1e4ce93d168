"""What a repo's layout says by itself, for whoever has no config yet: one host's stacks, or those of several, and of which.

Folders named after hosts and folders named after groups look alike, and taking one for the other would declare every stack
of one machine missing on another. So a folder is a host's only on evidence: this machine or a Docker context is called so, it
lies below `hosts/`, its name is one that people give to machines, or two of them hold stacks of the same name (which one
host cannot have). Without evidence there is one host. A map of a deployer (Komodo, doco-cd) that names hosts is better
evidence than any folder. Pure, but for reading files whose names do not tell.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from anchorwatch.desired import names
from anchorwatch.desired.classify import is_compose, may_be_compose, stands_alone
from anchorwatch.desired.compose_files import ComposeFiles
from anchorwatch.desired.deployers import find_maps, in_swarm, servers, with_deployers
from anchorwatch.desired.files import Files
from anchorwatch.desired.layout import Tree
from anchorwatch.errors import GitFailed
from anchorwatch.model.settings import Deployer, HostLayout

MAX_UNTOLD = 400
"""So many YAML files without `compose` in their names are looked into."""
_HOST_FOLDERS = frozenset({"hosts", "host", "servers", "server", "machines", "nodes", "inventory"})
_NO_CONTEXTS = frozenset({"default", "desktop-linux", "rootless", "colima", "orbstack", "podman"})
_GROUPS = frozenset(
    {
        "apps", "app", "applications", "services", "service", "stacks", "stack", "docker", "compose", "containers", "media",
        "infra", "infrastructure", "network", "networking", "monitoring", "observability", "tools", "utils", "utilities",
        "home", "homelab", "automation", "productivity", "security", "databases", "database", "db", "core", "system", "misc",
        "games", "gaming", "dev", "web", "proxy", "backup", "storage", "downloads", "ai", "common", "shared", "base", "global",
        "templates", "lib", "config", "public", "private", "internal", "external", "prod", "production", "dashboards", "dns",
        "vpn", "iot", "smarthome", "arr",
    }
)  # fmt: skip
_SITES = frozenset({"prod", "production", "dev", "home", "public", "private", "internal", "external"})
"""Groups that are as often machines of their own."""
_HOSTISH = re.compile(
    r"(?:r(?:asp(?:berry)?)?-?pi(?:-?(?:zero|\d))*[a-z]?|pi-?\d+[a-z]?|pi[a-z]?|nas-?\d*|pve-?\d*|proxmox-?\d*|esxi-?\d*|vps-?\d*|vm-?\d+|lxc-?\d+|"
    r"nuc-?\d*|odroid-?\w*|unraid-?\d*|synology|truenas|qnap|omv|hetzner-?\w*|ovh-?\w*|oracle-?\w*|linode|racknerd|contabo|"
    r"(?:my|home|main|media|file|game|dell|hp|mini|big|small)?-?(?:server|host|node|box)-?\d*|optiplex-?\w*|thinkcentre-?\w*|"
    r"docker-?(?:\d+|vm|host\d*)|laptop|desktop|workstation|cloud-?\d+)"
)


@dataclass(frozen=True, slots=True)
class Guess:
    """The layouts that the repo's shape suggests. `by`: how the hosts were told apart; `one` names no host."""

    by: str
    """`folder`, `file`, `map` or `one`."""
    layouts: tuple[HostLayout, ...]
    unsure: tuple[str, ...] = ()
    """Compose files that this leaves to nobody."""
    deployers: tuple[Deployer, ...] = ()
    """Maps of deployers that went into the layouts."""
    unused: tuple[Deployer, ...] = ()
    """Maps that did not: they do not say which host they are for, or cannot be read."""
    bare: tuple[HostLayout, ...] = ()
    """The layouts without what the maps added to them."""
    nothing: bool = False
    """There is no Compose file at all."""

    def mine(self, hostname: str) -> HostLayout | None:
        """The layout of the machine of that name; None where the repo names several hosts and it is none of them."""
        if len(self.layouts) == 1:
            return replace(self.layouts[0], name=short(hostname))
        mine = short(hostname).lower()
        return next((layout for layout in self.layouts if layout.name.lower() == mine), None)


def short(hostname: str) -> str:
    """A machine's name without its domain."""
    return hostname.partition(".")[0] or "localhost"


def guess(files: Files, hostname: str, contexts: Collection[str] = ()) -> Guess:
    """What the layout of the repo says. `hostname` is this machine's, `contexts` the names of its Docker contexts.

    Raises RepoError when the repo cannot be read.
    """
    by_layout, maps = _by_layout(files, hostname, contexts), find_maps(files)
    if not maps:
        return by_layout
    try:
        return _by_map(files, by_layout, maps)
    except GitFailed:
        return replace(by_layout, unused=maps)


def _by_map(files: Files, by_layout: Guess, maps: tuple[Deployer, ...]) -> Guess:
    """What the layout says with what the maps say; where the two know different hosts, the maps are right."""
    told = servers(files, maps)
    base = by_layout.layouts
    if not told and by_layout.by != "one":
        return replace(by_layout, unused=maps)
    if by_layout.by == "one" and len(told) < 2:
        # One host: it has what no map names, too, such as the deployer itself. What a Swarm has is not there.
        name = next(iter(told), base[0].name)
        base = (replace(base[0], name=name, exclude=in_swarm(files, maps)),)
        maps = tuple(replace(one, host=name) if one.reader == "doco_cd" else one for one in maps)
    elif not told <= {layout.name for layout in base}:
        base = tuple(HostLayout(name, ()) for name in sorted(told))
    return Guess("map" if told else "one", with_deployers(files, base, maps).layouts, by_layout.unsure, maps, bare=base)


def _by_layout(files: Files, hostname: str, contexts: Collection[str]) -> Guess:
    known = {short(hostname).lower(), *(name.lower() for name in contexts if name not in _NO_CONTEXTS)}
    paths = _compose_files(files)
    by_file = _by_file(paths, known, files) or _by_plain_name(paths, files)
    if by_file is not None:
        return by_file
    folders = sorted({posixpath.dirname(path) for path in paths})
    by_folder = _by_folder(folders, known)
    if by_folder is not None:
        return by_folder
    odd = sorted({posixpath.join(posixpath.dirname(path), "*") + posixpath.splitext(path)[1] for path in paths if _is_odd(path)})
    everywhere = ("**",) if not paths or any(not _is_odd(path) for path in paths) else ()
    return Guess("one", (HostLayout(short(hostname), (*everywhere, *odd)),), nothing=not paths)


def _compose_files(files: Files) -> list[str]:
    """Every Compose file that is neither put aside nor a template, under whatever name."""
    there = [path for path, entry in files.paths().items() if entry.kind == "file" and names.is_yaml(path)]
    folders = Counter(posixpath.basename(posixpath.dirname(path)) for path in there)
    twice = {name for name, times in folders.items() if times > 1}
    there = [path for path in there if not (_is_dotted(path) or names.is_archived(path, known=twice) or names.is_template(path))]
    told = [path for path in there if names.looks_like_compose(posixpath.basename(path)) and not names.is_override(_name(path))]
    with_stacks = {posixpath.dirname(path) for path in told}
    untold = [path for path in there if posixpath.dirname(path) not in with_stacks and not _below(path, with_stacks)]
    if len(untold) > MAX_UNTOLD:
        return told
    telling = [path for path, content in files.read(untold).items() if may_be_compose(content)]
    reader = ComposeFiles(files)
    reader.look(telling)
    return told + [path for path in telling if is_compose(reader.known[path]) and reader.known[path].kind == "stack"]


def _by_file(paths: Collection[str], known: Collection[str], files: Files) -> Guess | None:
    """Hosts in the names of files: `docker-compose-pi5.yml`, `media/compose.pi5.yaml`."""
    rests: dict[str, list[str]] = {}
    for path in paths:
        rest = names.telling_rest(_name(path)).lower() if names.looks_like_compose(_name(path)) else ""
        if rest and not names.is_variant(_name(path)):
            rests.setdefault(rest, []).append(path)
    sure = {rest for rest in rests if _is_host(rest, known)}
    # Beside a file that surely names a host, the others of the same folder name hosts, too.
    beside = {posixpath.dirname(path) for rest in sure for path in rests[rest]}
    hosts = sure | {rest for rest, found in rests.items() if any(posixpath.dirname(path) in beside for path in found)}
    if not sure or len(hosts) < 2:
        return None
    reader = ComposeFiles(files)
    named = [path for host in hosts for path in rests[host]]
    tree = Tree.of(files.paths())
    bases = {path: names.chosen(tree.names.get(posixpath.dirname(path), ())) for path in named}
    reader.look([*named, *(posixpath.join(posixpath.dirname(path), base[0]) for path, base in bases.items() if base)])
    layouts = []
    for host in sorted(hosts):
        entries = {_entry(path, bases[path], reader) for path in rests[host]}
        layouts.append(HostLayout(names.telling_rest(_name(rests[host][0])), tuple(sorted(entries))))
    taken = {posixpath.dirname(path) for path in named}
    return Guess("file", tuple(layouts), tuple(sorted(path for path in paths if posixpath.dirname(path) not in taken)))


def _entry(path: str, base: Collection[str], reader: ComposeFiles) -> str:
    """One file, or the default one of its folder with it, as an entry of `stacks` for all folders of that depth."""
    folder, name = posixpath.split(path)
    stars = "/".join("*" for segment in folder.split("/") if segment)
    default = next(iter(base), None)
    if default is None or default == name:
        return posixpath.join(stars, name)
    if stands_alone(reader.known[path], reader.known[posixpath.join(folder, default)]):
        return posixpath.join(stars, name)
    return f"{posixpath.join(stars, default)} + {name}"


def _by_plain_name(paths: Collection[str], files: Files) -> Guess | None:
    """Files called like hosts and nothing else: `alloy/tower.yml` beside `alloy/neo.yml`, with the same services in both."""
    odd = [path for path in paths if _is_odd(path) and not names.is_variant(_name(path))]
    reader = ComposeFiles(files)
    reader.look(odd)
    places: dict[str, set[str]] = {}
    for path in odd:
        if names.telling_rest(_name(path)).lower() not in _GROUPS:
            places.setdefault(_name(path), set()).add(posixpath.dirname(path))
    often = {name for name, folders in places.items() if len(folders) > 1}
    alike = {
        name
        for name in often
        for other in often
        for folder in places[name] & places[other]
        if name != other and _services(reader, folder, name) & _services(reader, folder, other)
    }
    if len(alike) < 2:
        return None
    common = posixpath.commonpath(sorted({folder for name in often for folder in places[name]}))
    layouts = []
    for name in sorted(often):
        depths = {folder[len(common) :].strip("/").count("/") for folder in places[name]}
        entries = [posixpath.join(common, "/".join(["*"] * (depth + 1)), name) for depth in sorted(depths)]
        layouts.append(HostLayout(posixpath.splitext(name)[0], tuple(entries)))
    return Guess("file", tuple(layouts), tuple(sorted(path for path in paths if _name(path) not in often)))


def _services(reader: ComposeFiles, folder: str, name: str) -> frozenset[str]:
    return reader.known[posixpath.join(folder, name)].services


def _by_folder(folders: Collection[str], known: Collection[str]) -> Guess | None:
    parents = {above for folder in folders for above in _above(folder)}
    for prefix in (_common(folders), *sorted(parents)):
        inside = f"{prefix}/" if prefix else ""
        below: dict[str, set[str]] = {}
        for folder in folders:
            if folder.startswith(inside) and folder != prefix:
                top, _, rest = folder[len(inside) :].partition("/")
                below.setdefault(top, set()).add(rest)
        hosts = _host_folders(prefix, below, known)
        if len(hosts) > 1:
            layouts = tuple(HostLayout(host, _entries(inside + host, below[host])) for host in sorted(hosts))
            mine = tuple(inside + host for host in hosts)
            unsure = sorted(one for one in folders if not any(one == top or one.startswith(top + "/") for top in mine))
            return Guess("folder", layouts, tuple(unsure))
    return None


def _host_folders(prefix: str, below: dict[str, set[str]], known: Collection[str]) -> set[str]:
    candidates = {top for top in below if top.lower() not in _GROUPS}
    if prefix.rpartition("/")[2].lower() in _HOST_FOLDERS:
        return candidates
    surely = {top for top in candidates if _is_host(top.lower(), known)}
    deep = {top for top in below if below[top] - {""}}
    if not deep:  # a folder each with one file in it: hosts only when every one of them is called like one
        return surely if surely == set(below) else set()
    if surely & deep:
        return surely | (deep & candidates)
    seen: dict[str, set[str]] = {}
    for top in deep:
        for inside in below[top] - {""}:
            seen.setdefault(inside.lower(), set()).add(top)
    twice = {name: tops for name, tops in seen.items() if len(tops) > 1}
    # Groups (`apps`, `media`) may be hosts, too, but not all of them, and one name in two of them is more likely a slip.
    telling = [tops for tops in twice.values() if any(top in candidates or top.lower() in _SITES for top in tops)]
    if len(twice) > 1 and telling:
        return deep
    return deep & candidates if any(tops <= candidates for tops in telling) else set()


def _entries(host: str, inside: Collection[str]) -> tuple[str, ...]:
    """The globs that fit a host's folders: `pi5/*` where that says it all."""
    depths = {0 if not one else one.count("/") + 1 for one in inside}
    if depths == {0}:
        return (host,)
    if depths == {1}:
        return (f"{host}/*",)
    return (f"{host}/**",)


def _common(folders: Collection[str]) -> str:
    """The folder that holds all of them, itself no stack."""
    if not folders or "" in folders:
        return ""
    common = posixpath.commonpath(list(folders))
    return posixpath.dirname(common) if common in folders else common


def _is_host(name: str, known: Collection[str]) -> bool:
    return name in known or (name not in _GROUPS and _HOSTISH.fullmatch(name) is not None)


def _is_odd(path: str) -> bool:
    return not names.looks_like_compose(_name(path))


def _is_dotted(path: str) -> bool:
    return any(segment.startswith(".") for segment in path.split("/"))


def _above(folder: str) -> Iterator[str]:
    """The folders above that one's own parent, and the topmost one."""
    above = posixpath.dirname(posixpath.dirname(folder))
    while above:
        yield above
        above = posixpath.dirname(above)
    yield ""


def _below(path: str, folders: Collection[str]) -> bool:
    folder = posixpath.dirname(path)
    while folder:
        if folder in folders:
            return True
        folder = posixpath.dirname(folder)
    return False


def _name(path: str) -> str:
    return posixpath.basename(path)
