"""The stacks of every host: claims by path (`layout`), then what the files themselves say.

Each claim ends as exactly one of three: a stack, a stack with an error (it is meant to be deployed, and cannot be judged), or
no stack at all, for a reason of the contract. Files are read in few batches, whatever the number of stacks. One bad file
costs its own stack and no other.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from anchorwatch.desired import copies, names, project_name
from anchorwatch.desired.choice import choose, redirected
from anchorwatch.desired.classify import is_compose, may_be_compose
from anchorwatch.desired.compose_files import ComposeFiles
from anchorwatch.desired.copies import Found
from anchorwatch.desired.files import Files
from anchorwatch.desired.globs import glob
from anchorwatch.desired.layout import Claim, Tree, claims, is_excluded, read_entry, stack_name
from anchorwatch.desired.memory import Memory
from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, NotStack, Stack
from anchorwatch.model.settings import DeclaredElsewhere, HostLayout

_LOOKED_INTO = 500
"""So many files that nobody claims are read, to tell copies and fragments from what was forgotten."""


@dataclass(frozen=True, slots=True)
class Stacks:
    """Everything that the layouts claim, sorted out."""

    found: tuple[Found, ...]
    broken: tuple[BrokenStack, ...] = ()
    not_stacks: tuple[NotStack, ...] = ()
    twins: tuple[tuple[Stack, Stack], ...] = ()
    """Stacks of two hosts with one project and the same files. Both are judged: the same thing may well run on both."""
    unclaimed: tuple[str, ...] = ()
    """Files that look like Compose files, and that no entry of the config fits."""


@dataclass(slots=True)
class _Sorted:
    """Where claims end up."""

    found: list[Found] = field(default_factory=list)
    broken: list[BrokenStack] = field(default_factory=list)
    not_stacks: dict[str, str] = field(default_factory=dict)

    def taken(self) -> set[str]:
        """The paths of files that belong to a stack, whole or broken."""
        return {path for stack in [one.stack for one in self.found] + [one.stack for one in self.broken] for path in stack.files}

    def put_aside(self, paths: Iterable[str], because: str) -> None:
        self.not_stacks.update(dict.fromkeys(paths, because))

    def take_out(self, stacks: Collection[Stack], because: str) -> None:
        """Stacks that turn out to be none."""
        self.put_aside((path for one in self.found if one.stack in stacks for path in one.stack.files), because)
        self.found = [one for one in self.found if one.stack not in stacks]


def find_stacks(
    files: Files,
    layouts: Sequence[HostLayout],
    elsewhere: Sequence[DeclaredElsewhere] = (),
    memory: Memory | None = None,
) -> Stacks:
    """Sort out what belongs to which host. Raises RepoError when the repo itself cannot be read."""
    tree = Tree.of(path for path, entry in files.paths().items() if entry.kind != "submodule")
    hosts = [layout.name for layout in layouts]
    reader, result = ComposeFiles(files, memory), _Sorted()
    claimed: list[tuple[HostLayout, Claim]] = []
    for layout in layouts:
        here, idle = claims(layout, tree, hosts)
        claimed += ((layout, claim) for claim in here)
        result.broken += (_idle(layout, text, files, tree) for text in idle if not _is_submodule(text, files))
        result.broken += _submodules(layout, files)
    folders = {claim.folder.rpartition("/")[2] for _, claim in claimed}
    wanted = [(layout, claim) for layout, claim in claimed if not _set_aside(layout, claim, elsewhere, folders, result)]
    _settle_all(wanted, reader, result)
    result.take_out(_fragments(result.found, reader), "fragment")
    result.found = copies.joined(result.found)
    result.take_out(copies.mirrors(result.found, hosts), "mirror")
    errors = copies.duplicates([(one.stack, one.project.name) for one in result.found])
    result.broken += (BrokenStack(one.stack, errors[one.stack], one.project.name) for one in result.found if one.stack in errors)
    result.found = [one for one in result.found if one.stack not in errors]
    unclaimed = _look_around(reader, tree, _excludes(layouts, elsewhere), folders, result)
    result.put_aside(unclaimed, "excluded")  # by not being named: the contract's reasons know no other word for it
    taken = result.taken()
    return Stacks(
        tuple(sorted(result.found, key=lambda one: (one.stack.host, one.stack.name))),
        tuple(sorted(result.broken, key=lambda one: (one.stack.host, one.stack.name))),
        tuple(NotStack(path, because) for path, because in sorted(result.not_stacks.items()) if path not in taken),
        tuple(copies.twins(result.found)),
        tuple(unclaimed),
    )


def _idle(layout: HostLayout, text: str, files: Files, tree: Tree) -> BrokenStack:
    """An entry that fits nothing is a mistake that would hide every stack it was meant for."""
    by = read_entry(text).glob
    folder = by.text if by.literal else "/".join(by.spelled)
    if by.literal and tree.has_compose_below(by.text):
        message = f"{by.text or 'the topmost folder'} has no Compose file itself, only folders below it have"
        inside = f"{by.text}/" if by.text else ""
        hint = f'write "{inside}*" to mean each folder in it, "{inside}**" for folders at any depth'
    else:
        where = f"commit {files.revision[:12]}" if files.revision else f"the folder {files.name}"
        tops = sorted({name.partition("/")[0] for name in tree.names if name and not name.startswith(".")})
        message = f"nothing in {where} fits {text!r} in the stacks of {layout.name}"
        hint = "correct or remove it; at the top are: " + (", ".join(tops[:12]) or "no folders")
    name = text if not by.literal else by.text.rpartition("/")[2] or layout.name
    return BrokenStack(Stack(layout.name, name, folder, ()), StackError("no_compose_file", message, hint=hint))


def _is_submodule(text: str, files: Files) -> bool:
    by = read_entry(text).glob
    return any(entry.kind == "submodule" and by.matches(path) for path, entry in files.paths().items())


def _submodules(layout: HostLayout, files: Files) -> Iterable[BrokenStack]:
    for path, entry in files.paths().items():
        if entry.kind != "submodule" or is_excluded(path, layout.exclude):
            continue
        by = next((one for one in (read_entry(text).glob for text in layout.stacks) if one.matches(path)), None)
        if by is not None and not by.text.endswith("**"):
            message = f"{path} is a Git submodule: its files are in another repository"
            error = StackError("no_compose_file", message, hint="check that repository by itself, or exclude the folder here")
            yield BrokenStack(Stack(layout.name, stack_name(layout.name, path, None, by), path, ()), error)


def _set_aside(
    layout: HostLayout, claim: Claim, elsewhere: Sequence[DeclaredElsewhere], folders: Collection[str], result: _Sorted
) -> bool:
    """Whether a claim is dropped for what the config or its path says; noted under `not_stacks`."""
    because = None
    if is_excluded(claim.path, layout.exclude) or is_excluded(claim.folder, layout.exclude):
        because = "excluded"
    elif any(glob(one.stack).covers(claim.path) or glob(one.stack).covers(claim.folder) for one in elsewhere):
        because = "declared_elsewhere"
    elif not claim.entry.glob.literal:
        if names.is_archived(claim.path, spelled=claim.spelled, known=folders):
            because = "archived"
        elif names.is_template(claim.path, spelled=claim.spelled):
            because = "template"
    if because is None:
        return False
    if claim.files or because == "declared_elsewhere":
        result.put_aside([claim.path], because)
    return True


def _settle_all(wanted: Sequence[tuple[HostLayout, Claim]], reader: ComposeFiles, result: _Sorted) -> None:
    reader.look(
        (path for _, claim in wanted for path in (*claim.files, *([claim.own] if claim.own else []))),
        (claim.folder for _, claim in wanted),
    )
    wanted = [(layout, redirected(claim, reader)) for layout, claim in wanted]
    reader.look((path for _, claim in wanted for path in claim.files), (_project_folder(claim) for _, claim in wanted))
    reader.follow()
    for layout, claim in wanted:
        choice = choose(claim, reader)
        if choice.broken is not None:
            result.broken.append(choice.broken)
        for one in choice.not_stacks:
            result.not_stacks.setdefault(one.path, one.because)
        for chosen in choice.claims:
            _settle(layout, chosen, reader, result)


def _project_folder(claim: Claim) -> str:
    """That of the first file, as Compose has it."""
    return posixpath.dirname(claim.files[0]) if claim.files else claim.folder


def _settle(layout: HostLayout, claim: Claim, reader: ComposeFiles, result: _Sorted) -> None:
    """End one claim: found, broken or no stack."""
    folder = _project_folder(claim)
    stack = Stack(claim.host, claim.name, folder, claim.files)
    if not claim.files:
        if claim.missed:
            where = claim.folder or "the topmost folder"
            hint = f"commit one, name the file in `stacks`, or exclude {where} for {claim.host}"
            result.broken.append(BrokenStack(stack, StackError("no_compose_file", f"{where} has no Compose file", hint=hint)))
        return
    parts = [reader.known[path] for path in claim.files]
    name = _project(layout, claim, folder, reader)
    error = next((part.error for part in parts if part.error is not None), None)
    if error is not None:
        result.broken.append(BrokenStack(stack, error, name.name))
    elif any(part.kind == "template" for part in parts):
        result.put_aside((part.path for part in parts if part.kind == "template"), "template")
    elif any(part.kind == "stack" for part in parts):
        services = frozenset(service for part in parts for service in part.services)
        by = claim.entry.glob
        identity = tuple(reader.digest(path) for path in claim.files)
        result.found.append(Found(stack, name, services, claim.how == "file", by.literal, by.rest(claim.folder), identity))
    else:
        named_so = [part.path for part in parts if names.looks_like_compose(posixpath.basename(part.path))]
        result.put_aside([*named_so, *(part.path for part in parts if part.kind == "fragment")], "fragment")


def _project(layout: HostLayout, claim: Claim, folder: str, reader: ComposeFiles) -> project_name.ProjectName:
    values = layout.per_stack.get(claim.name)
    topmost = posixpath.basename((layout.root or "").rstrip("/")) or reader.files.name
    return project_name.project_name(
        folder_name=posixpath.basename(folder) or topmost,
        names=[reader.known[path].name for path in claim.files],
        environment={
            **reader.settings.get(folder, {}),
            **reader.settings.get(claim.folder, {}),  # where COMPOSE_FILE led elsewhere, the first `.env` wins (tried)
            **layout.values.env,
            **(values.env if values is not None else {}),
        },
        own=values.project if values is not None else None,
    )


def _fragments(found: Sequence[Found], reader: ComposeFiles) -> set[Stack]:
    """Stacks that another stack of the same host includes, and so deploys as its own; and files only made to be extended."""
    within = {one.stack: frozenset[str]().union(*(reader.within(path) for path in one.stack.files)) for one in found}
    includers: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        for path in within[one.stack]:
            includers.setdefault((one.stack.host, path), []).append(one)
    extended = {path for file in reader.known.values() for path in file.extended}
    parts = set()
    for one in found:
        others = (other for path in one.stack.files for other in includers.get((one.stack.host, path), ()) if other is not one)
        included = any(within[one.stack].isdisjoint(other.stack.files) for other in others)  # not by one that it includes itself
        if not one.literal and (included or (one.by_file and extended.issuperset(one.stack.files))):
            parts.add(one.stack)
    return parts


def _excludes(layouts: Sequence[HostLayout], elsewhere: Sequence[DeclaredElsewhere]) -> list[tuple[str, str]]:
    excluded = [(text, "excluded") for layout in layouts for text in layout.exclude]
    return excluded + [(one.stack, "declared_elsewhere") for one in elsewhere]


def _look_around(
    reader: ComposeFiles, tree: Tree, excludes: Sequence[tuple[str, str]], folders: Collection[str], result: _Sorted
) -> list[str]:
    """Files that look like Compose files and that no claim took: noted when the reason is known, handed back when not."""
    taken, named = result.taken(), reader.named()
    used = {posixpath.dirname(path) for path in taken}
    stacks = {one.identity: one for one in result.found if all(one.identity)}
    rest = []
    for folder, there in tree.names.items():
        for name in there:
            path = f"{folder}/{name}" if folder else name
            if path in taken or path in result.not_stacks:
                continue
            if path in named:
                result.not_stacks[path] = "fragment"
            elif names.looks_like_compose(names.without_suffix(name)):
                because = _why_unclaimed(path, excludes, folders, used)
                if because is not None:
                    result.not_stacks[path] = because
                else:
                    rest.append(path)
    rest = sorted(rest)
    reader.look(rest[:_LOOKED_INTO])
    for path in _untold(reader, taken, result):
        because = _why_unclaimed(path, excludes, folders, used)
        if because is None and reader.known[path].kind != "fragment":
            rest.append(path)
        else:
            result.not_stacks[path] = because or "fragment"
    for path in [path for path in rest if path in reader.known]:
        if copies.is_copy(posixpath.dirname(path), (reader.digest(path),), stacks):
            result.not_stacks[path] = "mirror"
        elif reader.known[path].kind in ("template", "fragment"):
            result.not_stacks[path] = reader.known[path].kind
    return sorted(path for path in rest if path not in result.not_stacks)


def _untold(reader: ComposeFiles, taken: Collection[str], result: _Sorted) -> list[str]:
    """Compose files, by what is in them, whose names do not tell: what is merged over a stack by hand lies about like this."""
    there = [
        path
        for path, entry in sorted(reader.files.paths().items())
        if entry.kind == "file" and names.is_yaml(path) and not names.looks_like_compose(posixpath.basename(path))
        if path not in taken and path not in result.not_stacks and not any(part.startswith(".") for part in path.split("/"))
    ]
    contents = reader.files.read(there[:_LOOKED_INTO])
    telling = [path for path, content in contents.items() if may_be_compose(content)]
    reader.look(telling)
    return [path for path in telling if is_compose(reader.known[path])]


def _why_unclaimed(path: str, excludes: Sequence[tuple[str, str]], folders: Collection[str], used: Collection[str]) -> str | None:
    for text, because in excludes:
        if glob(text).covers(path):
            return because
    if names.is_archived(path, known=folders):
        return "archived"
    if names.is_template(path):
        return "template"
    return "fragment" if posixpath.dirname(path) in used else None
