"""The maps of stacks and hosts that deployers already have in the repo, read into the layouts of the hosts.

`komodo` and `doco_cd` read their own formats into `Deployment`s; here each finds its host. A deployment whose host is not
configured belongs to somebody whom we do not watch, and is named in `unplaced`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from anchorwatch.desired import dotenv
from anchorwatch.desired.files import Files
from anchorwatch.desired.globs import glob
from anchorwatch.desired.layout import Tree, claims
from anchorwatch.errors import GitFailed, StackError
from anchorwatch.model.settings import Deployer, HostLayout, StackValues

MAX_TABLES = 200
"""So many TOML files are looked into for Komodo's stacks."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack as a deployer's map has it. Paths are paths in the repo."""

    name: str
    server: str | None
    """What the map calls the host; None where it names none."""
    folder: str
    files: tuple[str, ...] = ()
    """The files of `-f`; () for what Compose takes in the folder."""
    project: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    """Env files of the repo that are given with `--env-file`."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The layouts with what the deployers' maps add to them."""

    layouts: tuple[HostLayout, ...]
    unplaced: tuple[str, ...] = ()
    """Stacks whose host is not configured, as clauses for people."""


def with_deployers(files: Files, layouts: Sequence[HostLayout], deployers: Iterable[Deployer]) -> Deployed:
    """Add to each host's layout what the deployers' maps say. Raises GitFailed for a map that cannot be read."""
    added: dict[str, list[Deployment]] = {}
    unplaced = []
    known = {layout.name for layout in layouts}
    for deployer in deployers:
        for one in _read(files, deployer):
            host = deployer.servers.get(one.server, one.server) if one.server is not None else deployer.host
            if host in known:
                added.setdefault(host, []).append(one)
            else:
                unplaced.append(f"{one.name} ({'on ' + host if host else 'no host'})")
    tree = Tree.of(path for path, entry in files.paths().items() if entry.kind != "submodule")
    result = [_extended(layout, added[layout.name], files, tree) if layout.name in added else layout for layout in layouts]
    return Deployed(tuple(result), tuple(unplaced))


def find_maps(files: Files) -> tuple[Deployer, ...]:
    """The maps of deployers that are in a repo. Raises RepoError when the repo cannot be read."""
    from anchorwatch.desired import doco_cd, komodo

    there = [path for path, entry in files.paths().items() if entry.kind == "file"]
    tables = [path for path in there if path.endswith(".toml")][:MAX_TABLES]
    resources = [path for path, content in files.read(tables).items() if komodo.has_stacks(content)]
    found = []
    if resources:
        # Of paths without a leading slash commonpath may be "", and knows no "." beside a folder.
        common = posixpath.commonpath([posixpath.dirname(f"/{path}") for path in resources]).lstrip("/")
        several = posixpath.join(common, "**/*.toml")
        found.append(Deployer("komodo", resources[0] if len(resources) == 1 else several))
    maps = [path for path in (*doco_cd.FILE_NAMES, *there) if path in there and doco_cd.is_map(path)]
    if maps:
        # doco-cd reads the first of its two default names; files of targets are read beside it.
        targets = any(path not in doco_cd.FILE_NAMES for path in maps)
        found.append(Deployer("doco_cd", ".doco-cd*.y*ml" if targets else maps[0]))
    return tuple(found)


def servers(files: Files, deployers: Iterable[Deployer]) -> set[str]:
    """What the maps call the hosts of their stacks, as far as they say it. Raises GitFailed."""
    return {one.server for deployer in deployers for one in _read(files, deployer) if one.server is not None}


def in_swarm(files: Files, deployers: Iterable[Deployer]) -> tuple[str, ...]:
    """Globs that fit the Compose files that the maps give to a Swarm. Raises GitFailed."""
    from anchorwatch.desired import komodo

    told = [_contents(files, deployer) for deployer in deployers if deployer.reader == "komodo"]
    return tuple(_escaped(path) for contents in told for path in komodo.in_swarm(contents, files))


def _contents(files: Files, deployer: Deployer) -> dict[str, bytes]:
    by = glob(deployer.path)
    paths = [path for path, entry in files.paths().items() if entry.kind == "file" and by.matches(path)]
    if not paths:
        hint = f"correct `deployers: {deployer.reader}:`; it is a glob over paths in the repo"
        raise GitFailed(f"nothing in the repo fits {deployer.path!r}, where the map of {deployer.reader} should be", hint=hint)
    contents = files.read(paths)
    for path in paths:
        if path not in contents:
            raise GitFailed(f"{path} {files.unread(path)}", hint=f"correct `deployers: {deployer.reader}:`")
    return contents


def _read(files: Files, deployer: Deployer) -> Iterable[Deployment]:
    from anchorwatch.desired import doco_cd, komodo

    contents = _contents(files, deployer)
    try:
        return komodo.read(contents, files) if deployer.reader == "komodo" else doco_cd.read(contents, files)
    except (StackError, ValueError) as error:
        raise GitFailed(f"the map of {deployer.reader} cannot be read: {error}", hint="correct it, or leave it out") from error


def _extended(layout: HostLayout, deployments: Sequence[Deployment], files: Files, tree: Tree) -> HostLayout:
    entries = {entry(one): one for one in deployments}
    whole = replace(layout, stacks=(*layout.stacks, *(text for text in entries if text not in layout.stacks)))
    by_place = {(one.folder, one.files): one for one in deployments}
    own = dict(layout.per_stack)
    contents = files.read([path for one in deployments for path in one.env_files])
    for claim in claims(whole, tree, [layout.name])[0]:
        one = by_place.get((claim.folder, claim.files)) or by_place.get((claim.folder, ()))
        if one is not None:
            values = own.get(claim.name, StackValues())
            env = {**_env_files(one.env_files, contents), **one.env, **values.env}
            own[claim.name] = replace(values, env=env, project=values.project or one.project)
    return replace(whole, per_stack=own)


def _env_files(paths: Iterable[str], contents: Mapping[str, bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        if path in contents:
            try:
                found |= dotenv.values(contents[path].decode("utf-8", "replace"), found)
            except ValueError as error:
                raise GitFailed(f"{path}: {error}", hint="Compose refuses this env file, too") from None
    return found


def entry(one: Deployment) -> str:
    """What a deployment is as an entry of `stacks`."""
    if not one.files:
        return _escaped(one.folder) or "."
    first, *rest = one.files
    return " + ".join([_escaped(first), *(posixpath.relpath(path, posixpath.dirname(first) or ".") for path in rest)])


def folder_in_repo(path: str, tree: Tree) -> str | None:
    """A folder of the repo for a folder on a host: the longest end of its path that the repo has; None where it has none.

    A relative path is one in the repo already.
    """
    if not path.startswith(("/", "~")):
        clean = posixpath.normpath(path) if path else "."
        return None if clean.startswith("..") else "" if clean == "." else clean
    segments = [segment for segment in path.split("/") if segment not in ("", ".", "~")]
    for at in range(len(segments)):
        if "/".join(segments[at:]) in tree.names:
            return "/".join(segments[at:])
    return None


def _escaped(path: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", path)
